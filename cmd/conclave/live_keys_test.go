package main

import (
	"slices"
	"strings"
	"testing"
)

func TestKeysAreReadFromWhatATerminalSends(t *testing.T) {
	for input, want := range map[string][]key{
		"":                nil,
		"j":               {"j"},
		"jkmx?":           {"j", "k", "m", "x", "?"},
		"\x1b[A":          {keyUp},
		"\x1b[B":          {keyDown},
		"\x1bOA\x1bOB":    {keyUp, keyDown}, // application mode
		"\x1b":            {keyEscape},
		"\x03":            {keyInterrupt},
		"x\x03":           {"x", keyInterrupt},
		"\x1b[3~":         {keyOther},           // delete
		"\x1b[1;5Bq":      {keyOther, "q"},      // ctrl and down
		"\x1b[200~":       {keyOther},           // bracketed paste
		"\x1bm":           {keyOther},           // alt-m is not m
		"\x1bOP\x1b[15~":  {keyOther, keyOther}, // F1, F5
		"\x1b[M":          {keyOther},           // its M is not a key
		"\r\n\t\x7f \x00": slices.Repeat([]key{keyOther}, 6),
		"ä":               {keyOther, keyOther}, // no key of more than one octet has a meaning
	} {
		got, rest := keysOf([]byte(input))
		if !slices.Equal(got, want) || len(rest) > 0 {
			t.Errorf("%q is read as %q and rest %q, want %q", input, got, rest, want)
		}
	}
}

func TestSequenceThatComesInPiecesIsOneKey(t *testing.T) {
	for _, pieces := range [][]string{{"\x1b[", "A"}, {"\x1bO", "A"}, {"j\x1b[", "Aq"}} {
		var keys []key
		var rest []byte
		for _, piece := range pieces {
			var found []key
			found, rest = keysOf(append(rest, piece...))
			keys = append(keys, found...)
		}
		if !slices.Contains(keys, keyUp) || slices.Contains(keys, key("A")) || len(rest) > 0 {
			t.Errorf("%q is read as %q and rest %q", pieces, keys, rest)
		}
	}
}

func TestSequenceWithoutAnEndIsGivenUp(t *testing.T) {
	keys, rest := keysOf([]byte("\x1b[" + strings.Repeat("1;", 1000)))
	if len(rest) > 0 || !slices.Equal(keys, []key{keyOther}) {
		t.Errorf("read as %q with %d octets left", keys, len(rest))
	}
}

// What a terminal sends can be pasted into it by anybody: it must not end the program, which has the terminal.
func FuzzKeysOf(f *testing.F) {
	for _, seed := range []string{"j", "\x1b[A", "\x1b[", "\x1b", "\x1b[1;5B", "\x1bO", "\xff\x1b\x1b[["} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		keys, rest := keysOf(slices.Clone(input))
		if !strings.HasSuffix(string(input), string(rest)) || len(rest) > longestSequence {
			t.Errorf("%q leaves %q", input, rest)
		}
		if len(keys) > len(input) {
			t.Errorf("%q is read as %d keys", input, len(keys))
		}
	})
}
