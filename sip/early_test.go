package sip_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip"
)

// source is a far end that plays a loud tone in PCMU from the time that it is told where to.
type source struct {
	t      testing.TB
	conn   *net.UDPConn
	silent bool // it plays silence
	stop   func()
}

func newSource(t testing.TB) *source {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &source{t: t, conn: conn}
}

// describes is the description of the source, with further lines, as a body.
func (s *source) describes(more ...string) string {
	return sdpOf("127.0.0.1", s.conn.LocalAddr().(*net.UDPAddr).Port, "0", more...)
}

// plays begins to play to where the server's description says.
func (s *source) plays(description []byte) {
	s.t.Helper()
	port := 0
	for line := range strings.Lines(string(description)) {
		if strings.HasPrefix(line, "m=audio ") {
			if _, err := fmt.Sscanf(line, "m=audio %d", &port); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	if port == 0 {
		s.t.Fatalf("no audio in\n%s", description)
	}
	payload := make([]byte, 160)
	for i := range payload {
		payload[i] = 0x10 // loud
		if i%16 < 8 {
			payload[i] = 0x90
		}
		if s.silent {
			payload[i] = 0xff
		}
	}
	over := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		p := rtp.Packet{Header: rtp.Header{Version: 2, SSRC: uint32(port), SequenceNumber: 1}, Payload: payload}
		for {
			b, _ := p.Marshal()
			_, _ = s.conn.WriteToUDP(b, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
			p.SequenceNumber++
			p.Timestamp += 160
			select {
			case <-tick.C:
			case <-over:
				return
			}
		}
	})
	s.stop = sync.OnceFunc(func() { close(over); work.Wait() })
	s.t.Cleanup(s.stop)
}

// loud tells whether an RTP packet of PCMU is more than noise.
func loud(packet []byte) bool {
	for _, code := range packet[12:] {
		if code&0x7f < 0x50 {
			return true
		}
	}
	return false
}

// hearsTone waits until a socket gets the tone.
func hearsTone(t testing.TB, conn *net.UDPConn) {
	t.Helper()
	buffer := make([]byte, 2000)
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	for {
		n, _, err := conn.ReadFromUDP(buffer)
		if err != nil {
			t.Fatalf("the tone is not heard: %v", err)
		}
		if n > 12 && loud(buffer[:n]) {
			return
		}
	}
}

// hearsNone fails the test if one of the next packets that a socket gets has the tone.
func hearsNone(t testing.TB, conn *net.UDPConn, packets int) {
	t.Helper()
	buffer := make([]byte, 2000)
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	for range packets {
		n, _, err := conn.ReadFromUDP(buffer)
		if err != nil {
			t.Fatal(err)
		}
		if n > 12 && loud(buffer[:n]) {
			t.Fatal("the tone is heard")
		}
	}
}

// calmsDown waits until a socket gets nothing loud any more.
func calmsDown(t testing.TB, conn *net.UDPConn) {
	t.Helper()
	buffer := make([]byte, 2000)
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	for calm := 0; calm < 25; calm++ {
		n, _, err := conn.ReadFromUDP(buffer)
		if err != nil {
			t.Fatal(err)
		}
		if n > 12 && loud(buffer[:n]) {
			calm = 0
		}
	}
}

// progress answers an INVITE of the server with 183 and a description.
func (a *agent) progress(invite *sipgo.Request, tag, more string) {
	a.t.Helper()
	a.respondAs(invite, tag, "183 Session Progress", fmt.Sprintf("Contact: <sip:%s@%s>\n", tag, a.local())+more)
}

func TestCallerHearsWhatTheCalleePlaysBeforeTheAnswer(t *testing.T) {
	for _, direction := range []string{"a=sendrecv", "a=sendonly"} {
		t.Run(direction, func(t *testing.T) {
			x, anna, bert := startPair(t, "udp", nil)
			call, invite := anna.rings(bert, "0")
			plays, says := newSource(t), &source{t: t, conn: call.rtp}
			bert.progress(invite, "b", plays.describes(direction))
			early := call.response(183)
			if header(early, "Require") != "" || header(early, "Contact") == "" {
				t.Errorf("the 183 is\n%s", early)
			}
			plays.plays(invite.Body())
			says.plays(early.Body())
			hearsTone(t, call.rtp)
			hearsNone(t, plays.conn, 20) // before he has answered
			bert.respondAs(invite, "b", "180 Ringing", "")
			bert.respondAs(invite, "b", "200 OK", fmt.Sprintf("Contact: <sip:b@%s>\n", bert.local())+plays.describes())
			bert.request(sipgo.ACK)
			ok := call.response(200) // no 180: it would end what is heard
			if string(ok.Body()) != string(early.Body()) {
				t.Errorf("200 with\n%s\nafter 183 with\n%s", ok.Body(), early.Body())
			}
			call.took(ok)
			call.ack("")
			hearsTone(t, plays.conn)
			hearsTone(t, call.rtp)
			call.bye()
			bert.respond(bert.request(sipgo.BYE), "200 OK", "")
			x.empty(t)
		})
	}
}

// Of all who play something the first is heard, and whoever answers is talked to.
func TestOneOfSeveralEarlyDialogsIsHeard(t *testing.T) {
	x, anna, bert := startPair(t, "udp", nil)
	call, invite := anna.rings(bert, "0")
	first, second := newSource(t), newSource(t)
	bert.progress(invite, "first", "Require: 100rel\nRSeq: 7\n"+first.describes())
	prack := bert.request(sipgo.PRACK)
	if got, want := header(prack, "RAck"), fmt.Sprintf("7 %d INVITE", invite.CSeq().SeqNo); got != want || tagOf(prack) != "first" ||
		prack.Recipient.User != "first" || prack.CSeq().SeqNo <= invite.CSeq().SeqNo {
		t.Errorf("PRACK is\n%s", prack)
	}
	bert.respond(prack, "200 OK", "")
	call.response(183)
	first.silent = true
	first.plays(invite.Body())
	call.hears(call.rtp)
	bert.progress(invite, "second", "Require: 100rel\nRSeq: 1\n"+second.describes())
	if prack = bert.request(sipgo.PRACK); tagOf(prack) != "second" || !strings.HasPrefix(header(prack, "RAck"), "1 ") {
		t.Errorf("PRACK is\n%s", prack)
	}
	bert.respond(prack, "200 OK", "")
	second.plays(invite.Body())
	hearsNone(t, call.rtp, 20)
	first.stop() // else either may be the first that is heard of the host of both
	// The answer was in the 183, and the 200 need not repeat it.
	bert.respondAs(invite, "second", "200 OK", fmt.Sprintf("Contact: <sip:second@%s>\n", bert.local()))
	bert.request(sipgo.ACK)
	call.took(call.response(200))
	call.ack("")
	hearsTone(t, call.rtp)
	call.bye()
	if bye := bert.request(sipgo.BYE); tagOf(bye) != "second" || bye.CSeq().SeqNo <= prack.CSeq().SeqNo {
		t.Errorf("BYE is\n%s", bye)
	} else {
		bert.respond(bye, "200 OK", "")
	}
	x.empty(t)
}

func TestReliableResponsesOfACalleeAreAcknowledgedInTheirOrder(t *testing.T) {
	x, anna, bert := startPair(t, "tcp", nil)
	call := anna.newCall("201")
	branch := call.send("INVITE", call.offer("0"))
	invite := bert.invited()
	if !strings.Contains(header(invite, "Supported"), "100rel") || !strings.Contains(header(invite, "Allow"), "PRACK") {
		t.Errorf("INVITE is\n%s", invite)
	}
	reliable := func(seq int) { bert.progress(invite, "b", fmt.Sprintf("Require: 100rel\nRSeq: %d\n", seq)) }
	acknowledged := func(seq int) {
		t.Helper()
		prack := bert.request(sipgo.PRACK)
		if got, want := header(prack, "RAck"), fmt.Sprintf("%d %d INVITE", seq, invite.CSeq().SeqNo); got != want {
			t.Errorf("RAck: %s, want %s", got, want)
		}
		bert.respond(prack, "200 OK", "")
	}
	reliable(100)
	acknowledged(100)
	call.response(180)
	reliable(102) // the one between was lost
	reliable(100) // repeated
	bert.silent()
	reliable(101)
	acknowledged(101)
	reliable(102)
	acknowledged(102)
	for _, seq := range []string{"0", "-1", "x", "4294967296"} {
		bert.progress(invite, "b", "Require: 100rel\nRSeq: "+seq+"\n")
	}
	bert.silent()
	bert.respondAs(invite, "b", "486 Busy Here", "")
	bert.request(sipgo.ACK)
	call.refused(branch, 486)
	x.empty(t)
}

// A carrier changes what it plays, and where from, before there is an answer.
func TestUpdateOfACalleeBeforeHisAnswer(t *testing.T) {
	x, anna, bert := startPair(t, "udp", nil)
	call, invite := anna.rings(bert, "0")
	plays := newSource(t)
	bert.progress(invite, "b", sdpOf("127.0.0.1", 40000, "0"))
	call.response(183)
	from, _ := invite.From().Params.Get("tag")
	contact := invite.Contact().Address
	update := func(tag string, seq int, body string) {
		bert.write(fmt.Sprintf("UPDATE %s SIP/2.0\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport\nMax-Forwards: 70\nFrom: <sip:201@x>;tag=%s\nTo: <sip:a@x>;tag=%s\n"+
			"Call-ID: %s\nCSeq: %d UPDATE\nContact: <sip:b@%s>\n%s", contact.String(), bert.local(), token(), tag, from, invite.CallID().Value(), seq, bert.local(), body))
	}
	update("stranger", 1, plays.describes())
	bert.response(481)
	update("b", 1, "")
	bert.response(200)
	update("b", 2, plays.describes())
	res := bert.response(200)
	plays.plays(res.Body())
	hearsTone(t, call.rtp)
	bert.respondAs(invite, "b", "200 OK", fmt.Sprintf("Contact: <sip:b@%s>\n", bert.local())+plays.describes())
	bert.request(sipgo.ACK)
	call.took(call.response(200))
	call.ack("")
	hearsTone(t, call.rtp)
	call.bye()
	bert.respond(bert.request(sipgo.BYE), "200 OK", "")
	x.empty(t)
}

// Who is called into a room plays nothing to it before he has pressed 1.
func TestRoomDoesNotHearEarlyMedia(t *testing.T) {
	s := startServer(t, withPhones)
	member := newAgent(t, s, "udp").newCall("2000")
	member.establish()
	other := newAgent(t, s, "udp").newCall("2000")
	other.establish()
	calmsDown(t, member.rtp) // the music that he had alone
	carol := s.phoneAt(t, "udp", "201")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- s.Invite(ctx, sip.Invitation{Room: "2000", Callee: "201", NoPIN: true}, func(sip.InvitationStep) {})
	}()
	in := carol.rings()
	plays := newSource(t)
	_, body, _ := strings.Cut(plays.describes(), "\n\n")
	if err := in.Progress(strings.ReplaceAll(body, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	plays.plays(in.Request().Body())
	hearsNone(t, member.rtp, 30)
	if err := in.Refuse(486, "Busy Here"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("he has joined")
	}
	member.bye()
	other.bye()
	s.empty(t)
}

func TestReliableEarlyMediaForTheCaller(t *testing.T) {
	x, anna, bert := startPair(t, "udp", func(c *sip.Config) { c.T1, c.T2 = 100*time.Millisecond, 800*time.Millisecond })
	call := anna.newCall("201")
	call.send("INVITE", "Supported: 100rel\n"+call.offer("0"))
	invite := bert.invited()
	plays := newSource(t)
	bert.progress(invite, "b", plays.describes())
	early := call.response(183)
	if header(early, "Require") != "100rel" || header(early, "RSeq") == "" {
		t.Errorf("the 183 is\n%s", early)
	}
	for range 3 {
		if again := call.response(183); again.String() != early.String() {
			t.Errorf("repeated 183 differs:\n%s\n%s", again, early)
		}
	}
	call.took(early)
	plays.plays(invite.Body())
	hearsTone(t, call.rtp)
	bert.respondAs(invite, "b", "200 OK", fmt.Sprintf("Contact: <sip:b@%s>\n", bert.local())+plays.describes())
	bert.request(sipgo.ACK)
	acknowledges := func(rack string, status int) *sipgo.Response {
		t.Helper()
		call.send("PRACK", rack)
		for {
			res := call.next().(*sipgo.Response)
			if res.CSeq().MethodName != sipgo.PRACK {
				if res.StatusCode != 183 {
					t.Fatalf("before the PRACK came\n%s", res)
				}
				continue
			}
			if res.StatusCode != status {
				t.Errorf("PRACK with %q got %d, want %d", rack, res.StatusCode, status)
			}
			return res
		}
	}
	seq := header(early, "RSeq")
	acknowledges("", 400)
	acknowledges("RAck: x 1 INVITE\n", 400)
	acknowledges(fmt.Sprintf("RAck: %s 2 INVITE\n", seq), 481)
	acknowledges("RAck: 1 1 INVITE\n", 481)
	acknowledges(fmt.Sprintf("RAck: %s 1 INVITE\n", seq), 200)
	for {
		res := call.next().(*sipgo.Response)
		if res.StatusCode == 183 {
			continue // it was on its way
		}
		if res.StatusCode != 200 || len(res.Body()) > 0 { // the answer has come already
			t.Errorf("the 200 is\n%s", res)
		}
		break
	}
	call.sendAs("ACK", "z9hG4bK"+token(), 1, "")
	hearsTone(t, call.rtp)
	call.bye()
	bert.respond(bert.request(sipgo.BYE), "200 OK", "")
	x.empty(t)
}

// Without an offer in the INVITE ours is in the 183, and the answer comes in the PRACK (RFC 3262 5).
func TestEarlyMediaForACallerWhoOffersNothing(t *testing.T) {
	x, anna, bert := startPair(t, "udp", nil)
	call := anna.newCall("201")
	call.send("INVITE", "Supported: 100rel\n")
	invite := bert.invited()
	plays := newSource(t)
	bert.progress(invite, "b", plays.describes())
	early := call.response(183)
	if !strings.Contains(string(early.Body()), offeredFormats()) {
		t.Errorf("the 183 is\n%s", early)
	}
	call.took(early)
	call.send("PRACK", fmt.Sprintf("RAck: %s 1 INVITE\n", header(early, "RSeq"))+call.offer("0 101"))
	if res := call.response(200); res.CSeq().MethodName != sipgo.PRACK || len(res.Body()) > 0 {
		t.Errorf("the 200 to the PRACK is\n%s", res)
	}
	plays.plays(invite.Body())
	hearsTone(t, call.rtp)
	bert.respondAs(invite, "b", "200 OK", fmt.Sprintf("Contact: <sip:b@%s>\n", bert.local())+plays.describes())
	bert.request(sipgo.ACK)
	if ok := call.response(200); len(ok.Body()) > 0 {
		t.Errorf("the 200 is\n%s", ok)
	}
	call.sendAs("ACK", "z9hG4bK"+token(), 1, "")
	hearsTone(t, call.rtp)
	call.bye()
	bert.respond(bert.request(sipgo.BYE), "200 OK", "")
	x.empty(t)
}

// Who insists on reliable responses gets the 180 so, too, and is given up where he acknowledges none.
func TestCallerWhoInsistsOnReliableResponses(t *testing.T) {
	x, anna, bert := startPair(t, "udp", short)
	call := anna.newCall("201")
	branch := call.send("INVITE", "Require: 100rel\n"+call.offer("0"))
	invite := bert.invited()
	bert.respondAs(invite, "b", "180 Ringing", "")
	if ringing := call.response(180); header(ringing, "Require") != "100rel" || header(ringing, "RSeq") == "" {
		t.Errorf("the 180 is\n%s", ringing)
	}
	for {
		res := call.next().(*sipgo.Response)
		if res.StatusCode == 180 {
			continue
		}
		if res.StatusCode != 504 {
			t.Errorf("%s", res)
		}
		call.took(res)
		break
	}
	call.sendAs("ACK", branch, 1, "")
	cancelled(bert, invite)
	x.empty(t)
	room := anna.newCall("2000") // there is nothing to be acknowledged
	room.send("INVITE", "Require: 100rel\n"+room.offer("0"))
	room.took(room.response(200))
	room.ack("")
	room.bye()
	x.empty(t)
}

func FuzzRAck(f *testing.F) {
	for _, text := range []string{"776656 1 INVITE", "0 0 X", "-1 1 INVITE", "1 4294967296 INVITE", " 1\t2  INVITE "} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if again, err := sip.ParseRAck(text); err == nil {
			if twice, err := sip.ParseRAck(again); err != nil || twice != again {
				t.Errorf("%q, read from %q, is read as %q: %v", again, text, twice, err)
			}
		}
	})
}
