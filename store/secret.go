package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// sealedColumns is where the secrets are. The owner of one, which it can be opened for alone, is said in SQL.
var sealedColumns = []struct{ table, column, owner string }{
	{"rooms", "sealed_pin", "'room pin ' || id"},
	{"rooms", "sealed_moderator_pin", "'room moderator_pin ' || id"},
	{"phones", "sealed_md5", "'phone md5 ' || extension"},
	{"phones", "sealed_sha256", "'phone sha256 ' || extension"},
	{"trunks", "sealed_password", "'trunk password ' || name"},
}

// connector opens connections on which SQL can seal and open secrets: seal(secret, owner) and unseal(sealed, owner). What is
// empty is NULL sealed.
type connector struct {
	driver *sqlite3.SQLiteDriver
	source string
}

func newConnector(source string, keys *keyring) connector {
	return connector{source: source, driver: &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		return errors.Join(
			c.RegisterFunc("seal", keys.seal, false),
			c.RegisterFunc("unseal", func(sealed any, owner string) (string, error) {
				octets, _ := sealed.([]byte) // NULL is none
				return keys.open(octets, owner)
			}, false))
	}}}
}

// Connect implements driver.Connector.
func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.source) }

// Driver implements driver.Connector.
func (c connector) Driver() driver.Driver { return c.driver }

// unlock makes the key file known, and makes it where the database has no secrets yet. The error is ErrKey where those that it
// has cannot be opened.
func (db *DB) unlock(ctx context.Context) error {
	err := db.keys.load()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	missing := err
	version, err := schemaVersion(ctx, db.pool)
	if err != nil {
		return err
	}
	if version >= secretsSchema {
		ids, err := db.keyIDs(ctx)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if missing != nil {
				return db.keys.unreadable(id, missing)
			}
			if _, err := db.keys.find(id); err != nil {
				return err
			}
		}
	}
	if missing != nil {
		return db.keys.create()
	}
	return nil
}

// secretsSchema is the first one whose secrets are sealed.
const secretsSchema = 14

// keyIDs are the keys that secrets are sealed with.
func (db *DB) keyIDs(ctx context.Context) ([][]byte, error) {
	var parts []string
	for _, c := range sealedColumns {
		parts = append(parts, fmt.Sprintf("SELECT substr(%[2]s, 1, %[3]d) FROM %[1]s WHERE %[2]s IS NOT NULL", c.table, c.column, keyIDSize))
	}
	rows, err := db.pool.QueryContext(ctx, strings.Join(parts, " UNION "))
	if err != nil {
		return nil, damage(err)
	}
	defer rows.Close()
	var ids [][]byte
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// purge takes out of the file what secrets were in clear before they were sealed: pages that are free, and the journal. It is
// due until it is done, whoever is killed meanwhile.
func (db *DB) purge(ctx context.Context) error {
	var due int
	if err := db.pool.QueryRowContext(ctx, "SELECT count(*) FROM purge_due").Scan(&due); err != nil || due == 0 {
		return err
	}
	if _, err := db.pool.ExecContext(ctx, "VACUUM"); err != nil {
		return fmt.Errorf("remove what was in clear: %w", err)
	}
	var busy, pages, moved int
	err := db.pool.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
	if err != nil {
		return fmt.Errorf("remove what was in clear from the journal: %w", err)
	}
	if busy != 0 {
		return nil // somebody reads the journal: whoever opens the database next does it
	}
	if _, err := db.pool.ExecContext(ctx, "DELETE FROM purge_due"); err != nil {
		return fmt.Errorf("note that nothing in clear is left: %w", err)
	}
	return nil
}

// RotateKey puts a new key in the place of the one that secrets are sealed with, and seals all of them anew, while a server may
// run on the database. Where it is cut off, the key file holds both, and rotating again completes it. It returns the id of the
// new key, in hexadecimal, and how many secrets it has sealed.
func (db *DB) RotateKey(ctx context.Context) (id string, n int64, err error) {
	id, n, err = db.rotateKey(ctx)
	if err != nil {
		return "", 0, fmt.Errorf("rotate the key in %s: %w", db.keys.file, err)
	}
	return id, n, nil
}

func (db *DB) rotateKey(ctx context.Context) (id string, n int64, err error) {
	key, err := randomKey()
	if err != nil {
		return "", 0, err
	}
	if err := db.keys.load(); err != nil {
		return "", 0, err
	}
	db.keys.mu.Lock()
	keys := append([]secretKey{key}, db.keys.keys...)
	db.keys.mu.Unlock()
	if err := writeKeys(db.keys.file, true, keys...); err != nil {
		return "", 0, err
	}
	err = db.write(ctx, func(tx *sql.Tx) error {
		for _, c := range sealedColumns {
			result, err := tx.ExecContext(ctx, fmt.Sprintf("UPDATE %[1]s SET %[2]s = seal(unseal(%[2]s, %[3]s), %[3]s) WHERE %[2]s IS NOT NULL",
				c.table, c.column, c.owner))
			if err != nil {
				return err
			}
			changed, err := result.RowsAffected()
			if err != nil {
				return err
			}
			n += changed
		}
		return nil
	})
	if err != nil {
		return "", 0, err
	}
	if err := writeKeys(db.keys.file, true, key); err != nil {
		return "", 0, err
	}
	return fmt.Sprintf("%x", key.id), n, db.keys.load()
}
