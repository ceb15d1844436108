package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestHostileTextIsMadePrintable(t *testing.T) {
	for text, want := range map[string]string{
		"Jörg Müller 会議 🙂":   "Jörg Müller 会議 🙂",
		"a\x1b[2Jb":          `a\x1b[2Jb`,
		"a\tb\r\nc\x00\x7f":  `a\tb\r\nc\x00\x7f`,
		"C1 \u009b31m":       `C1 \u009b31m`,
		"right \u202e left":  `right \u202e left`,
		"zero \u200b width":  `zero \u200b width`,
		"not UTF-8 \xff\x9b": `not UTF-8 \xff\x9b`,
		"replaced \ufffd":    "replaced \ufffd",
		"":                   "",
	} {
		if got := printable(text); got != want {
			t.Errorf("%q is printed as %q, want %q", text, got, want)
		}
	}
	if n := utf8.RuneCountInString(printable(strings.Repeat("a", 10_000))); n > 65 {
		t.Errorf("a name of 10 000 letters is printed with %d", n)
	}
}

func TestTableStaysAlignedUnderHostileCells(t *testing.T) {
	var out strings.Builder
	table := newTable(&out, "A", "B", "C")
	row(table, "1", "x\ty\n2", "z")
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	if want := "A  B        C\n1  x\\ty\\n2  z\n"; out.String() != want {
		t.Errorf("table:\n%swant:\n%s", out.String(), want)
	}
}

func TestLevelBarRunsFromSilenceToFullScale(t *testing.T) {
	for level, want := range map[float64]int{-127: 0, -60: 0, -30: 10, -0.1: 19, 0: 20, 3: 20} {
		bar := levelBar(level)
		if got := strings.Count(bar, "█"); got != want || utf8.RuneCountInString(bar) != 20 {
			t.Errorf("%g dBFS is %q, want %d of 20 cells", level, bar, want)
		}
	}
}
