package rooms

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// labelled is a menu in which each sequence does an action that names it. A sequence with an ! speaks a prompt, too,
// during which it may go on.
func labelled(sequences ...string) Menu {
	var menu Menu
	for _, sequence := range sequences {
		keys, open := strings.CutSuffix(sequence, "!")
		actions := []Action{{Kind: ActionNoOp, Files: []string{keys}}}
		if open {
			actions = append(actions, speaking("menu")...)
		}
		menu.Entries = append(menu.Entries, MenuEntry{Keys: keys, Actions: actions})
	}
	return menu
}

// finger presses keys of a menu as the stay in a conference does, and notes what comes of it.
type finger struct {
	keys *menuKeys
	now  time.Time
	wait time.Duration // as the last key said; 0: none
	over chan struct{} // of the prompt spoken; nil: none is
	cuts int
	done []string
}

func newFinger(menu Menu) *finger {
	return &finger{keys: newKeys(menu), now: time.Unix(1_000_000, 0)}
}

func (f *finger) do(actions []Action) {
	for _, action := range actions {
		if action.Kind == ActionNoOp {
			f.done = append(f.done, action.Files[0])
			continue
		}
		f.done = append(f.done, "menu")
		f.hearOut()
		over := make(chan struct{})
		f.over = over
		f.keys.speaks(openPrompt{over: over, cut: func() { f.cuts++; f.hearOut() }})
	}
}

func (f *finger) press(key byte) {
	var do []Action
	do, f.wait = f.keys.press(key, f.now)
	f.do(do)
}

// pass lets time pass, and calls pause when it is due.
func (f *finger) pass(d time.Duration) {
	f.now = f.now.Add(d)
	if f.wait > 0 && d >= f.wait {
		f.wait = 0
		f.do(f.keys.pause())
	}
}

// hearOut lets the prompt come to its end.
func (f *finger) hearOut() {
	if f.over != nil {
		close(f.over)
		f.over = nil
	}
}

func TestLongestSequenceOfKeysCounts(t *testing.T) {
	// A step is a key, a dot for a pause that is long enough, a comma for one that is not quite, or a ! for the end of
	// the prompt.
	plain := labelled("1", "12", "1234", "5", "*1", "#", "9", "99", "999")
	open := labelled("*!", "*1", "*2!", "*23", "1", "2", "3", "*456")
	alone := labelled("*!", "1")
	tests := []struct {
		name  string
		menu  Menu
		steps string
		want  string
	}{
		{"a key at once", plain, "5", "5"},
		{"a key at once, again and again", plain, "5#55", "5 # 5 5"},
		{"a key that waits", plain, "1", ""},
		{"a key after its wait", plain, "1.", "1"},
		{"a second key within the pause", plain, "1,2.", "12"},
		{"a second key after the pause", plain, "1.2.", "1"},
		{"the longest at once", plain, "1234", "1234"},
		{"a mismatch does what matched", plain, "125", "12 5"},
		{"a mismatch two keys on does what matched, and the rest anew", plain, "1235", "12 5"},
		{"the rest anew waits for more", plain, "1231", "12"},
		{"the rest anew comes to its end", plain, "1231.", "12 1"},
		{"a pause does what matched, and the rest anew", plain, "123.", "12"},
		{"a long run", plain, "99999.", "999 99"},
		{"a beginning of nothing is forgotten", plain, "*.5", "5"},
		{"a beginning that goes wrong", plain, "*5", "5"},
		{"an unknown key", plain, "7", ""},
		{"unknown keys around known ones", plain, "0507A1.", "5 1"},
		{"no menu", Menu{}, "1*#5.", ""},

		{"a prompt waits where its keys may go on", open, "*", ""},
		{"a prompt is spoken", open, "*.", "* menu"},
		{"a sequence at one go speaks no prompt", open, "*1", "*1"},
		{"a key goes on during the prompt", open, "*.1", "* menu cut *1"},
		{"a key goes on late in the prompt", open, "*.......1", "* menu cut *1"},
		{"a key after the prompt is by itself", open, "*.!1", "* menu 1"},
		{"a key that does not go on is by itself", open, "*.3", "* menu cut 3"},
		{"an unknown key cuts the prompt", open, "*.9", "* menu cut"},
		{"a key after the cut is by itself", open, "*.91", "* menu cut 1"},
		{"the key of the prompt speaks it anew", open, "*.*.", "* menu cut * menu"},
		{"a prompt of a prompt", open, "*.2.3", "* menu cut *2 menu cut *23"},
		{"a prompt of a prompt, left", open, "*.2.1", "* menu cut *2 menu cut 1"},
		{"a sequence of several keys goes on", open, "*.4,5,6", "* menu cut *456"},
		{"a sequence of several keys that stops is by itself", open, "*.4.1", "* menu cut 1"},
		{"a sequence of several keys that goes wrong is by itself", open, "*.453", "* menu cut 3"},
		{"a prompt that the next key would have cut is not begun", open, "*3", "* 3"},
		{"a prompt at once where no keys go on", alone, "*", "* menu"},
		{"a digit during it is the next key", alone, "*1", "* menu cut 1"},
		{"it speaks again", alone, "**!1", "* menu cut * menu 1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFinger(test.menu)
			for _, step := range []byte(test.steps) {
				cuts := f.cuts
				before := len(f.done)
				switch step {
				case '.':
					f.pass(keyPause)
				case ',':
					f.pass(keyPause - time.Millisecond)
				case '!':
					f.hearOut()
				default:
					f.press(step)
				}
				if f.cuts > cuts {
					f.done = slices.Insert(f.done, before, "cut")
				}
			}
			if got := strings.Join(f.done, " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Whoever calls pause may be late, and a key come first.
func TestPauseThatIsOverdueCountsBeforeTheKey(t *testing.T) {
	for steps, want := range map[string]string{"1 2": "1 2", "*1": "*1", "* 1": "* *1", "* 3": "* 3"} {
		f := newFinger(labelled("1", "12", "2", "3", "*!", "*1"))
		for _, step := range []byte(steps) {
			if step == ' ' {
				f.now = f.now.Add(keyPause)
				continue
			}
			f.press(step)
		}
		if got := strings.Join(f.done, " "); got != want {
			t.Errorf("%s: got %q, want %q", steps, got, want)
		}
	}
}

func TestPromptIsNotCutBeforeItHasBegun(t *testing.T) {
	k := newKeys(labelled("*!", "*1", "1"))
	k.press('*', time.Time{})
	k.pause()
	cuts := 0
	before, over := make(chan struct{}), make(chan struct{})
	k.speaks(openPrompt{begun: before, over: over, cut: func() { cuts++ }})
	do, _ := k.press('1', time.Time{})
	if cuts != 0 || len(do) != 1 || do[0].Files[0] != "*1" {
		t.Errorf("cut %d times, did %v; want *1 and no cut", cuts, do)
	}
}

// A prompt of which none could be played leaves nothing open.
func TestPromptThatIsNotSpokenLeavesNothingOpen(t *testing.T) {
	k := newKeys(labelled("*!", "*1", "1"))
	k.press('*', time.Time{})
	k.pause()
	if do, _ := k.press('1', time.Time{}); len(do) != 1 || do[0].Files[0] != "1" {
		t.Errorf("did %v, want 1", do)
	}
}

// Keys mean what they mean in a simple model: those between two pauses are cut, from the left, into the longest sequences
// there are; what begins none is left out. Behind a prompt that is still spoken the first sequence may be the rest of its own.
func TestKeysAreAsTheModelSays(t *testing.T) {
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 2))
		alphabet := "12*"[:1+random.IntN(3)]
		var sequences []string
		for range random.IntN(12) {
			var keys []byte
			for range 1 + random.IntN(5) {
				keys = append(keys, alphabet[random.IntN(len(alphabet))])
			}
			sequences = append(sequences, string(keys))
		}
		var steps []byte
		for range 60 {
			steps = append(steps, (alphabet + "123*. !")[random.IntN(len(alphabet)+7)])
		}
		if complaint := compareKeys(sequences, random.Uint64(), steps); complaint != "" {
			t.Fatalf("seed %d: %s", seed, complaint)
		}
	}
}

func FuzzKeys(f *testing.F) {
	f.Add("1 12 1234 5", uint64(0), []byte("1235.12 .1"))
	f.Add("* *1 *2 *23 1 2 3", uint64(0b1001), []byte("*.2.3.*.!1 2*"))
	f.Fuzz(func(t *testing.T, menu string, open uint64, steps []byte) {
		if complaint := compareKeys(strings.Fields(menu), open, steps); complaint != "" {
			t.Fatal(complaint)
		}
	})
}

// compareKeys takes steps: a key, a dot for a pause, a space for a pause that nobody tells of, a ! for the end of the prompt.
// The bits of open tell which sequences have a prompt.
func compareKeys(sequences []string, open uint64, steps []byte) (complaint string) {
	sequences = slices.DeleteFunc(sequences, func(s string) bool {
		return len(s) > longestKeys || strings.Trim(s, telephoneKeys) != ""
	})
	slices.Sort(sequences)
	sequences = slices.Compact(sequences)
	opens := make(map[string]bool)
	spelt := slices.Clone(sequences)
	for i, keys := range sequences {
		if open>>(i%64)&1 == 1 {
			opens[keys] = true
			spelt[i] += "!"
		}
	}

	f := newFinger(labelled(spelt...))
	var want []string
	var segment []byte // keys since the last pause
	begun := ""        // what of an open sequence the segment may complete
	f.pass(0)
	finish := func(spoken bool) {
		tokens := munch(sequences, begun, string(segment))
		want = append(want, tokens...)
		begun = ""
		if n := len(tokens); n > 0 && opens[tokens[n-1]] && spoken && endsWith(segment, tokens[n-1]) {
			begun = tokens[n-1]
		}
		segment = nil
	}
	for _, step := range steps {
		switch {
		case step == '.':
			if len(segment) > 0 {
				f.pass(keyPause)
				finish(f.over != nil)
			}
		case step == ' ':
			if len(segment) > 0 {
				waited := f.wait > 0
				f.now = f.now.Add(keyPause)
				finish(waited || f.over != nil)
			}
		case step == '!':
			if len(segment) == 0 && f.over != nil {
				f.hearOut()
				begun = ""
			}
		case strings.IndexByte(telephoneKeys, step) >= 0:
			f.press(step)
			segment = append(segment, step)
			if len(f.keys.typed) > longestKeys {
				return fmt.Sprintf("menu %q, steps %q: %d keys wait", spelt, steps, len(f.keys.typed))
			}
		}
	}
	f.pass(keyPause)
	finish(false)
	got := slices.DeleteFunc(f.done, func(done string) bool { return done == "menu" })
	if !slices.Equal(got, want) {
		return fmt.Sprintf("menu %q, steps %q:\ngot  %q\nwant %q", spelt, steps, got, want)
	}
	return ""
}

// endsWith is about a segment whose last sequence reaches to its end.
func endsWith(segment []byte, keys string) bool {
	return strings.HasSuffix(keys, string(segment)) || strings.HasSuffix(string(segment), keys)
}

// munch cuts keys into the longest sequences there are.
func munch(sequences []string, begun, text string) (found []string) {
	longest := func(text string, more int) string {
		best := ""
		for _, keys := range sequences {
			if strings.HasPrefix(text, keys) && len(keys) > max(more, len(best)) {
				best = keys
			}
		}
		return best
	}
	if begun != "" && text != "" {
		if first := longest(begun+text, len(begun)); first != "" {
			found = append(found, first)
			text = (begun + text)[len(first):]
		}
	}
	for text != "" {
		keys := longest(text, 0)
		if keys == "" {
			text = text[1:]
			continue
		}
		found = append(found, keys)
		text = text[len(keys):]
	}
	return found
}
