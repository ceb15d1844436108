package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Live is something that goes on now and has to be known after the process was killed.
type Live struct {
	Kind  string // what it is
	ID    string // unique within Kind
	State []byte // for whoever wrote it to know; nil in a change: it goes on no more
	Tries int    // processes that have gone on with it since it was written, as TryLive counts them
}

// SaveLive stores changes in one transaction: all of them, or none and an error. What it has stored outlives the process, but
// need not outlive a power cut, which no call does: so nothing waits for the disk.
func (db *DB) SaveLive(ctx context.Context, changes []Live) error {
	if err := db.saveLive(ctx, changes); err != nil {
		return fmt.Errorf("store what goes on: %w", err)
	}
	return nil
}

func (db *DB) saveLive(ctx context.Context, changes []Live) (err error) {
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "PRAGMA synchronous = NORMAL"); err != nil {
		return err
	}
	defer func() {
		// The connection goes back to others, whose writes wait for the disk.
		_, again := conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA synchronous = FULL")
		err = errors.Join(err, again)
	}()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	remove, err := tx.PrepareContext(ctx, "DELETE FROM live WHERE kind = ? AND id = ?")
	if err != nil {
		return err
	}
	defer remove.Close()
	save, err := tx.PrepareContext(ctx, "INSERT OR REPLACE INTO live (kind, id, state, tries) VALUES (?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer save.Close()
	for _, c := range changes {
		if c.State == nil {
			_, err = remove.ExecContext(ctx, c.Kind, c.ID)
		} else {
			_, err = save.ExecContext(ctx, c.Kind, c.ID, c.State, c.Tries)
		}
		if err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Live returns all that went on when the process before this one ended, by kind and ID. An orderly end leaves nothing.
func (db *DB) Live(ctx context.Context) ([]Live, error) {
	all, err := db.live(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what went on: %w", err)
	}
	return all, nil
}

func (db *DB) live(ctx context.Context) ([]Live, error) {
	rows, err := db.pool.QueryContext(ctx, "SELECT kind, id, state, tries FROM live ORDER BY kind, id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Live
	for rows.Next() {
		var l Live
		if err := rows.Scan(&l.Kind, &l.ID, &l.State, &l.Tries); err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, rows.Err()
}

// TryLive counts that this process goes on with all that is stored, before it does: what ends the process by that is seen to.
func (db *DB) TryLive(ctx context.Context) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE live SET tries = tries + 1")
		return err
	})
	if err != nil {
		return fmt.Errorf("count what is gone on with: %w", err)
	}
	return nil
}
