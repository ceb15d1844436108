package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"conclave/store"
)

// backedUp are the directories of the data directory that a backup holds beside the database. Recordings are not among them:
// they are many and large, and have an export of their own. Nor is the TLS key, which a backup would carry to where it is not needed.
var backedUp = []string{"voices", "music"}

// databaseEntry is the name of the database in a backup.
const databaseEntry = "conclave.db"

// backupNote is where the latest backup is noted, outside of the database that it may have to stand in for.
func (d dataDir) backupNote() string { return filepath.Join(string(d), "last-backup.json") }

// lastBackup is what is noted of it.
type lastBackup struct {
	File string    `json:"file"`
	Time time.Time `json:"time"`
}

// withRemedy adds to an error about the database what can be done about it.
func (d dataDir) withRemedy(err error) error {
	var last lastBackup
	text, readErr := os.ReadFile(d.backupNote())
	if readErr != nil || json.Unmarshal(text, &last) != nil || last.File == "" {
		return fmt.Errorf("%w; it is left as it is: put a copy of your own in its place, or move it away to begin without rooms", err)
	}
	return fmt.Errorf("%w; it is left as it is: the latest backup is %s of %s, which `conclave restore %s` puts in its place; "+
		"to begin without rooms move the database and %s away", err, last.File, last.Time.Local().Format(time.DateTime), last.File, d.backupNote())
}

// backupCmd writes all that is configured into one file, whether or not a server runs.
type backupCmd struct {
	File  string `arg:"" help:"File to write, a tar archive: conclave.tar." placeholder:"FILE"`
	Force bool   `help:"Replace the file if it is there."`
}

func (c *backupCmd) Run(ctx context.Context, data dataDir) error {
	if err := c.run(ctx, data); err != nil {
		return fmt.Errorf("back up %s: %w", string(data), err)
	}
	return nil
}

func (c *backupCmd) run(ctx context.Context, data dataDir) error {
	file, err := filepath.Abs(c.File)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(file); err == nil && !c.Force {
		return fmt.Errorf("%s is there already; choose another file, or replace it with --force", file)
	}
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	size, err := writeBackup(ctx, db, data, file)
	if err != nil {
		return err
	}
	note, err := json.Marshal(lastBackup{File: file, Time: time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	if err := replaceFile(data.backupNote(), note); err != nil {
		return fmt.Errorf("the backup is written, but not noted: %w", err)
	}
	fmt.Printf("backup %s written, %.1f MB: the database, voices and music; recordings and TLS keys are not in it\n", file, float64(size)/1e6)
	return nil
}

// writeBackup writes the archive beside file and then gives it its name, so that a backup is whole or not there.
func writeBackup(ctx context.Context, db *store.DB, data dataDir, file string) (size int64, err error) {
	draft, err := os.MkdirTemp(filepath.Dir(file), ".conclave-backup-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(draft)
	snapshot := filepath.Join(draft, databaseEntry)
	if err := db.Snapshot(ctx, snapshot); err != nil {
		return 0, err
	}
	// What cannot be opened now could not be restored later.
	copied, err := store.Open(ctx, snapshot, data.key(ctx))
	if err != nil {
		return 0, fmt.Errorf("read the copy again: %w", err)
	}
	if err := copied.Close(); err != nil {
		return 0, fmt.Errorf("read the copy again: %w", err)
	}
	archive := filepath.Join(draft, "archive")
	out, err := os.OpenFile(archive, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	files := tar.NewWriter(out)
	for _, dir := range backedUp {
		if err := archiveTree(ctx, files, string(data), dir); err != nil {
			return 0, err
		}
	}
	// Last, so that an archive that was cut off anywhere has no database and is refused.
	if err := archiveFile(files, snapshot, databaseEntry); err != nil {
		return 0, err
	}
	if err := errors.Join(files.Close(), out.Sync()); err != nil {
		return 0, err
	}
	info, err := out.Stat()
	if err != nil {
		return 0, err
	}
	if err := os.Rename(archive, file); err != nil {
		return 0, err
	}
	return info.Size(), syncDir(filepath.Dir(file))
}

// archiveTree puts a directory of the data directory into the archive, if there is one. Names with a dot in front are drafts.
func archiveTree(ctx context.Context, files *tar.Writer, root, dir string) error {
	return filepath.WalkDir(filepath.Join(root, dir), func(file string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // removed meanwhile, or never there
		case err != nil:
			return err
		case entry.Name()[0] == '.' && entry.IsDir():
			return fs.SkipDir
		case entry.Name()[0] == '.' || !entry.Type().IsRegular():
			return ctx.Err()
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		if err := archiveFile(files, file, filepath.ToSlash(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return ctx.Err()
	})
}

func archiveFile(files *tar.Writer, file, name string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	header := &tar.Header{Name: path.Clean(name), Mode: int64(info.Mode().Perm()), Size: info.Size(), ModTime: info.ModTime()}
	if err := files.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.CopyN(files, in, info.Size())
	return err
}

// replaceFile writes a small file in one step.
func replaceFile(file string, text []byte) error {
	draft := file + ".new"
	if err := os.WriteFile(draft, text, 0o640); err != nil {
		return err
	}
	return os.Rename(draft, file)
}

// syncDir brings the names in a directory to the disk.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
