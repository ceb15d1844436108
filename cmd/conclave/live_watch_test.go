package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"conclave/rooms"
)

var watchTime = time.Date(2030, 1, 2, 10, 20, 30, 0, time.Local)

// talker is a member whose caller, name and call are one word.
func talker(id int, name string, level float64) rooms.Member {
	return rooms.Member{ID: id, Call: "call of " + name, Caller: name, Name: strings.ToUpper(name), Since: watchTime, Codec: "PCMU",
		Role: "participant", Level: level, Entered: true}
}

func room(ext string, members ...rooms.Member) rooms.Conference {
	return rooms.Conference{Extension: ext, Name: "Room " + ext, Since: watchTime, Members: members}
}

// looksAt makes the watch see conferences, which it may change.
func looksAt(w *watch, live ...rooms.Conference) {
	for i := range live {
		live[i].Members = slices.Clone(live[i].Members)
	}
	w.update(live, watchTime)
}

// presses presses keys one after another and returns the orders that they give; "quit" if they end the watch.
func presses(w *watch, keys ...key) (orders []string) {
	for _, k := range keys {
		o, quit := w.press(k)
		if o != nil {
			orders = append(orders, o.path)
		}
		if quit {
			orders = append(orders, "quit")
		}
	}
	return orders
}

func draws(t *testing.T, w *watch, height, width int) []string {
	t.Helper()
	p, err := w.draw(height, width)
	if err != nil {
		t.Fatal(err)
	}
	return p.lines
}

// says is the line at the bottom.
func says(t *testing.T, w *watch) string {
	t.Helper()
	lines := draws(t, w, 24, 200)
	return lines[len(lines)-1]
}

func TestWatchShowsTheLoudestFirst(t *testing.T) {
	var w watch
	anna, bert := talker(1, "anna", -32.4), talker(2, "bert", -20)
	bert.Talking, bert.TalkTime, bert.Role = true, 65.4, "moderator"
	anna.Muted, anna.MutedBy = true, "self"
	carl := talker(3, "carl", -127)
	carl.Entered, carl.Waiting, carl.Music = false, true, true
	looksAt(&w, room("1000", carl, anna, bert))
	presses(&w, "j")
	p, err := w.draw(8, 200)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`10:20:30  1 conference, 3 members`,
		`1000 Room 1000, 3 members since 10:20:30`,
		`  MEMBER  CALLER  NAME  ROLE         STATE           LEVEL                      TALKED  LAST MINUTE  LOSS   JITTER  DELAY  CODEC  SINCE`,
		`> 2       bert    BERT  moderator    talking         █████████████·······  -20  1:05                 0.0 %  0.0 ms  0 ms   PCMU   10:20:30`,
		`  1       anna    ANNA  participant  muted by self   █████████···········  -32  0:00                 0.0 %  0.0 ms  0 ms   PCMU   10:20:30`,
		`  3       carl    CARL  participant  waiting, music  ···················· -127  0:00                 0.0 %  0.0 ms  0 ms   PCMU   10:20:30`,
		``,
		`? keys   q quit`,
	}
	if !slices.Equal(p.lines, want) {
		t.Errorf("shown:\n%s\nwant:\n%s", strings.Join(p.lines, "\n"), strings.Join(want, "\n"))
	}
	if p.selected != 3 {
		t.Errorf("line %d is the selected one, want 3", p.selected)
	}
}

func TestMembersWhoAreSilentKeepTheirOrder(t *testing.T) {
	var w watch
	for range 20 {
		looksAt(&w, room("1000", talker(3, "carl", -61.5), talker(1, "anna", -127), talker(2, "bert", -70), talker(4, "dora", -59)))
		lines := draws(t, &w, 10, 40)
		for i, name := range []string{"dora", "anna", "bert", "carl"} {
			if !strings.Contains(lines[3+i], name) {
				t.Fatalf("line %d is %q, want %s", 3+i, lines[3+i], name)
			}
		}
	}
}

func TestSelectionSticksToTheMemberWhileRowsMove(t *testing.T) {
	var w watch
	looksAt(&w, room("1000", talker(1, "anna", -10), talker(2, "bert", -20), talker(3, "carl", -30)))
	if got := presses(&w, "j", keyDown, "m"); !slices.Equal(got, []string{"/v1/rooms/1000/members/2/mute"}) {
		t.Errorf("two down, then m: %v", got)
	}
	looksAt(&w, room("1000", talker(1, "anna", -40), talker(2, "bert", -35), talker(3, "carl", -5), talker(4, "dora", -6)))
	if got := presses(&w, "m"); !slices.Equal(got, []string{"/v1/rooms/1000/members/2/mute"}) {
		t.Errorf("after the rows moved, m: %v", got)
	}
	// From where he is shown now, after carl and dora.
	if got := presses(&w, "k", "m", keyDown, "j", "m"); !slices.Equal(got, []string{"/v1/rooms/1000/members/4/mute", "/v1/rooms/1000/members/1/mute"}) {
		t.Errorf("up m, two down m: %v", got)
	}
	if got := presses(&w, "j", "j", "j", "m", "k", "k", "k", "k", "k", "m"); !slices.Equal(got, []string{"/v1/rooms/1000/members/1/mute", "/v1/rooms/1000/members/3/mute"}) {
		t.Errorf("beyond both ends: %v", got)
	}
}

func TestSelectionCrossesRooms(t *testing.T) {
	var w watch
	looksAt(&w, room("1000", talker(1, "anna", -10)), room("2000", talker(1, "bert", -5)))
	if got := presses(&w, "j", "m", "j", "m", "l", "k", "l"); !slices.Equal(got, []string{
		"/v1/rooms/1000/members/1/mute", "/v1/rooms/2000/members/1/mute", "/v1/rooms/2000/lock", "/v1/rooms/1000/lock"}) {
		t.Errorf("orders are %v", got)
	}
}

func TestKeyNeverStrikesTheNeighbourOfWhoHasLeft(t *testing.T) {
	var w watch
	three := []rooms.Member{talker(1, "anna", -10), talker(2, "bert", -20), talker(3, "carl", -30)}
	looksAt(&w, room("1000", three...))
	presses(&w, "j", "j", "x")
	if got, want := says(t, &w), "kick member 2 BERT out of room 1000? y/n"; got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
	looksAt(&w, room("1000", three[0], three[2]))
	if got, want := says(t, &w), "member 2 BERT has left"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
	if got := presses(&w, "y", "m", "x", "y"); got != nil {
		t.Errorf("orders to nobody: %v", got)
	}
	if got := says(t, &w); !strings.Contains(got, "select a member first") && got != hintLine {
		t.Errorf("said %q", got)
	}
	if got := presses(&w, "j", "m"); !slices.Equal(got, []string{"/v1/rooms/1000/members/3/mute"}) {
		t.Errorf("the next one selected takes his place: %v", got)
	}

	// The number may be given anew, to somebody else.
	looksAt(&w, room("1000", talker(3, "eve", -30)))
	if got := presses(&w, "m"); got != nil {
		t.Errorf("an order for carl reaches eve: %v", got)
	}
}

func TestKeysGiveOrders(t *testing.T) {
	muted := talker(1, "anna", -10)
	muted.Muted, muted.MutedBy = true, "moderator"
	locked := room("1000", talker(1, "anna", -10))
	locked.Locked = true
	for _, tt := range []struct {
		name string
		live []rooms.Conference
		keys []key
		want []string
		says string
	}{
		{"mute", []rooms.Conference{room("1000", talker(1, "anna", -10))}, []key{"j", "m"}, []string{"/v1/rooms/1000/members/1/mute"}, ""},
		{"unmute", []rooms.Conference{room("1000", muted)}, []key{"j", "m"}, []string{"/v1/rooms/1000/members/1/unmute"}, ""},
		{"kick asks", []rooms.Conference{room("1000", muted)}, []key{"j", "x"}, nil, "kick member 1 ANNA out of room 1000? y/n"},
		{"kick, yes", []rooms.Conference{room("1000", muted)}, []key{"j", "x", "y"}, []string{"/v1/rooms/1000/members/1/kick"}, ""},
		{"kick, no", []rooms.Conference{room("1000", muted)}, []key{"j", "x", "n", "y"}, nil, ""},
		{"kick, another key is no", []rooms.Conference{room("1000", muted)}, []key{"j", "x", "j"}, nil, "nobody is kicked"},
		{"kick, ctrl-C", []rooms.Conference{room("1000", muted)}, []key{"j", "x", keyInterrupt}, []string{"quit"}, ""},
		{"lock the only room", []rooms.Conference{room("1000", muted)}, []key{"l"}, []string{"/v1/rooms/1000/lock"}, ""},
		{"unlock", []rooms.Conference{locked}, []key{"l"}, []string{"/v1/rooms/1000/unlock"}, ""},
		{"lock which room", []rooms.Conference{locked, room("2000", muted)}, []key{"l"}, nil, "select a member of the room first, with up/down or j/k"},
		{"lock no room", nil, []key{"l"}, nil, "there is no conference to be locked"},
		{"select in no room", nil, []key{"j"}, nil, "nobody is there to be selected"},
		{"mute nobody", []rooms.Conference{locked}, []key{"m"}, nil, "select a member first, with up/down or j/k"},
		{"kick nobody", []rooms.Conference{locked}, []key{"x", "y"}, nil, ""},
		{"help", nil, []key{"?"}, nil, keyLine},
		{"help and back", nil, []key{"?", "?"}, nil, hintLine},
		{"quit", nil, []key{"q"}, []string{"quit"}, ""},
		{"ctrl-C", nil, []key{keyInterrupt}, []string{"quit"}, ""},
		{"keys without a meaning", []rooms.Conference{locked}, []key{"M", keyEscape, keyOther, "z", "y"}, nil, hintLine},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w watch
			looksAt(&w, tt.live...)
			if got := presses(&w, tt.keys...); !slices.Equal(got, tt.want) {
				t.Errorf("orders are %v, want %v", got, tt.want)
			}
			if got := says(t, &w); tt.says != "" && got != tt.says {
				t.Errorf("said %q, want %q", got, tt.says)
			}
		})
	}
}

func TestOperatorIsToldWhatCameOfAnOrder(t *testing.T) {
	muted := talker(2, "bert", -20)
	muted.Muted = true
	for _, tt := range []struct {
		keys    []key
		changed int
		err     error
		want    string
	}{
		{[]key{"j", "m"}, 1, nil, "member 1 ANNA is muted"},
		{[]key{"j", "j", "m"}, 1, nil, "member 2 BERT may speak again"},
		{[]key{"j", "j", "m"}, 0, nil, "nothing has changed for member 2 BERT"},
		{[]key{"j", "x", "y"}, 1, nil, "member 1 ANNA is kicked"},
		{[]key{"l"}, 0, nil, "room 1000 is locked"},
		{[]key{"j", "m"}, 0, errors.New("room 1000 has no member 1; members: 2, 3, 4, 5, 6, 7, 8, 9 \x1b[2J"), `room 1000 has no member 1; members: 2, 3, 4, 5, 6, 7, 8, 9 \x1b[2J`},
	} {
		var w watch
		looksAt(&w, room("1000", talker(1, "anna", -10), muted))
		var last *order
		for _, k := range tt.keys {
			last, _ = w.press(k)
		}
		w.answered(last, tt.changed, tt.err)
		if got := says(t, &w); got != tt.want {
			t.Errorf("%v: said %q, want %q", tt.keys, got, tt.want)
		}
		presses(&w, keyOther)
		if got := says(t, &w); got != hintLine {
			t.Errorf("%v: after the next key it still says %q", tt.keys, got)
		}
	}
}

func TestWhoWasKickedIsNotReportedAsHavingLeft(t *testing.T) {
	var w watch
	looksAt(&w, room("1000", talker(1, "anna", -10), talker(2, "bert", -20)))
	presses(&w, "j", "x")
	kick, _ := w.press("y")
	w.answered(kick, 1, nil)
	looksAt(&w, room("1000", talker(2, "bert", -20)))
	if got, want := says(t, &w), "member 1 ANNA is kicked"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}

func TestKeysAreExplainedOnAScreenOf80Columns(t *testing.T) {
	var w watch
	looksAt(&w)
	presses(&w, "?")
	lines := draws(t, &w, 24, 80)
	for _, word := range []string{"select", "mute", "kick", "lock", "q quit", "? hide"} {
		if last := lines[len(lines)-1]; !strings.Contains(last, word) {
			t.Errorf("%q does not say %q", last, word)
		}
	}
}

func TestScreenOfAnySizeShowsTheSelectedMember(t *testing.T) {
	var members []rooms.Member
	for id := range 40 {
		members = append(members, talker(id+1, fmt.Sprintf("phone%02d", id+1), -127))
	}
	for _, height := range []int{1, 2, 3, 5, 24, 100} {
		for _, width := range []int{1, 10, 80, 300} {
			var w watch
			looksAt(&w, room("1000", members[:20]...), room("2000", members[20:]...))
			check := func(want int) {
				t.Helper()
				p, err := w.draw(height, width)
				if err != nil {
					t.Fatal(err)
				}
				if len(p.lines) < min(height, 3) || len(p.lines) > max(height, 3) {
					t.Fatalf("%d lines on a screen of %d", len(p.lines), height)
				}
				for _, line := range p.lines {
					if n := utf8.RuneCountInString(line); n > width {
						t.Fatalf("a line of %d characters on a screen of %d", n, width)
					}
				}
				if p.selected < 1 || p.selected > len(p.lines)-2 {
					t.Fatalf("%dx%d: the selected line is %d of %d", height, width, p.selected, len(p.lines))
				}
				if line := p.lines[p.selected]; width >= 80 && !strings.HasPrefix(line, fmt.Sprintf("> %d ", want)) {
					t.Fatalf("%dx%d: the selected line is %q, want member %d", height, width, line, want)
				}
			}
			for n := range 40 {
				presses(&w, "j")
				check(n + 1)
			}
			for n := range 39 {
				presses(&w, "k")
				check(39 - n)
			}
			if height == 24 && width == 300 {
				if lines := draws(t, &w, height, width); !strings.HasPrefix(lines[1], "1000 Room") || !strings.HasSuffix(lines[0], "lines 1-22 of 45") {
					t.Errorf("back at the first member the top is\n%s\n%s", lines[0], lines[1])
				}
			}
		}
	}
}

func TestWatchShowsHostileCallersHarmlessly(t *testing.T) {
	var w watch
	evil := talker(1, "1\x1b[2J", -10)
	evil.Name = strings.Repeat("\u202e", 100)
	long := talker(2, "anna", -20)
	long.Name = "Anna from the Department of Very Long Names"
	looksAt(&w, room("1000", evil, long))
	presses(&w, "j", "x")
	for _, line := range draws(t, &w, 24, 200) {
		if escape(line, 1000) != line {
			t.Errorf("a line is %q", line)
		}
	}
	lines := draws(t, &w, 24, 80)
	if !strings.Contains(lines[3], `1\x1b[2J  \u202e\u202e\u202e\…  participant`) || !strings.Contains(lines[4], "Anna from the Depar…  participant") {
		t.Errorf("names are not shortened:\n%s\n%s", lines[3], lines[4])
	}
}
