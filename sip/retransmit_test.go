package sip_test

import (
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
	"conclave/sip"
)

// short makes 64*T1 a little more than a second, in the proportions of RFC 3261.
func short(c *sip.Config) {
	c.T1, c.T2 = 20*time.Millisecond, 160*time.Millisecond
}

func TestLostAck(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			s := startServer(t, short)
			call := newAgent(t, s, network).newCall("2000")
			call.send("INVITE", call.offer("0"))
			first := call.response(200)
			call.took(first)
			// After 1, 3, 7 times T1 and then every 8 until 63.
			for range 10 {
				if again := call.response(200); again.String() != first.String() {
					t.Errorf("repeated 200 differs:\n%s\n%s", again, first)
				}
			}
			bye := call.request(sipgo.BYE)
			call.respond(bye, "200 OK", "")
			s.empty(t)
		})
	}
}

func TestAckEndsTheRetransmission(t *testing.T) {
	s := startServer(t, short)
	call := newAgent(t, s, "udp").newCall("2000")
	call.send("INVITE", call.offer("0"))
	call.took(call.response(200))
	call.sendAs("ACK", "z9hG4bK"+token(), call.seq+1, "") // of no INVITE of ours
	call.response(200)
	call.ack("")
	call.send("OPTIONS", "")
	for {
		if res := call.response(200); res.CSeq().MethodName == sipgo.OPTIONS {
			break // one more 200 may have crossed the ACK
		}
	}
	call.ack("") // stray, and so is this:
	call.sendAs("ACK", "z9hG4bK"+token(), 99, "")
	call.silent()
	call.bye()
	s.empty(t)
}

func TestByeWaitsForTheAck(t *testing.T) {
	s := startServer(t, nil)
	call := newAgent(t, s, "udp").newCall("2000")
	call.send("INVITE", call.offer("0"))
	call.took(call.response(200))
	eventually(t, "the caller is a member", func() bool { return len(s.house.Live()) == 1 })
	if _, err := s.house.Kick("2000", rooms.Selection{All: true}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the member has left", func() bool { return len(s.house.Live()) == 0 })
	for len(call.in) > 0 {
		if _, ok := call.next().(*sipgo.Request); ok {
			t.Fatal("BYE before the ACK")
		}
	}
	call.ack("")
	for {
		if req, ok := call.next().(*sipgo.Request); ok {
			call.respond(req, "200 OK", "")
			break
		}
	}
	s.empty(t)
}

func TestByeBeforeTheAckIsTaken(t *testing.T) {
	s := startServer(t, short)
	call := newAgent(t, s, "udp").newCall("2000")
	call.send("INVITE", call.offer("0"))
	call.took(call.response(200))
	call.send("BYE", "")
	for {
		if res := call.response(200); res.CSeq().MethodName == sipgo.BYE {
			break
		}
	}
	s.empty(t)
	call.silent()
}
