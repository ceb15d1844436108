package sip_test

import (
	"fmt"
	"testing"

	"conclave/sip"
	"conclave/sip/phone"
	"conclave/store"
)

// A phone transfers whom it talks to over a trunk as anybody else, whichever of them has called; who comes over the trunk transfers
// nobody.
func TestPartnerOverATrunkIsTransferred(t *testing.T) {
	const caller, outside = "+493055555", "+494055555"
	for _, test := range []struct {
		way     string
		inbound bool // the trunk has called
	}{{"REFER", true}, {"events", false}} {
		t.Run(fmt.Sprintf("%s, inbound %v", test.way, test.inbound), func(t *testing.T) {
			s, records := recording(t, func(c *sip.Config) {
				withPhones(c)
				c.Guests = sip.GuestsNone
				dialsOut(c, "200", store.Outside{Allow: []string{"+49*"}})
			})
			carrier, trunk := s.carrierAt(t, "carrier", "127.0.0.2", "+49*")
			s.set(t, trunk)
			s.connected(t)
			a := s.phoneAt(t, "udp", "200")
			var anna, far *phone.Call
			number := outside
			if test.inbound {
				number = caller
				far = carrier.calls("+49301234200", phone.Options{From: caller})
				anna = a.answers(phone.Options{})
			} else {
				anna = a.calls(outside, a.asItself())
				far = carrier.answers(phone.Options{})
			}
			for _, call := range []*phone.Call{anna, far} {
				if err := answered(call); err != nil {
					t.Fatal(err)
				}
			}
			if res := refers(t, far, to(s.number("1000"))); res.StatusCode != 403 {
				t.Errorf("want 403, got\n%s", res)
			}
			press(t, far, "events", "**1000")
			anna.Say(phone.Tone(annaHz, -15))
			far.Say(phone.Tone(bertHz, -15))
			hearing(t, anna, bertHz, -15, annaHz)
			hearing(t, far, annaHz, -15, bertHz)
			s.member(t, 0)
			anna.Say(phone.Silence())
			silence(t, far)
			if test.way == "REFER" {
				accepted(t, anna, to(s.number("1000")))
				told(t, anna, progress("refer", "200 OK")...)
			} else {
				press(t, anna, test.way, "**1000")
			}
			byeReceived(t, anna)
			asked(t, far)
			press(t, far, "events", "1234")
			if m := s.member(t, 1); m.Caller != number {
				t.Errorf("the member is %s, want %s", m.Caller, number)
			}
			again := a.dials("1000", "1234")
			again.Say(phone.Tone(annaHz, -15))
			hearing(t, far, annaHz, -15, bertHz)
			hearing(t, again, bertHz, -15, annaHz)
			hangsUp(t, again, far)
			s.empty(t)
			over := 0
			for _, leg := range legs(t, withoutAddress(records, 3), 3) {
				if leg.Trunk != "" {
					over++
					if leg.Trunk != "carrier" || leg.Number != number || leg.Room != "1000" || leg.Role != "participant" {
						t.Errorf("record of the call over the trunk: %+v", leg)
					}
				}
			}
			if over != 1 {
				t.Errorf("%d records are of calls over the trunk, want 1", over)
			}
		})
	}
}
