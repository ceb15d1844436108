package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrNoPhone is returned where no phone has the extension asked for.
var ErrNoPhone = errors.New("no such phone")

// Phone is a phone that registers, as configured.
type Phone struct {
	Extension string // digits; also the user name of its digest
	Name      string
	MD5       string        // HA1 of RFC 7616 3.4.2, 32 hexadecimal digits
	SHA256    string        // the same by SHA-256, 64 hexadecimal digits
	Outside   Outside       // numbers that it may call
	RingTime  time.Duration // how long it rings, in whole seconds; 0: as long as the server says
	Created   time.Time     // UTC, in milliseconds; given by AddPhone
	Changed   time.Time     // UTC, in milliseconds; given by AddPhone and SetPhone
}

// ringsFor is the ring time as it is stored: in seconds, or none.
func (p Phone) ringsFor() sql.NullInt64 {
	return sql.NullInt64{Int64: int64(p.RingTime / time.Second), Valid: p.RingTime > 0}
}

const selectPhones = `
	SELECT extension, name, unseal(sealed_md5, 'phone md5 ' || extension), unseal(sealed_sha256, 'phone sha256 ' || extension),
		allow_out, max_out_calls, max_out_per_day, rings_for, created, changed
	FROM phones `

// Phones returns all phones, shorter extensions first.
func (db *DB) Phones(ctx context.Context) ([]Phone, error) {
	rows, err := db.pool.QueryContext(ctx, selectPhones+"ORDER BY length(extension), extension")
	if err != nil {
		return nil, fmt.Errorf("read phones: %w", err)
	}
	phones, err := scanPhones(rows)
	if err != nil {
		return nil, fmt.Errorf("read phones: %w", err)
	}
	return phones, nil
}

// Phone returns the phone with the extension, or ErrNoPhone.
func (db *DB) Phone(ctx context.Context, extension string) (Phone, error) {
	phone, err := readPhone(ctx, db.pool, extension)
	if err != nil {
		return Phone{}, fmt.Errorf("phone %s: %w", extension, err)
	}
	return phone, nil
}

// AddPhone stores a new phone. Where the extension belongs to a phone or a room already it changes nothing and returns
// ErrTaken with the name of that.
func (db *DB) AddPhone(ctx context.Context, phone Phone) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		if err := checkFree(ctx, tx, phone.Extension); err != nil {
			return err
		}
		if err := phone.checkDigests(); err != nil {
			return err
		}
		now := time.Now().UnixMilli()
		_, err := tx.ExecContext(ctx, `
			INSERT INTO phones (extension, name, sealed_md5, sealed_sha256, allow_out, max_out_calls, max_out_per_day, rings_for,
				created, changed)
			VALUES (?1, ?2, seal(?3, 'phone md5 ' || ?1), seal(?4, 'phone sha256 ' || ?1), ?5, ?6, ?7, ?8, ?9, ?10)`,
			phone.Extension, phone.Name, phone.MD5, phone.SHA256, phone.Outside.joined(), phone.Outside.AtOnce, phone.Outside.PerDay,
			phone.ringsFor(), now, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("add phone %s: %w", phone.Extension, err)
	}
	return nil
}

// SetPhone changes what is given of a phone but its extension: change gets the phone as it is and edits it; no other
// writer comes in between. If change returns an error, that error is returned and nothing is changed. With a new
// password the phone's bindings are gone: who knows the old one is not to be called any more.
func (db *DB) SetPhone(ctx context.Context, extension string, change func(*Phone) error) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		before, err := readPhone(ctx, tx, extension)
		if err != nil {
			return err
		}
		phone := before
		if err := change(&phone); err != nil {
			return err
		}
		if err := phone.checkDigests(); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE phones SET name = ?, sealed_md5 = seal(?, 'phone md5 ' || extension),
				sealed_sha256 = seal(?, 'phone sha256 ' || extension), allow_out = ?, max_out_calls = ?, max_out_per_day = ?,
				rings_for = ?, changed = ?
			WHERE extension = ?`,
			phone.Name, phone.MD5, phone.SHA256, phone.Outside.joined(), phone.Outside.AtOnce, phone.Outside.PerDay,
			phone.ringsFor(), time.Now().UnixMilli(), extension)
		if err != nil || phone.SHA256 == before.SHA256 && phone.MD5 == before.MD5 {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM bindings WHERE phone = ?", extension)
		return err
	})
	if err != nil {
		return fmt.Errorf("set phone %s: %w", extension, err)
	}
	return nil
}

// checkDigests refuses what cannot be digests; sealed, nobody sees it any more.
func (p Phone) checkDigests() error {
	if len(p.MD5) != 32 || len(p.SHA256) != 64 {
		return fmt.Errorf("digests of %d and %d hexadecimal digits: 32 and 64 are right", len(p.MD5), len(p.SHA256))
	}
	return nil
}

// RemovePhone deletes the phone with the extension and its bindings, or returns ErrNoPhone.
func (db *DB) RemovePhone(ctx context.Context, extension string) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		return removeOne(ctx, tx, "DELETE FROM phones WHERE extension = ?", extension, ErrNoPhone)
	})
	if err != nil {
		return fmt.Errorf("remove phone %s: %w", extension, err)
	}
	return nil
}

// checkFree returns ErrTaken where a room or a phone has the number: they share one number space.
func checkFree(ctx context.Context, q queryer, extension string) error {
	room, err := readRoom(ctx, q, extension)
	if err == nil {
		return fmt.Errorf("%w by room %q", ErrTaken, room.Name)
	}
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	phone, err := readPhone(ctx, q, extension)
	if err == nil {
		return fmt.Errorf("%w by phone %q", ErrTaken, phone.Name)
	}
	if !errors.Is(err, ErrNoPhone) {
		return err
	}
	return nil
}

func readPhone(ctx context.Context, q queryer, extension string) (Phone, error) {
	rows, err := q.QueryContext(ctx, selectPhones+"WHERE extension = ?", extension)
	if err != nil {
		return Phone{}, err
	}
	phones, err := scanPhones(rows)
	if err != nil {
		return Phone{}, err
	}
	if len(phones) == 0 {
		return Phone{}, ErrNoPhone
	}
	return phones[0], nil
}

// scanPhones reads rows of selectPhones and closes them.
func scanPhones(rows *sql.Rows) ([]Phone, error) {
	defer rows.Close()
	var phones []Phone
	for rows.Next() {
		var p Phone
		var allowOut string
		var ringsFor sql.NullInt64
		var created, changed int64
		err := rows.Scan(&p.Extension, &p.Name, &p.MD5, &p.SHA256, &allowOut, &p.Outside.AtOnce, &p.Outside.PerDay, &ringsFor,
			&created, &changed)
		if err != nil {
			return nil, err
		}
		p.Outside.Allow = strings.Fields(allowOut)
		p.RingTime = time.Duration(ringsFor.Int64) * time.Second
		p.Created, p.Changed = time.UnixMilli(created).UTC(), time.UnixMilli(changed).UTC()
		phones = append(phones, p)
	}
	return phones, rows.Err()
}
