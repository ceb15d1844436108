package sip_test

import (
	"context"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip"
	"conclave/sip/phone"
	"conclave/store"
)

// Who calls and does not want to be named is named to a trunk that is trusted and asked to keep it to itself (RFC 3325 7), to
// nobody else, and to no callee.
func TestCallerWhoWantsToBePrivate(t *testing.T) {
	for name, tt := range map[string]struct {
		dialled   string
		untrusted bool
		asserted  string
		privacy   string
	}{
		"over a trusted trunk":  {"+493055555", false, "<sip:+49301234200@127.0.0.1>", "id"},
		"over an untrusted one": {"+493055555", true, "", "id"},
		"to a phone":            {"201", false, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, records := recording(t, func(c *sip.Config) {
				withPhones(c)
				dialsOut(c, "200", store.Outside{Allow: []string{"+49*"}})
			})
			carrier, trunk := s.carrierAt(t, "carrier", "127.0.0.2", "+4930*")
			trunk.Untrusted = tt.untrusted
			s.set(t, trunk)
			s.connected(t)
			a := s.phoneAt(t, "udp", "200")
			callee := carrier
			if tt.dialled == "201" {
				callee = s.phoneAt(t, "udp", "201")
			}
			options := a.asItself()
			options.Headers = append(options.Headers, sipgo.NewHeader("Privacy", "user;id"))
			anna := a.calls(tt.dialled, options)
			in := callee.rings()
			invite := in.Request()
			if from := invite.From(); from.DisplayName != "Anonymous" || from.Address.User != "anonymous" || from.Address.Host != "anonymous.invalid" {
				t.Errorf("From %s", from)
			}
			if got := header(invite, "P-Asserted-Identity"); got != tt.asserted {
				t.Errorf("P-Asserted-Identity %q, want %q", got, tt.asserted)
			}
			if got := header(invite, "Privacy"); got != tt.privacy {
				t.Errorf("Privacy %q, want %q", got, tt.privacy)
			}
			if text := invite.String(); strings.Contains(text, "Phone 200") || strings.Contains(text, "sip:200@") || tt.asserted == "" && strings.Contains(text, "1234200") {
				t.Errorf("the callee can read who calls:\n%s", text)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if _, err := in.Answer(ctx, phone.Options{}); err != nil {
				t.Fatal(err)
			}
			if err := answered(anna); err != nil {
				t.Fatal(err)
			}
			if err := anna.Hangup(); err != nil {
				t.Error(err)
			}
			s.empty(t)
			for _, leg := range legs(t, withoutAddress(records, 2), 2) {
				if leg.Direction == store.CallIn && (leg.Number != "anonymous" || leg.Name != "" || leg.Phone != "200") {
					t.Errorf("record of the caller's leg: %+v", leg)
				}
			}
		})
	}
}
