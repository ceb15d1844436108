package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"conclave/store"
)

// A database that the first version of the program wrote keeps its rooms, and can do what the later schema can.
func TestMigrationFromTheFirstSchemaKeepsRooms(t *testing.T) {
	first, err := os.ReadFile("migrations/0001_rooms.sql")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "conclave.db")
	raw(t, file, string(first),
		"INSERT INTO rooms VALUES ('ID1', '1000', 'Weekly', '4711', 1700000000000, 1700000001000)",
		"INSERT INTO rooms VALUES ('ID2', '0100', 'Open', '', 1, 2)",
		"INSERT INTO room_options VALUES ('ID1', 'quiet', 'yes'), ('ID1', 'timeout', '60')",
		"PRAGMA application_id = 0x436f6e63", "PRAGMA user_version = 1")

	db := open(t, file)
	rooms, err := db.Rooms(t.Context())
	if err != nil || len(rooms) != 2 {
		t.Fatalf("rooms are %+v, %v", rooms, err)
	}
	weekly := rooms[1]
	if weekly.ID != "ID1" || weekly.Extension != "1000" || weekly.Name != "Weekly" || weekly.PIN != "4711" || weekly.ModeratorPIN != "" ||
		len(weekly.Options) != 2 || weekly.Options["timeout"] != "60" || weekly.Created.UnixMilli() != 1700000000000 || weekly.Changed.UnixMilli() != 1700000001000 {
		t.Errorf("room 1000 has become %+v", weekly)
	}
	if rooms[0].PIN != "" || rooms[0].ModeratorPIN != "" {
		t.Errorf("room 0100 has become %+v", rooms[0])
	}
	if err := db.SetRoom(t.Context(), "1000", func(r *store.Room) error { r.ModeratorPIN = "99"; return nil }); err != nil {
		t.Fatal(err)
	}
	if r, err := db.Room(t.Context(), "1000"); err != nil || r.ModeratorPIN != "99" || r.PIN != "4711" {
		t.Errorf("room 1000 is %+v, %v", r, err)
	}
	if err := db.SetMenu(t.Context(), "m", map[string]string{"1": "toggle_mute"}); err != nil {
		t.Error(err)
	}
}
