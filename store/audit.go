package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// AuditDoor says how an order reached what it changes.
type AuditDoor string

// The doors: a command that works on the data directory itself, and an order to a running server.
const (
	DoorCommand AuditDoor = "command"
	DoorSocket  AuditDoor = "socket"
)

// AuditResult says how an order ended.
type AuditResult string

// The results. One that was refused has changed nothing; one that failed may have.
const (
	AuditDone    AuditResult = "done"
	AuditRefused AuditResult = "refused"
	AuditFailed  AuditResult = "failed"
)

// AuditLine tells of one order of an operator. There is no secret in it.
type AuditLine struct {
	ID       string    // given by NewOrder
	At       time.Time // UTC, in milliseconds; given by NewOrder
	UID      uint32
	User     string // login name of UID; empty: it has none
	SudoUser string // who has become that user by sudo, as the environment says; empty: nobody
	Door     AuditDoor
	Command  string      // in words, at most longestCommand octets of them
	Kind     string      // of what it is about: room, phone, trunk …; empty: the server
	Subject  string      // its number or name
	Result   AuditResult // empty: it was cut off, or goes on
	Reason   string      // where it was not done
}

// longestCommand bounds the words of a line, and those of a reason, in octets.
const longestCommand = 2000

// Order is an order of an operator on its way into the audit: its line is there once, whoever writes it first.
type Order struct {
	line    AuditLine
	written atomic.Bool
	done    atomic.Bool // its latest result is AuditDone
}

// NewOrder begins an order now.
func NewOrder(line AuditLine) *Order {
	line.ID, line.At = rand.Text(), time.Now().UTC().Truncate(time.Millisecond)
	line.Command = cut(line.Command)
	return &Order{line: line}
}

func cut(text string) string {
	if len(text) <= longestCommand {
		return text
	}
	return strings.ToValidUTF8(text[:longestCommand], "") + "…"
}

// Line is what will be read of the order, without its end.
func (o *Order) Line() AuditLine { return o.line }

// Written tells whether the line of the order is in a database.
func (o *Order) Written() bool { return o.written.Load() }

// Done tells whether it is there as one that was done.
func (o *Order) Done() bool { return o.done.Load() }

// WithOrder has all that is changed by the database changed on an order, whose line is written in the transaction of the first
// change: either both are there, or neither. nil: on nobody's order.
func WithOrder(order *Order) Option {
	return func(db *DB) { db.order = order }
}

// For is the same database, which is changed on an order. It is not to be closed.
func (db *DB) For(order *Order) *DB {
	return &DB{pool: db.pool, keys: db.keys, order: order}
}

// BeginOrder writes the line of an order before anything is done, if it is not there yet.
func (db *DB) BeginOrder(ctx context.Context, order *Order) error {
	if err := db.transact(ctx, func(tx *sql.Tx) error { return order.insert(ctx, tx) }); err != nil {
		return fmt.Errorf("write to the audit: %w", err)
	}
	order.written.Store(true)
	return nil
}

// EndOrder writes how an order has ended, and its line if that is not there yet.
func (db *DB) EndOrder(ctx context.Context, order *Order, result AuditResult, reason string) error {
	err := db.transact(ctx, func(tx *sql.Tx) error {
		return errors.Join(order.insert(ctx, tx), order.end(ctx, tx, result, reason))
	})
	if err != nil {
		return fmt.Errorf("write to the audit: %w", err)
	}
	order.written.Store(true)
	order.done.Store(result == AuditDone)
	return nil
}

func (o *Order) insert(ctx context.Context, tx *sql.Tx) error {
	l := o.line
	_, err := tx.ExecContext(ctx, `INSERT INTO audit (id, at, uid, user, sudo_user, door, command, kind, subject)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		l.ID, l.At.UnixMilli(), l.UID, l.User, l.SudoUser, l.Door, l.Command, l.Kind, l.Subject)
	return err
}

func (o *Order) end(ctx context.Context, tx *sql.Tx, result AuditResult, reason string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO audit_ends (line, at, result, reason) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
		o.line.ID, time.Now().UnixMilli(), result, cut(reason))
	return err
}

// AuditQuery says which lines are asked for; the zero value is all of them.
type AuditQuery struct {
	Room  string    // extension; empty: whatever they are about
	User  string    // login name, before sudo or after it, or user id; empty: anybody
	Since time.Time // from then on
	Until time.Time // before
	Limit int       // the latest so many of them; 0: all
}

func (q AuditQuery) where() (condition string, args []any) {
	condition = "TRUE"
	if q.Room != "" {
		condition += " AND kind = 'room' AND subject = ?"
		args = append(args, q.Room)
	}
	if q.User != "" {
		condition += " AND ? IN (user, sudo_user, CAST(uid AS TEXT))"
		args = append(args, q.User)
	}
	if !q.Since.IsZero() {
		condition += " AND at >= ?"
		args = append(args, q.Since.UnixMilli())
	}
	if !q.Until.IsZero() {
		condition += " AND at < ?"
		args = append(args, q.Until.UnixMilli())
	}
	return condition, args
}

// Audit returns lines in the order of their times. An error ends the row of them.
func (db *DB) Audit(ctx context.Context, q AuditQuery) iter.Seq2[AuditLine, error] {
	return func(yield func(AuditLine, error) bool) {
		if err := db.eachAudit(ctx, q, yield); err != nil {
			yield(AuditLine{}, fmt.Errorf("read the audit: %w", err))
		}
	}
}

func (db *DB) eachAudit(ctx context.Context, q AuditQuery, yield func(AuditLine, error) bool) error {
	condition, args := q.where()
	limit := -1 // none
	if q.Limit > 0 {
		limit = q.Limit
	}
	rows, err := db.pool.QueryContext(ctx, `
		SELECT a.id, a.at, uid, user, sudo_user, door, command, kind, subject, coalesce(result, ''), coalesce(reason, '')
		FROM (SELECT * FROM audit WHERE `+condition+` ORDER BY at DESC, place DESC LIMIT ?) AS a
		LEFT JOIN audit_ends AS e ON e.place = (SELECT max(place) FROM audit_ends WHERE line = a.id)
		ORDER BY a.at, a.place`, append(args, limit)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var l AuditLine
		var at int64
		err := rows.Scan(&l.ID, &at, &l.UID, &l.User, &l.SudoUser, &l.Door, &l.Command, &l.Kind, &l.Subject, &l.Result, &l.Reason)
		if err != nil {
			return err
		}
		l.At = time.UnixMilli(at).UTC()
		if !yield(l, nil) {
			return nil
		}
	}
	return rows.Err()
}

// CountAudit counts the lines that are asked for, whatever the limit.
func (db *DB) CountAudit(ctx context.Context, q AuditQuery) (n int, err error) {
	condition, args := q.where()
	if err := db.pool.QueryRowContext(ctx, "SELECT count(*) FROM audit WHERE "+condition, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the audit: %w", err)
	}
	return n, nil
}

// RemoveAudit deletes lines from before a time, the oldest first and at most so many, so that nobody waits long for his turn to
// write. It returns how many they were. No other statement deletes any.
func (db *DB) RemoveAudit(ctx context.Context, before time.Time, most int) (n int, err error) {
	err = db.transact(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE audit_kept SET since = max(since, ?)", before.UnixMilli()); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, `
			DELETE FROM audit WHERE place IN (SELECT place FROM audit WHERE at < ? ORDER BY at LIMIT ?)`, before.UnixMilli(), most)
		if err != nil {
			return err
		}
		removed, err := result.RowsAffected()
		n = int(removed)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("remove old lines of the audit: %w", err)
	}
	return n, nil
}

// TakeAudit adds the lines of another database, whose file it only reads: what was ordered before a restore. It returns how
// many it has added. One that is not there or is older than the audit has none.
func (db *DB) TakeAudit(ctx context.Context, file string) (n int, err error) {
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		return 0, nil
	}
	if n, err = db.takeAudit(ctx, file); err != nil {
		return 0, fmt.Errorf("take the audit of %s: %w", file, damage(err))
	}
	return n, nil
}

func (db *DB) takeAudit(ctx context.Context, file string) (n int, err error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return 0, err
	}
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "ATTACH ? AS other", source(path, url.Values{"mode": {"ro"}})); err != nil {
		return 0, err
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "DETACH other")
	var there int
	err = conn.QueryRowContext(ctx, "SELECT count(*) FROM other.sqlite_schema WHERE name IN ('audit', 'audit_ends')").Scan(&there)
	if err != nil || there < 2 {
		return 0, err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	result, err := tx.ExecContext(ctx, `INSERT INTO main.audit (id, at, uid, user, sudo_user, door, command, kind, subject)
		SELECT id, at, uid, user, sudo_user, door, command, kind, subject FROM other.audit WHERE TRUE ORDER BY place ON CONFLICT (id) DO NOTHING`)
	if err != nil {
		return 0, err
	}
	added, err := result.RowsAffected()
	if err != nil {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO main.audit_ends (line, at, result, reason)
		SELECT line, at, result, reason FROM other.audit_ends WHERE TRUE ORDER BY place ON CONFLICT DO NOTHING`)
	if err != nil {
		return 0, err
	}
	return int(added), tx.Commit()
}
