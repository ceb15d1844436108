package rooms

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"conclave/media"
	"conclave/mixer"
)

// longTone is a prompt that nobody would wait for.
func longTone(name string) *media.Sound {
	return media.NewSound(8000, sine(tones[name], 8000, 60*8000))
}

func TestMusicIsForWhoIsAlone(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", nil)
	ann := b.call("ann", room)
	ann.hears(t, promptOnlyPerson, toneJoin, "music")
	bob := b.call("bob", room)
	ann.hears(t, promptOnlyPerson, toneJoin, "music", toneJoin)
	bob.talks.Store(true)
	ann.hears(t, promptOnlyPerson, toneJoin, "music", toneJoin, "bob")
	bob.hears(t, toneJoin)
	bob.forget()
	bob.talks.Store(false)
	ann.talks.Store(true)
	bob.hears(t, "ann")
	ann.talks.Store(false)
	ann.forget()
	bob.cancel()
	bob.over(t, ResultHangup)
	ann.hears(t, toneLeave, "music")
	b.call("eve", room)
	ann.hears(t, toneLeave, "music", toneJoin)
}

func TestPromptThatNobodyIsThereEndsWhenSomebodyIs(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	b.prompts()[promptOnlyPerson] = longTone(promptOnlyPerson)
	room := b.room("", nil)
	ann := b.call("ann", room)
	ann.hears(t, promptOnlyPerson)
	bob := b.call("bob", room)
	bob.talks.Store(true)
	ann.hears(t, promptOnlyPerson, toneJoin, "bob")
}

func TestOptionsOfAnArrival(t *testing.T) {
	tests := []struct {
		option, value string
		alone         string // what the first member hears before the second comes
		first, second string // what both hear from then on
	}{
		{"quiet", "yes", "music", "bob", "ann"},
		{"announce_only_user", "no", "join music", "join bob", "join ann"},
		{"hear_own_join_sound", "no", "only music", "join bob", "ann"},
		{"music_on_hold_when_empty", "no", "only join", "bob", "join ann"},
	}
	names := strings.NewReplacer("join", toneJoin, "only", promptOnlyPerson)
	for _, test := range tests {
		t.Run(test.option, func(t *testing.T) {
			b := newBuilding(t, mixer.Config{})
			room := b.room("", map[string]string{test.option: test.value})
			ann := b.call("ann", room)
			ann.hears(t, strings.Fields(names.Replace(test.alone))...)
			bob := b.call("bob", room)
			b.members(2)
			ann.talks.Store(true)
			bob.talks.Store(true)
			ann.hears(t, strings.Fields(names.Replace(test.alone+" "+test.first))...)
			bob.hears(t, strings.Fields(names.Replace(test.second))...)
		})
	}
}

func TestMembersThatStartMutedAreNotHeardUntilAnOperatorSaysSo(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", map[string]string{"startmuted": "yes", "quiet": "yes", "music_on_hold_when_empty": "no"})
	ann, bob := b.call("ann", room), b.call("bob", room)
	ann.talks.Store(true)
	bob.talks.Store(true)
	members := b.members(2)
	numbers := map[string]int{}
	for _, m := range members {
		numbers[m.Caller] = m.ID
		if !m.Muted {
			t.Errorf("%s is not muted", m.Caller)
		}
	}
	if _, err := b.house.Mute("1000", Selection{Member: numbers["ann"]}, false); err != nil {
		t.Fatal(err)
	}
	ann.hears(t, promptUnmuted)
	bob.hears(t, "ann")
	if _, err := b.house.Mute("1000", Selection{Member: numbers["ann"]}, true); err != nil {
		t.Fatal(err)
	}
	ann.hears(t, promptUnmuted, promptMuted) // and never bob, who is muted
	if _, err := b.house.Mute("1000", Selection{Member: numbers["bob"]}, false); err != nil {
		t.Fatal(err)
	}
	ann.hears(t, promptUnmuted, promptMuted, "bob")
	bob.hears(t, "ann", promptUnmuted)
}

func TestMutingTwiceSaysItOnce(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	ann := b.call("ann", b.room("", map[string]string{"quiet": "yes", "music_on_hold_when_empty": "no"}))
	b.members(1)
	for _, on := range []bool{false, true, true, false} {
		if _, err := b.house.Mute("1000", Selection{Member: 1}, on); err != nil {
			t.Fatal(err)
		}
	}
	ann.hears(t, promptMuted, promptUnmuted)
}

func TestKickedMemberIsToldAndTheOthersHearHimLeave(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", nil)
	ann := b.call("ann", room)
	ann.hears(t, promptOnlyPerson, toneJoin)
	bob := b.call("bob", room)
	bob.hears(t, toneJoin)
	b.members(2)
	ann.forget()
	if _, err := b.house.Kick("1000", Selection{Member: 2}); err != nil {
		t.Fatal(err)
	}
	if members := b.members(1); members[0].ID != 1 || !members[0].Music {
		t.Errorf("members: %+v", members)
	}
	bob.over(t, ResultKicked)
	bob.hears(t, toneJoin, promptKicked)
	eventually(t, func() string {
		heard := strings.Join(ann.transcript(), " ")
		if strings.Contains(heard, toneLeave) && strings.HasSuffix(heard, "music") {
			return ""
		}
		return "ann heard " + heard
	})
	if _, err := b.house.Kick("1000", Selection{Member: 2}); err == nil || err.Error() != "room 1000 has no member 2; members: 1" {
		t.Errorf("second kick: %v", err)
	}
}

func TestQuietRoomKicksWithoutAWord(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	ann := b.call("ann", b.room("", map[string]string{"quiet": "yes"}))
	ann.hears(t, "music")
	if _, err := b.house.Kick("1000", Selection{Member: 1}); err != nil {
		t.Fatal(err)
	}
	ann.over(t, ResultKicked)
	if heard := strings.Join(ann.transcript(), " "); strings.Contains(heard, promptKicked) {
		t.Errorf("heard %s", heard)
	}
}

func TestKickingAllEndsTheConference(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", nil)
	ann, bob := b.call("ann", room), b.call("bob", room)
	b.members(2)
	if err := b.house.Lock("1000", true); err != nil {
		t.Fatal(err)
	}
	n, err := b.house.Kick("1000", Selection{All: true})
	if err != nil || n != 2 {
		t.Errorf("kicked %d, %v; want 2", n, err)
	}
	if live := b.house.Live(); len(live) != 0 {
		t.Errorf("left behind: %+v", live)
	}
	for _, p := range []*phone{ann, bob} {
		p.over(t, ResultKicked)
		heard := strings.TrimSuffix(strings.Join(p.transcript(), " "), " -")
		if strings.Contains(heard, toneLeave) || !strings.HasSuffix(heard, promptKicked) {
			t.Errorf("%s heard %s", p.name, heard)
		}
	}
	// The lock went with the conference, and numbers start anew.
	b.call("eve", room)
	if members := b.members(1); members[0].ID != 1 {
		t.Errorf("members: %+v", members)
	}
}

func TestLiveTellsWhatGoesOn(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", nil)
	ann := b.call("ann", room)
	ann.talks.Store(true)
	b.members(1)
	b.call("bob", room)
	b.members(2)
	if _, err := b.house.Mute("1000", Selection{Member: 2}, true); err != nil {
		t.Fatal(err)
	}
	if err := b.house.Lock("1000", true); err != nil {
		t.Fatal(err)
	}
	var shown Conference
	eventually(t, func() string {
		shown = b.house.Live()[0]
		if shown.Members[0].Talking && shown.Members[0].Level > -20 && shown.Members[1].Level < -60 {
			return ""
		}
		return "ann is not shown as the talker"
	})
	if shown.Extension != "1000" || shown.Name != "Board" || shown.State != "multi" || !shown.Locked || time.Since(shown.Since) > patience {
		t.Errorf("conference: %+v", shown)
	}
	for i, want := range []Member{
		{ID: 1, Call: "call-ann", Caller: "ann", Name: "ANN", Codec: "PCMU", Rate: 8000, Talking: true, Entered: true, Role: "participant"},
		{ID: 2, Call: "call-bob", Caller: "bob", Name: "BOB", Codec: "PCMU", Rate: 8000, Muted: true, MutedBy: "moderator",
			Entered: true, Role: "participant"},
	} {
		got := shown.Members[i]
		want.Since, want.Level, want.Gain, want.Jitter, want.Delay = got.Since, got.Level, got.Gain, got.Jitter, got.Delay
		if want.TalkTime = got.TalkTime; want.Talking != (got.TalkTime > 0) {
			t.Errorf("%s has talked for %g s", got.Caller, got.TalkTime)
		}
		if spoke := len(got.Talks) > 0; spoke != want.Talking {
			t.Errorf("%s is shown as having talked: %v", got.Caller, got.Talks)
		}
		if got.Talks = nil; !reflect.DeepEqual(got, want) {
			t.Errorf("member %+v\nwant   %+v", got, want)
		}
	}
	if _, err := json.Marshal(shown); err != nil {
		t.Error(err)
	}
}

func TestOperatorsAreToldWhatThereIsNoneOf(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", nil)
	order := func(extension string, member int) map[string]error {
		_, mute := b.house.Mute(extension, Selection{Member: member}, true)
		_, kick := b.house.Kick(extension, Selection{Member: member})
		_, all := b.house.Kick(extension, Selection{All: true})
		_, last := b.house.Kick(extension, Selection{Last: true})
		return map[string]error{
			"mute": mute, "kick": kick, "all": all, "last": last,
			"lock": b.house.Lock(extension, true),
			"say":  b.house.Say(extension, promptBegin),
			"play": b.house.Play(extension, longTone("music")),
		}
	}
	for name, err := range order("1001", 1) {
		if err == nil || err.Error() != "there is no room 1001" {
			t.Errorf("%s in no room: %v", name, err)
		}
	}
	for name, err := range order("1000", 1) {
		if err == nil || err.Error() != "room 1000 has no members now" {
			t.Errorf("%s in an empty room: %v", name, err)
		}
	}
	for _, name := range []string{"ann", "bob", "eve"} {
		b.call(name, room)
	}
	b.members(3)
	if _, err := b.house.Kick("1000", Selection{Member: 3}); err != nil {
		t.Fatal(err)
	}
	for _, member := range []int{0, -1, 3, 7} {
		want := fmt.Sprintf("room 1000 has no member %d; members: 1, 2", member)
		if _, err := b.house.Mute("1000", Selection{Member: member}, true); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
