package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"conclave/store"
)

// told are the lines of a database in words: command, result and reason.
func told(t *testing.T, db *store.DB, q store.AuditQuery) []string {
	t.Helper()
	var lines []string
	for l, err := range db.Audit(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s: %s %s", l.Command, l.Result, l.Reason)))
	}
	return lines
}

func order(command string) *store.Order {
	return store.NewOrder(store.AuditLine{UID: 1000, User: "anna", Door: store.DoorCommand, Command: command, Kind: "room", Subject: "1000"})
}

func TestOrderIsWrittenWithTheChangeOrNotAtAll(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	add := order("room add")
	if err := db.For(add).AddRoom(t.Context(), store.Room{Extension: "1000", Name: "n"}); err != nil || !add.Done() {
		t.Fatalf("%v, done %v", err, add.Done())
	}
	refused := order("room add again")
	if err := db.For(refused).AddRoom(t.Context(), store.Room{Extension: "1000", Name: "n"}); !errors.Is(err, store.ErrTaken) || refused.Written() {
		t.Errorf("%v, written %v", err, refused.Written())
	}
	if err := db.SetRoom(t.Context(), "1000", func(*store.Room) error { return nil }); err != nil { // on nobody's order
		t.Fatal(err)
	}
	if got, want := told(t, db, store.AuditQuery{}), []string{"room add: done"}; !slices.Equal(got, want) {
		t.Errorf("lines are %q, want %q", got, want)
	}
}

// A database that cannot take the line does not take the change, whichever change it is.
func TestChangeWithoutItsLineIsRefused(t *testing.T) {
	ctx := context.Background()
	digests := store.Phone{Extension: "200", Name: "n", MD5: strings.Repeat("0", 32), SHA256: strings.Repeat("0", 64)}
	changes := map[string]func(*store.DB) error{
		"room add": func(db *store.DB) error { return db.AddRoom(ctx, store.Room{Extension: "1001", Name: "n"}) },
		"room set": func(db *store.DB) error {
			return db.SetRoom(ctx, "1000", func(r *store.Room) error { r.PIN = "4711"; return nil })
		},
		"room rm":   func(db *store.DB) error { return db.RemoveRoom(ctx, "1000") },
		"phone add": func(db *store.DB) error { return db.AddPhone(ctx, digests) },
		"trunk add": func(db *store.DB) error {
			return db.AddTrunk(ctx, store.Trunk{Name: "t", Peer: "192.0.2.1", Transport: "udp"})
		},
		"menu set": func(db *store.DB) error { return db.SetMenu(ctx, "m", map[string]string{"1": "no_op"}) },
		"music add": func(db *store.DB) error {
			return db.AddTracks(ctx, "p", []store.Track{{File: "a.wav", Title: "a", Samples: 1}})
		},
		"bans clear":  func(db *store.DB) error { return db.ClearPINFailures(ctx, "") },
		"key rotate":  func(db *store.DB) error { _, _, err := db.RotateKey(ctx); return err },
		"bare line":   func(db *store.DB) error { return db.BeginOrder(ctx, order("room show --show-pin")) },
		"bare result": func(db *store.DB) error { return db.EndOrder(ctx, order("voice add"), store.AuditDone, "") },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "conclave.db")
			db := open(t, file)
			if err := db.AddRoom(ctx, store.Room{Extension: "1000", Name: "n", PIN: "1234"}); err != nil {
				t.Fatal(err)
			}
			before := dump(t, file)
			execute(t, file, "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no space is left'); END")
			o := order(name)
			if err := change(db.For(o)); err == nil || !strings.Contains(err.Error(), "no space is left") || o.Written() {
				t.Errorf("%v, written %v", err, o.Written())
			}
			execute(t, file, "DROP TRIGGER full")
			if after := dump(t, file); after != before {
				t.Errorf("before\n%s\nafter\n%s", before, after)
			}
		})
	}
}

// dump is what is configured, as text.
func dump(t *testing.T, file string) string {
	t.Helper()
	db, err := sql.Open("sqlite3", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var text strings.Builder
	for _, table := range []string{"rooms", "room_options", "phones", "trunks", "menus", "playlists", "tracks", "pin_failures", "audit", "audit_ends"} {
		var n int
		var all sql.NullString
		if err := db.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
			if strings.Contains(err.Error(), "no such table") {
				continue
			}
			t.Fatal(err)
		}
		if table == "rooms" {
			if err := db.QueryRow("SELECT group_concat(extension || name || hex(sealed_pin)) FROM rooms").Scan(&all); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Fprintln(&text, table, n, all.String)
	}
	return text.String()
}

// execute runs a statement as somebody else than the program.
func execute(t *testing.T, file, statement string) {
	t.Helper()
	if err := executed(t, file, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func executed(t *testing.T, file, statement string) error {
	t.Helper()
	db, err := sql.Open("sqlite3", file+"?_foreign_keys=on")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Exec(statement)
	return err
}

func TestAuditIsNeitherChangedNorDeletedBeforeItsTime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conclave.db")
	db := open(t, file)
	o := order("voice rm anna")
	if err := errors.Join(db.BeginOrder(t.Context(), o), db.EndOrder(t.Context(), o, store.AuditDone, "")); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"UPDATE audit SET user = 'bert'",
		"UPDATE audit_ends SET result = 'refused'",
		"DELETE FROM audit",
		"DELETE FROM audit_ends",
	} {
		if err := executed(t, file, statement); err == nil || !strings.Contains(err.Error(), "audit is") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if n, err := db.RemoveAudit(t.Context(), o.Line().At, 100); n != 0 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	if got := told(t, db, store.AuditQuery{}); len(got) != 1 {
		t.Fatalf("lines are %q", got)
	}
	if n, err := db.RemoveAudit(t.Context(), o.Line().At.Add(time.Millisecond), 100); n != 1 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	if got := told(t, db, store.AuditQuery{}); len(got) != 0 {
		t.Errorf("lines are %q", got)
	}
}

func TestLatestEndOfAnOrderCounts(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	begun, refused, failed := order("backup"), order("room rm"), order("room import")
	err := errors.Join(
		db.BeginOrder(t.Context(), begun),
		db.EndOrder(t.Context(), refused, store.AuditRefused, "no such room"),
		db.For(failed).SetMenu(t.Context(), "m", map[string]string{"1": "no_op"}),
		db.For(failed).SetMenu(t.Context(), "n", map[string]string{"1": "no_op"}),
		db.EndOrder(t.Context(), failed, store.AuditFailed, "the disk is full"),
	)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"backup:", "room rm: refused no such room", "room import: failed the disk is full"}
	if got := told(t, db, store.AuditQuery{}); !slices.Equal(got, want) {
		t.Errorf("lines are %q, want %q", got, want)
	}
}

func TestAuditIsAskedForByRoomUserAndTime(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	for _, l := range []store.AuditLine{
		{Command: "a", User: "anna", UID: 1000, Kind: "room", Subject: "1000"},
		{Command: "b", User: "root", SudoUser: "anna", Kind: "room", Subject: "1001"},
		{Command: "c", User: "root", Kind: "phone", Subject: "1000"},
	} {
		l.Door = store.DoorSocket
		if err := db.EndOrder(t.Context(), store.NewOrder(l), store.AuditDone, ""); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now().Add(time.Second)
	for _, tt := range []struct {
		query store.AuditQuery
		want  string
		count int
	}{
		{store.AuditQuery{}, "abc", 3},
		{store.AuditQuery{Room: "1000"}, "a", 1},
		{store.AuditQuery{User: "anna"}, "ab", 2},
		{store.AuditQuery{User: "0"}, "bc", 2},
		{store.AuditQuery{User: "root", Room: "1001"}, "b", 1},
		{store.AuditQuery{Since: now}, "", 0},
		{store.AuditQuery{Until: now}, "abc", 3},
		{store.AuditQuery{Limit: 2}, "bc", 3},
	} {
		got := ""
		for l, err := range db.Audit(t.Context(), tt.query) {
			if err != nil {
				t.Fatal(err)
			}
			got += l.Command
		}
		if n, err := db.CountAudit(t.Context(), tt.query); got != tt.want || n != tt.count || err != nil {
			t.Errorf("%+v: lines %s, %d in all, %v; want %s, %d", tt.query, got, n, err, tt.want, tt.count)
		}
	}
}

// What was ordered since a backup was made outlives its restoration, and is there once.
func TestAuditOfAnotherDatabaseIsTaken(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "conclave.db")
	db := open(t, file)
	before, after := order("before"), order("after")
	if err := errors.Join(db.BeginOrder(t.Context(), before), db.Snapshot(t.Context(), filepath.Join(dir, "copy.db")),
		db.EndOrder(t.Context(), before, store.AuditDone, ""), db.EndOrder(t.Context(), after, store.AuditRefused, "why")); err != nil {
		t.Fatal(err)
	}
	restored := open(t, filepath.Join(dir, "copy.db"))
	for i, n := range []int{1, 0} {
		if added, err := restored.TakeAudit(t.Context(), file); added != n || err != nil {
			t.Errorf("%d: added %d, %v", i, added, err)
		}
	}
	if got, want := told(t, restored, store.AuditQuery{}), []string{"before: done", "after: refused why"}; !slices.Equal(got, want) {
		t.Errorf("lines are %q, want %q", got, want)
	}
	// A process that was killed leaves its journal, and nothing that tells where in it is what.
	killed := filepath.Join(t.TempDir(), "conclave.db")
	for _, journal := range []string{"", "-wal"} {
		content, err := os.ReadFile(file + journal)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(killed+journal, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := open(t, filepath.Join(t.TempDir(), "conclave.db")).TakeAudit(t.Context(), killed); n != 2 || err != nil {
		t.Errorf("of a killed process: %d lines, %v", n, err)
	}
	execute(t, filepath.Join(dir, "old.db"), "CREATE TABLE something (a)")
	for _, file := range []string{"old.db", "missing.db"} {
		if n, err := restored.TakeAudit(t.Context(), filepath.Join(dir, file)); n != 0 || err != nil {
			t.Errorf("%s: %d, %v", file, n, err)
		}
	}
}
