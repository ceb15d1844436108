package sip

import (
	"net/netip"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

func TestCallerIsReadFromTheFromHeader(t *testing.T) {
	from := netip.MustParseAddrPort("192.0.2.1:5060")
	tests := []struct {
		display, uri string
		name, number string
	}{
		{"Alice", "sip:alice@example.com", "Alice", "alice"},
		{"", "sip:+4930123@example.com;user=phone", "", "+4930123"},
		{`Say \"hi\" \\o/`, "sip:a@b", `Say "hi" \o/`, "a"},
		{"", "sip:value%2541@b", "", "value%41"}, // unescaped once
		{"", "sip:50%@b", "", "50%"},
		{"", "tel:+4930123;phone-context=x", "", "+4930123"},
		{"", "sip:example.com", "", ""},
		{"a\x1b[31mb\x00\u0085c", "sip:a%1b%0ab@c", "a[31mbc", "ab"},
		{strings.Repeat("ü", 100), "sip:" + strings.Repeat("1", 100) + "@b", strings.Repeat("ü", 64), strings.Repeat("1", 64)},
	}
	for _, test := range tests {
		header := &sipgo.FromHeader{DisplayName: test.display}
		if err := sipgo.ParseUri(test.uri, &header.Address); err != nil {
			t.Fatalf("%s: %v", test.uri, err)
		}
		req := sipgo.NewRequest(sipgo.INVITE, sipgo.Uri{})
		req.AppendHeader(header)
		caller := callerOf(req, from)
		if caller.Name != test.name || caller.Number != test.number {
			t.Errorf("%q <%s>: name %q, number %q, want %q, %q", test.display, test.uri, caller.Name, caller.Number, test.name, test.number)
		}
		if !caller.Guest || caller.Address != from {
			t.Errorf("caller %v is not a guest from %s", caller, from)
		}
	}
}

func TestLanguagesOfACallerAreReadFromAllHeaders(t *testing.T) {
	for _, test := range []struct {
		headers []string
		want    string
	}{
		{nil, ""},
		{[]string{"de-AT, de;q=0.8, en;q=0.5"}, "de-AT, de;q=0.8, en;q=0.5"},
		{[]string{"de", "en;q=0.5"}, "de, en;q=0.5"},
		{[]string{strings.Repeat("de,", 1000)}, ""},
	} {
		req := sipgo.NewRequest(sipgo.INVITE, sipgo.Uri{})
		req.AppendHeader(&sipgo.FromHeader{})
		for _, value := range test.headers {
			req.AppendHeader(sipgo.NewHeader("Accept-Language", value))
		}
		if got := callerOf(req, netip.AddrPort{}).Language; got != test.want {
			t.Errorf("%q: languages %q, want %q", test.headers, got, test.want)
		}
	}
}
