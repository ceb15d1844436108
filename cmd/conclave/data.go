package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"conclave/store"

	"golang.org/x/sys/unix"
)

// dataDir is the directory that a server and the commands about it share.
type dataDir string

func (d dataDir) database() string   { return filepath.Join(string(d), "conclave.db") }
func (d dataDir) runDir() string     { return filepath.Join(string(d), "run") }
func (d dataDir) socket() string     { return filepath.Join(d.runDir(), "conclave.sock") }
func (d dataDir) lockFile() string   { return filepath.Join(d.runDir(), "conclave.lock") }
func (d dataDir) recordings() string { return filepath.Join(string(d), "recordings") }

// create makes the directory, which its owner's group may enter and nobody else.
func (d dataDir) create() error {
	if err := os.MkdirAll(string(d), 0o750); err != nil {
		return fmt.Errorf("create the data directory: %w; choose another with --data", err)
	}
	return nil
}

// open opens the database that is there. A mistyped --data shall not leave a new directory behind.
func (d dataDir) open(ctx context.Context) (*store.DB, error) {
	if err := d.checkPresence(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(d.database()); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no rooms in %s: there is no file %s; add a first room with `conclave room add`, or say where with --data",
			string(d), d.database())
	}
	return d.openOrCreate(ctx)
}

// openOrCreate opens the database, or makes one where there has never been one. Where it cannot be used the error names the
// latest backup.
func (d dataDir) openOrCreate(ctx context.Context) (*store.DB, error) {
	if err := d.checkPresence(); err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, d.database(), d.key(ctx), store.WithOrder(orderIn(ctx)))
	if errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrForeign) {
		err = d.withRemedy(err)
	}
	return db, err
}

// checkPresence is an error where a database is missing that has been there: a new one would silently have no rooms.
func (d dataDir) checkPresence() error {
	info, err := os.Stat(d.database())
	if err == nil && info.Size() > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil // what is wrong with it, whoever opens it finds out
	}
	what := "is missing"
	if err == nil {
		what = "is empty"
	}
	switch {
	case exists(d.database() + "-wal"):
		what += ", but its journal " + d.database() + "-wal is there"
	case exists(d.backupNote()):
		what += ", but there has been one"
	default:
		return nil
	}
	return d.withRemedy(fmt.Errorf("the database %s %s", d.database(), what))
}

// exists tells whether there is a file with anything in it.
func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}

// lock keeps a second server away from the directory until the returned file is closed, or the process ends in any way.
func (d dataDir) lock() (*os.File, error) {
	if err := os.MkdirAll(d.runDir(), 0o750); err != nil {
		return nil, fmt.Errorf("create the directory of the control socket: %w", err)
	}
	// It may have been there with another mode.
	if err := os.Chmod(d.runDir(), 0o750); err != nil {
		return nil, fmt.Errorf("protect the directory of the control socket: %w", err)
	}
	f, err := os.OpenFile(d.lockFile(), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("a server runs on %s already; end it first, or start this one with another --data", string(d))
		}
		return nil, fmt.Errorf("lock %s: %w", d.lockFile(), err)
	}
	return f, nil
}
