package store_test

import (
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"conclave/store"
)

func TestMenusSurviveReopening(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conclave.db")
	db := open(t, file)
	if menus, err := db.Menus(t.Context()); err != nil || len(menus) != 0 {
		t.Fatalf("new database: menus %v, %v", menus, err)
	}
	want := map[string]map[string]string{
		"board": {"1": "toggle_mute", "*": "playback_and_continue(conf-usermenu)", "#9": "leave_conference"},
		"a":     {"12AD": "no_op,toggle_mute"},
	}
	for name, entries := range want {
		if err := db.SetMenu(t.Context(), name, entries); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	menus, err := open(t, file).Menus(t.Context())
	if err != nil || len(menus) != 2 || menus[0].Name != "a" || menus[1].Name != "board" {
		t.Fatalf("menus are %v, %v; want a and board", menus, err)
	}
	for _, m := range menus {
		if !maps.Equal(m.Entries, want[m.Name]) {
			t.Errorf("menu %s has %v, want %v", m.Name, m.Entries, want[m.Name])
		}
	}
}

func TestSetMenuReplacesAndChangeMenuEdits(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	if err := db.SetMenu(t.Context(), "m", map[string]string{"1": "toggle_mute", "2": "no_op"}); err != nil {
		t.Fatal(err)
	}
	if err := db.SetMenu(t.Context(), "m", map[string]string{"3": "leave_conference", "4": "no_op"}); err != nil {
		t.Fatal(err)
	}
	err := db.ChangeMenu(t.Context(), "m", func(m *store.Menu) error {
		delete(m.Entries, "4")
		m.Entries["5"] = "toggle_mute"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	menus, err := db.Menus(t.Context())
	if err != nil || len(menus) != 1 || !maps.Equal(menus[0].Entries, map[string]string{"3": "leave_conference", "5": "toggle_mute"}) {
		t.Errorf("menus are %v, %v", menus, err)
	}
}

func TestChangeMenuChangesNothingOnError(t *testing.T) {
	refused := errors.New("refused")
	for name, change := range map[string]func(*store.Menu) error{
		"error of the caller": func(m *store.Menu) error { m.Entries["2"] = "no_op"; return refused },
		"no entries":          func(m *store.Menu) error { clear(m.Entries); return nil },
		"keys of no keypad":   func(m *store.Menu) error { m.Entries["x"] = "no_op"; return nil },
		"no keys":             func(m *store.Menu) error { m.Entries[""] = "no_op"; return nil },
		"no actions":          func(m *store.Menu) error { m.Entries["2"] = ""; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
			if err := db.SetMenu(t.Context(), "m", map[string]string{"1": "toggle_mute"}); err != nil {
				t.Fatal(err)
			}
			if err := db.ChangeMenu(t.Context(), "m", change); err == nil || !strings.Contains(err.Error(), "menu m") {
				t.Errorf("error %v, want one that names the menu", err)
			}
			menus, err := db.Menus(t.Context())
			if err != nil || len(menus) != 1 || !maps.Equal(menus[0].Entries, map[string]string{"1": "toggle_mute"}) {
				t.Errorf("menus are now %v, %v", menus, err)
			}
		})
	}
}

func TestMenuInUseIsNotRemoved(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	for _, name := range []string{"m", "other"} {
		if err := db.SetMenu(t.Context(), name, map[string]string{"1": "toggle_mute"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, room := range []store.Room{
		{Extension: "1000", Name: "n", Options: map[string]string{"menu": "m", "moderator_menu": "m"}},
		{Extension: "20", Name: "n", Options: map[string]string{"moderator_menu": "m"}},
		{Extension: "30", Name: "n", Options: map[string]string{"menu": "other"}},
		{Extension: "40", Name: "n", Options: map[string]string{"language": "m"}},
	} {
		if err := db.AddRoom(t.Context(), room); err != nil {
			t.Fatal(err)
		}
	}
	err := db.RemoveMenu(t.Context(), "m")
	if !errors.Is(err, store.ErrMenuInUse) || !strings.HasSuffix(err.Error(), "by room 20, 1000") {
		t.Errorf("error %v, want ErrMenuInUse that names rooms 20 and 1000", err)
	}
	for _, ext := range []string{"20", "1000"} {
		if err := db.SetRoom(t.Context(), ext, func(r *store.Room) error { clear(r.Options); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.RemoveMenu(t.Context(), "m"); err != nil {
		t.Error(err)
	}
	if err := db.RemoveMenu(t.Context(), "m"); !errors.Is(err, store.ErrNoMenu) || !strings.Contains(err.Error(), "menu m") {
		t.Errorf("error %v, want ErrNoMenu that names the menu", err)
	}
	if menus, err := db.Menus(t.Context()); err != nil || len(menus) != 1 || menus[0].Name != "other" {
		t.Errorf("menus are %v, %v; want the other one", menus, err)
	}
}
