package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"conclave/store"
)

// restoreCmd puts a backup in the place of what is there, which is kept beside it.
type restoreCmd struct {
	File string `arg:"" help:"A file that conclave backup has written." type:"existingfile"`
}

func (c *restoreCmd) Run(ctx context.Context, data dataDir) error {
	if err := data.create(); err != nil {
		return err
	}
	lock, err := data.lock()
	if err != nil {
		return fmt.Errorf("restore %s: %w", c.File, err)
	}
	defer lock.Close()
	kept, err := restore(ctx, c.File, data)
	if err != nil {
		return fmt.Errorf("restore %s: %w", c.File, err)
	}
	fmt.Printf("%s restored to %s\n", c.File, string(data))
	if kept != "" {
		fmt.Printf("what was there before is in %s\n", kept)
	}
	return nil
}

// restore unpacks the archive beside what is there, proves that it can be used, and only then changes the two. kept is where
// what was there has gone; empty: nothing was there.
func restore(ctx context.Context, file string, data dataDir) (kept string, err error) {
	draft, err := os.MkdirTemp(string(data), ".restoring-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(draft)
	if err := unpack(ctx, file, draft); err != nil {
		return "", err
	}
	unpacked := dataDir(draft)
	if !exists(unpacked.database()) {
		return "", errors.New("there is no database in it: it is no backup of conclave's")
	}
	// This brings an old one up to date, too.
	db, err := store.Open(ctx, unpacked.database(), data.key(ctx))
	if err != nil {
		return "", err
	}
	if err := errors.Join(goOnWithAudit(ctx, db, data), db.Close()); err != nil {
		return "", err
	}
	kept = filepath.Join(string(data), "before-restore-"+time.Now().UTC().Format("20060102T150405Z"))
	moved, err := setAside(data, kept)
	if err != nil {
		return "", err
	}
	for _, name := range append(slices.Clone(backedUp), databaseEntry) {
		if err := os.Rename(filepath.Join(draft, name), filepath.Join(string(data), name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%w; what was there before is in %s", err, kept)
		}
	}
	if !moved {
		kept = ""
	}
	return kept, syncDir(string(data))
}

// goOnWithAudit puts into a restored database what was ordered since the backup was made, and that it is restored now.
func goOnWithAudit(ctx context.Context, restored *store.DB, data dataDir) error {
	if _, err := restored.TakeAudit(ctx, data.database()); err != nil {
		warnf("what was ordered since the backup is not in the audit any more: %v", err)
	}
	return restored.EndOrder(ctx, orderIn(ctx), store.AuditDone, "")
}

// setAside moves what is there into a new directory, and tells whether there was anything. The database goes with its
// journal, without which it is not what it was.
func setAside(data dataDir, target string) (moved bool, err error) {
	names := append(slices.Clone(backedUp), databaseEntry, databaseEntry+"-wal", databaseEntry+"-shm")
	for _, name := range names {
		from := filepath.Join(string(data), name)
		if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if !moved {
			if err := os.Mkdir(target, 0o750); err != nil {
				return false, err
			}
			moved = true
		}
		if err := os.Rename(from, filepath.Join(target, name)); err != nil {
			return moved, fmt.Errorf("%w; what was moved already is in %s", err, target)
		}
	}
	return moved, nil
}

// unpack writes the files of the archive under dir, and nothing anywhere else.
func unpack(ctx context.Context, file, dir string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	files := tar.NewReader(in)
	for ctx.Err() == nil {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("it is no backup of conclave's, or damaged: %w", err)
		}
		if err := unpackFile(root, header, files); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func unpackFile(root *os.Root, header *tar.Header, content io.Reader) error {
	top, _, nested := strings.Cut(header.Name, "/")
	expected := header.Name == databaseEntry || nested && slices.Contains(backedUp, top)
	if !expected || header.Typeflag != tar.TypeReg || !filepath.IsLocal(header.Name) {
		return fmt.Errorf("it holds %q, which no backup of conclave's does", header.Name)
	}
	if err := root.MkdirAll(path.Dir(header.Name), 0o750); err != nil {
		return err
	}
	out, err := root.OpenFile(header.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(header.Mode)&0o640)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, content); err != nil {
		return errors.Join(fmt.Errorf("it is damaged at %s: %w", header.Name, err), out.Close())
	}
	return errors.Join(out.Sync(), out.Close())
}
