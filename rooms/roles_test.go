package rooms

import (
	"maps"
	"testing"
	"time"

	"conclave/mixer"
)

// leaders is the room as its moderators find it, without their PIN.
func leaders(room Room) Room {
	room.Options = room.Options.profile(true)
	return room
}

// terse are options of a room in which nobody is told that he is alone, and tones are for others.
func terse(more map[string]string) map[string]string {
	all := map[string]string{"announce_only_user": "no", "hear_own_join_sound": "no"}
	maps.Copy(all, more)
	return all
}

// state waits until the room is in a state, as ConfBridge names it.
func (b *building) state(want phase) {
	b.t.Helper()
	eventually(b.t, func() string {
		live := b.house.Live()
		switch {
		case len(live) == 0:
			return "nobody is there"
		case live[0].State != string(want):
			return "the room is " + live[0].State + ", want " + string(want)
		}
		return ""
	})
}

// quietens waits until a phone has heard nothing for a while: what was played to the room is over.
func (b *building) quietens(p *phone) {
	b.t.Helper()
	eventually(b.t, func() string {
		if heard := p.transcript(); len(heard) > 0 && heard[len(heard)-1] == "-" {
			return ""
		}
		return p.name + " hears something all the time"
	})
}

func TestModeratorComesByHisPIN(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("4711", terse(nil))
	room.ModeratorPIN = "9988"
	ann := b.call("ann", room)
	ann.press("9988")
	b.members(1)
	bob := b.call("bob", room)
	bob.press("4711#")
	members := b.members(2)
	if m := members[0]; m.Role != "moderator" || !m.Marked {
		t.Errorf("by the moderators' PIN: %+v", m)
	}
	if m := members[1]; m.Role != "participant" || m.Marked {
		t.Errorf("by the participants' PIN: %+v", m)
	}
}

func TestRoomWithAModeratorsPINOnlyAsksEverybody(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", terse(nil))
	room.ModeratorPIN = "9988"
	ann, bob := b.call("ann", room), b.call("bob", room)
	ann.hears(t, promptGetPIN)
	ann.press("#")
	b.members(1)
	bob.press("9988")
	if members := b.members(2); members[0].Role != "participant" || members[1].Role != "moderator" {
		t.Errorf("members: %+v", members)
	}
}

func TestHashAfterAPINMeansNothingElse(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("4711", calm())
	room.Menu = menuOf(t, "#=leave_conference", "1=toggle_mute")
	ann := b.call("ann", room)
	ann.press("4711#1")
	b.members(1)
	b.muted(true)
	ann.press("#")
	ann.over(t, ResultDTMF)
}

func TestMarkedMemberAlone(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	ann := b.call("ann", leaders(b.room("", nil)))
	ann.hears(t, promptOnlyPerson, toneJoin, "music")
	b.state(phaseSingleMarked)
}

func TestMarkedMemberLeavesAnUnmarkedOne(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", terse(nil))
	ann := b.call("ann", leaders(room))
	ann.hears(t, "music")
	bob := b.call("bob", room)
	b.members(2)
	b.state(phaseMultiMarked)
	ann.hears(t, "music", toneJoin)
	b.quietens(ann)
	ann.cancel()
	b.state(phaseSingle)
	bob.hears(t, toneLeave, promptLeaderLeft, "music")
}

func TestNoLeaderIsMissedAsLongAsThereIsAnother(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", terse(map[string]string{"end_marked": "yes", "wait_marked": "yes"}))
	ann := b.call("ann", leaders(room))
	ann.hears(t, "music")
	b.call("eve", leaders(room))
	ann.hears(t, "music", toneJoin)
	b.quietens(ann)
	bob := b.call("bob", room)
	b.members(3)
	ann.cancel()
	ann.over(t, ResultHangup)
	b.members(2)
	b.state(phaseMultiMarked)
	bob.talks.Store(true)
	bob.heardOnly(t, toneLeave)
}

func TestEndMarkedGoWithTheLastLeader(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", terse(map[string]string{"end_marked": "yes"}))
	staying := room
	staying.Options.EndMarked = false
	ann := b.call("ann", leaders(room))
	ann.hears(t, "music")
	bob := b.call("bob", room)
	ann.hears(t, "music", toneJoin)
	b.quietens(ann)
	eve := b.call("eve", staying)
	for i, m := range b.members(3) {
		if want := i == 1; m.EndMarked != want && !m.Marked {
			t.Errorf("%s: goes with the leader %t, want %t", m.Caller, m.EndMarked, want)
		}
	}
	ann.hears(t, "music", toneJoin, toneJoin)
	b.quietens(ann)
	bob.forget()
	eve.forget()
	ann.cancel()
	bob.over(t, ResultEndMarked)
	bob.hears(t, promptLeaderLeft)
	eve.hears(t, toneLeave, promptLeaderLeft, "music")
	if members := b.members(1); members[0].Caller != "eve" {
		t.Errorf("members: %+v", members)
	}
}

func TestEndMarkedWithNobodyElse(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", terse(map[string]string{"end_marked": "yes", "wait_marked": "yes"}))
	ann := b.call("ann", leaders(room))
	b.members(1)
	bob, eve := b.call("bob", room), b.call("eve", room)
	b.members(3)
	if _, err := b.house.Kick("1000", Selection{Member: 1}); err != nil {
		t.Fatal(err)
	}
	ann.over(t, ResultKicked)
	bob.over(t, ResultEndMarked)
	eve.over(t, ResultEndMarked)
	if live := b.house.Live(); len(live) != 0 {
		t.Errorf("left behind: %+v", live)
	}
}

func TestEndMarkedAnyGoWithTheFirstLeader(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", terse(map[string]string{"end_marked_any": "yes"}))
	ann, eve := b.call("ann", leaders(room)), b.call("eve", leaders(room))
	bob := b.call("bob", room)
	b.members(3)
	ann.cancel()
	ann.over(t, ResultHangup)
	eve.over(t, ResultEndMarked) // leaders, too
	bob.over(t, ResultEndMarked)
}

func TestWaitMarkedHearMusicAndNotEachOtherUntilALeaderComes(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", terse(map[string]string{"wait_marked": "yes"}))
	ann := b.call("ann", room)
	ann.hears(t, promptWaitForLeader, "music")
	bob := b.call("bob", room)
	bob.hears(t, promptWaitForLeader, "music")
	b.state(phaseInactive)
	for _, m := range b.members(2) {
		if !m.Waiting || m.Entered || !m.Music {
			t.Errorf("%s does not wait: %+v", m.Caller, m)
		}
	}
	ann.talks.Store(true)
	time.Sleep(300 * time.Millisecond)
	ann.talks.Store(false)
	bob.heardOnly(t, promptWaitForLeader, "music")

	eve := b.call("eve", leaders(room))
	b.state(phaseMultiMarked)
	eve.heardOnly(t, promptBegin)
	ann.hears(t, promptWaitForLeader, "music", promptBegin, toneJoin)
	bob.hears(t, promptWaitForLeader, "music", promptBegin, toneJoin)
	ann.talks.Store(true)
	bob.hears(t, promptWaitForLeader, "music", promptBegin, toneJoin, "ann")
	eve.hears(t, promptBegin, "ann")
	joe := b.call("joe", room) // does not wait any more
	joe.hears(t, "ann")
	ann.talks.Store(false)

	eve.cancel()
	b.state(phaseInactive)
	bob.hearsAtLast(t, promptLeaderLeft, "music") // joe's tone may have come beside ann's voice or after it
}

func TestWaitingIsOverForAWaiterWhoseLeaderComesWhileHeIsTold(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	b.prompts()[promptWaitForLeader] = longTone(promptWaitForLeader)
	room := b.room("", terse(map[string]string{"wait_marked": "yes"}))
	ann := b.call("ann", room)
	ann.hears(t, promptWaitForLeader)
	eve := b.call("eve", leaders(room))
	eve.talks.Store(true)
	ann.hears(t, promptWaitForLeader, promptBegin, toneJoin, "eve")
}

func TestKickedWaiterIsToldAndTheOthersWaitOn(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", terse(map[string]string{"wait_marked": "yes"}))
	ann := b.call("ann", room)
	b.members(1)
	bob := b.call("bob", room)
	bob.hears(t, promptWaitForLeader, "music")
	ann.hears(t, promptWaitForLeader, "music")
	if _, err := b.house.Kick("1000", Selection{Member: 2}); err != nil {
		t.Fatal(err)
	}
	bob.over(t, ResultKicked)
	bob.hears(t, promptWaitForLeader, "music", promptKicked)
	b.state(phaseInactive)
	ann.heardOnly(t, promptWaitForLeader, "music")
	ann.cancel()
	ann.over(t, ResultHangup)
	if live := b.house.Live(); len(live) != 0 {
		t.Errorf("left behind: %+v", live)
	}
}

func TestWaiterIsNoCompanyForOneWhoDoesNotWait(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", map[string]string{"wait_marked": "yes", "hear_own_join_sound": "no"})
	b.call("ann", room)
	b.state(phaseInactive)
	free := room
	free.Options.WaitMarked = false
	bob := b.call("bob", free)
	bob.hears(t, promptOnlyPerson, "music")
	b.state(phaseSingle)
	joe := b.call("joe", room) // waits, and bob hears that he has come
	joe.hears(t, promptWaitForLeader, "music")
	bob.hears(t, promptOnlyPerson, "music", toneJoin, "music")
	bob.cancel()
	b.state(phaseInactive)
}

func TestModeratorsAreLetIntoAFullAndALockedRoom(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", terse(map[string]string{"max_members": "1"}))
	b.call("ann", room)
	b.members(1)
	b.call("bob", room).over(t, ResultFull)
	b.call("eve", leaders(room))
	b.members(2)
	if err := b.house.Lock("1000", true); err != nil {
		t.Fatal(err)
	}
	joe := b.call("joe", room)
	joe.over(t, ResultLocked) // that it is full, too, is nobody's business then
	joe.hears(t, promptLocked)
	b.call("kim", leaders(room))
	b.members(3)
}

func TestModeratorStartsUnmuted(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", terse(map[string]string{"startmuted": "yes"}))
	b.call("ann", leaders(room))
	b.members(1)
	b.call("bob", room)
	if members := b.members(2); members[0].Muted || members[1].MutedBy != "self" {
		t.Errorf("members: %+v", members)
	}
}

func TestMutedConferenceMutesWhoComesLater(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", terse(map[string]string{"quiet": "yes"}))
	room.Menu, room.ModeratorMenu = ParticipantMenu(), ModeratorMenu()
	eve := b.call("eve", leaders(room))
	eve.hears(t, "music")
	ann := b.call("ann", room)
	b.members(2)
	eve.press("5")
	eve.hears(t, "music", promptNowMuted)
	ann.hears(t, promptNowMuted)
	b.quietens(ann)
	bob := b.call("bob", room)
	b.members(3)
	b.call("kim", leaders(room))
	b.members(4)
	b.muted(false, true, true, false)
	bob.press("1")
	bob.hears(t, promptErrorMenu)
	b.muted(false, true, true, false)
	eve.press("5")
	ann.hears(t, promptNowMuted, promptNowUnmuted)
	b.muted(false, false, false, false)
}

func TestModeratorDoesNotOpenTheMicrophoneOfOneWhoMutedHimself(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", calm())
	room.Menu, room.ModeratorMenu = ParticipantMenu(), ModeratorMenu()
	eve := b.call("eve", leaders(room))
	b.members(1)
	ann := b.call("ann", room)
	b.members(2)
	ann.press("1")
	b.muted(false, true)
	eve.press("5")
	eve.hears(t, promptNowMuted)
	if members := b.members(2); members[1].MutedBy != "moderator" {
		t.Errorf("ann is muted by %q", members[1].MutedBy)
	}
	eve.press("5")
	eve.hears(t, promptNowMuted, promptNowUnmuted)
	if members := b.members(2); members[1].MutedBy != "self" {
		t.Errorf("ann is muted by %q", members[1].MutedBy)
	}
	// An operator does, who says whom he means.
	if n, err := b.house.Mute("1000", Selection{Member: 2}, false); n != 1 || err != nil {
		t.Errorf("unmuted %d, %v", n, err)
	}
	b.muted(false, false)
}

func TestOperatorsSelectMembers(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", calm())
	for i, call := range []struct {
		name string
		room Room
	}{{"eve", leaders(room)}, {"ann", room}, {"bob", room}, {"kim", leaders(room)}} {
		b.call(call.name, call.room)
		b.members(i + 1)
	}
	for _, step := range []struct {
		who  Selection
		on   bool
		n    int
		want []bool
	}{
		{Selection{Last: true}, true, 1, []bool{false, false, false, true}},
		{Selection{Participants: true}, true, 2, []bool{false, true, true, true}},
		{Selection{All: true}, true, 1, []bool{true, true, true, true}},
		{Selection{Member: 2}, false, 1, []bool{true, false, true, true}},
		{Selection{Member: 2}, false, 0, []bool{true, false, true, true}},
		{Selection{All: true}, false, 3, []bool{false, false, false, false}},
	} {
		if n, err := b.house.Mute("1000", step.who, step.on); n != step.n || err != nil {
			t.Errorf("mute of %s, %t: %d changed, %v; want %d", step.who, step.on, n, err, step.n)
		}
		b.muted(step.want...)
	}
	for _, step := range []struct {
		who  Selection
		n    int
		left []string
	}{
		{Selection{Last: true}, 1, []string{"eve", "ann", "bob"}},
		{Selection{Participants: true}, 2, []string{"eve"}},
		{Selection{Participants: true}, 0, []string{"eve"}},
		{Selection{All: true}, 1, nil},
	} {
		if n, err := b.house.Kick("1000", step.who); n != step.n || err != nil {
			t.Errorf("kick of %s: %d, %v; want %d", step.who, n, err, step.n)
		}
		for i, m := range b.members(len(step.left)) {
			if m.Caller != step.left[i] {
				t.Errorf("after the kick of %s: %s is there, want %s", step.who, m.Caller, step.left[i])
			}
		}
	}
}

func TestKeyKicksWhoCameLastUnlessHeIsAModerator(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", calm())
	room.ModeratorMenu = ModeratorMenu()
	eve := b.call("eve", leaders(room))
	b.members(1)
	eve.press("3")
	eve.hears(t, promptErrorMenu) // himself he is not
	bob := b.call("bob", room)
	b.members(2)
	eve.press("3")
	bob.over(t, ResultKicked)
	b.call("ann", room)
	b.members(2)
	b.call("kim", leaders(room))
	b.members(3)
	eve.forget()
	eve.press("3")
	eve.hears(t, promptErrorMenu)
	b.members(3)
}

func TestLockByKeyKeepsParticipantsOut(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", calm())
	room.ModeratorMenu = ModeratorMenu()
	eve := b.call("eve", leaders(room))
	b.members(1)
	eve.press("2")
	eve.hears(t, promptLockedNow)
	b.call("ann", room).over(t, ResultLocked)
	eve.press("2")
	eve.hears(t, promptLockedNow, promptUnlockedNow)
	b.call("bob", room)
	b.members(2)
}
