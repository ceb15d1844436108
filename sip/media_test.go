package sip_test

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
	"conclave/sip"
)

func port(rtp *net.UDPConn) string {
	return fmt.Sprint(netip.MustParseAddrPort(rtp.LocalAddr().String()).Port())
}

// version is the o= version of a description, attribute its direction.
func version(body []byte) string {
	return regexp.MustCompile(`(?m)^o=- \d+ (\d+) `).FindStringSubmatch(string(body))[1]
}

func direction(body []byte) string {
	return regexp.MustCompile(`a=(sendrecv|sendonly|recvonly|inactive)`).FindString(string(body))
}

func TestHoldAndResume(t *testing.T) {
	steps := []struct {
		offer  string // direction offered
		zero   bool   // the hold of RFC 2543: c=0.0.0.0
		answer string
		hears  bool
	}{
		{offer: "sendonly", answer: "a=recvonly"},
		{offer: "sendrecv", answer: "a=sendrecv", hears: true},
		{offer: "inactive", answer: "a=inactive"},
		{offer: "recvonly", answer: "a=sendonly", hears: true},
		{offer: "sendrecv", zero: true, answer: "a=recvonly"},
		{offer: "sendrecv", answer: "a=sendrecv", hears: true},
		{offer: "sendonly", zero: true, answer: "a=recvonly"},
		{offer: "inactive", zero: true, answer: "a=inactive"},
		{offer: "sendrecv", answer: "a=sendrecv", hears: true},
	}
	for _, method := range []string{"INVITE", "UPDATE"} {
		t.Run(method, func(t *testing.T) {
			s := startServer(t, nil)
			call := newAgent(t, s, "udp").newCall("2000")
			call.establish()
			for i, step := range steps {
				// A new socket each time, so that nothing of the step before is in it.
				fresh := call.newCall("2000").rtp
				offer := strings.Replace(call.offer("0 101", "a="+step.offer), port(call.rtp), port(fresh), 1)
				if step.zero {
					offer = strings.Replace(offer, "c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0", 1)
				}
				call.send(method, offer)
				body := call.response(200).Body()
				if method == "INVITE" {
					call.ack("")
				}
				if got := direction(body); got != step.answer {
					t.Errorf("step %d: %s, want %s", i, got, step.answer)
				}
				if step.hears {
					call.hears(fresh)
				} else if !deaf(fresh) {
					t.Errorf("step %d: audio is sent", i)
				}
			}
			call.bye()
			s.empty(t)
		})
	}
}

func TestVersionChangesOnlyWithTheDescription(t *testing.T) {
	s := startServer(t, nil)
	call := newAgent(t, s, "udp").newCall("2000")
	last := call.establish().Body()
	for _, step := range []struct {
		formats, line string
		changed       bool
	}{
		{"0 101", "a=sendrecv", false},
		{"0 101", "a=sendonly", true},
		{"0 101", "a=sendonly", false},
		{"8 101", "a=sendonly", true},
		{"8 0 101", "a=sendonly", false},
	} {
		call.send("INVITE", call.offer(step.formats, step.line))
		body := call.response(200).Body()
		call.ack("")
		if changed := version(body) != version(last); changed != step.changed {
			t.Errorf("%v: version %s after %s", step, version(body), version(last))
		}
		if version(body) == version(last) && string(body) != string(last) {
			t.Errorf("%v: two descriptions with version %s", step, version(body))
		}
		last = body
	}
	call.bye()
	s.empty(t)
}

func TestRefusedReinviteLeavesTheCallAsItWas(t *testing.T) {
	for _, method := range []string{"INVITE", "UPDATE"} {
		t.Run(method, func(t *testing.T) {
			s := startServer(t, nil)
			call := newAgent(t, s, "udp").newCall("2000")
			before := call.establish().Body()
			for _, refused := range []struct {
				more    string
				status  int
				warning string
			}{
				{call.offer("18"), 488, "305 "},
				{call.offer("0", "m=foo"), 400, "399 "},
				{"Content-Type: text/plain\n\nhello\n", 415, ""},
				{"Require: precondition\n" + call.offer("0"), 420, ""},
			} {
				branch := call.send(method, "Contact: <sip:nowhere@192.0.2.9>\n"+refused.more)
				var res *sipgo.Response
				if method == "INVITE" {
					res = call.refused(branch, refused.status)
				} else {
					res = call.response(refused.status)
				}
				if got := header(res, "Warning"); !strings.HasPrefix(got, refused.warning) {
					t.Errorf("%d with Warning %q, want %s", refused.status, got, refused.warning)
				}
			}
			call.send(method, call.offer("0 101"))
			if after := call.response(200).Body(); string(after) != string(before) {
				t.Errorf("description was\n%sand is now\n%s", before, after)
			}
			if method == "INVITE" {
				call.ack("")
			}
			call.hears(call.rtp)
			call.bye()
			s.empty(t)
		})
	}
}

func header(msg sipgo.Message, name string) string {
	var values []string
	for _, h := range msg.GetHeaders(name) {
		values = append(values, h.Value())
	}
	return strings.Join(values, ", ")
}

func TestTargetRefresh(t *testing.T) {
	for _, method := range []string{"INVITE", "UPDATE"} {
		t.Run(method, func(t *testing.T) {
			s := startServer(t, nil)
			call := newAgent(t, s, "udp").newCall("2000")
			call.establish()
			refresh := strings.Replace(call.text(method, "z9hG4bK"+token(), 2, call.offer("0")),
				"Contact: <sip:al@", "Contact: <sip:moved@", 1)
			call.seq = 2
			call.write(refresh)
			call.response(200)
			if method == "INVITE" {
				call.ack("")
			}
			eventually(t, "the caller is a member", func() bool { return len(s.house.Live()) == 1 })
			if _, err := s.house.Kick("2000", rooms.Selection{All: true}); err != nil {
				t.Fatal(err)
			}
			bye := call.request(sipgo.BYE)
			if got := bye.Recipient.User; got != "moved" {
				t.Errorf("BYE goes to %s, want moved", got)
			}
			call.respond(bye, "200 OK", "")
			s.empty(t)
		})
	}
}

func TestRefusedDescriptions(t *testing.T) {
	s := startServer(t, nil)
	a := newAgent(t, s, "udp")
	head := "Content-Type: application/sdp\n\n"
	for _, test := range []struct {
		name, more string
		status     int
		warning    string
	}{
		{"none of our codecs", sdpOf("127.0.0.1", 9, "18 4"), 488, `305 conclave "no common codec: offered G729, G723`},
		{"no audio", head + "v=0\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 31\n", 488, `304 conclave "no audio`},
		{"audio switched off", sdpOf("127.0.0.1", 0, "0"), 488, "304 "},
		{"secure audio only", strings.Replace(sdpOf("127.0.0.1", 9, "0"), "RTP/AVP", "RTP/SAVP", 1), 488, "302 "},
		{"multicast", sdpOf("224.2.1.1", 9, "0"), 488, "330 "},
		{"no description", head + "hello\n", 400, "399 "},
		{"33 media lines", head + "v=0\n" + strings.Repeat("m=audio 9 RTP/AVP 0\n", 33), 513, "399 "},
		{"65 formats", sdpOf("127.0.0.1", 9, strings.Repeat("0 ", 65)), 513, "399 "},
		{"another type", "Content-Type: text/plain\n\nhello\n", 415, ""},
		{"no SDP wanted", "Accept: text/plain\n" + sdpOf("127.0.0.1", 9, "0"), 406, "399 "},
		{"extension required", "Require: precondition\n" + sdpOf("127.0.0.1", 9, "0"), 420, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			call := a.newCall("2000")
			res := call.refused(call.send("INVITE", test.more), test.status)
			if got := header(res, "Warning"); !strings.HasPrefix(got, test.warning) {
				t.Errorf("Warning %s, want %s", got, test.warning)
			}
			s.empty(t)
		})
	}
}

func TestAudioOfTheOtherFamily(t *testing.T) {
	s := startServer(t, nil)
	call := newAgent(t, s, "udp").newCall("2000")
	rtp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Fatal(err)
	}
	defer rtp.Close()
	at := netip.MustParseAddrPort(rtp.LocalAddr().String())
	call.send("INVITE", sdpOf("::1", int(at.Port()), "0"))
	res := call.response(200)
	call.took(res)
	call.ack("")
	if body := string(res.Body()); !strings.Contains(body, "c=IN IP6 ::1\r\n") {
		t.Errorf("answer:\n%s", body)
	}
	call.hears(rtp)
	call.bye()
	s.empty(t)
}

func TestAdvertisedAddress(t *testing.T) {
	s := startServer(t, func(c *sip.Config) { c.Advertise = netip.MustParseAddr("203.0.113.5") })
	for network, want := range map[string]string{"udp": "203.0.113.5", "tcp": "203.0.113.5", "udp6": "[::1]"} {
		call := newAgent(t, s, network).newCall("2000")
		res := call.establish()
		if got := res.Contact().Address.String(); !strings.HasPrefix(got, fmt.Sprintf("sip:2000@%s:%d", want, s.at[network].Port())) {
			t.Errorf("%s: Contact %s, want %s", network, got, want)
		}
		if body := string(res.Body()); !strings.Contains(body, " "+strings.Trim(want, "[]")+"\r\n") {
			t.Errorf("%s: answer\n%s", network, body)
		}
		call.bye()
	}
	s.empty(t)
}
