package rooms

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"conclave/media"
	"conclave/mixer"
)

// solo are options under which a member alone hears nothing by himself.
func solo(more ...string) map[string]string {
	all := terse(map[string]string{"music_on_hold_when_empty": "no"})
	for _, option := range more {
		name, value, _ := strings.Cut(option, "=")
		all[name] = value
	}
	return all
}

func TestAnnouncementIsForTheJoinerAlone(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", map[string]string{"announce_user_count": "yes"})
	room.Announcement = media.NewSound(8000, sine(tones["announcement"], 8000, 1600))
	ann := b.call("ann", room)
	ann.hears(t, "announcement", promptOnlyPerson, toneJoin, "music")
	bob := b.call("bob", room)
	bob.hears(t, "announcement", promptOnlyOne, toneJoin)
	ann.hears(t, "announcement", promptOnlyPerson, toneJoin, "music", toneJoin)
}

func TestAnnouncementIsHeardToItsEndWhoeverComes(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", nil)
	room.Announcement = media.NewSound(8000, sine(tones["announcement"], 8000, 16000))
	ann := b.call("ann", room)
	ann.hears(t, "announcement")
	bob := b.call("bob", room)
	b.members(2)
	bob.hears(t, "announcement", toneJoin)
	b.quietens(ann)
	for _, sound := range ann.sounds() {
		if sound == promptOnlyPerson {
			t.Errorf("ann heard %v", ann.transcript())
		}
	}
	// 2 s of it are 100 windows; ann heard bob's tone in none of them.
	heard := 0
	ann.mu.Lock()
	for _, tone := range ann.loudest {
		if tone == "announcement" {
			heard++
		}
	}
	ann.mu.Unlock()
	if heard < 95 {
		t.Errorf("ann heard %d ms of 2 s", heard*20)
	}
}

func TestJoinerIsToldHowManyAreThere(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", solo("announce_user_count=yes", "quiet=yes"))
	ann := b.call("ann", room)
	b.members(1)
	bob := b.call("bob", room)
	bob.hears(t, promptOnlyOne)
	eve := b.call("eve", room)
	eve.hears(t, promptThereAre, "digits/2", promptOtherInParty)
	if heard := ann.sounds(); len(heard) > 0 {
		t.Errorf("ann heard %v", heard)
	}
}

func TestOthersAreToldHowManyAreThere(t *testing.T) {
	for _, test := range []struct{ value, ann string }{
		{"no", ""},
		{"yes", "conf-onlyone conf-thereare digits/2 conf-otherinparty"},
		{"2", "conf-thereare digits/2 conf-otherinparty"},
	} {
		t.Run(test.value, func(t *testing.T) {
			b := newBuilding(t, mixer.Config{})
			room := b.room("", solo("announce_user_count_all="+test.value, "quiet=yes"))
			ann := b.call("ann", room)
			b.members(1)
			b.call("bob", room)
			b.members(2)
			time.Sleep(400 * time.Millisecond)
			eve := b.call("eve", room)
			b.members(3)
			ann.hears(t, strings.Fields(test.ann)...)
			b.quietens(ann)
			ann.heardOnly(t, strings.Fields(test.ann)...)
			eve.heardOnly(t)
		})
	}
}

func TestRoomWithoutAnnouncementsIsToldNothing(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", map[string]string{"announcements": "no", "announce_join_leave": "yes",
		"announce_user_count_all": "yes", "hear_own_join_sound": "no"})
	room.Menu, room.ModeratorMenu = ParticipantMenu(), ModeratorMenu()
	ann := b.call("ann", leaders(room))
	ann.hears(t, promptOnlyPerson, "music") // and is not asked for a name that nobody would hear
	bob := b.call("bob", room)
	b.members(2)
	ann.press("5")
	b.muted(false, true)
	b.quietens(ann)
	ann.cancel()
	bob.hears(t, "music")
	bob.heardOnly(t, "music")
	ann.heardOnly(t, promptOnlyPerson, "music")
}

func TestSoundsOfTheRoomReplacePrompts(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", nil)
	own := media.NewSound(8000, sine(tones["announcement"], 8000, 4000))
	room.Sounds = map[string]*media.Sound{promptOnlyPerson: own, toneLeave: own}
	ann := b.call("ann", room)
	ann.hears(t, "announcement", toneJoin, "music")
	bob := b.call("bob", room)
	bob.hears(t, toneJoin)
	b.quietens(ann)
	ann.forget()
	bob.cancel()
	ann.hears(t, "announcement", "music")
}

// foreignVoice adds a voice to the house that says what is for one caller or for all in other tones.
func (b *building) foreignVoice(language string) {
	sounds := make(map[string]recording)
	for name := range b.prompts() {
		sounds[name] = recorded(media.NewSound(8000, sine(tones["foreign"], 8000, 1600)))
	}
	own, _ := b.house.voices.Voice(standardVoice)
	b.house.SetVoices(newVoices(own, newVoice(language, language, sounds)))
}

func TestCallersLanguageIsForWhatIsSaidToHimAlone(t *testing.T) {
	for _, test := range []struct {
		name, accepts, option string
		room, bob, ann        string // the room's language, and what they hear
	}{
		{"suits", "de-AT, en;q=0.5", "yes", "en", "foreign", toneJoin},
		{"not allowed", "de-AT, en;q=0.5", "no", "en", promptOnlyOne, toneJoin},
		{"not there", "fi", "yes", "en", promptOnlyOne, toneJoin},
		{"none", "", "yes", "en", promptOnlyOne, toneJoin},
		{"of the room", "", "yes", "de", "foreign", "foreign"},
		{"of the caller against the room's", "en", "yes", "de", promptOnlyOne, "foreign"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBuilding(t, mixer.Config{})
			b.foreignVoice("de")
			room := b.room("", solo("announce_user_count=yes", "caller_language="+test.option, "language="+test.room))
			ann := b.call("ann", room)
			b.members(1)
			bob := b.callIn("bob", room, test.accepts)
			bob.hears(t, test.bob)
			ann.hears(t, test.ann)
		})
	}
}

func TestRoomWhoseVoiceIsGoneSpeaksNevertheless(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", nil)
	room.Options.Language = "xx"
	b.call("ann", room).hears(t, promptOnlyPerson, toneJoin)
	b.logs("level=WARN", "language=xx")
}

func TestEventsTellWhatHappens(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", solo("wait_marked=yes", "quiet=yes", "talk_detection_events=yes", "end_marked=yes"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := b.house.Events(ctx, "1000")
	ann := b.call("ann", room)
	b.members(1)
	eve := b.call("eve", leaders(room))
	b.members(2)
	ann.talks.Store(true)
	next := func(want string) {
		t.Helper()
		select {
		case e := <-events:
			got := strings.TrimSpace(fmt.Sprint(e.Kind, " ", e.Member, " ", e.Call, " ", e.Caller, " ", e.Name, " ", e.Role, " ", e.Result))
			if got != want || e.Room != "1000" {
				t.Errorf("event %q in room %s, want %q", got, e.Room, want)
			}
		case <-time.After(patience):
			t.Fatalf("no event, want %q", want)
		}
	}
	next("join 1 call-ann ann ANN participant")
	next("waiting 1 call-ann ann ANN participant")
	next("join 2 call-eve eve EVE moderator")
	next("begin 2 call-eve eve EVE moderator")
	next("talking 1 call-ann ann ANN participant")
	ann.talks.Store(false)
	next("silent 1 call-ann ann ANN participant")
	for _, order := range []func() error{
		func() error { _, err := b.house.Mute("1000", Selection{Member: 1}, true); return err },
		func() error { _, err := b.house.Mute("1000", Selection{Member: 1}, false); return err },
		func() error { return b.house.Lock("1000", true) },
		func() error { return b.house.Lock("1000", true) },
		func() error { return b.house.Lock("1000", false) },
	} {
		if err := order(); err != nil {
			t.Fatal(err)
		}
	}
	next("mute 1 call-ann ann ANN participant")
	next("unmute 1 call-ann ann ANN participant")
	next("lock 0")
	next("unlock 0")
	eve.cancel()
	next("leave 2 call-eve eve EVE moderator HANGUP")
	next("leave 1 call-ann ann ANN participant ENDMARKED")
}

func TestOperatorsSpeakToAllAlsoToThoseWhoWait(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", solo("wait_marked=yes", "quiet=yes"))
	free := room
	free.Options.WaitMarked = false
	ann, bob := b.call("ann", room), b.call("bob", free)
	b.members(2)
	if err := b.house.Say("1000", promptFull, promptLocked); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*phone{ann, bob} {
		p.hears(t, promptFull, promptLocked)
	}
	if err := b.house.Play("1000", media.NewSound(8000, sine(tones["announcement"], 8000, 1600))); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*phone{ann, bob} {
		p.hears(t, promptFull, promptLocked, "announcement")
	}
	if err := b.house.Say("1000", promptFull, "conf-ful"); err == nil || err.Error() != `room 1000 has no prompt "conf-ful"; the nearest is conf-full` {
		t.Errorf("unknown prompt: %v", err)
	}
}
