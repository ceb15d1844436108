package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"conclave/store"
)

// begin is when the first of the calls of the tests began.
var begin = time.Date(2030, 1, 2, 3, 4, 5, 678e6, time.UTC)

// addCalls stores n calls, one a minute, to the rooms in turn.
func addCalls(t *testing.T, db *store.DB, n int, rooms ...string) {
	t.Helper()
	var calls []store.Call
	for i := range n {
		started := begin.Add(time.Duration(i) * time.Minute)
		calls = append(calls, store.Call{ID: fmt.Sprint("call", i), Direction: store.CallIn, Room: rooms[i%len(rooms)],
			Started: started, Ended: started.Add(time.Second), Result: "HANGUP"})
	}
	if err := db.AddCalls(t.Context(), calls); err != nil {
		t.Fatal(err)
	}
}

// ids lists what a query finds.
func ids(t *testing.T, db *store.DB, q store.CallQuery) string {
	t.Helper()
	var found []string
	for call, err := range db.Calls(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, strings.TrimPrefix(call.ID, "call"))
	}
	return strings.Join(found, " ")
}

func TestCallsSurviveReopening(t *testing.T) {
	loss, rating := 0.0, -7.5
	want := []store.Call{
		{ID: "refused", Direction: store.CallIn, Dialled: "999\x1b", Number: "x'; DROP TABLE calls --", Name: "\xff\x00", Address: "::1",
			Started: begin, Ended: begin.Add(time.Millisecond), Result: "REFUSED", Reason: "404"},
		{ID: "whole", Direction: store.CallOut, Dialled: "+49301", Room: "0100", RoomName: "Weekly", Number: "+49301", Name: "Анна",
			Address: "192.0.2.7", Phone: "200", Trunk: "carrier", Role: "moderator", Started: begin.Add(time.Second),
			Answered: begin.Add(2 * time.Second), Entered: begin.Add(3 * time.Second), Ended: begin.Add(4 * time.Second), Result: "KICKED",
			Reason: "removed", CallAudio: store.CallAudio{Codec: "PCMA", Encryption: "AEAD_AES_128_GCM", Received: 1 << 40, Lost: 2, Late: 3, Sent: 4, Jitter: 1.25, Delay: 20.5,
				RoundTrip: 7.5, FarLoss: &loss, MOS: 4.4, Scale: "wide", Rating: &rating}},
	}
	file := filepath.Join(t.TempDir(), "conclave.db")
	db := open(t, file)
	if err := db.AddCalls(t.Context(), []store.Call{want[1], want[0]}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var got []store.Call
	for call, err := range open(t, file).Calls(t.Context(), store.CallQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, call)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("calls are\n%+v, want\n%+v", got, want)
	}
}

func TestCallsAreFoundByRoomAndTime(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	addCalls(t, db, 6, "1000", "0100", "")
	minute := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Minute) }
	for _, tt := range []struct {
		query store.CallQuery
		want  string
		count int
	}{
		{store.CallQuery{}, "0 1 2 3 4 5", 6},
		{store.CallQuery{Room: "0100"}, "1 4", 2},
		{store.CallQuery{Room: "100"}, "", 0},
		{store.CallQuery{Since: minute(2)}, "2 3 4 5", 4},
		{store.CallQuery{Since: minute(2).Add(time.Millisecond)}, "3 4 5", 3},
		{store.CallQuery{Until: minute(2)}, "0 1", 2},
		{store.CallQuery{Since: minute(1), Until: minute(5)}, "1 2 3 4", 4},
		{store.CallQuery{Limit: 2}, "4 5", 6},
		{store.CallQuery{Room: "1000", Since: minute(0), Until: minute(6), Limit: 1}, "3", 2},
		{store.CallQuery{Limit: 10}, "0 1 2 3 4 5", 6},
	} {
		if got := ids(t, db, tt.query); got != tt.want {
			t.Errorf("%+v finds %s, want %s", tt.query, got, tt.want)
		}
		if n, err := db.CountCalls(t.Context(), tt.query); err != nil || n != tt.count {
			t.Errorf("%+v counts %d, %v; want %d", tt.query, n, err, tt.count)
		}
	}
	for range db.Calls(t.Context(), store.CallQuery{}) {
		break // and nothing is left open
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestCallsAreStoredAllOrNone(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	good := store.Call{ID: "good", Direction: store.CallIn, Started: begin, Ended: begin, Result: "HANGUP"}
	for name, change := range map[string]func(*store.Call){
		"no result":    func(c *store.Call) { c.Result = "" },
		"no direction": func(c *store.Call) { c.Direction = "" },
	} {
		bad := good
		bad.ID = "bad"
		change(&bad)
		if err := db.AddCalls(t.Context(), []store.Call{good, bad}); err == nil || !strings.Contains(err.Error(), "call bad") {
			t.Errorf("%s: error %v, want one that names the call", name, err)
		}
	}
	if found := ids(t, db, store.CallQuery{}); found != "" {
		t.Errorf("%s is stored", found)
	}
}

func TestOldCallsAreRemovedOldestFirst(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	addCalls(t, db, 10, "1000")
	cut := begin.Add(7 * time.Minute)
	for _, want := range []struct {
		n    int
		left string
	}{{5, "5 6 7 8 9"}, {2, "7 8 9"}, {0, "7 8 9"}} {
		n, err := db.RemoveCalls(t.Context(), cut, 5)
		if err != nil || n != want.n {
			t.Errorf("%d removed, %v; want %d", n, err, want.n)
		}
		if left := ids(t, db, store.CallQuery{}); left != want.left {
			t.Errorf("%s are left, want %s", left, want.left)
		}
	}
	for n, want := range map[int]time.Time{1: begin.Add(9 * time.Minute), 3: cut, 4: {}} {
		if since, err := db.LatestCalls(t.Context(), n); err != nil || !since.Equal(want) {
			t.Errorf("the latest %d began since %v, %v; want %v", n, since, err, want)
		}
	}
}

// What is asked of a large history is read by an index, not from one end to the other.
func TestCallsHaveTheirIndexes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conclave.db")
	open(t, file)
	for query, index := range map[string]string{
		"SELECT * FROM calls WHERE started >= 1 AND started < 2 ORDER BY started DESC, id DESC LIMIT 3":         "calls_by_start",
		"SELECT * FROM calls WHERE TRUE AND room = '1' AND started >= 1 ORDER BY started DESC, id DESC LIMIT 3": "calls_by_room",
		"DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE started < 1 ORDER BY started LIMIT 5)":       "calls_by_start",
		"SELECT started FROM calls ORDER BY started DESC LIMIT 1 OFFSET 5":                                      "calls_by_start",
	} {
		if plan := explain(t, file, query); !strings.Contains(plan, index) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s is done by %s", query, plan)
		}
	}
}

func TestCallsOfAClosedDatabaseAreAnError(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	var reading error
	for _, err := range db.Calls(ctx, store.CallQuery{}) {
		reading = err
	}
	_, counting := db.CountCalls(ctx, store.CallQuery{})
	_, removing := db.RemoveCalls(ctx, begin, 1)
	_, latest := db.LatestCalls(ctx, 1)
	for what, err := range map[string]error{"add calls": db.AddCalls(ctx, nil), "read calls": reading, "count calls": counting,
		"remove calls": removing, "latest 1 calls": latest} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: error %v", what, err)
		}
	}
}
