package rooms

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// come is an event that a test can tell from others.
func come(room string, member int) Event { return Event{Room: room, Kind: EventJoin, Member: member} }

// told is what has come of a channel's events so far, in short.
func told(events <-chan Event) []string {
	var list []string
	for {
		synctest.Wait()
		select {
		case e, open := <-events:
			if !open {
				return append(list, "end")
			}
			if e.Kind == EventLost {
				list = append(list, fmt.Sprintf("lost %d of %q", e.Lost, e.Room))
			} else {
				list = append(list, fmt.Sprintf("%s %s %d", e.Room, e.Kind, e.Member))
			}
		default:
			return list
		}
	}
}

func TestEveryListenerIsToldOfTheRoomsItAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &House{}
		h.emit(come("1000", 1)) // nobody listens yet
		all, board, empty := h.Events(t.Context(), ""), h.Events(t.Context(), "1000"), h.Events(t.Context(), "100")
		h.emit(come("1000", 2))
		h.emit(come("2000", 1))
		h.emit(Event{Room: "1000", Kind: EventLeave, Member: 2})
		for _, tt := range []struct {
			events <-chan Event
			want   []string
		}{
			{all, []string{"1000 join 2", "2000 join 1", "1000 leave 2"}},
			{board, []string{"1000 join 2", "1000 leave 2"}},
			{empty, nil},
		} {
			if got := told(tt.events); !slices.Equal(got, tt.want) {
				t.Errorf("told %v, want %v", got, tt.want)
			}
		}
	})
}

func TestEventsHaveTheTimeAtWhichTheyHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &House{}
		events := h.Events(t.Context(), "")
		now, own := time.Now(), time.Now().Add(-time.Minute)
		h.emit(come("1000", 1))
		h.emit(Event{Time: own, Room: "1000", Kind: EventLock})
		time.Sleep(time.Hour) // the listener was away
		if e := <-events; !e.Time.Equal(now) {
			t.Errorf("time is %v, want %v", e.Time, now)
		}
		if e := <-events; !e.Time.Equal(own) {
			t.Errorf("time is %v, want %v", e.Time, own)
		}
	})
}

func TestListenerWhoDoesNotKeepUpIsToldHowManyAreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &House{}
		slow, quick := h.Events(t.Context(), ""), h.Events(t.Context(), "1000")
		var want, saw []string
		emit := func(member int) {
			h.emit(come("1000", member))
			saw = append(saw, told(quick)...)
		}
		for member := range 1 + waitingEvents + 7 {
			emit(member)
			if member <= waitingEvents { // the first one is on its way to him, and does not wait
				want = append(want, fmt.Sprintf("1000 join %d", member))
			}
		}
		want = append(want, `lost 7 of ""`)
		if got := told(slow); !slices.Equal(got, want) {
			t.Errorf("the slow one is told %d events %v …, want %d", len(got), got[max(0, len(got)-3):], len(want))
		}
		emit(4711)
		if got, want := told(slow), []string{"1000 join 4711"}; !slices.Equal(got, want) {
			t.Errorf("once he keeps up again he is told %v, want %v", got, want)
		}
		if len(saw) != 1+waitingEvents+7+1 || saw[len(saw)-1] != "1000 join 4711" {
			t.Errorf("another listener is told %d events, the last %q", len(saw), saw[len(saw)-1])
		}
	})
}

func TestListenerWhoNeverTakesAnEventHindersNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &House{}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		events := h.Events(ctx, "")
		var work sync.WaitGroup
		for range 8 {
			work.Go(func() {
				for member := range 10_000 {
					h.emit(come("1000", member))
				}
			})
		}
		work.Wait() // the bubble would be deadlocked if emit waited
		total := 0
		for e := range events {
			if e.Kind == EventLost {
				total += e.Lost
			} else {
				total++
			}
			if total == 80_000 {
				cancel()
			}
		}
		if total != 80_000 {
			t.Errorf("%d events were told or counted as lost, want 80000", total)
		}
	})
}

// A bubble of synctest does not end while a goroutine in it is left.
func TestListeningEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &House{}
		idle, stopIdle := context.WithCancel(t.Context())
		busy, stopBusy := context.WithCancel(t.Context())
		heard, ignored := h.Events(idle, ""), h.Events(busy, "")
		stopIdle()
		if got := told(heard); !slices.Equal(got, []string{"end"}) {
			t.Errorf("told %v", got)
		}
		h.emit(come("1000", 1))
		h.emit(come("1000", 2))
		synctest.Wait() // an event is held out to one who does not take it
		stopBusy()
		synctest.Wait()
		if _, open := <-ignored; open {
			t.Error("an event is told after the end")
		}
		if n := len(h.events.listeners); n != 0 {
			t.Errorf("%d listeners are left", n)
		}
		h.emit(come("1000", 3))
	})
}

func TestEventsAreWrittenAsJSONWithoutWhatDoesNotApply(t *testing.T) {
	at := time.Date(2030, 1, 2, 10, 20, 30, 0, time.UTC)
	for want, e := range map[string]Event{
		`{"time":"2030-01-02T10:20:30Z","room":"1000","event":"join","member":3,"call":"c1","caller":"100","name":"Anna","role":"moderator"}`: {
			Time: at, Room: "1000", Kind: EventJoin, Member: 3, Call: "c1", Caller: "100", Name: "Anna", Role: "moderator"},
		`{"time":"2030-01-02T10:20:30Z","room":"1000","event":"leave","member":3,"result":"KICKED"}`: {
			Time: at, Room: "1000", Kind: EventLeave, Member: 3, Result: ResultKicked},
		`{"time":"2030-01-02T10:20:30Z","room":"","event":"lost","lost":12}`: {Time: at, Kind: EventLost, Lost: 12},
	} {
		if got, err := json.Marshal(e); err != nil || string(got) != want {
			t.Errorf("written as %s (%v), want %s", got, err, want)
		}
	}
}
