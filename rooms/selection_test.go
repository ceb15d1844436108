package rooms

import (
	"strings"
	"testing"
)

func TestSelectionIsReadAsItIsWritten(t *testing.T) {
	for text, want := range map[string]Selection{
		"1":            {Member: 1},
		"4711":         {Member: 4711},
		"all":          {All: true},
		"last":         {Last: true},
		"participants": {Participants: true},
	} {
		got, err := ParseSelection(text)
		if err != nil || got != want {
			t.Errorf("%q is read as %+v (%v), want %+v", text, got, err, want)
		}
		if got.String() != text {
			t.Errorf("%+v is written as %q, want %q", got, got.String(), text)
		}
	}
}

func TestSelectionOfNobodyIsRefused(t *testing.T) {
	for text, word := range map[string]string{
		"":                     "number of a member",
		"everyone":             `"everyone"`,
		"ALL":                  "all, last or participants",
		"1 2":                  `"1 2"`,
		"0":                    "begin with 1",
		"-1":                   "begin with 1",
		"99999999999999999999": "number of a member",
	} {
		if got, err := ParseSelection(text); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: got %+v, %v; the error should say %q", text, got, err, word)
		}
	}
}
