package store_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"conclave/store"
)

func TestRoomSurvivesReopening(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conclave.db")
	db := open(t, file)
	if rooms, err := db.Rooms(t.Context()); err != nil || len(rooms) != 0 {
		t.Fatalf("new database: rooms %v, %v", rooms, err)
	}
	want := store.Room{Extension: "0100", Name: "Früh", PIN: "0", ModeratorPIN: "99", Options: map[string]string{"quiet": "yes", "timeout": "90"}}
	if err := db.AddRoom(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	db = open(t, file)
	got, err := db.Room(t.Context(), "0100")
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != want.Name || got.PIN != want.PIN || got.ModeratorPIN != want.ModeratorPIN || got.Options["quiet"] != "yes" || got.Options["timeout"] != "90" || len(got.Options) != 2 {
		t.Errorf("read back %+v, stored %+v", got, want)
	}
	if got.ID == "" || got.Created.IsZero() || !got.Created.Equal(got.Changed) {
		t.Errorf("id and times are not set: %+v", got)
	}
	if _, err := db.Room(t.Context(), "100"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("room 100 beside 0100: %v, want ErrNotFound", err)
	}
}

func TestRoomsAreSortedByNumber(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	for _, ext := range []string{"1000", "20", "100", "030"} {
		room := store.Room{Extension: ext, Name: "n", Options: map[string]string{"quiet": "yes", "startmuted": "no"}}
		if err := db.AddRoom(t.Context(), room); err != nil {
			t.Fatal(err)
		}
	}
	rooms, err := db.Rooms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, r := range rooms {
		order = append(order, r.Extension)
		if len(r.Options) != 2 {
			t.Errorf("room %s has options %v", r.Extension, r.Options)
		}
	}
	if got := strings.Join(order, " "); got != "20 030 100 1000" {
		t.Errorf("order is %s", got)
	}
}

func TestAddRoomRefusesATakenExtension(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	if err := db.AddRoom(t.Context(), store.Room{Extension: "1000", Name: "Weekly"}); err != nil {
		t.Fatal(err)
	}
	err := db.AddRoom(t.Context(), store.Room{Extension: "1000", Name: "Other", PIN: "1", Options: map[string]string{"quiet": "yes"}})
	if !errors.Is(err, store.ErrTaken) || !strings.Contains(err.Error(), "1000") || !strings.Contains(err.Error(), "Weekly") {
		t.Errorf("error %v, want ErrTaken that names 1000 and its room", err)
	}
	if got, err := db.Room(t.Context(), "1000"); err != nil || got.Name != "Weekly" || got.PIN != "" || len(got.Options) != 0 {
		t.Errorf("the first room is now %+v, %v", got, err)
	}
}

func TestSetRoomReplacesWhatChanged(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	if err := db.AddRoom(t.Context(), store.Room{Extension: "1", Name: "a", PIN: "12", Options: map[string]string{"quiet": "yes"}}); err != nil {
		t.Fatal(err)
	}
	before, _ := db.Room(t.Context(), "1")
	err := db.SetRoom(t.Context(), "1", func(r *store.Room) error {
		r.PIN = "345"
		delete(r.Options, "quiet")
		r.Options["timeout"] = "5"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	after, _ := db.Room(t.Context(), "1")
	if after.ID != before.ID || after.Name != "a" || after.PIN != "345" || len(after.Options) != 1 || after.Options["timeout"] != "5" {
		t.Errorf("room is now %+v", after)
	}
	if after.Changed.Before(before.Changed) || !after.Created.Equal(before.Created) {
		t.Errorf("created %v changed %v, before: %v %v", after.Created, after.Changed, before.Created, before.Changed)
	}
}

func TestSetRoomChangesNothingOnError(t *testing.T) {
	refused := errors.New("refused")
	tests := map[string]func(*store.Room) error{
		"error of the caller": func(r *store.Room) error { r.Name = "b"; r.Options["x"] = "y"; return refused },
		"PIN with letters":    func(r *store.Room) error { r.PIN = "12a"; return nil },
		"moderator PIN":       func(r *store.Room) error { r.ModeratorPIN = "1#"; return nil },
		"no name":             func(r *store.Room) error { r.Name = ""; return nil },
		"option without name": func(r *store.Room) error { r.Name = "b"; r.Options[""] = "y"; return nil },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
			if err := db.AddRoom(t.Context(), store.Room{Extension: "1", Name: "a", Options: map[string]string{"quiet": "yes"}}); err != nil {
				t.Fatal(err)
			}
			if err := db.SetRoom(t.Context(), "1", change); err == nil {
				t.Error("no error")
			}
			if r, err := db.Room(t.Context(), "1"); err != nil || r.Name != "a" || r.PIN != "" || len(r.Options) != 1 || r.Options["quiet"] != "yes" {
				t.Errorf("room is now %+v, %v", r, err)
			}
		})
	}
}

func TestRemoveRoomFreesTheExtension(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	room := store.Room{Extension: "1", Name: "a", Options: map[string]string{"quiet": "yes"}}
	if err := db.AddRoom(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	first, _ := db.Room(t.Context(), "1")
	if err := db.RemoveRoom(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	room.Options = nil
	if err := db.AddRoom(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	if again, err := db.Room(t.Context(), "1"); err != nil || again.ID == first.ID || len(again.Options) != 0 {
		t.Errorf("new room is %+v, %v; the old one was %+v", again, err, first)
	}
}

func TestMissingRoomIsNamed(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	_, readErr := db.Room(t.Context(), "42")
	for what, err := range map[string]error{
		"read":   readErr,
		"set":    db.SetRoom(t.Context(), "42", func(*store.Room) error { return nil }),
		"remove": db.RemoveRoom(t.Context(), "42"),
	} {
		if !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "42") {
			t.Errorf("%s: %v, want ErrNotFound that names 42", what, err)
		}
	}
}
