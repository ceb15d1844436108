package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Direction says who called whom.
type Direction string

// The directions, as seen from the server.
const (
	CallIn  Direction = "in"
	CallOut Direction = "out"
)

// Call is a call that is over. Number and Name come from the far end and may hold anything. Times are UTC, in
// milliseconds; zero is what did not happen.
type Call struct {
	ID        string // our tag of the dialog, as in the log
	Direction Direction
	Dialled   string
	Room      string // extension; empty: no room was reached
	RoomName  string // as it was then
	Number    string
	Name      string
	Address   string // host of the far end
	Phone     string // extension of the phone that the far end has proven to be
	Trunk     string // name of the trunk that the call went over; with Phone empty, too: a guest
	Role      string // participant or moderator; empty: did not become a member
	Started   time.Time
	Answered  time.Time
	Entered   time.Time // became a member
	Ended     time.Time
	Result    string // not empty: one of the Result constants of rooms or sip
	Reason    string
	CallAudio
}

// CallAudio is how the audio of a call went.
type CallAudio struct {
	Codec string // empty: none was agreed on, and all else is zero
	// Encryption is the suite of SRTP by which the audio was encrypted at the end; empty: it was not.
	Encryption string
	Received   uint64 // RTP packets
	Lost       uint64 // never came
	Late       uint64 // came too late to be heard
	Sent       uint64
	// Jitter of arrival (RFC 3550 6.4.1) and Delay, that of the jitter buffer, are in ms and as they were at the end.
	Jitter, Delay float64
	RoundTrip     float64  // ms; 0: unknown
	FarLoss       *float64 // percent of what we sent, as the far end says; nil: it has not said
	MOS           float64  // estimated, 1 to 4.5; 0: unknown
	Scale         string   // of MOS, narrow or wide; empty: there is none
	Rating        *float64 // R of the E-model, which can be compared whatever the scale; nil: unknown
}

// AddCalls stores calls, all or none of them.
func (db *DB) AddCalls(ctx context.Context, calls []Call) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, "INSERT INTO calls ("+callColumns+") VALUES (?"+
			strings.Repeat(", ?", strings.Count(callColumns, ","))+")")
		if err != nil {
			return err
		}
		defer insert.Close()
		for _, c := range calls {
			_, err := insert.ExecContext(ctx, c.ID, c.Direction, c.Dialled, c.Room, c.RoomName, c.Number, c.Name, c.Address, c.Phone,
				c.Trunk, c.Role, c.Started.UnixMilli(), unixMilli(c.Answered), unixMilli(c.Entered), c.Ended.UnixMilli(), c.Result,
				c.Reason, c.Codec, c.Encryption, int64(c.Received), int64(c.Lost), int64(c.Late), int64(c.Sent), c.Jitter, c.Delay,
				unlessZero(c.RoundTrip), c.FarLoss, unlessZero(c.MOS), c.Scale, c.Rating)
			if err != nil {
				return fmt.Errorf("call %s: %w", c.ID, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("add calls: %w", err)
	}
	return nil
}

// CallQuery says which calls are asked for; the zero value is all of them.
type CallQuery struct {
	Room  string    // extension; empty: any room, or none
	Since time.Time // that began then or later
	Until time.Time // that began before
	Limit int       // the latest so many of them; 0: all
}

// where is the condition of a query, and what its placeholders stand for.
func (q CallQuery) where() (condition string, args []any) {
	condition = "TRUE"
	if q.Room != "" {
		condition += " AND room = ?"
		args = append(args, q.Room)
	}
	if !q.Since.IsZero() {
		condition += " AND started >= ?"
		args = append(args, q.Since.UnixMilli())
	}
	if !q.Until.IsZero() {
		condition += " AND started < ?"
		args = append(args, q.Until.UnixMilli())
	}
	return condition, args
}

// Calls returns calls in the order in which they began. An error ends the row of them.
func (db *DB) Calls(ctx context.Context, q CallQuery) iter.Seq2[Call, error] {
	return func(yield func(Call, error) bool) {
		if err := db.eachCall(ctx, q, yield); err != nil {
			yield(Call{}, fmt.Errorf("read calls: %w", err))
		}
	}
}

func (db *DB) eachCall(ctx context.Context, q CallQuery, yield func(Call, error) bool) error {
	condition, args := q.where()
	limit := -1 // none
	if q.Limit > 0 {
		limit = q.Limit
	}
	rows, err := db.pool.QueryContext(ctx, "SELECT "+callColumns+" FROM (SELECT * FROM calls WHERE "+condition+
		" ORDER BY started DESC, id DESC LIMIT ?) ORDER BY started, id", append(args, limit)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		call, err := scanCall(rows)
		if err != nil {
			return err
		}
		if !yield(call, nil) {
			return nil
		}
	}
	return rows.Err()
}

// CountCalls counts the calls that are asked for, whatever the limit.
func (db *DB) CountCalls(ctx context.Context, q CallQuery) (n int, err error) {
	condition, args := q.where()
	if err := db.pool.QueryRowContext(ctx, "SELECT count(*) FROM calls WHERE "+condition, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count calls: %w", err)
	}
	return n, nil
}

// LatestCalls tells since when the latest n calls began, n being 1 or more; the zero time if there are fewer.
func (db *DB) LatestCalls(ctx context.Context, n int) (since time.Time, err error) {
	var ms int64
	err = db.pool.QueryRowContext(ctx, "SELECT started FROM calls ORDER BY started DESC LIMIT 1 OFFSET ?", n-1).Scan(&ms)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, fmt.Errorf("find the latest %d calls: %w", n, err)
	}
	return time.UnixMilli(ms).UTC(), nil
}

// RemoveCalls deletes calls that began before a time, the oldest first and at most so many, so that nobody waits long for
// his turn to write. It returns how many they were.
func (db *DB) RemoveCalls(ctx context.Context, before time.Time, most int) (n int, err error) {
	result, err := db.pool.ExecContext(ctx, `
		DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE started < ? ORDER BY started LIMIT ?)`, before.UnixMilli(), most)
	if err != nil {
		return 0, fmt.Errorf("remove calls: %w", err)
	}
	removed, err := result.RowsAffected()
	return int(removed), err
}

// callColumns are the columns of a Call, in the order of scanCall and AddCalls.
const callColumns = `call, direction, dialled, room, room_name, number, name, address, phone, trunk, role,
	started, answered, entered, ended, result, reason,
	codec, encryption, received, lost, late, sent, jitter, delay, round_trip, far_loss, mos, mos_scale, rating`

func scanCall(rows *sql.Rows) (c Call, err error) {
	var started, ended int64
	var answered, entered sql.Null[int64]
	var roundTrip, mos sql.Null[float64]
	err = rows.Scan(&c.ID, &c.Direction, &c.Dialled, &c.Room, &c.RoomName, &c.Number, &c.Name, &c.Address, &c.Phone, &c.Trunk, &c.Role,
		&started, &answered, &entered, &ended, &c.Result, &c.Reason,
		&c.Codec, &c.Encryption, &c.Received, &c.Lost, &c.Late, &c.Sent, &c.Jitter, &c.Delay, &roundTrip, &c.FarLoss, &mos, &c.Scale, &c.Rating)
	if err != nil {
		return Call{}, err
	}
	c.Started, c.Ended = time.UnixMilli(started).UTC(), time.UnixMilli(ended).UTC()
	if answered.Valid {
		c.Answered = time.UnixMilli(answered.V).UTC()
	}
	if entered.Valid {
		c.Entered = time.UnixMilli(entered.V).UTC()
	}
	c.RoundTrip, c.MOS = roundTrip.V, mos.V
	return c, nil
}

// unixMilli is NULL for a time that never was.
func unixMilli(t time.Time) sql.Null[int64] {
	return sql.Null[int64]{V: t.UnixMilli(), Valid: !t.IsZero()}
}

func unlessZero(v float64) sql.Null[float64] {
	return sql.Null[float64]{V: v, Valid: v != 0}
}
