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
	time.Sleep(200 * time.Millisecond) // what is still under way must not be heard by the room
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
		time.Sleep(200 * time.Millisecond) // what is still under way must not be heard by the room
		p.press("#")
		b.members(3 + i) // in this order
	}
	kim := joiners[2]
	kim.cancel() // before anybody has heard of him
	b.members(4)
	ann.forget()
	joiners[0].forget()
	ann.hearsSaid(t, promptHasJoined, toneJoin, "eve", promptAnd, "joe", promptHaveJoined, toneJoin)
	joiners[0].hearsSaid(t, promptHasJoined, toneJoin, "joe", promptHasJoined, toneJoin)
	for _, p := range phones {
		if heard := p.sounds(); slices.Contains(heard, "kim") {
			t.Errorf("%s heard %v", p.name, heard)
		}
	}
}

func TestNewsOfManyAreInOneOrderAndToldOnce(t *testing.T) {
	voices, prompts, _ := testVoices()
	voice, _ := voices.Voice(standardVoice)
	caller := func(name string, quiet bool) *member {
		m := &member{options: Options{Quiet: quiet}}
		if name != "" {
			m.name = []*media.Sound{prompts["digits/"+name]}
		}
		return m
	}
	two, three := caller("2", false), caller("3", false)
	nobody, nobodyElse, quiet := caller("", false), caller("", false), caller("", true)
	for _, test := range []struct {
		name    string
		arrived []arrival
		left    []*member
		all     string             // is heard by the room
		apart   map[*member]string // is heard by one instead
	}{
		{"one", []arrival{{member: nobody}}, nil, "confbridge-join", map[*member]string{nobody: ""}},
		{"one with a name", []arrival{{member: two}}, nil, "digits/2 conf-hasjoin confbridge-join", map[*member]string{two: ""}},
		{"two, each of whom rings for the other", []arrival{{member: nobody}, {member: nobodyElse}}, nil, "confbridge-join", nil},
		{"all there is", []arrival{{member: two}, {member: nobody, counts: true}, {member: three, begins: true}}, []*member{two, nobody},
			"conf-onlyone confbridge-conf-begin digits/2 conf-and digits/3 conf-havejoined confbridge-join digits/2 conf-hasleft confbridge-leave",
			map[*member]string{
				two:   "conf-onlyone confbridge-conf-begin digits/3 conf-hasjoin confbridge-join digits/2 conf-hasleft confbridge-leave",
				three: "conf-onlyone digits/2 conf-hasjoin confbridge-join digits/2 conf-hasleft confbridge-leave",
			}},
		{"quiet, and counted", []arrival{{member: quiet, counts: true}}, nil, "conf-onlyone", map[*member]string{quiet: ""}},
		{"some leave", nil, []*member{nobody, nobodyElse}, "confbridge-leave", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &conference{voice: voice, members: []*member{nobody, nobodyElse}}
			n := newsOf(test.arrived, test.left)
			if got := spoken(voice, c.report(n, nil)); got != test.all {
				t.Errorf("all hear %q, want %q", got, test.all)
			}
			if len(n.apart) != len(test.apart) {
				t.Errorf("%d hear something else, want %d", len(n.apart), len(test.apart))
			}
			for m, want := range test.apart {
				if got := spoken(voice, c.report(n, m)); got != want || !slices.Contains(n.apart, m) {
					t.Errorf("one hears %q, want %q", got, want)
				}
			}
		})
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
		var arrived []arrival
		for range 20 {
			m := &member{name: name, entered: true}
			c.members = append(c.members, m)
			arrived = append(arrived, arrival{member: m})
		}
		first := c.report(newsOf(arrived[:1], nil), nil)
		rest := newsOf(arrived[1:], nil)
		if total := duration(first) + duration(c.report(rest, nil)); total > 15*time.Second || len(rest.welcomed) < 4 {
			t.Errorf("%s: %d names, %s in all", language, len(rest.welcomed), total)
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
