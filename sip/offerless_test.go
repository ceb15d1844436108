package sip_test

import (
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
)

func TestOfferlessCallBeginsAtTheAck(t *testing.T) {
	s := startServer(t, nil)
	call := newAgent(t, s, "udp").newCall("2000")
	call.send("INVITE", "")
	res := call.response(200)
	call.took(res)
	if body := string(res.Body()); !strings.Contains(body, " "+offeredFormats()+"\r\n") {
		t.Errorf("offer:\n%s", body)
	}
	if !deaf(call.rtp) || len(s.house.Live()) != 0 {
		t.Error("the call has begun before the ACK")
	}
	call.ack(call.offer("8 101"))
	call.hears(call.rtp)
	eventually(t, "the caller is a member", func() bool { return len(s.house.Live()) == 1 })
	call.bye()
	s.empty(t)
}

func TestAckThatDoesNotAnswerEndsTheCall(t *testing.T) {
	for name, answer := range map[string]string{
		"no description": "",
		"no codec":       sdpOf("127.0.0.1", 9, "18"),
		"unreadable":     "Content-Type: application/sdp\n\nfoo\n",
		"no audio":       "Content-Type: application/sdp\n\nv=0\nm=video 9 RTP/AVP 31\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, nil)
			call := newAgent(t, s, "udp").newCall("2000")
			call.send("INVITE", "")
			call.took(call.response(200))
			call.ack(answer)
			call.respond(call.request(sipgo.BYE), "200 OK", "")
			s.empty(t)
		})
	}
}

func TestOfferlessReinvite(t *testing.T) {
	s := startServer(t, nil)
	call := newAgent(t, s, "udp").newCall("2000")
	call.establish()
	call.send("INVITE", "")
	if body := string(call.response(200).Body()); !strings.Contains(body, " "+offeredFormats()+"\r\n") ||
		!strings.Contains(body, "a=sendrecv") {
		t.Errorf("offer:\n%s", body)
	}
	moved := call.newCall("2000").rtp
	call.ack(strings.Replace(call.offer("0"), port(call.rtp), port(moved), 1))
	call.hears(moved)

	// Without an answer the session stays as it is.
	call.send("INVITE", "")
	call.response(200)
	call.ack("")
	call.send("OPTIONS", "")
	call.response(200)
	call.bye()
	s.empty(t)
}

func TestNoOfferWhileOneIsUnanswered(t *testing.T) {
	s := startServer(t, nil)
	call := newAgent(t, s, "udp").newCall("2000")
	call.send("INVITE", "")
	call.took(call.response(200))
	invite := call.seq
	call.refused(call.send("INVITE", call.offer("0")), 491)
	call.send("UPDATE", call.offer("0"))
	call.response(491)
	call.send("UPDATE", "") // makes no offer
	call.response(200)
	call.sendAs("ACK", "z9hG4bK"+token(), invite, call.offer("0"))
	call.hears(call.rtp)
	call.send("UPDATE", call.offer("8"))
	call.response(200)
	call.bye()
	s.empty(t)
}

// chosen is an offerless call whose answer leaves the codec open, up to our re-INVITE.
func chosen(t *testing.T, s *server) (*dialled, *sipgo.Request) {
	t.Helper()
	call := newAgent(t, s, "udp").newCall("2000")
	call.send("INVITE", "")
	call.took(call.response(200))
	call.ack(call.offer("8 0 101"))
	reinvite := call.request(sipgo.INVITE)
	if body := string(reinvite.Body()); !strings.Contains(body, " RTP/AVP 8 101\r\n") {
		t.Errorf("offer:\n%s", body)
	}
	if reinvite.Contact() == nil || reinvite.ContentType() == nil {
		t.Errorf("incomplete:\n%s", reinvite)
	}
	return call, reinvite
}

func TestAnswerWithTwoCodecsIsNarrowedByAReinvite(t *testing.T) {
	s := startServer(t, nil)
	call, reinvite := chosen(t, s)
	moved := call.newCall("2000").rtp
	contact := "Contact: <sip:moved@127.0.0.1:9>\n"
	answer := contact + strings.Replace(call.offer("8 101"), port(call.rtp), port(moved), 1)
	call.respond(reinvite, "180 Ringing", "")
	call.respond(reinvite, "200 OK", answer)
	if got, want := call.request(sipgo.ACK).StartLine(), "ACK sip:moved@127.0.0.1:9 SIP/2.0"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	call.hears(moved)
	call.respond(reinvite, "200 OK", answer) // as if the ACK were lost
	call.request(sipgo.ACK)
	call.bye()
	s.empty(t)
}

func TestGlare(t *testing.T) {
	s := startServer(t, nil)
	call, reinvite := chosen(t, s)
	call.refused(call.send("INVITE", call.offer("0")), 491)
	call.send("UPDATE", call.offer("0"))
	call.response(491)
	call.respond(reinvite, "491 Request Pending", "")
	call.request(sipgo.ACK)
	again := call.request(sipgo.INVITE)
	if first, second := reinvite.CSeq().SeqNo, again.CSeq().SeqNo; second != first+1 {
		t.Errorf("CSeq %d after %d", second, first)
	}
	call.respond(again, "200 OK", call.offer("8 101"))
	call.request(sipgo.ACK)
	call.bye()
	s.empty(t)
}

func TestFarEndWinsTheGlare(t *testing.T) {
	s := startServer(t, nil)
	call, reinvite := chosen(t, s)
	call.respond(reinvite, "491 Request Pending", "")
	call.send("UPDATE", call.offer("0 8")) // settles on one codec
	for settled := false; !settled; {
		switch msg := call.next().(type) {
		case *sipgo.Response: // 491 as long as the server has not seen ours, or has offered again
			if settled = msg.StatusCode == 200; !settled {
				call.send("UPDATE", call.offer("0 8"))
			}
		case *sipgo.Request:
			if msg.Method == sipgo.INVITE {
				call.respond(msg, "491 Request Pending", "")
			}
		}
	}
	call.silent()
	call.bye()
	s.empty(t)
}

func TestRefusedReinviteOfOurs(t *testing.T) {
	for answer, ends := range map[string]bool{
		"488 Not Acceptable Here":             false,
		"500 Oops":                            false,
		"408 Request Timeout":                 true,
		"481 Call/Transaction Does Not Exist": true,
	} {
		t.Run(answer, func(t *testing.T) {
			s := startServer(t, nil)
			call, reinvite := chosen(t, s)
			call.respond(reinvite, answer, "")
			call.request(sipgo.ACK)
			if ends {
				call.respond(call.request(sipgo.BYE), "200 OK", "")
			} else {
				call.silent()
				call.bye()
			}
			s.empty(t)
		})
	}
}

func TestAnswerThatCrossesOurByeIsAcknowledged(t *testing.T) {
	s := startServer(t, nil)
	call, reinvite := chosen(t, s)
	eventually(t, "the caller is a member", func() bool { return len(s.house.Live()) == 1 })
	if _, err := s.house.Kick("2000", rooms.Selection{All: true}); err != nil {
		t.Fatal(err)
	}
	bye := call.request(sipgo.BYE)
	call.respond(reinvite, "200 OK", call.offer("8"))
	call.request(sipgo.ACK)
	call.respond(bye, "200 OK", "")
	s.empty(t)
}
