package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Binding is a place where a phone has registered (RFC 3261 10), as it has to be known after a restart.
type Binding struct {
	Phone     string         // extension
	ID        string         // equal for equal contacts (RFC 3261 19.1.4)
	Contact   string         // URI as it was registered
	Paths     []string       // URIs of RFC 3327, the first hop first
	CallID    string         // of the last REGISTER
	CSeq      uint32         // of the last REGISTER
	Agent     string         // User-Agent
	Domain    string         // the host of To in the last REGISTER: the name that the phone knows this server by
	Expires   time.Time      // UTC, in milliseconds
	Transport string         // "UDP"
	Local     netip.AddrPort // address of ours that the phone talked to
	Remote    netip.AddrPort // address that it talked from
}

// BindingChange is a binding that is new or refreshed, or one that is gone, of which only Phone and ID matter.
type BindingChange struct {
	Binding
	Gone bool
}

// Bindings returns the bindings that have not expired, sorted by phone, what lasts longest first. Those that
// have are deleted.
func (db *DB) Bindings(ctx context.Context) ([]Binding, error) {
	bindings, err := db.bindings(ctx, time.Now())
	if err != nil {
		return nil, fmt.Errorf("read registrations: %w", err)
	}
	return bindings, nil
}

func (db *DB) bindings(ctx context.Context, now time.Time) ([]Binding, error) {
	if _, err := db.pool.ExecContext(ctx, "DELETE FROM bindings WHERE expires <= ?", now.UnixMilli()); err != nil {
		return nil, err
	}
	rows, err := db.pool.QueryContext(ctx, `
		SELECT phone, id, contact, paths, call_id, cseq, agent, domain, expires, transport, local, remote
		FROM bindings ORDER BY phone, expires DESC, id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var bindings []Binding
	for rows.Next() {
		var b Binding
		var paths, local, remote string
		var expires int64
		err := rows.Scan(&b.Phone, &b.ID, &b.Contact, &paths, &b.CallID, &b.CSeq, &b.Agent, &b.Domain, &expires, &b.Transport, &local, &remote)
		if err != nil {
			return nil, err
		}
		if b.Local, err = netip.ParseAddrPort(local); err != nil {
			return nil, fmt.Errorf("phone %s: %w", b.Phone, err)
		}
		if b.Remote, err = netip.ParseAddrPort(remote); err != nil {
			return nil, fmt.Errorf("phone %s: %w", b.Phone, err)
		}
		if paths != "" {
			b.Paths = strings.Split(paths, "\n")
		}
		b.Expires = time.UnixMilli(expires).UTC()
		bindings = append(bindings, b)
	}
	return bindings, rows.Err()
}

// SaveBindings stores changes in one transaction: all of them, or none and an error. What belongs to a phone that was
// removed meanwhile is left out.
func (db *DB) SaveBindings(ctx context.Context, changes []BindingChange) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		remove, err := tx.PrepareContext(ctx, "DELETE FROM bindings WHERE phone = ? AND id = ?")
		if err != nil {
			return err
		}
		defer remove.Close()
		save, err := tx.PrepareContext(ctx, `
			INSERT OR REPLACE INTO bindings (phone, id, contact, paths, call_id, cseq, agent, domain, expires, transport, local, remote)
			SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 WHERE EXISTS (SELECT 1 FROM phones WHERE extension = ?1)`)
		if err != nil {
			return err
		}
		defer save.Close()
		for _, c := range changes {
			if c.Gone {
				_, err = remove.ExecContext(ctx, c.Phone, c.ID)
			} else {
				_, err = save.ExecContext(ctx, c.Phone, c.ID, c.Contact, strings.Join(c.Paths, "\n"), c.CallID, c.CSeq, c.Agent, c.Domain,
					c.Expires.UnixMilli(), c.Transport, c.Local.String(), c.Remote.String())
			}
			if err != nil {
				return fmt.Errorf("phone %s: %w", c.Phone, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store registrations: %w", err)
	}
	return nil
}
