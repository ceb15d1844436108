package sip_test

import (
	"fmt"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
)

var networks = []string{"udp", "tcp", "udp6", "tcp6"}

func TestCallOverEachTransport(t *testing.T) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			s := startServer(t, nil)
			call := newAgent(t, s, network).newCall("2000")
			call.send("INVITE", "Record-Route: <sip:192.0.2.1;lr>, <sip:192.0.2.2;lr>\n"+call.offer("8 0 101"))
			if first := call.next().(*sipgo.Response); first.StatusCode != 100 {
				t.Errorf("first response is %d, want 100", first.StatusCode)
			}
			res := call.response(200)
			call.took(res)
			transport := ""
			if strings.HasPrefix(network, "tcp") {
				transport = ";transport=tcp"
			}
			for name, want := range map[string]string{
				"Contact":      fmt.Sprintf("<sip:2000@%s%s>;isfocus", s.at[network], transport),
				"Allow":        "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, REFER, SUBSCRIBE, REGISTER",
				"Allow-Events": "conference, dialog, refer",
				"Accept":       "application/sdp, application/dtmf-relay, application/dtmf",
				"Content-Type": "application/sdp",
				"Record-Route": "<sip:192.0.2.1;lr> <sip:192.0.2.2;lr>",
			} {
				var values []string
				for _, h := range res.GetHeaders(name) {
					values = append(values, h.Value())
				}
				if got := strings.Join(values, " "); got != want {
					t.Errorf("%s: %s, want %s", name, got, want)
				}
			}
			if len(res.GetHeaders("Supported")) != 1 {
				t.Error("no Supported")
			}
			if body := string(res.Body()); !strings.Contains(body, " RTP/AVP 8 101\r\n") ||
				!strings.Contains(body, s.at[network].Addr().String()) {
				t.Errorf("answer:\n%s", body)
			}
			call.hears(call.rtp) // audio flows before the ACK, too
			call.ack("")
			eventually(t, "the caller is a member", func() bool { return len(s.house.Live()) == 1 })
			member := s.house.Live()[0].Members[0]
			if member.Caller != "al b" || member.Name != `Al "x"` {
				t.Errorf("caller %q, name %q", member.Caller, member.Name)
			}
			call.bye()
			s.empty(t)
			if live := s.house.Live(); len(live) != 0 {
				t.Errorf("still live: %v", live)
			}
		})
	}
}

func TestRetransmittedInviteIsOneCall(t *testing.T) {
	s := startServer(t, nil)
	call := newAgent(t, s, "udp").newCall("2000")
	more := call.offer("0")
	branch := call.send("INVITE", more)
	call.sendAs("INVITE", branch, call.seq, more)
	call.sendAs("INVITE", branch, call.seq, more)
	call.took(call.response(200))
	call.sendAs("INVITE", branch, call.seq, more)
	call.ack("")
	if n := s.Stats().Calls; n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
	call.bye()
	s.empty(t)
}

func TestServerHangsUp(t *testing.T) {
	for _, network := range networks {
		for _, answer := range []string{"200 OK", "481 Call/Transaction Does Not Exist", "408 Request Timeout", "500 Oops"} {
			t.Run(network+" "+answer, func(t *testing.T) {
				s := startServer(t, nil)
				call := newAgent(t, s, network).newCall("2000")
				call.establish()
				eventually(t, "the caller is a member", func() bool { return len(s.house.Live()) == 1 })
				if _, err := s.house.Kick("2000", rooms.Selection{All: true}); err != nil {
					t.Fatal(err)
				}
				bye := call.request(sipgo.BYE)
				local := call.local()
				want := fmt.Sprintf("BYE sip:al@%s;transport=%s SIP/2.0", local, network[:3])
				if got := bye.StartLine(); got != want {
					t.Errorf("%s, want %s", got, want)
				}
				call.respond(bye, answer, "")
				s.empty(t)
			})
		}
	}
}

func TestUnansweredByeEndsTheCall(t *testing.T) {
	s := startServer(t, short)
	call := newAgent(t, s, "udp").newCall("2000")
	call.establish()
	eventually(t, "the caller is a member", func() bool { return len(s.house.Live()) == 1 })
	if _, err := s.house.Kick("2000", rooms.Selection{All: true}); err != nil {
		t.Fatal(err)
	}
	call.request(sipgo.BYE)
	s.empty(t)
}

func TestClosedConnectionEndsTheCallAtItsBye(t *testing.T) {
	s := startServer(t, nil)
	a := newAgent(t, s, "tcp")
	call := a.newCall("2000")
	call.establish()
	eventually(t, "the caller is a member", func() bool { return len(s.house.Live()) == 1 })
	a.conn.Close()
	if _, err := s.house.Kick("2000", rooms.Selection{All: true}); err != nil {
		t.Fatal(err)
	}
	s.empty(t)
}

func TestByesThatCross(t *testing.T) {
	s := startServer(t, nil)
	call := newAgent(t, s, "udp").newCall("2000")
	call.establish()
	eventually(t, "the caller is a member", func() bool { return len(s.house.Live()) == 1 })
	if _, err := s.house.Kick("2000", rooms.Selection{All: true}); err != nil {
		t.Fatal(err)
	}
	bye := call.request(sipgo.BYE)
	call.send("INFO", "Content-Type: application/dtmf\n\n5")
	call.response(481)
	call.bye()
	call.respond(bye, "200 OK", "")
	s.empty(t)
}

func TestRecordRouteAndTargetOfOurBye(t *testing.T) {
	s := startServer(t, nil)
	call := newAgent(t, s, "udp").newCall("2000")
	call.send("INVITE", "Record-Route: <sip:192.0.2.1>, <sip:192.0.2.2;lr>\n"+call.offer("0"))
	call.took(call.response(200))
	call.ack("")
	eventually(t, "the caller is a member", func() bool { return len(s.house.Live()) == 1 })
	if _, err := s.house.Kick("2000", rooms.Selection{All: true}); err != nil {
		t.Fatal(err)
	}
	bye := call.request(sipgo.BYE)
	if got, want := bye.StartLine(), "BYE sip:192.0.2.1 SIP/2.0"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var routes []string
	for _, h := range bye.GetHeaders("Route") {
		routes = append(routes, h.Value())
	}
	want := fmt.Sprintf("<sip:192.0.2.2;lr> <sip:al@%s;transport=udp>", call.local())
	if got := strings.Join(routes, " "); got != want {
		t.Errorf("Route %s, want %s", got, want)
	}
	call.respond(bye, "200 OK", "")
	s.empty(t)
}
