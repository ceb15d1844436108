package rooms

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"conclave/store"
)

// from is a caller at an address.
func from(address string) Caller {
	return Caller{Address: netip.AddrPortFrom(netip.MustParseAddr(address), 5060), Guest: true}
}

func briefVoice() *Voice { return silentVoice(map[string]int{promptGetPIN: 3, promptInvalidPIN: 2}) }

// keyIn is a call in virtual time in which one PIN after another is keyed in. It returns what the caller went through, and
// how often he was asked.
func keyIn(ctx context.Context, voice *Voice, door *pinDoor, room pins, next func() string) (story string, entries int, err error) {
	log := slog.New(slog.DiscardHandler)
	l := newLine(voice, newKeypad(log))
	s := &speaker{line: l, begun: time.Now()}
	l.seat = s
	ctx, end := context.WithCancel(ctx)
	defer end()
	var caller sync.WaitGroup
	caller.Go(func() {
		for {
			digits := next()
			for _, key := range []byte(digits) {
				select {
				case <-ctx.Done():
					return
				case <-time.After(100 * time.Millisecond):
					l.keypad.rtp(key)
				}
			}
			entries++
			// The next one after the refusal, however long that takes to come.
			select {
			case <-ctx.Done():
				return
			case <-time.After(failureDelay + 4*time.Second):
			}
		}
	})
	_, err = l.askPIN(ctx, room, door, log)
	end()
	caller.Wait()
	l.hush()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.report.String(), entries, err
}

// 200 callers make 10 000 guesses at the PIN of a room within an hour. Each has ten that count and is told of no other
// whether it was right, and the owner of the room gets in meanwhile.
func TestTenThousandGuessesFindNoPIN(t *testing.T) {
	const callers, guesses = 200, 10_000
	room := Room{Extension: "1000", PIN: "471142"}
	voice := briefVoice()
	synctest.Test(t, func(t *testing.T) {
		guard, err := NewPINGuard(t.Context(), nil, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var attack sync.WaitGroup
		var mu sync.Mutex
		made, calls := 0, 0
		for i := range callers {
			who := from(fmt.Sprintf("198.51.100.%d", i))
			attack.Go(func() {
				for own := 0; own < guesses/callers; {
					_, entries, err := keyIn(t.Context(), voice, guard.door(who, room), room.pins(), func() string {
						if own++; own <= callerFailures {
							return fmt.Sprintf("%06d", i*1000+own)
						}
						return room.PIN // if only that counted
					})
					mu.Lock()
					made += entries
					calls++
					mu.Unlock()
					if !errors.Is(err, errNoPIN) {
						t.Errorf("caller %d got in with guess %d: %v", i, own, err)
						return
					}
				}
			})
		}
		time.Sleep(5 * time.Minute)
		owner := time.Now()
		story, _, err := keyIn(t.Context(), voice, guard.door(from("192.0.2.7"), room), room.pins(), func() string { return room.PIN })
		if err != nil {
			t.Errorf("the owner does not get in: %v\n%s", err, story)
		}
		if took := time.Since(owner); took < failureDelay || took > failureDelay+5*time.Second {
			t.Errorf("the owner was let in after %v; the delay of %v and a few keys are right", took, failureDelay)
		}
		attack.Wait()
		if took := time.Since(began); took > failureHour || made < guesses {
			t.Errorf("%d guesses in %v: an hour and %d are what is to be tried", made, took, guesses)
		}
		counted := 0
		for who, times := range guard.failed {
			if who != "room 1000" {
				counted += len(times)
			}
		}
		if counted != callers*callerFailures {
			t.Errorf("%d of %d guesses counted, want %d", counted, made, callers*callerFailures)
		}
		t.Logf("%d guesses in %d calls from %d callers in %v: %d were looked at", made, calls, callers, time.Since(began), counted)
		if bans := guard.Bans(); len(bans) != callers+1 || bans[callers].Who != "room 1000" {
			t.Errorf("%d bans, want one for each caller and the room's", len(bans))
		}
		time.Sleep(failureHour)
		if _, _, err := keyIn(t.Context(), voice, guard.door(from("198.51.100.1"), room), room.pins(), func() string { return room.PIN }); err != nil {
			t.Errorf("after an hour a caller does not get in: %v", err)
		}
	})
}

func TestPINTermsFollowTheFailures(t *testing.T) {
	trunk := func(number string) Caller {
		return Caller{Trunk: "pbx", Number: number, Address: from("192.0.2.1").Address}
	}
	usual, slow, none := pinTerms{tries: 3}, pinTerms{tries: 1, delay: failureDelay}, pinTerms{tries: 1, delay: failureDelay, barred: true}
	type failures struct {
		who   Caller
		room  string
		times int
		apart time.Duration
	}
	many := func(n int, apart time.Duration) (all []failures) {
		for i := range n {
			all = append(all, failures{from(fmt.Sprintf("198.51.100.%d", i)), "1000", 1, apart})
		}
		return all
	}
	for _, tt := range []struct {
		name   string
		failed []failures
		later  time.Duration
		who    Caller
		want   pinTerms
	}{
		{"nobody has failed", nil, 0, from("192.0.2.1"), usual},
		{"nine failures", []failures{{from("192.0.2.1"), "1000", 9, 0}}, 0, from("192.0.2.1"), usual},
		{"ten, at any rooms", []failures{{from("192.0.2.1"), "1000", 5, 0}, {from("192.0.2.1"), "1001", 5, 0}}, 0, from("192.0.2.1"), none},
		{"ten, and an hour", []failures{{from("192.0.2.1"), "1000", 10, 0}}, failureHour + 1, from("192.0.2.1"), usual},
		{"ten of another address", []failures{{from("192.0.2.1"), "1000", 10, 0}}, 0, from("192.0.2.2"), usual},
		{"ten of the same IPv6 /64", []failures{{from("2001:db8::1"), "1000", 10, 0}}, 0, from("2001:db8::2"), none},
		{"ten of a number on a trunk", []failures{{trunk("301"), "1000", 10, 0}}, 0, trunk("301"), none},
		{"ten of another number on it", []failures{{trunk("301"), "1000", 10, 0}}, 0, trunk("302"), usual},
		{"ten without number on it", []failures{{trunk(""), "1000", 10, 0}}, 0, trunk(""), slow},
		{"30 at the room", many(30, 0), 0, from("192.0.2.1"), slow},
		{"30 at the room, and an hour", many(30, 0), failureHour + 1, from("192.0.2.1"), usual},
		{"99 at the room in a day", many(99, 3*time.Minute), failureHour, from("192.0.2.1"), usual},
		{"100 at the room in a day", many(100, 3*time.Minute), failureHour, from("192.0.2.1"), slow},
		{"100 at the room, and a day", many(100, 3*time.Minute), failureDay, from("192.0.2.1"), usual},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				guard, err := NewPINGuard(t.Context(), nil, nil, nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range tt.failed {
					for range f.times {
						guard.door(f.who, Room{Extension: f.room}).judge(pinWrong)
					}
					time.Sleep(f.apart)
				}
				time.Sleep(tt.later)
				if got := guard.door(tt.who, Room{Extension: "1000"}).terms(); got != tt.want {
					t.Errorf("%+v, want %+v", got, tt.want)
				}
			})
		})
	}
}

// Who dials a number that there is not goes through what one goes through who does not know the PIN of a room.
func TestUnknownRoomSoundsLikeAWrongPIN(t *testing.T) {
	voice := briefVoice()
	real := Room{ID: "a", Extension: "1000", PIN: "4711"}
	house := &House{rooms: map[string]Room{"1000": real}, seed: maphash.MakeSeed()}
	decoy, ok := house.Decoy("1001")
	if !ok {
		t.Fatal("no decoy for 1001")
	}
	for _, number := range []string{"1000", "100", "10010", "anna", ""} {
		if _, ok := house.Decoy(number); ok {
			t.Errorf("%q has a decoy: it is a room's, or no room's could be like it", number)
		}
	}
	for _, failed := range []int{0, roomFailures} {
		var stories []string
		for _, room := range []Room{real, decoy} {
			synctest.Test(t, func(t *testing.T) {
				guard, err := NewPINGuard(t.Context(), nil, nil, nil)
				if err != nil {
					t.Fatal(err)
				}
				for i := range failed {
					guard.door(from(fmt.Sprintf("198.51.100.%d", i)), room).judge(pinWrong)
				}
				story, _, err := keyIn(t.Context(), voice, guard.door(from("192.0.2.1"), room), room.pins(), func() string { return "9999" })
				if !errors.Is(err, errNoPIN) {
					t.Errorf("it ended with %v", err)
				}
				stories = append(stories, story)
			})
		}
		if stories[0] != stories[1] || !strings.Contains(stories[0], promptInvalidPIN) {
			t.Errorf("after %d failures a wrong PIN is\n%sand an unknown room\n%s", failed, stories[0], stories[1])
		}
	}
}

func TestPINFailuresOutliveTheProcess(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "conclave.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	begin := func() *PINGuard {
		guard, err := NewPINGuard(t.Context(), db, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return guard
	}
	who, room := from("192.0.2.1"), Room{Extension: "1000"}
	guard := begin()
	for range callerFailures {
		guard.door(who, room).judge(pinWrong)
	}
	guard.Close()
	guard = begin()
	if !guard.door(who, room).terms().barred {
		t.Error("after a restart the caller has tries again")
	}
	if bans := guard.Bans(); len(bans) != 1 || bans[0].Who != "192.0.2.1" || bans[0].Failures != callerFailures {
		t.Errorf("bans are %+v", bans)
	}
	if n, err := guard.Clear(t.Context(), "192.0.2.1"); n != 1 || err != nil {
		t.Errorf("%d cleared, %v", n, err)
	}
	if guard.door(who, room).terms().barred {
		t.Error("a ban that was cleared holds")
	}
	guard.Close()
	guard = begin()
	defer guard.Close()
	if guard.door(who, room).terms().barred || guard.since("room 1000", time.Now().Add(-failureHour)) != callerFailures {
		t.Error("after a restart that ban is there again, or the room's failures are gone")
	}
}
