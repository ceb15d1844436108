package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrNotFound is returned where no room has the extension asked for.
	ErrNotFound = errors.New("no such room")
	// ErrTaken is returned by AddRoom and AddPhone where a room or a phone has the extension already.
	ErrTaken = errors.New("extension is taken")
)

// Room is a conference room as configured.
type Room struct {
	ID           string // unique over all nodes, never reused; given by AddRoom
	Extension    string // digits
	Name         string
	PIN          string // digits; empty: an open room
	ModeratorPIN string // digits; empty: nobody becomes a moderator by a PIN
	Options      map[string]string
	Created      time.Time // UTC, in milliseconds; given by AddRoom
	Changed      time.Time // UTC, in milliseconds; given by AddRoom and SetRoom
}

const selectRooms = `
	SELECT id, extension, rooms.name, unseal(sealed_pin, 'room pin ' || id),
		unseal(sealed_moderator_pin, 'room moderator_pin ' || id), created, changed, o.name, o.value
	FROM rooms LEFT JOIN room_options AS o ON o.room = rooms.id `

// Rooms returns all rooms, shorter extensions first.
func (db *DB) Rooms(ctx context.Context) ([]Room, error) {
	rows, err := db.pool.QueryContext(ctx, selectRooms+"ORDER BY length(extension), extension, o.name")
	if err != nil {
		return nil, fmt.Errorf("read rooms: %w", err)
	}
	rooms, err := scanRooms(rows)
	if err != nil {
		return nil, fmt.Errorf("read rooms: %w", err)
	}
	return rooms, nil
}

// Room returns the room with the extension, or ErrNotFound.
func (db *DB) Room(ctx context.Context, extension string) (Room, error) {
	room, err := readRoom(ctx, db.pool, extension)
	if err != nil {
		return Room{}, fmt.Errorf("room %s: %w", extension, err)
	}
	return room, nil
}

// AddRoom stores a new room under a new id. Where the extension belongs to a room or a phone already it changes nothing
// and returns ErrTaken with the name of that.
func (db *DB) AddRoom(ctx context.Context, room Room) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		if err := checkFree(ctx, tx, room.Extension); err != nil {
			return err
		}
		if err := room.checkPINs(); err != nil {
			return err
		}
		room.ID = rand.Text()
		now := time.Now().UnixMilli()
		_, err := tx.ExecContext(ctx, `
			INSERT INTO rooms (id, extension, name, sealed_pin, sealed_moderator_pin, created, changed)
			VALUES (?1, ?2, ?3, seal(?4, 'room pin ' || ?1), seal(?5, 'room moderator_pin ' || ?1), ?6, ?6)`,
			room.ID, room.Extension, room.Name, room.PIN, room.ModeratorPIN, now)
		if err != nil {
			return err
		}
		return insertOptions(ctx, tx, room)
	})
	if err != nil {
		return fmt.Errorf("add room %s: %w", room.Extension, err)
	}
	return nil
}

// SetRoom changes the name, PINs and options of a room: change gets the room as it is and edits it; no other writer comes
// in between. If change returns an error, that error is returned and nothing is changed.
func (db *DB) SetRoom(ctx context.Context, extension string, change func(*Room) error) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		room, err := readRoom(ctx, tx, extension)
		if err != nil {
			return err
		}
		if err := change(&room); err != nil {
			return err
		}
		if err := room.checkPINs(); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE rooms SET name = ?, sealed_pin = seal(?, 'room pin ' || id), sealed_moderator_pin = seal(?, 'room moderator_pin ' || id),
				changed = ?
			WHERE id = ?`,
			room.Name, room.PIN, room.ModeratorPIN, time.Now().UnixMilli(), room.ID)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM room_options WHERE room = ?", room.ID); err != nil {
			return err
		}
		return insertOptions(ctx, tx, room)
	})
	if err != nil {
		return fmt.Errorf("set room %s: %w", extension, err)
	}
	return nil
}

// RemoveRoom deletes the room with the extension, or returns ErrNotFound.
func (db *DB) RemoveRoom(ctx context.Context, extension string) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		return removeOne(ctx, tx, "DELETE FROM rooms WHERE extension = ?", extension, ErrNotFound)
	})
	if err != nil {
		return fmt.Errorf("remove room %s: %w", extension, err)
	}
	return nil
}

// checkPINs refuses what is no PIN; sealed, nobody sees it any more. The error does not repeat it.
func (r Room) checkPINs() error {
	if strings.Trim(r.PIN+r.ModeratorPIN, "0123456789") != "" {
		return errors.New("a PIN holds something else than digits")
	}
	return nil
}

func insertOptions(ctx context.Context, tx *sql.Tx, room Room) error {
	for name, value := range room.Options {
		if _, err := tx.ExecContext(ctx, "INSERT INTO room_options (room, name, value) VALUES (?, ?, ?)", room.ID, name, value); err != nil {
			return err
		}
	}
	return nil
}

func readRoom(ctx context.Context, q queryer, extension string) (Room, error) {
	rows, err := q.QueryContext(ctx, selectRooms+"WHERE extension = ?", extension)
	if err != nil {
		return Room{}, err
	}
	rooms, err := scanRooms(rows)
	if err != nil {
		return Room{}, err
	}
	if len(rooms) == 0 {
		return Room{}, ErrNotFound
	}
	return rooms[0], nil
}

// scanRooms reads rows of selectRooms, one for each option of a room and all of a room together, and closes them.
func scanRooms(rows *sql.Rows) ([]Room, error) {
	defer rows.Close()
	var rooms []Room
	for rows.Next() {
		var room Room
		var created, changed int64
		var name, value sql.NullString
		err := rows.Scan(&room.ID, &room.Extension, &room.Name, &room.PIN, &room.ModeratorPIN, &created, &changed, &name, &value)
		if err != nil {
			return nil, err
		}
		if len(rooms) == 0 || rooms[len(rooms)-1].ID != room.ID {
			room.Options = map[string]string{}
			room.Created, room.Changed = time.UnixMilli(created).UTC(), time.UnixMilli(changed).UTC()
			rooms = append(rooms, room)
		}
		if name.Valid {
			rooms[len(rooms)-1].Options[name.String] = value.String
		}
	}
	return rooms, rows.Err()
}
