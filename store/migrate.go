package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// applicationID marks the file as ours at octet 68 of its header: "Conc" in ASCII.
const applicationID = 0x436f6e63

// Migrations are numbered 0001, 0002, …; the number of the last one applied is the file's user_version. A migration
// that was released is never edited: a change of the schema is a new file.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrate applies the migrations that the file lacks, all in one transaction. A file that lacks none is only read, so
// that a writer elsewhere does not keep anybody waiting.
func (db *DB) migrate(ctx context.Context) error {
	scripts, err := readMigrations()
	if err != nil {
		return err
	}
	version, err := schemaVersion(ctx, db.pool)
	switch {
	case err != nil:
		return err
	case version > len(scripts):
		return fmt.Errorf("%w: it has schema %d, this program knows up to %d; start the program that wrote it, or restore a backup",
			ErrNewer, version, len(scripts))
	case version == len(scripts):
		return nil
	}
	return db.transact(ctx, func(tx *sql.Tx) error {
		// Two processes that start on the same file take turns here, and the second one finds nothing to do.
		version, err := schemaVersion(ctx, tx)
		if err != nil {
			return err
		}
		for ; version < len(scripts); version++ {
			if _, err := tx.ExecContext(ctx, scripts[version]); err != nil {
				return fmt.Errorf("migrate to schema %d: %w", version+1, err)
			}
		}
		stamp := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, version)
		if _, err := tx.ExecContext(ctx, stamp); err != nil {
			return fmt.Errorf("record schema %d: %w", version, err)
		}
		return nil
	})
}

func schemaVersion(ctx context.Context, q queryer) (version int, err error) {
	if err := q.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return 0, fmt.Errorf("read the schema version: %w", err)
	}
	return version, nil
}

// readMigrations returns the scripts in order; a gap in their numbers is an error of the build, found by every test.
func readMigrations() ([]string, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var scripts []string
	for i, name := range names {
		number, _, _ := strings.Cut(path.Base(name), "_")
		if n, err := strconv.Atoi(number); err != nil || n != i+1 {
			return nil, fmt.Errorf("migration %s: number %04d expected", name, i+1)
		}
		script, err := migrations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		scripts = append(scripts, string(script))
	}
	return scripts, nil
}
