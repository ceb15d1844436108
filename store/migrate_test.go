package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// Phones that rang for as long as all others have no time of their own any more; those that were given another keep it.
func TestMigrationOfRingTimes(t *testing.T) {
	scripts, err := filepath.Glob("migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	var before []string
	for _, name := range scripts {
		if strings.HasSuffix(name, "_ring_time.sql") {
			break
		}
		script, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		before = append(before, string(script))
	}
	file := filepath.Join(t.TempDir(), "conclave.db")
	const phone = "INSERT INTO phones (extension, name, digest_md5, digest_sha256, no_answer, created, changed) VALUES ('%s', 'n', '%s', '%s', %d, 1, 2)"
	raw(t, file, append(before, fmt.Sprintf(phone, "200", md5Digest, sha256Digest, 30), fmt.Sprintf(phone, "201", md5Digest, sha256Digest, 12),
		"INSERT INTO bindings VALUES ('200', 'a', 'sip:200@192.0.2.7', '', 'c', 1, 'Desk', 4102444800000, 'UDP', '127.0.0.1:5060', '192.0.2.7:5060')",
		"PRAGMA application_id = 0x436f6e63", fmt.Sprintf("PRAGMA user_version = %d", len(before)))...)
	db := open(t, file)
	phones, err := db.Phones(t.Context())
	if err != nil || len(phones) != 2 || phones[0].RingTime != 0 || phones[1].RingTime != 12*time.Second {
		t.Errorf("phones are %+v, %v", phones, err)
	}
	if bindings, err := db.Bindings(t.Context()); err != nil || len(bindings) != 1 || bindings[0].Domain != "" {
		t.Errorf("bindings are %+v, %v", bindings, err)
	}
}
