package sip_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media"
	"conclave/sip"
)

func TestRequestsForNoDialog(t *testing.T) {
	for _, network := range networks {
		s := startServer(t, nil)
		call := newAgent(t, s, network).newCall("2000")
		for _, method := range []string{"BYE", "INFO", "UPDATE", "INVITE", "OPTIONS"} {
			call.to = "unknown"
			if branch := call.send(method, ""); method == "INVITE" {
				call.refused(branch, 481)
			} else {
				call.response(481)
			}
		}
		call.to = ""
		for _, method := range []string{"BYE", "INFO", "UPDATE"} {
			call.send(method, "")
			call.response(481)
		}
		for _, to := range []string{"", "unknown"} {
			call.to = to
			call.ack("")
		}
		call.silent()
		if n := s.Stats().Calls; n != 0 {
			t.Errorf("%d calls", n)
		}
	}
}

func TestRequestsOfAStrangerDoNotReachTheDialog(t *testing.T) {
	s := startServer(t, nil)
	a := newAgent(t, s, "udp")
	call := a.newCall("2000")
	call.establish()
	for _, change := range []func(*dialled){
		func(c *dialled) { c.callID = "other" },
		func(c *dialled) { c.from = "other" },
	} {
		stranger := *call
		change(&stranger)
		stranger.send("BYE", "")
		stranger.response(481)
	}
	call.bye()
	s.empty(t)
}

func TestSequenceInTheDialog(t *testing.T) {
	s := startServer(t, nil)
	call := newAgent(t, s, "udp").newCall("2000")
	call.seq = 10
	call.establish()
	for _, method := range []string{"OPTIONS", "INFO", "UPDATE", "BYE", "INVITE"} {
		for _, seq := range []int{3, 11} { // lower, equal
			branch := "z9hG4bK" + token()
			call.sendAs(method, branch, seq, "")
			if method == "INVITE" {
				call.refused(branch, 500)
			} else {
				call.response(500)
			}
		}
	}
	call.seq = 100 // gaps are no fault
	call.bye()
	s.empty(t)
}

func TestMergedRequest(t *testing.T) {
	s := startServer(t, nil)
	call := newAgent(t, s, "udp").newCall("2000")
	call.send("INVITE", call.offer("0"))
	call.took(call.response(200))
	to := call.to
	call.to = ""
	branch := "z9hG4bK" + token()
	call.sendAs("INVITE", branch, call.seq, call.offer("0"))
	call.refused(branch, 482)
	call.to = to
	call.ack("")
	call.bye()
	s.empty(t)
}

func TestInfoEntersThePIN(t *testing.T) {
	s := startServer(t, nil)
	call := newAgent(t, s, "tcp").newCall("1000")
	call.establish()
	for _, test := range []struct {
		more   string
		status int
	}{
		{"Content-Type: application/dtmf-relay\n\nSignal=1\nDuration=160\n", 200},
		{"Content-Type: application/dtmf\n\n2", 200},
		{"Content-Type: text/plain\n\n9", 415},
		{"Content-Type: application/dtmf\n\nx", 400},
		{"", 200}, // is the call alive?
		{"Content-Type: application/dtmf-relay\n\nSignal=3\n", 200},
		{"Require: foo\nContact: <sip:a@b>\nContent-Type: application/dtmf\n\n4", 420},
		{"Content-Type: application/dtmf-relay\n\nDuration=100\nSignal= 4\n", 200},
	} {
		call.send("INFO", test.more)
		res := call.response(test.status)
		if got := header(res, "Accept"); test.status == 415 && got != "application/dtmf-relay, application/dtmf" {
			t.Errorf("Accept %s", got)
		}
	}
	eventually(t, "the PIN is taken", func() bool { return len(s.house.Live()) == 1 })
	call.bye()
	s.empty(t)
}

func TestOptionsInTheDialog(t *testing.T) {
	s := startServer(t, nil)
	call := newAgent(t, s, "udp").newCall("2000")
	call.establish()
	call.send("OPTIONS", "")
	if res := call.response(200); header(res, "Allow") == "" {
		t.Errorf("no Allow:\n%s", res)
	}
	call.bye()
	s.empty(t)
}

func TestPanicEndsOneCall(t *testing.T) {
	s := startServer(t, nil)
	a := newAgent(t, s, "udp")
	victim, other := a.newCall("2000"), a.newCall("2000")
	victim.establish()
	other.establish()
	s.log.panicAtMessage("request refused") // as if refusing the INFO had a fault
	victim.send("INFO", "Content-Type: text/plain\n\nx")
	victim.response(500)
	victim.respond(victim.request(sipgo.BYE), "200 OK", "")
	if n := s.Stats().Panics; n == 0 {
		t.Error("the panic is not counted")
	}
	if log := s.log.text(); !strings.Contains(log, "ERROR internal fault") || !strings.Contains(log, "call.go") {
		t.Errorf("the log has no stack:\n%s", log)
	}
	eventually(t, "the one call is left", func() bool { return s.Stats().Calls == 1 })
	other.send("OPTIONS", "")
	other.response(200)
	other.bye()
	s.empty(t)
}

func TestConfigErrorsNameWhatIsWrong(t *testing.T) {
	s := startServer(t, nil)
	ports, err := media.NewPorts(32000, 32001)
	if err != nil {
		t.Fatal(err)
	}
	good := sip.Config{House: s.house, Ports: ports, Listen: []string{"udp://127.0.0.1:0"}}
	taken := fmt.Sprintf("udp://%s", s.at["udp"])
	for want, change := range map[string]func(*sip.Config){
		"house":                func(c *sip.Config) { c.House = nil },
		"RTP ports":            func(c *sip.Config) { c.Ports = nil },
		"udp://0.0.0.0:5060":   func(c *sip.Config) { c.Listen = nil },
		"none, pin or all":     func(c *sip.Config) { c.Guests = "some" },
		s.at["udp"].String():   func(c *sip.Config) { c.Listen = append(c.Listen, taken) },
		"one that callers can": func(c *sip.Config) { c.Advertise = netip.IPv4Unspecified() },
	} {
		config := good
		change(&config)
		if server, err := sip.New(config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
			if server != nil {
				_ = server.Shutdown(context.Background())
			}
		}
	}
}
