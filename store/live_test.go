package store_test

import (
	"path/filepath"
	"reflect"
	"testing"

	"conclave/store"
)

func TestWhatGoesOnSurvivesReopening(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conclave.db")
	db := open(t, file)
	live := func(kind, id, state string) store.Live { return store.Live{Kind: kind, ID: id, State: []byte(state)} }
	err := db.SaveLive(t.Context(), []store.Live{live("call", "b", "1"), live("call", "a", "2"), live("name", "a", "\x00\xff")})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.SaveLive(t.Context(), []store.Live{live("call", "a", "3"), {Kind: "call", ID: "b"}, {Kind: "call", ID: "never"}}); err != nil {
		t.Fatal(err)
	}
	for tries := range 3 {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = open(t, file)
		want := []store.Live{live("call", "a", "3"), live("name", "a", "\x00\xff")}
		for i := range want {
			want[i].Tries = tries
		}
		if got, err := db.Live(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("after %d tries: %+v, %v; want %+v", tries, got, err, want)
		}
		if err := db.TryLive(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// Who writes it anew says how often it was tried.
	if err := db.SaveLive(t.Context(), []store.Live{live("call", "a", "4")}); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Live(t.Context()); err != nil || got[0].Tries != 0 {
		t.Errorf("written anew: %+v, %v", got, err)
	}
}

func TestCopyHasNothingThatGoesOn(t *testing.T) {
	dir := t.TempDir()
	db := open(t, filepath.Join(dir, "conclave.db"))
	if err := db.SaveLive(t.Context(), []store.Live{{Kind: "call", ID: "a", State: []byte("1")}}); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "copy.db")
	if err := db.Snapshot(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, copied).Live(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("in the copy: %+v, %v", got, err)
	}
	if got, err := db.Live(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("in the database itself: %+v, %v", got, err)
	}
}
