package rooms

import (
	"reflect"
	"slices"
	"testing"

	"conclave/media"
	"conclave/mixer"
)

// lasts is what a conference is to its members, but for when each was asked.
func lasts(c Conference) Conference {
	c.Members = slices.Clone(c.Members)
	for i, m := range c.Members {
		c.Members[i] = Member{ID: m.ID, Call: m.Call, Since: m.Since, MutedBy: m.MutedBy, Role: m.Role, Marked: m.Marked,
			EndMarked: m.EndMarked, Waiting: m.Waiting, Music: m.Music, Entered: m.Entered}
	}
	return c
}

func TestConferenceGoesOnInAnotherProcess(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	options := map[string]string{"wait_marked": "yes", "announce_user_count": "yes", "music_on_hold_when_empty": "yes", "timeout": "3600"}
	room := b.room("1234", options)
	room.ModeratorPIN = "9999"
	b.house.SetRooms([]Room{room})
	for i, name := range []string{"ann", "bob", "eve"} {
		p := b.call(name, room)
		p.press([]string{"9999", "1234", "1234"}[i])
		b.members(i + 1)
	}
	joe := b.call("joe", room) // has not entered the PIN
	if _, err := b.house.Mute("1000", Selection{Member: 2}, true); err != nil {
		t.Fatal(err)
	}
	if err := b.house.Lock("1000", true); err != nil {
		t.Fatal(err)
	}
	conferences := b.house.ConferenceStates()
	if len(conferences) != 1 {
		t.Fatalf("%d conferences, want 1", len(conferences))
	}
	b.house.mu.Lock()
	members := slices.Clone(b.house.live[room.ID].members)
	b.house.mu.Unlock()
	states := map[string]VisitState{"joe": joe.visit.State()}
	for _, m := range members {
		states[m.call.Caller().Number] = m.call.(*phone).visit.State()
	}
	before := lasts(b.house.Live()[0])

	after := newBuildingBeside(t, b)
	after.house.SetRooms([]Room{room})
	var who []Return
	phones := make(map[string]*phone)
	for _, name := range []string{"joe", "eve", "bob", "ann"} { // in any order
		p := after.phone(name, "")
		phones[name] = p
		who = append(who, Return{Ctx: p.ctx, Call: p, State: states[name]})
	}
	for i, visit := range after.house.Resume(room, conferences[0], who) {
		p := phones[who[i].Call.Caller().Number]
		p.visit, p.done = visit, visit.Done()
	}
	phones["ann"].talks.Store(true)
	after.members(3)
	eventually(t, func() string {
		if got := lasts(after.house.Live()[0]); !reflect.DeepEqual(got, before) {
			return "the conference is not as it was"
		}
		return ""
	})
	phones["bob"].hears(t, "ann") // and no word of anybody's coming
	phones["joe"].hears(t, promptGetPIN)
	for name, p := range phones {
		if m := p.visit.member.Load(); name != "joe" && m.until.IsZero() {
			t.Errorf("%s may stay for ever", name)
		}
		if name != "joe" && p.visit.State() != states[name] {
			t.Errorf("%s is\n%+v, was\n%+v", name, p.visit.State(), states[name])
		}
	}
	// The next one gets the next number, and what a leader's going means is what it was.
	joe = phones["joe"]
	joe.press("9999")
	if m := after.members(4)[3]; m.ID != 4 || m.Role != "moderator" {
		t.Errorf("who comes next is %+v", m)
	}
	if _, err := after.house.Kick("1000", Selection{Member: 1}); err != nil {
		t.Fatal(err)
	}
	if state := phones["ann"].visit.State(); !state.Out {
		t.Error("a member who was put out would come back")
	}
	joe.cancel()
	eventually(t, func() string {
		if live := after.house.Live(); len(live) == 1 && len(live[0].Members) == 2 && live[0].Members[0].Waiting {
			return ""
		}
		return "the others do not wait for a leader"
	})
}

// newBuildingBeside is another house with the voices of b, as a process that follows has it.
func newBuildingBeside(t *testing.T, b *building) *building {
	t.Helper()
	engine, err := mixer.New(mixer.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	_, _, music := testVoices()
	house := furnish(engine, b.house.log, b.house.voices, music)
	t.Cleanup(house.Drain)
	return &building{t: t, engine: engine, ports: b.ports, house: house, spoken: b.spoken, log: b.log}
}

func TestNameIsKnownInAnotherProcess(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", map[string]string{"announce_join_leave": "yes"})
	p := b.phone("ann", "")
	name := media.NewSound(8000, sine(tones["kim"], 8000, 2400))
	visit := b.house.Resume(room, ConferenceState{}, []Return{{Ctx: p.ctx, Call: p, State: VisitState{RoomID: room.ID, Number: 7, Name: name}}})[0]
	p.visit, p.done = visit, visit.Done()
	bob := b.phone("bob", "")
	again := b.house.Resume(room, ConferenceState{Last: 9}, []Return{{Ctx: bob.ctx, Call: bob, State: VisitState{RoomID: room.ID, Number: 8}}})[0]
	bob.visit, bob.done = again, again.Done()
	b.members(2)
	if visit.State().Name != name {
		t.Error("the name is not kept")
	}
	p.cancel()
	bob.hears(t, "kim", promptHasLeft, toneLeave)
}

func TestTemporaryRoomGoesOnInAnotherProcess(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	template := b.room("", nil)
	template.Extension = "88"
	b.house.SetFactory(template)
	room := b.house.NewTemporary("200")
	b.call("ann", room)
	b.members(1)
	state := b.house.ConferenceStates()[0]
	after := newBuildingBeside(t, b)
	if _, ok := after.house.RoomOf(state); ok {
		t.Error("there is a temporary room in a house that makes none")
	}
	after.house.SetFactory(template)
	if got, ok := after.house.RoomOf(state); !ok || !reflect.DeepEqual(got, room) {
		t.Errorf("the room is %+v, was %+v", got, room)
	}
}
