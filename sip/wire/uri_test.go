package wire

import (
	"strings"
	"testing"
)

// FuzzURI: what is taken for a URI can be written down again, and is the same one then. Calls are routed and registrations
// compared by what is read here.
func FuzzURI(f *testing.F) {
	for _, seed := range []string{
		"sip:1000@example.com", "sips:anna@[2001:db8::10]:5061;transport=tls?Replaces=a%40b%3Bto-tag%3D1", "sip:example.com",
		"sip:sip%3Auser%40example.com@company.com;other-param=summit", "tel:+4930123456;phone-context=example.com",
		"sip:user;par=u%40example.net@example.com", "sip:[2001:db8:::192.0.2.1]", "sip:%zz@example.com", "sip:a@b@c", "sip:@", "sip:",
		"SIP:1000@EXAMPLE.com:65536", "sip:1000@example.com;lr;ttl=255;maddr=239.255.255.1", "urn:service:sos", "1000@example.com", "sip:0;0?0", "sip:0::@0", "sip::@0", "sip://@0", "sip://anna@example.com",
	} {
		f.Add(seed)
	}
	for _, c := range corpora(f) {
		first, _, _ := strings.Cut(string(c.Data), "\r\n")
		if words := strings.Fields(first); len(words) == 3 {
			f.Add(words[1])
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		uri, err := parseURI(text)
		if err != nil {
			return
		}
		if !isSIP(scheme(text)) {
			return // nobody is called by it
		}
		again, err := parseURI(uri.String())
		if err != nil {
			t.Fatalf("%q is read as %q, which is refused: %v", text, uri.String(), err)
		}
		if again.User != uri.User || again.Host != uri.Host || again.Port != uri.Port || again.String() != uri.String() {
			t.Errorf("%q is read as %q, and that as %q", text, uri.String(), again.String())
		}
	})
}
