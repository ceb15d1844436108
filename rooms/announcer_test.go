package rooms

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"conclave/media"
	"conclave/mixer"
)

// introduce has a caller say his name, which is his tone.
func (p *phone) introduce(t *testing.T) {
	t.Helper()
	p.hears(t, promptRecordName, toneBeep)
	p.says.Store(true)
	time.Sleep(600 * time.Millisecond)
	p.says.Store(false)
	p.press("#")
}

// named are options of a room that asks for names.
func named() map[string]string {
	return terse(map[string]string{"announce_join_leave": "yes", "music_on_hold_when_empty": "no"})
}

// once is a transcript in which a name is once, however its syllables were heard.
func once(sounds []string) []string { return slices.Compact(slices.Clone(sounds)) }

// hearsSaid is hears for names, which rise and fall.
func (p *phone) hearsSaid(t *testing.T, want ...string) {
	t.Helper()
	eventually(t, func() string {
		if got := once(p.sounds()); len(got) >= len(want) && slices.Equal(got[:len(want)], want) {
			return ""
		}
		return fmt.Sprintf("%s heard %v, want %v", p.name, p.transcript(), want)
	})
}

func TestNameIsHeardByTheOthersWhenItsOwnerComesAndGoes(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", named())
	ann := b.call("ann", room)
	ann.introduce(t)
	ann.hearsSaid(t, promptRecordName, toneBeep, promptThankYou)
	b.quietens(ann)
	bob := b.call("bob", room)
	bob.introduce(t)
	ann.forget()
	b.members(2)
	ann.hearsSaid(t, "bob", promptHasJoined, toneJoin)
	b.quietens(ann)
	if got := once(bob.sounds()); !slices.Equal(got, []string{promptRecordName, toneBeep, promptThankYou}) {
		t.Errorf("bob heard %v", got)
	}
	ann.forget()
	bob.cancel()
	ann.hearsSaid(t, "bob", promptHasLeft, toneLeave)
	if strings.Contains(b.log.String(), "pcm") {
		t.Error("a name is in the log")
	}
}

func TestWhoSaysNothingIsAParticipant(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", named())
	ann := b.call("ann", room)
	ann.introduce(t)
	b.members(1)
	bob := b.call("bob", room) // whose number is none
	bob.hears(t, promptRecordName, toneBeep)
	ann.forget()
	bob.press("#")
	ann.hears(t, promptParticipant, promptHasJoined, toneJoin)
}

func TestJoinerIsInAtOnceAndIsNotHeldUpByAnnouncements(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	b.prompts()[promptHasJoined] = longTone(promptHasJoined)
	room := b.room("", named())
	b.enter(room, "ann", "bob") // whose announcement takes a minute
	eve := b.call("eve", room)
	eve.introduce(t)
	for i, m := range b.members(3) {
		if !m.Entered {
			t.Errorf("member %d is not in the mix", i+1)
		}
	}
}

// enter lets callers in who say their names, one after the other.
func (b *building) enter(room Room, names ...string) (phones []*phone) {
	b.t.Helper()
	before := 0
	for _, c := range b.house.Live() {
		before = len(c.Members)
	}
	for i, name := range names {
		p := b.call(name, room)
		p.introduce(b.t)
		b.members(before + i + 1)
		phones = append(phones, p)
	}
	return phones
}

func TestThoseWhoComeDuringAnAnnouncementAreAnnouncedTogether(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	b.prompts()[promptHasJoined] = media.NewSound(8000, sine(tones[promptHasJoined], 8000, 5*8000))
	room := b.room("", named())
	phones := b.enter(room, "ann", "bob")
	ann := phones[0]
	var joiners []*phone
	for _, name := range []string{"eve", "joe", "kim"} {
		joiners = append(joiners, b.call(name, room))
	}
	for _, p := range joiners {
		p.hears(t, promptRecordName, toneBeep)
		p.says.Store(true)
	}
	time.Sleep(500 * time.Millisecond)
	for i, p := range joiners {
		p.says.Store(false)
		p.press("#")
		b.members(3 + i) // in this order
	}
	kim := joiners[2]
	kim.cancel() // before anybody has heard of him
	b.members(4)
	ann.forget()
	joiners[0].forget()
	ann.hearsSaid(t, promptHasJoined, toneJoin, toneLeave, "eve", promptAnd, "joe", promptHaveJoined)
	joiners[0].hearsSaid(t, promptHasJoined, toneJoin, toneLeave, "joe", promptHasJoined)
	for _, p := range phones {
		if heard := p.sounds(); slices.Contains(heard, "kim") {
			t.Errorf("%s heard %v", p.name, heard)
		}
	}
}

func TestTwentyWhoComeAtOnceAreAnnouncedWithinAQuarterOfAMinute(t *testing.T) {
	voices, err := BuiltinVoices()
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range voices.Names() {
		voice, _ := voices.Voice(language)
		c := &conference{voice: voice, announcements: true}
		name := []*media.Sound{media.NewSound(8000, make([]int16, 9600))} // of 1.2 s
		for range 20 {
			m := &member{name: name, entered: true}
			c.members = append(c.members, m)
			c.announcer.joined = append(c.announcer.joined, m)
		}
		first := duration(voice.HaveJoined(name)) + 2*duration(voice.Prompt(toneJoin))
		rest := c.takeNews()
		said := slices.Concat(rest.counted, c.sentence(rest, nil))
		if total := first + duration(said); total > 15*time.Second || len(rest.joined) < 4 {
			t.Errorf("%s: %d names, %s in all", language, len(rest.joined), total)
		}
	}
}

func TestLongNamesAreNotAllSaid(t *testing.T) {
	lasting := func(seconds int) *member {
		return &member{name: []*media.Sound{media.NewSound(8000, make([]int16, seconds*8000))}}
	}
	for _, test := range []struct {
		lasts []int
		want  int
	}{
		{nil, 0},
		{[]int{1}, 1},
		{[]int{10}, 1},
		{[]int{10, 1}, 1},
		{[]int{1, 10}, 1},
		{[]int{3, 2, 1}, 2},
		{[]int{1, 1, 1, 1, 1}, 5},
		{[]int{1, 1, 1, 1, 1, 1}, 5},
		{[]int{0, 0, 0, 0, 0, 0, 0}, 5},
	} {
		var all []*member
		for _, seconds := range test.lasts {
			all = append(all, lasting(seconds))
		}
		if got := len(firstOf(all)); got != test.want {
			t.Errorf("names of %v s: %d said, want %d", test.lasts, got, test.want)
		}
	}
}
