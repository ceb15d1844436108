package rooms

import (
	"slices"
	"strings"
	"testing"
	"time"

	"conclave/mixer"
)

func TestRightPINAdmits(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	ann := b.call("ann", b.room("4711", nil))
	ann.hears(t, promptGetPIN)
	if live := b.house.Live(); len(live) != 0 {
		t.Errorf("who is asked for the PIN is shown as a member: %+v", live)
	}
	ann.press("4711#")
	ann.hears(t, promptGetPIN, promptOnlyPerson, toneJoin, "music")
	ann.cancel()
	ann.over(t, ResultHangup)
}

func TestPINByInfoAdmits(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	ann := b.call("ann", b.room("4711", nil))
	for _, key := range []byte("4711") {
		ann.visit.Digit(key)
	}
	b.members(1)
}

func TestPINTypedOverThePromptCutsIt(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	b.prompts()[promptGetPIN] = longTone(promptGetPIN)
	ann := b.call("ann", b.room("4711", nil))
	ann.hears(t, promptGetPIN)
	ann.press("4711")
	ann.hears(t, promptGetPIN, promptOnlyPerson, toneJoin)
}

func TestThreeWrongPINsEndTheCall(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	ann := b.call("ann", b.room("4711", nil))
	ann.hears(t, promptGetPIN)
	ann.press("4712")
	ann.hears(t, promptGetPIN, promptInvalidPIN, promptGetPIN)
	ann.press("#")
	ann.hears(t, promptGetPIN, promptInvalidPIN, promptGetPIN, promptInvalidPIN, promptGetPIN)
	ann.press("1#")
	ann.over(t, ResultFailed)
	ann.hears(t, promptGetPIN, promptInvalidPIN, promptGetPIN, promptInvalidPIN, promptGetPIN, promptInvalidPIN)
	if got := ann.reasons(); len(got) != 1 || !strings.Contains(got[0], "PIN") {
		t.Errorf("hung up with %q, want one reason that names the PIN", got)
	}
	for _, want := range []string{"reason=wrong", "reason=\"empty", "reason=\"too short"} {
		if !strings.Contains(b.log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, b.log)
		}
	}
}

func TestOpenRoomAsksNothing(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	b.call("ann", b.room("", nil)).hears(t, promptOnlyPerson, toneJoin, "music")
}

func TestHangUpAtTheDoorLeavesNothing(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	ann := b.call("ann", b.room("4711", nil))
	ann.hears(t, promptGetPIN)
	ann.cancel()
	ann.over(t, ResultHangup)
	if _, err := b.house.Kick("1000", Selection{Member: 1}); err == nil || err.Error() != "room 1000 has no members now" {
		t.Errorf("got %v", err)
	}
}

func TestCallWithoutRTPEnds(t *testing.T) {
	for name, pin := range map[string]string{"in the conference": "", "at the door": "4711"} {
		t.Run(name, func(t *testing.T) {
			b := newBuilding(t, mixer.Config{RTPTimeout: 500 * time.Millisecond})
			ann := b.call("ann", b.room(pin, nil))
			ann.mute.Store(true)
			ann.over(t, ResultHangup)
			if got := ann.reasons(); !slices.Equal(got, []string{"RTP timeout"}) {
				t.Errorf("hung up with %q", got)
			}
		})
	}
}

func TestTimeAllowedEnds(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", nil)
	room.Options.Timeout = 300 * time.Millisecond
	ann := b.call("ann", room)
	ann.over(t, ResultTimeout)
	if got := ann.reasons(); len(got) != 1 {
		t.Errorf("hung up with %q, want one reason", got)
	}
}

func TestLockedConferenceSaysSo(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("4711", nil)
	ann := b.call("ann", room)
	ann.press("4711")
	b.members(1)
	bob := b.call("bob", room) // is at the door when it is locked
	bob.hears(t, promptGetPIN)
	if err := b.house.Lock("1000", true); err != nil {
		t.Fatal(err)
	}
	bob.press("4711")
	bob.over(t, ResultLocked)
	bob.hears(t, promptGetPIN, promptLocked)
	if err := b.house.Lock("1000", false); err != nil {
		t.Fatal(err)
	}
	b.call("eve", room).press("4711")
	b.members(2)
}

func TestFullConferenceSaysSo(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", map[string]string{"max_members": "1"})
	ann := b.call("ann", room)
	b.members(1)
	bob := b.call("bob", room)
	bob.over(t, ResultFull)
	bob.hears(t, promptFull)
	ann.cancel()
	ann.over(t, ResultHangup)
	b.call("eve", room).hears(t, promptOnlyPerson, toneJoin)
}

func TestNewPINCountsForTheNextCaller(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	ann := b.call("ann", b.room("4711", nil))
	ann.press("4711")
	b.members(1)
	b.room("99", nil)
	room, ok := b.house.Room("1000")
	if !ok {
		t.Fatal("the room has gone")
	}
	b.call("bob", room).press("99")
	if members := b.members(2); members[0].Caller != "ann" || members[1].Caller != "bob" {
		t.Errorf("members: %+v", members)
	}
}

func TestFaultInAConversationCostsOnlyThatCall(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	b.prompts()[promptFull] = nil
	room := b.room("", map[string]string{"max_members": "1"})
	ann := b.call("ann", room)
	b.members(1)
	bob := b.call("bob", room)
	bob.over(t, ResultHangup)
	if got := bob.reasons(); !slices.Equal(got, []string{"internal error"}) {
		t.Errorf("hung up with %q", got)
	}
	ann.hears(t, promptOnlyPerson, toneJoin, "music")
	if !strings.Contains(b.log.String(), "reception failed") {
		t.Errorf("the log does not tell:\n%s", b.log)
	}
}
