package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNoMenu is returned where no menu has the name asked for.
	ErrNoMenu = errors.New("no such menu")
	// ErrMenuInUse is returned by RemoveMenu where a room has the menu.
	ErrMenuInUse = errors.New("menu is in use")
)

// Menu is what keys do that members of a conference press.
type Menu struct {
	Name    string
	Entries map[string]string // by the keys: actions, separated by commas, spelled as in confbridge.conf
}

// Menus returns all menus, sorted by name.
func (db *DB) Menus(ctx context.Context) ([]Menu, error) {
	rows, err := db.pool.QueryContext(ctx, "SELECT menu, keys, actions FROM menu_entries ORDER BY menu, keys")
	if err != nil {
		return nil, fmt.Errorf("read menus: %w", err)
	}
	menus, err := scanMenus(rows)
	if err != nil {
		return nil, fmt.Errorf("read menus: %w", err)
	}
	return menus, nil
}

// SetMenu stores a menu in place of what had its name, if anything. A menu has at least one entry.
func (db *DB) SetMenu(ctx context.Context, name string, entries map[string]string) error {
	return db.ChangeMenu(ctx, name, func(menu *Menu) error {
		menu.Entries = entries
		return nil
	})
}

// ChangeMenu changes the entries of a menu, or makes one: change gets the menu as it is, with no entries where there is
// none, and edits them; no other writer comes in between. If change returns an error, that error is returned and nothing
// is changed. It is an error, too, to leave no entry.
func (db *DB) ChangeMenu(ctx context.Context, name string, change func(*Menu) error) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT menu, keys, actions FROM menu_entries WHERE menu = ?", name)
		if err != nil {
			return err
		}
		menus, err := scanMenus(rows)
		if err != nil {
			return err
		}
		menu := Menu{Name: name, Entries: map[string]string{}}
		if len(menus) > 0 {
			menu = menus[0]
		}
		if err := change(&menu); err != nil {
			return err
		}
		if len(menu.Entries) == 0 {
			return errors.New("it would have no entries")
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM menu_entries WHERE menu = ?", name); err != nil {
			return err
		}
		for keys, actions := range menu.Entries {
			_, err := tx.ExecContext(ctx, "INSERT INTO menu_entries (menu, keys, actions) VALUES (?, ?, ?)", name, keys, actions)
			if err != nil {
				return fmt.Errorf("keys %s: %w", keys, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("set menu %s: %w", name, err)
	}
	return nil
}

// RemoveMenu deletes a menu. It returns ErrNoMenu where there is none, and ErrMenuInUse with the extensions of the rooms
// that have it.
func (db *DB) RemoveMenu(ctx context.Context, name string) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		used, err := menuRooms(ctx, tx, name)
		switch {
		case err != nil:
			return err
		case len(used) > 0:
			return fmt.Errorf("%w by room %s", ErrMenuInUse, strings.Join(used, ", "))
		}
		result, err := tx.ExecContext(ctx, "DELETE FROM menu_entries WHERE menu = ?", name)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err == nil && n == 0 {
			return ErrNoMenu
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove menu %s: %w", name, err)
	}
	return nil
}

// menuRooms lists the extensions of the rooms whose options name a menu, shorter ones first.
func menuRooms(ctx context.Context, q queryer, menu string) ([]string, error) {
	rows, err := q.QueryContext(ctx, `
		SELECT DISTINCT extension FROM rooms JOIN room_options AS o ON o.room = rooms.id
		WHERE o.name IN ('menu', 'moderator_menu') AND o.value = ? ORDER BY length(extension), extension`, menu)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var extensions []string
	for rows.Next() {
		var extension string
		if err := rows.Scan(&extension); err != nil {
			return nil, err
		}
		extensions = append(extensions, extension)
	}
	return extensions, rows.Err()
}

// scanMenus reads rows of menu, keys and actions, all of a menu together, and closes them.
func scanMenus(rows *sql.Rows) ([]Menu, error) {
	defer rows.Close()
	var menus []Menu
	for rows.Next() {
		var name, keys, actions string
		if err := rows.Scan(&name, &keys, &actions); err != nil {
			return nil, err
		}
		if len(menus) == 0 || menus[len(menus)-1].Name != name {
			menus = append(menus, Menu{Name: name, Entries: map[string]string{}})
		}
		menus[len(menus)-1].Entries[keys] = actions
	}
	return menus, rows.Err()
}
