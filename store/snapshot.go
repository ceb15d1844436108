package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
)

// Snapshot writes the database as it is now to a new file (mode 0600), which is on the disk when it returns. Others may go
// on reading and writing meanwhile. The error is fs.ErrExist where the file is there already; after any error it is not.
func (db *DB) Snapshot(ctx context.Context, file string) error {
	if err := db.snapshot(ctx, file); err != nil {
		return fmt.Errorf("copy the database to %s: %w", file, err)
	}
	return nil
}

func (db *DB) snapshot(ctx context.Context, file string) (err error) {
	// SQLite takes an empty file for a new one, and so its mode is ours from the start: it holds PINs.
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, os.Remove(file))
		}
	}()
	if _, err := db.pool.ExecContext(ctx, "VACUUM INTO ?", file); err != nil {
		return damage(err)
	}
	if err := forgetLive(ctx, file); err != nil {
		return err
	}
	return f.Sync()
}

// forgetLive takes out of a copy what goes on now, for which it will be too late when the copy is used.
func forgetLive(ctx context.Context, file string) error {
	pool, err := sql.Open("sqlite3", source(file, url.Values{"_secure_delete": {"on"}}))
	if err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, "DELETE FROM live")
	return errors.Join(err, pool.Close())
}
