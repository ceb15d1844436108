// Package store keeps what must outlive the process in one SQLite file. It is the only place that knows SQL, and it
// knows nothing of calls.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/mattn/go-sqlite3"
	"golang.org/x/sys/unix"
)

var (
	// ErrForeign is returned by Open for a file that is not a Conclave database. The file is left as it was.
	ErrForeign = errors.New("not a conclave database")
	// ErrNewer is returned by Open for a database that a later version of the program has migrated.
	ErrNewer = errors.New("database of a newer version")
)

// busyTimeout bounds the wait for another process that writes. Every write here takes a few milliseconds.
const busyTimeout = 5 * time.Second

// DB is an open database. It may be used by several goroutines, and several processes may hold the same file open.
type DB struct {
	pool  *sql.DB
	keys  *keyring
	order *Order // on which it is changed; nil: nobody's
}

// Option is a setting of Open.
type Option func(*DB)

// WithKeyFile has the key of the database's secrets in a file of this name; empty: where KeyFile says.
func WithKeyFile(file string) Option {
	return func(db *DB) {
		if file != "" {
			db.keys.file = file
		}
	}
}

// Open opens the database in file, creates it (mode 0600, for it is nobody else's) if there is none, and brings its schema
// up to date. Its directory must exist and be writable, for SQLite keeps its journal there.
//
// A file that belongs to another program is refused with ErrForeign, one of a later version with ErrNewer, a damaged one
// with ErrDamaged, and one whose secrets cannot be opened with ErrKey; none is changed. The key file is made (mode 0400) where the
// database has no secrets yet. All errors name the file or the directory.
func Open(ctx context.Context, file string, options ...Option) (*DB, error) {
	db, err := open(ctx, file, options)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", file, err)
	}
	return db, nil
}

func open(ctx context.Context, file string, options []Option) (*DB, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	if err := claim(path); err != nil {
		return nil, err
	}
	if err := inspect(ctx, path); err != nil {
		return nil, err
	}
	db := &DB{keys: &keyring{file: KeyFile(path)}}
	for _, option := range options {
		option(db)
	}
	db.pool = sql.OpenDB(newConnector(source(path, url.Values{
		"_busy_timeout":  {fmt.Sprint(busyTimeout.Milliseconds())},
		"_foreign_keys":  {"on"},
		"_txlock":        {"immediate"}, // a transaction that reads, then writes, never fails half way for a lock
		"_synchronous":   {"FULL"},      // what was acknowledged survives a power cut; writes are rare
		"_secure_delete": {"on"},        // and what was deleted does not
	}), db.keys))
	if err := db.prepare(ctx); err != nil {
		db.pool.Close()
		return nil, err
	}
	return db, nil
}

// Close waits for queries under way and closes the file.
func (db *DB) Close() error {
	return db.pool.Close()
}

func (db *DB) prepare(ctx context.Context) error {
	if err := db.check(ctx); err != nil {
		return err
	}
	if err := db.unlock(ctx); err != nil {
		return err
	}
	if err := db.migrate(ctx); err != nil {
		return err
	}
	if err := db.writeAhead(ctx); err != nil {
		return err
	}
	return db.purge(ctx)
}

// writeAhead turns the write-ahead log on, which the file remembers. It comes after the first migration, so that the
// application id is in the file from its first commit on and no other process can take a file of ours for a foreign one.
func (db *DB) writeAhead(ctx context.Context) error {
	deadline := time.Now().Add(busyTimeout)
	for {
		var mode string
		err := db.pool.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
		var sqliteErr sqlite3.Error
		switch {
		case errors.As(err, &sqliteErr) && sqliteErr.Code == sqlite3.ErrBusy && time.Now().Before(deadline):
			// SQLite does not wait by itself for this lock (sqlite.org/wal.html, 9).
			time.Sleep(10 * time.Millisecond)
		case err != nil:
			return fmt.Errorf("turn on the write-ahead log: %w", err)
		case mode != "wal":
			return fmt.Errorf("turn on the write-ahead log: journal mode stays %q; the file system must support shared memory", mode)
		default:
			return nil
		}
	}
}

// queryer is a *sql.DB, a *sql.Conn or a *sql.Tx.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// write runs f, which changes something, in a transaction that is committed if f returns nil, and undone otherwise. The order on
// which that is done is written in the same one.
func (db *DB) write(ctx context.Context, f func(*sql.Tx) error) error {
	if db.order == nil || db.order.Done() {
		return db.transact(ctx, f)
	}
	err := db.transact(ctx, func(tx *sql.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		if err := errors.Join(db.order.insert(ctx, tx), db.order.end(ctx, tx, AuditDone, "")); err != nil {
			return fmt.Errorf("write to the audit: %w", err)
		}
		return nil
	})
	if err == nil {
		db.order.written.Store(true)
		db.order.done.Store(true)
	}
	return err
}

// transact is write on nobody's order.
func (db *DB) transact(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := db.pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// removeOne deletes the row with a key, or returns missing where there is none.
func removeOne(ctx context.Context, tx *sql.Tx, statement, key string, missing error) error {
	result, err := tx.ExecContext(ctx, statement, key)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err == nil && n == 0 {
		return missing
	}
	return nil
}

// claim makes sure that path and its directory can be written, and creates an empty file that only its owner reads.
// An existing file is not opened here: closing it would drop the locks that SQLite holds on it in the same process
// (sqlite.org/howtocorrupt.html, 2.2).
func claim(path string) error {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	}
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("directory %s is not writable: %w", dir, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if info, err = os.Stat(path); err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: not a regular file", ErrForeign)
	}
	if err := unix.Access(path, unix.R_OK|unix.W_OK); err != nil {
		return fmt.Errorf("file is not writable: %w", err)
	}
	return nil
}

// inspect tells a database of ours (or an empty file) from anything else, without touching it: an immutable connection
// takes no lock and makes no journal. So it may look while another process writes, whose pages contradict each other for a
// moment: only what stays so is damage.
func inspect(ctx context.Context, path string) error {
	// SQLite itself would take any file below 512 octets for an empty one.
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		return err
	}
	deadline := time.Now().Add(writing)
	for {
		id, err := identify(ctx, path)
		var sqliteErr sqlite3.Error
		switch {
		case errors.As(err, &sqliteErr) && sqliteErr.Code == sqlite3.ErrNotADB:
			return fmt.Errorf("%w: not an SQLite file", ErrForeign)
		case errors.As(err, &sqliteErr) && sqliteErr.Code == sqlite3.ErrCorrupt && time.Now().Before(deadline):
			time.Sleep(10 * time.Millisecond)
		case err != nil:
			return damage(err)
		case id != applicationID:
			return fmt.Errorf("%w: its SQLite application id is %#x, ours is %#x", ErrForeign, uint32(id), applicationID)
		default:
			return nil
		}
	}
}

// writing is for how long another process may be between the first and the last page of what it writes at once.
const writing = time.Second

func identify(ctx context.Context, path string) (id int32, err error) {
	pool, err := sql.Open("sqlite3", source(path, url.Values{"mode": {"ro"}, "immutable": {"1"}}))
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	err = pool.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id)
	return id, err
}

// source is the URI of the file: it keeps `?`, `#` and `%` in a path apart from the parameters.
func source(path string, params url.Values) string {
	uri := url.URL{Scheme: "file", Path: path, RawQuery: params.Encode()}
	return uri.String()
}
