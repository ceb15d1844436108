package main

import (
	"encoding/json"
	"strings"
	"testing"

	"conclave/rooms"
	"conclave/store"
	"time"
)

// Failures at PINs are listed and forgotten whether or not a server runs, and the server knows of it at once.
func TestBansAreListedAndCleared(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	conclave(t, nil, "--data", data, "room", "add", "1000", "--name", "n").done(t)
	fail := func(who string, times int) {
		db, err := dataDir(data).open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var failures []store.PINFailure
		for range times {
			failures = append(failures, store.PINFailure{Who: who, At: time.Now().Add(-time.Second)})
		}
		if err := db.AddPINFailures(t.Context(), failures, time.Now().Add(-24*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	bans := func(flags ...string) string {
		return conclave(t, nil, append([]string{"--data", data, "bans"}, flags...)...).done(t)
	}
	fail("192.0.2.7", 10)
	fail("192.0.2.8", 9)
	fail("room 1000", 30)
	fail("phone 200", 10)
	if out := bans("list"); !strings.Contains(out, "192.0.2.7") || strings.Contains(out, "192.0.2.8") || !strings.Contains(out, "room 1000") {
		t.Errorf("without a server:\n%s", out)
	}
	if out := bans("clear", "phone", "200"); out != "1 cleared\n" {
		t.Errorf("clear: %q", out)
	}
	conclave(t, nil, "--data", data, "bans", "clear", "192.0.2.9").refused(t, "192.0.2.9", "bans list")

	s := startServerOn(t, data, freeAddress(t, "127.0.0.1"))
	var list []rooms.Ban
	if err := json.Unmarshal([]byte(s.run("bans", "list", "--json")), &list); err != nil || len(list) != 2 || list[0].Who != "192.0.2.7" {
		t.Errorf("with a server: %+v, %v", list, err)
	}
	if out := s.run("bans", "clear", "room", "1000"); out != "1 cleared\n" {
		t.Errorf("clear: %q", out)
	}
	if out := s.run("bans", "clear"); out != "2 cleared\n" { // 192.0.2.8 has failed, too
		t.Errorf("clear all: %q", out)
	}
	if out := s.run("bans", "list"); out != "nobody has failed too often\n" {
		t.Errorf("list: %q", out)
	}
	s.stop()
	if out := bans("list"); out != "nobody has failed too often\n" {
		t.Errorf("after the server: %q", out)
	}
}
