package dialplan_test

import (
	"strings"
	"testing"

	"conclave/rooms/dialplan"
)

func TestParseCallee(t *testing.T) {
	for text, want := range map[string]string{
		"200": "200", " +49 30 1234 ": "+49301234", "tel:+49-30-1234": "+49301234", "TEL:110": "110",
		"sip:anna@example.com": "sip:anna@example.com", "SIP:Anna@Example.com:5070": "sip:Anna@example.com:5070", "sip:+4930@[::1]": "sip:+4930@[::1]",
	} {
		if got, err := dialplan.ParseCallee(text); err != nil || got != want {
			t.Errorf("%q is read as %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "+", "anna", "**1000", "200;x", "sips:a@b", "sip:", "sip:host", "sip:@host", "sip:a@", "sip:a:secret@host",
		"sip:a@host;transport=tcp", "sip:a@host?X=y", "sip:a b@host", "sip:a,b@host", "sip:a@b@c", "sip:\x00@host", strings.Repeat("1", 33), "sip:" + strings.Repeat("a", 300) + "@b"} {
		if got, err := dialplan.ParseCallee(text); err == nil || !strings.Contains(err.Error(), "would be right") && len(text) < 30 {
			t.Errorf("%q is read as %q, %v", text, got, err)
		}
	}
}

func FuzzCallee(f *testing.F) {
	for _, seed := range []string{"200", "+49 30", "sip:a@b", "tel:1", "sip:a@[::1]:5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		callee, err := dialplan.ParseCallee(text)
		if err != nil {
			return
		}
		if again, err := dialplan.ParseCallee(callee); err != nil || again != callee {
			t.Errorf("%q is read as %q, and that as %q, %v", text, callee, again, err)
		}
	})
}
