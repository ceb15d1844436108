package sip_test

import (
	"strings"
	"testing"

	"conclave/media"
	"conclave/sip"
)

func TestNumbersThatAreNoRoom(t *testing.T) {
	s := startServer(t, nil)
	a := newAgent(t, s, "udp")
	for _, number := range []string{"99999", "2000x", "+2000", "2000;phone-context=x", "%25%32000", "02000"} {
		call := a.newCall(number)
		call.refused(call.send("INVITE", call.offer("0")), 404)
	}
	call := a.newCall("%32000") // is 2000, escaped
	call.establish()
	call.bye()
	s.empty(t)
}

func TestGuestPolicy(t *testing.T) {
	for policy, want := range map[sip.GuestPolicy]map[string]int{
		"":             {"1000": 200, "2000": 403, "9999": 200, "99999": 404},
		sip.GuestsPIN:  {"1000": 200, "2000": 403, "9999": 200, "99999": 404},
		sip.GuestsNone: {"1000": 403, "2000": 403, "9999": 404},
		sip.GuestsAll:  {"1000": 200, "2000": 200, "9999": 200, "99999": 404},
	} {
		t.Run(string(policy), func(t *testing.T) {
			s := startServer(t, func(c *sip.Config) { c.Guests = policy })
			a := newAgent(t, s, "udp")
			for number, status := range want {
				call := a.newCall(number)
				branch := call.send("INVITE", call.offer("0"))
				if status == 200 {
					call.took(call.response(200))
					call.ack("")
					call.bye()
					continue
				}
				res := call.refused(branch, status)
				if warning := header(res, "Warning"); status == 403 && !strings.Contains(warning, "guests may not call this room") {
					t.Errorf("%s: Warning %s", number, warning)
				}
			}
			s.empty(t)
		})
	}
}

func TestOptions(t *testing.T) {
	s := startServer(t, func(c *sip.Config) { c.Guests = sip.GuestsPIN })
	a := newAgent(t, s, "udp")
	for number, status := range map[string]int{"1000": 200, "%31000": 200, "2000": 403, "9999": 200, "99999": 404, "": 200} {
		call := a.newCall(number)
		text := call.text("OPTIONS", "z9hG4bK"+token(), 1, "")
		if number == "" {
			text = strings.Replace(text, "sip:@", "sip:", -1)
		}
		call.write(text)
		res := call.response(status)
		if status != 200 {
			continue
		}
		for name, want := range map[string]string{
			"Allow":  "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, REFER, SUBSCRIBE, REGISTER",
			"Accept": "application/sdp, application/dtmf-relay, application/dtmf",
		} {
			if got := header(res, name); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
		if len(res.GetHeaders("Supported")) != 1 {
			t.Error("no Supported")
		}
	}
}

func TestMethodsThatAreNotServed(t *testing.T) {
	s := startServer(t, nil)
	call := newAgent(t, s, "udp").newCall("2000")
	for method, status := range map[string]int{"MESSAGE": 405, "NOTIFY": 405, "PUBLISH": 405, "FOO": 501} {
		call.send(method, "")
		res := call.response(status)
		if got := header(res, "Allow"); !strings.Contains(got, "INVITE") {
			t.Errorf("%s: Allow %s", method, got)
		}
	}
}

func TestPortsExhausted(t *testing.T) {
	s := startServer(t, func(c *sip.Config) {
		var err error
		if c.Ports, err = media.NewPorts(31000, 31001); err != nil {
			t.Fatal(err)
		}
	})
	a := newAgent(t, s, "udp")
	first, second := a.newCall("2000"), a.newCall("2000")
	first.establish()
	res := second.refused(second.send("INVITE", second.offer("0")), 503)
	if header(res, "Retry-After") == "" || !strings.Contains(header(res, "Warning"), "media port") {
		t.Errorf("refused without telling why:\n%s", res)
	}
	if log := s.log.text(); !strings.Contains(log, "WARN request refused") || !strings.Contains(log, "no RTP port is free") {
		t.Errorf("the log does not name it:\n%s", log)
	}
	first.bye()
	s.empty(t)
}
