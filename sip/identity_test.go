package sip

import (
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

func withHeaders(t testing.TB, name string, values ...string) *sipgo.Request {
	t.Helper()
	req := sipgo.NewRequest(sipgo.INVITE, sipgo.Uri{})
	for _, value := range values {
		req.AppendHeader(sipgo.NewHeader(name, value))
	}
	return req
}

func TestAssertedIdentity(t *testing.T) {
	for _, tt := range []struct {
		headers      []string
		number, name string
	}{
		{nil, "", ""},
		{[]string{`"Anna M\"uller" <sip:+4930123@carrier.example;user=phone>`}, "+4930123", `Anna M"uller`},
		{[]string{"sip:+4930123@carrier.example"}, "+4930123", ""},
		{[]string{`"Anna" <sip:anna@pbx.example>, <tel:+4930123;ext=1>`}, "+4930123", "Anna"},
		{[]string{`<sip:anna@pbx.example>`, `"Anna" <tel:+4930123>`}, "+4930123", "Anna"},
		{[]string{`"A, <b>" <tel:123>`}, "123", "A, <b>"},
		{[]string{`"Anna" <sip:anna@pbx.example>`}, "anna", "Anna"},
		{[]string{"<sip:pbx.example>"}, "", ""},
		{[]string{"<mailto:a@b>"}, "", ""},
		{[]string{`"Anna <sip:+4930123@x>`}, "", ""},
		{[]string{"<sip:a%0d%0a%1b%7fm@x>"}, "am", ""},
	} {
		number, name, ok := assertedIdentity(withHeaders(t, "P-Asserted-Identity", tt.headers...))
		if number != tt.number || name != tt.name || ok != (tt.number != "") {
			t.Errorf("%q: number %q, name %q, %v; want %q, %q", tt.headers, number, name, ok, tt.number, tt.name)
		}
	}
}

func TestPrivacy(t *testing.T) {
	for value, want := range map[string]bool{"": false, "none": false, "id": true, "ID;critical": true, "header; id": true, "session": false, "user": true} {
		if got := isPrivate(withHeaders(t, "Privacy", value)); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

func FuzzAssertedIdentity(f *testing.F) {
	for _, value := range []string{`"A" <sip:1@x>`, "tel:+1;a", "<", `"`, ",,", `"\\" <sip:%00@[::1]>`} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		number, name, ok := assertedIdentity(withHeaders(t, "P-Asserted-Identity", value))
		if clean(number) != number || clean(name) != name || !ok && number != "" {
			t.Errorf("%q: number %q, name %q, %v", value, number, name, ok)
		}
	})
}

func FuzzPrivacy(f *testing.F) {
	for _, value := range []string{"id", "none", "header;user;critical", ";;, ", "ID ;x"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if isPrivate(withHeaders(t, "Privacy", value)) != isPrivate(withHeaders(t, "Privacy", "none", value)) {
			t.Errorf("%q: what it asks for depends on where it stands", value)
		}
	})
}
