package rooms

import (
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"

	"conclave/mixer"
)

func TestHouseNeedsAnEngine(t *testing.T) {
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "engine") {
		t.Errorf("got %v", err)
	}
}

func TestDirectoryIsReplaced(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	b.house.SetRooms([]Room{{ID: "a", Extension: "1", Name: "A"}, {ID: "b", Extension: "01", Name: "B"}})
	if room, ok := b.house.Room("01"); !ok || room.Name != "B" {
		t.Errorf("got %+v, %t", room, ok)
	}
	b.house.SetRooms([]Room{{ID: "a", Extension: "1", Name: "A2"}})
	if room, ok := b.house.Room("1"); !ok || room.Name != "A2" {
		t.Errorf("got %+v, %t", room, ok)
	}
	if room, ok := b.house.Room("01"); ok {
		t.Errorf("removed room is still there: %+v", room)
	}
}

func TestRoomsDoNotHearEachOther(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	board, lab := b.room("", nil), b.room("", nil)
	lab.ID, lab.Extension = "r2", "2000"
	ann, bob := b.call("ann", board), b.call("bob", lab)
	bob.talks.Store(true)
	for _, p := range []*phone{ann, bob} {
		p.hears(t, promptOnlyPerson, toneJoin, "music")
	}
	live := b.house.Live()
	if len(live) != 2 || live[0].Extension != "1000" || live[1].Extension != "2000" {
		t.Errorf("live: %+v", live)
	}
}

func TestMembersOfARemovedRoomStayAndObey(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	ann := b.call("ann", b.room("", nil))
	b.members(1)
	b.house.SetRooms(nil)
	b.members(1)
	if _, err := b.house.Kick("1000", Selection{Member: 1}); err != nil {
		t.Fatal(err)
	}
	ann.over(t, ResultKicked)
	if _, err := b.house.Kick("1000", Selection{Member: 1}); err == nil || err.Error() != "there is no room 1000" {
		t.Errorf("got %v", err)
	}
}

func TestEveryVisitEndsWithItsCall(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	long := longTone(promptGetPIN)
	for name := range b.prompts() {
		b.prompts()[name] = long
	}
	var calls []*phone
	open, guarded := b.room("", nil), b.room("4711", nil)
	guarded.ID, guarded.Extension = "r2", "2000"
	full := b.room("", map[string]string{"max_members": "1"})
	full.ID, full.Extension = "r3", "3000"
	for i := range 4 {
		calls = append(calls,
			b.call(fmt.Sprint("member", i), open),
			b.call(fmt.Sprint("door", i), guarded),
			b.call(fmt.Sprint("full", i), full))
	}
	wrong := b.call("wrong", guarded)
	wrong.press("471200001111") // hears for a minute that it was wrong
	calls = append(calls, wrong)
	eventually(t, func() string {
		live := b.house.Live()
		if len(live) == 2 && len(live[0].Members) == 4 && strings.Count(b.log.String(), "PIN entry failed") == 3 {
			return ""
		}
		return "they have not come to where they should be"
	})
	for _, p := range calls {
		p.cancel()
	}
	b.house.Drain()
	for _, p := range calls {
		if result := p.visit.Result(); result != ResultHangup && result != ResultFull {
			t.Errorf("the visit of %s ended with %q", p.name, result)
		}
	}
	if len(b.house.live) != 0 {
		t.Errorf("%d conferences left behind", len(b.house.live))
	}
}

func TestBuiltinVoiceIsHeard(t *testing.T) {
	b := furnishedBuilding(t, mixer.Config{}, func(engine *mixer.Engine, log *slog.Logger) (*House, error) {
		return New(Config{Engine: engine, Log: log})
	})
	ann := b.call("ann", b.room("4711", nil))
	ann.hearsPrompt(t, promptGetPIN)
	ann.press("4711")
	ann.hearsPrompt(t, promptOnlyPerson)
}

// hearsPrompt waits until the loudest 0.2 s of a prompt are found in what the phone heard.
func (p *phone) hearsPrompt(t *testing.T, name string) {
	t.Helper()
	const length = 1600
	sound, ok := p.visit.line.voice.Sound(name)
	if !ok {
		t.Fatalf("there is no prompt %s", name)
	}
	prompt := sound.PCM(8000)
	var part []int16
	loudest := 0.0
	for at := 0; at+length <= len(prompt); at += length / 4 {
		if e := product(prompt[at:at+length], prompt[at:at+length]); e > loudest {
			part, loudest = prompt[at:at+length], e
		}
	}
	searched := 0
	eventually(t, func() string {
		p.mu.Lock()
		heard := slices.Clone(p.heard)
		p.mu.Unlock()
		for ; searched+length <= len(heard); searched++ {
			window := heard[searched : searched+length]
			if product(window, part) > 0.95*math.Sqrt(loudest*max(product(window, window), loudest/10)) {
				return ""
			}
		}
		return "the prompt " + name + " is not heard"
	})
}

func product(a, b []int16) float64 {
	var sum int64
	for i, v := range a {
		sum += int64(v) * int64(b[i])
	}
	return float64(sum)
}
