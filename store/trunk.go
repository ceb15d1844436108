package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrNoTrunk is returned where no trunk has the name asked for.
	ErrNoTrunk = errors.New("no such trunk")
	// ErrTrunkTaken is returned by AddTrunk where a trunk has the name already.
	ErrTrunkTaken = errors.New("name is taken")
)

// Trunk is a PBX or a carrier that calls come from and go to, as configured.
type Trunk struct {
	Name      string   // the key
	Peer      string   // host or host:port
	Transport string   // "udp", "tcp" or "tls"
	TLS       TrunkTLS // of transport tls only
	User      string   // for digest, towards the peer and from it; empty: none
	Password  string   // as digest towards the peer takes it
	Allow     []string // networks that its calls come from, too: 192.0.2.0/24; sorted as text
	DIDs      []string // what its numbers begin with before the extension: +49301234, or digits; sorted as text
	Register  bool     // we register with the peer
	OpenRooms bool     // its callers reach rooms without a PIN
	NoFocus   bool     // it is not told that rooms are conferences
	Untrusted bool     // identities that it asserts are not believed, and none are asserted to it
	Outside   Outside  // numbers that calls over it may go to
	CallerID  string   // number that callees are shown; empty: that of who calls
	Created   time.Time
	Changed   time.Time // UTC, in milliseconds like Created; given by AddTrunk and SetTrunk
}

// TrunkTLS are the files, in PEM, of a trunk over TLS; empty: none is given.
type TrunkTLS struct {
	CA          string // certificates that may have signed the peer's; none: those that this machine trusts
	Certificate string // ours, should the peer ask for it
	Key         string // of Certificate
}

// selectTrunks reads a trunk and its lists in one statement, so that they are of the same moment.
const selectTrunks = `
	SELECT name, peer, transport, user, unseal(sealed_password, 'trunk password ' || name), register, open_rooms, untrusted,
		allow_out, max_out_calls, max_out_per_day, caller_id, created, changed, no_focus,
		(SELECT json_group_array(network ORDER BY network) FROM trunk_networks WHERE trunk = name),
		(SELECT json_group_array(prefix ORDER BY prefix) FROM trunk_dids WHERE trunk = name),
		(SELECT json_array(ca, certificate, key) FROM trunk_tls WHERE trunk = name)
	FROM trunks `

// Trunks returns all trunks, sorted by name.
func (db *DB) Trunks(ctx context.Context) ([]Trunk, error) {
	trunks, err := readTrunks(ctx, db.pool, "ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("read trunks: %w", err)
	}
	return trunks, nil
}

// Trunk returns the trunk with the name, or ErrNoTrunk.
func (db *DB) Trunk(ctx context.Context, name string) (Trunk, error) {
	trunk, err := readTrunk(ctx, db.pool, name)
	if err != nil {
		return Trunk{}, fmt.Errorf("trunk %s: %w", name, err)
	}
	return trunk, nil
}

// AddTrunk stores a new trunk. Where the name is taken it changes nothing and returns ErrTrunkTaken.
func (db *DB) AddTrunk(ctx context.Context, trunk Trunk) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		_, err := readTrunk(ctx, tx, trunk.Name)
		if err == nil {
			return ErrTrunkTaken
		}
		if !errors.Is(err, ErrNoTrunk) {
			return err
		}
		now := time.Now().UnixMilli()
		_, err = tx.ExecContext(ctx, `
			INSERT INTO trunks (name, peer, transport, user, sealed_password, register, open_rooms, untrusted, allow_out, max_out_calls,
				max_out_per_day, caller_id, created, changed, no_focus)
			VALUES (?1, ?2, ?3, ?4, seal(?5, 'trunk password ' || ?1), ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?13, ?14)`,
			trunk.Name, trunk.Peer, trunk.underlying(), trunk.User, trunk.Password, trunk.Register, trunk.OpenRooms, trunk.Untrusted,
			trunk.Outside.joined(), trunk.Outside.AtOnce, trunk.Outside.PerDay, trunk.CallerID, now, trunk.NoFocus)
		if err != nil {
			return err
		}
		return insertTrunkLists(ctx, tx, trunk)
	})
	if err != nil {
		return fmt.Errorf("add trunk %s: %w", trunk.Name, err)
	}
	return nil
}

// SetTrunk changes a trunk, all but its name: change gets it as it is and edits it; no other writer comes in between. If
// change returns an error, that error is returned and nothing is changed.
func (db *DB) SetTrunk(ctx context.Context, name string, change func(*Trunk) error) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		trunk, err := readTrunk(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := change(&trunk); err != nil {
			return err
		}
		trunk.Name = name
		_, err = tx.ExecContext(ctx, `
			UPDATE trunks SET peer = ?, transport = ?, user = ?, sealed_password = seal(?, 'trunk password ' || name), register = ?,
				open_rooms = ?, untrusted = ?, allow_out = ?, max_out_calls = ?, max_out_per_day = ?, caller_id = ?, changed = ?,
				no_focus = ?
			WHERE name = ?`,
			trunk.Peer, trunk.underlying(), trunk.User, trunk.Password, trunk.Register, trunk.OpenRooms, trunk.Untrusted, trunk.Outside.joined(),
			trunk.Outside.AtOnce, trunk.Outside.PerDay, trunk.CallerID, time.Now().UnixMilli(), trunk.NoFocus, name)
		if err != nil {
			return err
		}
		for _, list := range []string{"trunk_networks", "trunk_dids", "trunk_tls"} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+list+" WHERE trunk = ?", name); err != nil {
				return err
			}
		}
		return insertTrunkLists(ctx, tx, trunk)
	})
	if err != nil {
		return fmt.Errorf("set trunk %s: %w", name, err)
	}
	return nil
}

// RemoveTrunk deletes a trunk, or returns ErrNoTrunk.
func (db *DB) RemoveTrunk(ctx context.Context, name string) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		return removeOne(ctx, tx, "DELETE FROM trunks WHERE name = ?", name, ErrNoTrunk)
	})
	if err != nil {
		return fmt.Errorf("remove trunk %s: %w", name, err)
	}
	return nil
}

// underlying is the transport under TLS.
func (t Trunk) underlying() string {
	if t.Transport == "tls" {
		return "tcp"
	}
	return t.Transport
}

// insertTrunkLists stores what is said twice once, and how TLS is spoken.
func insertTrunkLists(ctx context.Context, tx *sql.Tx, trunk Trunk) error {
	for _, network := range trunk.Allow {
		if _, err := tx.ExecContext(ctx, "INSERT INTO trunk_networks (trunk, network) VALUES (?, ?) ON CONFLICT DO NOTHING", trunk.Name, network); err != nil {
			return err
		}
	}
	for _, prefix := range trunk.DIDs {
		if _, err := tx.ExecContext(ctx, "INSERT INTO trunk_dids (trunk, prefix) VALUES (?, ?) ON CONFLICT DO NOTHING", trunk.Name, prefix); err != nil {
			return err
		}
	}
	if trunk.Transport != "tls" {
		return nil
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO trunk_tls (trunk, ca, certificate, key) VALUES (?, ?, ?, ?)",
		trunk.Name, trunk.TLS.CA, trunk.TLS.Certificate, trunk.TLS.Key)
	return err
}

func readTrunk(ctx context.Context, q queryer, name string) (Trunk, error) {
	trunks, err := readTrunks(ctx, q, "WHERE name = ?", name)
	if err != nil {
		return Trunk{}, err
	}
	if len(trunks) == 0 {
		return Trunk{}, ErrNoTrunk
	}
	return trunks[0], nil
}

func readTrunks(ctx context.Context, q queryer, which string, args ...any) ([]Trunk, error) {
	rows, err := q.QueryContext(ctx, selectTrunks+which, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var trunks []Trunk
	for rows.Next() {
		var t Trunk
		var created, changed int64
		var allowOut string
		var networks, prefixes, secure []byte
		err := rows.Scan(&t.Name, &t.Peer, &t.Transport, &t.User, &t.Password, &t.Register, &t.OpenRooms, &t.Untrusted, &allowOut,
			&t.Outside.AtOnce, &t.Outside.PerDay, &t.CallerID, &created, &changed, &t.NoFocus, &networks, &prefixes, &secure)
		if err == nil {
			err = errors.Join(json.Unmarshal(networks, &t.Allow), json.Unmarshal(prefixes, &t.DIDs))
		}
		if err == nil && secure != nil {
			t.Transport = "tls"
			err = json.Unmarshal(secure, &[]*string{&t.TLS.CA, &t.TLS.Certificate, &t.TLS.Key})
		}
		if err != nil {
			return nil, err
		}
		t.Outside.Allow = strings.Fields(allowOut)
		t.Created, t.Changed = time.UnixMilli(created).UTC(), time.UnixMilli(changed).UTC()
		trunks = append(trunks, t)
	}
	return trunks, rows.Err()
}
