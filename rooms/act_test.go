package rooms

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"conclave/mixer"
)

// calm are options by which members hear nothing but what their keys do.
func calm() map[string]string {
	return map[string]string{"music_on_hold_when_empty": "no", "quiet": "yes"}
}

// keyed is a room in which everybody has the menu. Moderators call it as a room of theirs.
func (b *building) keyed(menu Menu) (room, moderators Room) {
	b.t.Helper()
	room = b.room("", calm())
	room.Menu, room.ModeratorMenu = menu, menu
	moderators = room
	moderators.Options.Admin = true
	return room, moderators
}

// menuOf reads entries such as "1=toggle_mute".
func menuOf(t *testing.T, entries ...string) Menu {
	t.Helper()
	by := make(map[string]string)
	for _, entry := range entries {
		keys, actions, _ := strings.Cut(entry, "=")
		by[keys] = actions
	}
	menu, err := ParseMenu("test", by)
	if err != nil {
		t.Fatal(err)
	}
	return menu
}

// muted waits until the room's members are muted or not, in the order in which they came.
func (b *building) muted(want ...bool) {
	b.t.Helper()
	eventually(b.t, func() string {
		var got []bool
		for _, m := range b.members(len(want)) {
			got = append(got, m.Muted)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Sprintf("muted are %v, want %v", got, want)
		}
		return ""
	})
}

// logs waits for a line of the log that has all of these in it.
func (b *building) logs(parts ...string) {
	b.t.Helper()
	eventually(b.t, func() string {
		for line := range strings.Lines(b.log.String()) {
			if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
				return ""
			}
		}
		return fmt.Sprintf("no line of the log has %q:\n%s", parts, b.log)
	})
}

func TestOwnKeyMutesAndUnmutes(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room, _ := b.keyed(ParticipantMenu())
	ann := b.call("ann", room)
	ann.press("1")
	ann.hears(t, promptMuted)
	b.muted(true)
	ann.press("1")
	ann.hears(t, promptMuted, promptUnmuted)
	b.muted(false)
}

func TestAnswerToAKeyCutsTheOneBefore(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	b.prompts()[promptMuted] = longTone(promptMuted)
	room, _ := b.keyed(ParticipantMenu())
	ann := b.call("ann", room)
	ann.press("1")
	ann.hears(t, promptMuted)
	ann.press("1")
	ann.hears(t, promptMuted, promptUnmuted)
}

func TestKeyDuringTheMenuCutsItAndCounts(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	b.prompts()[promptFull] = longTone(promptFull)
	room, _ := b.keyed(menuOf(t, "*=playback_and_continue(conf-full)", "1=toggle_mute", "*2=participant_count"))
	ann := b.call("ann", room)
	ann.press("*")
	ann.hears(t, promptFull)
	ann.press("1")
	ann.hears(t, promptFull, promptMuted)
	ann.press("*")
	ann.hears(t, promptFull, promptMuted, promptFull)
	ann.press("2")
	ann.hears(t, promptFull, promptMuted, promptFull, promptOnlyPerson)
}

func TestPlaybackIsNotCutByAKey(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room, _ := b.keyed(menuOf(t, "1=playback(conf-full&conf-locked)", "2=toggle_mute", "3=playback_and_continue(conf-kicked)"))
	ann := b.call("ann", room)
	ann.press("12232")
	ann.hears(t, promptFull, promptLocked)
	b.muted(true)
}

func TestKeyToLeaveEndsTheCallAfterItsLastWords(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room, _ := b.keyed(menuOf(t, "8=leave_conference", "9=leave_conference,playback(conf-full),playback(conf-locked)"))
	ann, bob := b.call("ann", room), b.call("bob", room)
	b.members(2)
	bob.press("8")
	bob.over(t, "DTMF")
	ann.press("9")
	ann.over(t, "DTMF")
	said := strings.Join(ann.transcript(), " ")
	if !strings.Contains(said, promptFull+" "+promptLocked) {
		t.Errorf("ann heard %s, want all of her last words", said)
	}
}

func TestHangUpDuringTheLastWordsEndsThem(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	b.prompts()[promptFull] = longTone(promptFull)
	room, _ := b.keyed(menuOf(t, "9=playback(conf-full),leave_conference"))
	ann := b.call("ann", room)
	ann.press("9")
	ann.hears(t, promptFull)
	ann.cancel()
	ann.over(t, ResultHangup)
}

func TestKeyTellsHowManyAreThere(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room, _ := b.keyed(menuOf(t, "0=participant_count"))
	ann := b.call("ann", room)
	ann.press("0")
	ann.hears(t, promptOnlyPerson)
	b.call("bob", room)
	b.members(2)
	ann.press("0")
	ann.hears(t, promptOnlyPerson, "conf-onlyone")
}

func TestKeysOfModeratorsAreNotForOthers(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room, _ := b.keyed(ModeratorMenu())
	bob := b.call("bob", room)
	b.call("ann", room)
	b.members(2)
	for key, action := range map[string]ActionKind{"2": ActionToggleLock, "3": ActionKickLast, "5": ActionToggleMuteParticipants, "0": ActionToggleRecording} {
		bob.press(key)
		b.logs("only moderators", string(action))
	}
	bob.hears(t, promptErrorMenu)
	if live := b.house.Live(); live[0].Locked || len(live[0].Members) != 2 {
		t.Errorf("a key had an effect: %+v", live)
	}
	b.muted(false, false)
}

func TestModeratorLocksByKey(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room, moderators := b.keyed(ModeratorMenu())
	ann := b.call("ann", moderators)
	b.members(1)
	ann.press("2")
	ann.hears(t, promptLockedNow)
	b.call("bob", room).over(t, ResultLocked)
	ann.press("2")
	ann.hears(t, promptLockedNow, promptUnlockedNow)
	b.call("eve", room)
	b.members(2)
}

func TestModeratorKicksTheLastByKey(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room, moderators := b.keyed(ModeratorMenu())
	ann := b.call("ann", moderators)
	b.members(1)
	bob := b.call("bob", room)
	b.members(2)
	eve := b.call("eve", room)
	b.members(3)
	ann.press("3")
	eve.over(t, ResultKicked)
	b.members(2)
	ann.press("3")
	bob.over(t, ResultKicked)
	b.members(1)
	ann.forget()
	ann.press("3")
	ann.hears(t, promptErrorMenu)
	b.members(1)
}

func TestModeratorMutesAllByKeyAndTheirOwnKeyDoesNotUndoIt(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room, moderators := b.keyed(ModeratorMenu())
	ann := b.call("ann", moderators)
	b.members(1)
	bob := b.call("bob", room)
	b.members(2)
	ann.press("5")
	bob.hears(t, "conf-now-muted")
	b.muted(false, true)
	bob.press("1")
	bob.hears(t, "conf-now-muted", promptErrorMenu)
	b.muted(false, true)
	ann.press("5")
	bob.hears(t, "conf-now-muted", promptErrorMenu, "conf-now-unmuted")
	b.muted(false, false)
	bob.press("1")
	bob.hears(t, "conf-now-muted", promptErrorMenu, "conf-now-unmuted", promptMuted)
}

func TestFileThatCannotBePlayedIsLoggedAndTold(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room, _ := b.keyed(menuOf(t, "1=playback(conf-full&/srv/gone.wav&conf-locked)", "2=playback_and_continue(nothing)"))
	ann := b.call("ann", room)
	ann.press("1")
	ann.hears(t, promptFull, promptLocked, promptErrorMenu)
	ann.press("2")
	b.logs("menu cannot play", "file=/srv/gone.wav")
	b.logs("menu cannot play", "file=nothing")
}

func TestVolumesGoInStepsToTheirBounds(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	leg, err := b.ports.Open(b.call("ann", b.room("", calm())).server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer leg.Close()
	room := &conference{}
	conference := b.engine.NewConference("volumes")
	defer conference.Close()
	seat := conference.Seat(leg, func(mixer.Event) {})
	defer seat.Release()
	m := &member{seat: seat}
	steps := []struct {
		kind             ActionKind
		times            int
		hearing, talking int
	}{
		{ActionIncreaseListening, 1, 3, 0},
		{ActionIncreaseListening, 2, 9, 0},
		{ActionIncreaseTalking, 1, 9, 3},
		{ActionIncreaseListening, 5, 12, 3},
		{ActionDecreaseListening, 1, 9, 3},
		{ActionDecreaseListening, 9, -12, 3},
		{ActionDecreaseTalking, 9, -12, -12},
		{ActionResetListening, 1, 0, -12},
		{ActionIncreaseTalking, 9, 0, 12},
		{ActionResetTalking, 1, 0, 0},
		{ActionNoOp, 1, 0, 0},
	}
	for _, step := range steps {
		for range step.times {
			room.turn(m, step.kind)
		}
		if m.hearing != step.hearing || m.talking != step.talking {
			t.Errorf("after %d times %s hearing is %d dB and talking %d dB, want %d and %d",
				step.times, step.kind, m.hearing, m.talking, step.hearing, step.talking)
		}
	}
}
