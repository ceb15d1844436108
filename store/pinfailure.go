package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// PINFailure is a PIN that was not right.
type PINFailure struct {
	Who string    // a caller, or the room, as rooms.PINGuard names them
	At  time.Time // UTC, in milliseconds
}

// PINFailures returns those since a moment, oldest first.
func (db *DB) PINFailures(ctx context.Context, since time.Time) ([]PINFailure, error) {
	rows, err := db.pool.QueryContext(ctx, "SELECT who, at FROM pin_failures WHERE at >= ? ORDER BY at", since.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("read PIN failures: %w", err)
	}
	defer rows.Close()
	var failures []PINFailure
	for rows.Next() {
		var f PINFailure
		var at int64
		if err := rows.Scan(&f.Who, &at); err != nil {
			return nil, fmt.Errorf("read PIN failures: %w", err)
		}
		f.At = time.UnixMilli(at).UTC()
		failures = append(failures, f)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read PIN failures: %w", err)
	}
	return failures, nil
}

// AddPINFailures stores failures, and forgets those from before a moment.
func (db *DB) AddPINFailures(ctx context.Context, failures []PINFailure, forget time.Time) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM pin_failures WHERE at < ?", forget.UnixMilli()); err != nil {
			return err
		}
		for _, f := range failures {
			if _, err := tx.ExecContext(ctx, "INSERT INTO pin_failures (who, at) VALUES (?, ?)", f.Who, f.At.UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store PIN failures: %w", err)
	}
	return nil
}

// ClearPINFailures forgets the failures of somebody, or with an empty who all.
func (db *DB) ClearPINFailures(ctx context.Context, who string) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM pin_failures WHERE ? IN ('', who)", who)
		return err
	})
	if err != nil {
		return fmt.Errorf("forget PIN failures: %w", err)
	}
	return nil
}
