package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Outside says what somebody may call outside, or what a trunk may carry there.
type Outside struct {
	Allow  []string // patterns of numbers as rooms/dialplan reads them; none: nothing
	AtOnce int      // calls; 0: no limit
	PerDay int      // calls; 0: no limit
}

// The caps of phones and trunks where none is given: what is stolen or set wrongly costs no more than that.
const (
	PhoneOutsideAtOnce, PhoneOutsidePerDay = 2, 100
	TrunkOutsideAtOnce, TrunkOutsidePerDay = 30, 1000
)

// joined is Allow as it is stored.
func (o Outside) joined() string { return strings.Join(o.Allow, " ") }

// OutsideCalls returns how many calls outside were made on a day, by who pays for them.
func (db *DB) OutsideCalls(ctx context.Context, day string) (map[string]int, error) {
	rows, err := db.pool.QueryContext(ctx, "SELECT payer, calls FROM outside_calls WHERE day = ?", day)
	if err != nil {
		return nil, fmt.Errorf("read the calls outside: %w", err)
	}
	defer rows.Close()
	calls := make(map[string]int)
	for rows.Next() {
		var payer string
		var n int
		if err := rows.Scan(&payer, &n); err != nil {
			return nil, fmt.Errorf("read the calls outside: %w", err)
		}
		calls[payer] = n
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the calls outside: %w", err)
	}
	return calls, nil
}

// SaveOutsideCalls stores how many calls outside those who pay have made on a day, and forgets other days.
func (db *DB) SaveOutsideCalls(ctx context.Context, day string, calls map[string]int) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM outside_calls WHERE day <> ?", day); err != nil {
			return err
		}
		for payer, n := range calls {
			_, err := tx.ExecContext(ctx, `
				INSERT INTO outside_calls (payer, day, calls) VALUES (?, ?, ?)
				ON CONFLICT (payer, day) DO UPDATE SET calls = excluded.calls`, payer, day, n)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store the calls outside: %w", err)
	}
	return nil
}
