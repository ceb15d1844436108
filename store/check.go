package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// ErrDamaged is returned by Open for a database of ours whose pages contradict each other: a disk or a copy has gone wrong.
// The file is left as it is.
var ErrDamaged = errors.New("the database is damaged")

// check reads every table and index through (sqlite.org/pragma.html#pragma_quick_check), but for the history of calls: that
// may be large, nobody calls by it, and a server that has been killed has to be back within a second.
//
// All is read in one transaction, so that tables which another process makes or drops meanwhile are there, or are not, from the
// first line to the last.
func (db *DB) check(ctx context.Context) error {
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return damage(err)
	}
	defer conn.Close()
	// Not by BeginTx, which would take the lock of writers.
	if _, err := conn.ExecContext(ctx, "BEGIN DEFERRED"); err != nil {
		return damage(err)
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	return checkTables(ctx, conn)
}

func checkTables(ctx context.Context, q queryer) error {
	tables, err := readTables(ctx, q)
	if err != nil {
		return damage(err)
	}
	for _, table := range tables {
		if table == "calls" {
			continue
		}
		var verdict string
		err := q.QueryRowContext(ctx, "SELECT * FROM pragma_quick_check(?)", table).Scan(&verdict)
		if err != nil {
			return damage(fmt.Errorf("table %s: %w", table, err))
		}
		if verdict != "ok" {
			return fmt.Errorf("%w: table %s: %s", ErrDamaged, table, strings.ReplaceAll(verdict, "\n", "; "))
		}
	}
	return nil
}

func readTables(ctx context.Context, q queryer) ([]string, error) {
	rows, err := q.QueryContext(ctx, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		tables = append(tables, name)
	}
	return tables, rows.Err()
}

// damage marks an error of SQLite's that tells of a damaged file as ErrDamaged.
func damage(err error) error {
	var sqliteErr sqlite3.Error
	if errors.As(err, &sqliteErr) && sqliteErr.Code == sqlite3.ErrCorrupt {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}
