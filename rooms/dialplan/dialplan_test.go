package dialplan_test

import (
	"strings"
	"testing"

	"conclave/rooms/dialplan"
)

func TestPatternsAllowWhatTheySay(t *testing.T) {
	for _, tt := range []struct {
		patterns  string
		callee    string
		want      bool
		otherwise string
	}{
		{"", "110", false, "nothing is allowed where nothing is said"},
		{"110", "110", true, ""},
		{"110", "1100", false, "longer"},
		{"110", "11", false, "shorter"},
		{"+49*", "+493055555", true, ""},
		{"+49*", "00493055555", true, "00 stands for +"},
		{"0049*", "+493055555", true, ""},
		{"+49*", "493055555", false, ""},
		{"+49*", "+4330", false, ""},
		{"0*", "03055555", true, ""},
		{"0*", "0049305", false, "a pattern for national numbers lets nobody call abroad"},
		{"0*", "+49305", false, ""},
		{"030????", "0301234", true, ""},
		{"030????", "03012345", false, ""},
		{"030????", "030123", false, ""},
		{"?*", "+49", false, "? is a digit"},
		{"*", "+49305", true, ""},
		{"*", "110", true, ""},
		{"+*", "110", false, ""},
		{"* !0900* !+*", "0900123", false, "excluded"},
		{"!0900* *", "0900123", false, "wherever that stands"},
		{"* !0900* !+*", "03012", true, ""},
		{"* !+*", "0044123", false, ""},
		{"!0900*", "030", false, "excluding allows nothing"},
		{"*", "sip:anna@example.com", false, "a number's pattern is none of addresses"},
		{"sip:*@example.com", "sip:anna@example.com", true, ""},
		{"sip:*@Example.com", "sip:anna@EXAMPLE.com", true, ""},
		{"sip:*@example.com", "sip:anna@example.com.evil", false, ""},
		{"sip:*@example.com", "sip:anna@evil", false, ""},
		{"sip:anna@*", "sip:anna@evil", true, ""},
		{"sip:anna@*", "sip:bert@evil", false, ""},
		{"sip:*@*", "+4930", false, ""},
		{"sip:*@* !sip:*@evil", "sip:anna@evil", false, ""},
	} {
		patterns, err := dialplan.Parse(strings.Fields(tt.patterns)...)
		if err != nil {
			t.Errorf("%q: %v", tt.patterns, err)
			continue
		}
		if got := dialplan.Allow(patterns, tt.callee); got != tt.want {
			t.Errorf("%q allow %s: %v, want %v: %s", tt.patterns, tt.callee, got, tt.want, tt.otherwise)
		}
	}
}

func TestBadPatternsAreNamed(t *testing.T) {
	for _, text := range []string{"", "!", "+", "abc", "+49*1", "*49", "4+9", "49#", "0 30", "++49", "!!49", strings.Repeat("1", 33), "sip:", "sip:@host",
		"sip:anna@", "sip:an*@host", "sip:**@host", "sip:anna@*.host", "sip:anna@a@b", "sips:anna@host", "sip:anna@host;x=y", strings.Repeat("9", 300)} {
		p, err := dialplan.ParsePattern(text)
		if err == nil {
			t.Errorf("%q is read as %q", text, p)
			continue
		}
		if len(text) < 100 && !strings.Contains(err.Error(), `"`+text+`"`) {
			t.Errorf("the error does not name %q: %v", text, err)
		}
	}
	if _, err := dialplan.Parse("+49*", "x", "y"); err == nil || !strings.Contains(err.Error(), `"x"`) || !strings.Contains(err.Error(), `"y"`) {
		t.Errorf("of two wrong patterns the error is %v", err)
	}
}

func TestDigits(t *testing.T) {
	for user, want := range map[string]string{
		"+49-30-1234;npdi": "+49301234", "(030) 12.34": "0301234", "110": "110",
		"": "", "+": "", "+-": "", "anna": "", "**1000": "", "*31#030": "", "4+9": "", "030x": "", "030@host": "", "٣": "",
	} {
		if got := dialplan.Digits(user); got != want {
			t.Errorf("Digits(%q) = %q, want %q", user, got, want)
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, seed := range [][2]string{{"+49*", "004930"}, {"!0900?", "0900"}, {"sip:*@h", "sip:a@h"}, {"*", ""}, {"sip:*@*", "@"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, callee string) {
		p, err := dialplan.ParsePattern(text)
		if err != nil {
			return
		}
		if again, err := dialplan.ParsePattern(string(p)); err != nil || again != p {
			t.Errorf("%q is read as %q, and that as %q, %v", text, p, again, err)
		}
		excluded := strings.HasPrefix(string(p), "!")
		if dialplan.Allow([]dialplan.Pattern{p}, callee) && excluded {
			t.Errorf("%q allows %q", p, callee)
		}
	})
}
