package phone

import (
	"errors"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"conclave/media/tone"

	sipgo "github.com/emiago/sipgo/sip"
)

func TestCallSpeaksAndHears(t *testing.T) {
	for _, tt := range []struct {
		transport, host string
		o               Options
	}{
		{"udp", "127.0.0.1", Options{}},
		{"tcp", "127.0.0.1", Options{Codecs: []Codec{PCMA}}},
		{"udp", "::1", Options{PTime: 30}},
		{"tcp", "::1", Options{PTime: 10}},
	} {
		t.Run(tt.transport+" "+tt.host, func(t *testing.T) {
			t.Parallel()
			e := newEcho(t, tt.transport, tt.host)
			call := e.dial(tt.transport, tt.host, tt.o)
			call.Say(Tone(440, -10))
			call.Listen(100 * time.Millisecond) // what was silence
			if got := tone.LevelAt(call.Listen(500*time.Millisecond), 8000, 440); math.Abs(got+10) > 1 {
				t.Errorf("heard the tone at %.1f dBFS, want -10", got)
			}
			if err := call.Hangup(); err != nil {
				t.Error(err)
			}
			select {
			case <-call.Done():
			default:
				t.Error("the call is not done after Hangup")
			}
			if got := call.Ending(); got != "hung up" {
				t.Errorf("ending %q", got)
			}
			if got, want := methods(e.sent()), "INVITE ACK BYE"; got != want {
				t.Errorf("the phone sent %s, want %s", got, want)
			}
		})
	}
}

func TestRefusedCallTellsTheStatus(t *testing.T) {
	e := newEcho(t, "udp", "127.0.0.1")
	e.answer(func(req *sipgo.Request) []*sipgo.Response {
		res := e.response(req, 488, "Not Acceptable Here")
		res.AppendHeader(sipgo.NewHeader("Warning", `305 echo "no codec"`))
		return []*sipgo.Response{res}
	})
	_, err := newPhone(t, "udp", "127.0.0.1").Dial(timeout(t), e.addr, "1000", Options{})
	var refused *Refused
	if !errors.As(err, &refused) || refused.Status() != 488 || !strings.Contains(err.Error(), "no codec") {
		t.Errorf("got %v, want a refusal with 488 and its warning", err)
	}
	e.until("the ACK", func() bool { return methods(e.requests) == "INVITE ACK" })
	e.repeat()
	e.until("an ACK for the repetition", func() bool { return methods(e.requests) == "INVITE ACK ACK" })
}

func TestInviteIsRepeatedUntilItIsAnswered(t *testing.T) {
	e := newEcho(t, "udp", "127.0.0.1")
	e.answer(func(req *sipgo.Request) []*sipgo.Response {
		if len(e.requests) == 1 {
			return nil
		}
		return e.usual(req)
	})
	e.dial("udp", "127.0.0.1", Options{})
	e.until("the ACK", func() bool { return methods(e.requests) == "INVITE INVITE ACK" })
	if a, b := e.sent()[0].String(), e.sent()[1].String(); a != b {
		t.Errorf("the repetition differs:\n%s\n%s", a, b)
	}
}

func TestCancelledCallIsRefusedWith487(t *testing.T) {
	e := newEcho(t, "udp", "127.0.0.1")
	e.answer(func(req *sipgo.Request) []*sipgo.Response {
		if req.Method == sipgo.INVITE {
			return []*sipgo.Response{e.response(req, 180, "Ringing")}
		}
		return []*sipgo.Response{e.response(req, 200, "OK"), e.response(e.requests[0], 487, "Request Terminated")}
	})
	call, err := newPhone(t, "udp", "127.0.0.1").Invite(e.addr, "1000", Options{})
	if err != nil {
		t.Fatal(err)
	}
	e.until("the INVITE", func() bool { return len(e.requests) > 0 })
	err = call.Cancel(timeout(t))
	var refused *Refused
	if !errors.As(err, &refused) || refused.Status() != 487 {
		t.Errorf("got %v, want a refusal with 487", err)
	}
	e.until("the ACK", func() bool { return methods(e.requests) == "INVITE CANCEL ACK" })
}

func TestLostACKsAreSentAgain(t *testing.T) {
	e := newEcho(t, "udp", "127.0.0.1")
	call := e.dial("udp", "127.0.0.1", Options{LoseACKs: 2})
	for range 3 {
		e.repeat()
	}
	e.until("the ACKs", func() bool { return methods(e.requests) == "INVITE ACK ACK" })
	if err := call.Hangup(); err != nil {
		t.Error(err)
	}
}

func TestOfferlessCallAnswersInTheACK(t *testing.T) {
	e := newEcho(t, "udp", "127.0.0.1")
	call := e.dial("udp", "127.0.0.1", Options{Offerless: true})
	e.until("the ACK", func() bool { return methods(e.requests) == "INVITE ACK" })
	if n := len(e.sent()[0].Body()); n > 0 {
		t.Errorf("the INVITE has a body of %d octets", n)
	}
	answer, err := ParseDescription(e.sent()[1].Body())
	if err != nil || len(answer.Codecs) != 1 {
		t.Errorf("the ACK answers with %v, %v; want one codec", answer.Codecs, err)
	}
	e.until("RTP", func() bool { return len(e.heard) > 3 })
	if err := call.Hangup(); err != nil {
		t.Error(err)
	}
}

func TestServerHangsUp(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		e := newEcho(t, transport, "127.0.0.1")
		call := e.dial(transport, "127.0.0.1", Options{})
		e.hangUp()
		select {
		case <-call.Done():
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: the call goes on after BYE", transport)
		}
		if got := call.Ending(); got != "BYE received" {
			t.Errorf("%s: ending %q", transport, got)
		}
		if err := call.Hangup(); err != nil {
			t.Errorf("%s: Hangup after BYE: %v", transport, err)
		}
	}
}

func TestHoldStopsSpeakingUntilResume(t *testing.T) {
	e := newEcho(t, "udp", "127.0.0.1")
	call := e.dial("udp", "127.0.0.1", Options{})
	for _, tt := range []struct {
		change Change
		wants  string // in the description
		speaks bool
	}{
		{Change{Direction: "inactive"}, "a=inactive", false},
		{Change{}, "a=sendrecv", true},
		{Change{ZeroHold: true}, "c=IN IP4 0.0.0.0", false},
		{Change{Direction: "sendonly"}, "a=sendonly", true},
	} {
		if err := call.Reinvite(timeout(t), tt.change); err != nil {
			t.Fatal(err)
		}
		e.until("the ACK", func() bool { return strings.HasSuffix(methods(e.requests), "ACK") })
		e.mu.Lock()
		offer, before := string(e.requests[len(e.requests)-2].Body()), len(e.heard)
		e.mu.Unlock()
		if !strings.Contains(offer, tt.wants) {
			t.Errorf("%+v offers %q", tt.change, offer)
		}
		if tt.speaks {
			e.until("RTP", func() bool { return len(e.heard) > before+3 })
			continue
		}
		call.stream.mu.Lock()
		if call.stream.sending {
			t.Errorf("%+v: the phone speaks on", tt.change)
		}
		call.stream.mu.Unlock()
	}
}

func TestMoveChangesTheRTPAddress(t *testing.T) {
	e := newEcho(t, "udp", "127.0.0.1")
	call := e.dial("udp", "127.0.0.1", Options{})
	e.until("RTP", func() bool { return len(e.sources) == 1 })
	if err := call.Update(timeout(t), Change{Move: true}); err != nil {
		t.Fatal(err)
	}
	e.until("RTP from another port", func() bool { return len(e.sources) == 2 })
	e.mu.Lock()
	defer e.mu.Unlock()
	offered, err := ParseDescription(e.requests[len(e.requests)-1].Body())
	if err != nil {
		t.Fatal(err)
	}
	if e.sources[offered.Address] == 0 {
		t.Errorf("RTP came from %v, offered was %v", e.sources, offered.Address)
	}
}

func TestPressInfoSendsARequestForEachDigit(t *testing.T) {
	e := newEcho(t, "tcp", "127.0.0.1")
	call := e.dial("tcp", "127.0.0.1", Options{})
	for _, contentType := range []string{DTMF, DTMFRelay} {
		if err := call.PressInfo(timeout(t), "5#", contentType); err != nil {
			t.Fatal(err)
		}
	}
	var bodies []string
	for _, r := range e.sent() {
		if r.Method == sipgo.INFO {
			bodies = append(bodies, string(r.Body()))
		}
	}
	want := "5|#|Signal=5\r\nDuration=160\r\n|Signal=#\r\nDuration=160\r\n"
	if got := strings.Join(bodies, "|"); got != want {
		t.Errorf("bodies %q, want %q", got, want)
	}
}

func TestAskOutsideACall(t *testing.T) {
	e := newEcho(t, "udp", "127.0.0.1")
	res, err := newPhone(t, "udp", "127.0.0.1").Ask(timeout(t), e.addr, "", sipgo.OPTIONS)
	if err != nil || res.StatusCode != 200 {
		t.Errorf("got %v, %v", res, err)
	}
}

func TestCallWithMediaOfItsOwnOpensNoSocket(t *testing.T) {
	e := newEcho(t, "udp", "127.0.0.1")
	media := netip.MustParseAddrPort("127.0.0.1:4000")
	call := e.dial("udp", "127.0.0.1", Options{Media: media})
	offered, err := ParseDescription(e.sent()[0].Body())
	if err != nil || offered.Address != media {
		t.Errorf("offered %v, %v; want %v", offered.Address, err, media)
	}
	if got := call.Remote().Address.String(); got != e.rtp.LocalAddr().String() {
		t.Errorf("the far end is at %s, want %s", got, e.rtp.LocalAddr())
	}
	if err := call.Hangup(); err != nil {
		t.Error(err)
	}
}

func TestPhoneRefusesWhatItIsNot(t *testing.T) {
	for _, tt := range []struct{ transport, host string }{{"sctp", "127.0.0.1"}, {"udp", "localhost"}} {
		if ph, err := New(tt.transport, tt.host); err == nil {
			ph.Close()
			t.Errorf("New(%q, %q) made a phone", tt.transport, tt.host)
		}
	}
}
