package faults

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
	"conclave/sip/phone"
)

// giveUp is 64*T1, after which a transaction without an answer ends (RFC 3261 17.1.1.2, 13.3.1.4).
const giveUp = 32 * time.Second

// losing loses the SIP messages that begin so.
func losing(start string) conditions {
	return conditions{Lose: func(d datagram) bool { return bytes.HasPrefix(d.payload, []byte(start)) }}
}

// Whatever of the signalling is lost or crosses, nothing is left of the call after 64*T1.
func TestNothingIsLeftOfACallWhoseSignallingIsLost(t *testing.T) {
	t.Parallel()
	long(t)
	for _, tt := range []struct {
		name string
		// act has calls fail, and returns when the last one has ended as its phone sees it.
		act  func(t *testing.T, s *site)
		most time.Duration // from there until nothing is left
	}{
		{"every BYE of the phone is lost", func(t *testing.T, s *site) {
			call := s.call("1000", phone.Options{})
			s.link.up.set(losing("BYE "))
			_ = s.phoneGone(call)
		}, giveUp},
		{"every BYE of the server is lost", func(t *testing.T, s *site) {
			s.call("1000", phone.Options{})
			s.link.down.set(losing("BYE "))
			s.run("kick", "1000", "--all")
		}, giveUp},
		{"every ACK is lost", func(t *testing.T, s *site) {
			s.link.up.set(losing("ACK "))
			s.call("1000", phone.Options{})
		}, giveUp},
		{"the 200 to INVITE and the BYE are lost", func(t *testing.T, s *site) {
			s.link.down.set(losing("SIP/2.0 200"))
			s.link.up.set(losing("BYE "))
			p := s.phone(s.link.here.String())
			if _, err := p.Invite(s.sip, "1000", phone.Options{}); err != nil {
				t.Fatal(err)
			}
			s.wait("call", 5*time.Second, func() bool { return s.status().Calls == 1 })
			_ = p.Close()
		}, 2 * giveUp}, // the 200 is sent for 64*T1, and so is the BYE after it
		{"CANCEL crosses the answer, 100 times", func(t *testing.T, s *site) {
			s.link.up.set(conditions{Jitter: 40 * time.Millisecond})
			p := s.phone(s.link.here.String())
			for range 100 {
				call, err := p.Invite(s.sip, "1000", phone.Options{})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), giveUp)
				err = call.Cancel(ctx)
				if statusOf(err) == 481 { // it has overtaken its INVITE, which is answered then
					err = call.Answered(ctx)
				}
				if err == nil {
					err = call.Hangup()
				}
				cancel()
				if err != nil && statusOf(err) != 487 {
					t.Fatal(err)
				}
			}
		}, giveUp},
		{"BYE for an unknown dialog, 100 times", func(t *testing.T, s *site) {
			p := s.phone(s.link.here.String())
			for range 100 {
				ctx, cancel := context.WithTimeout(t.Context(), giveUp)
				res, err := p.Ask(ctx, s.sip, "1000", sipgo.BYE)
				cancel()
				if err != nil || res.StatusCode != 481 {
					t.Fatalf("%v, %v; want 481", res, err)
				}
			}
		}, giveUp},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 1)
			s.room("1000", "--no-pin")
			// What the first call leaves for good (pools, caches) is none of what calls leave behind.
			first := s.call("1000", phone.Options{})
			_ = first.Hangup()
			s.wait("end of the first call", 10*time.Second, func() bool { return s.status().Calls == 0 })
			before := s.status()
			tt.act(t, s)
			took, ok := within(tt.most+3*time.Second, func() bool { return s.status().Calls == 0 })
			_, settled := within(giveUp, func() bool {
				now := s.status()
				return now.Goroutines <= before.Goroutines+2 && now.Descriptors <= before.Descriptors+2
			})
			after := s.status()
			reached(t, tt.name, "nothing left after 64*T1", "%d calls left after %.1f s; %d goroutines of %d, %d descriptors of %d",
				after.Calls, took.Seconds(), after.Goroutines, before.Goroutines, after.Descriptors, before.Descriptors)
			if !ok || !settled || after.Faults > 0 {
				t.Errorf("left: %+v, before %+v", after, before)
			}
		})
	}
}

// phoneGone hangs up though no BYE arrives.
func (s *site) phoneGone(call *phone.Call) error {
	s.t.Helper()
	done := make(chan error, 1)
	go func() { done <- call.Hangup() }()
	time.Sleep(100 * time.Millisecond)
	call.Say(phone.Silence())
	call.Impair(phone.Impairment{Loss: 1})
	return nil
}

// A phone that vanishes is gone by the RTP timeout, and nobody else notices.
func TestPhoneThatVanishesIsGoneAndNobodyElseNotices(t *testing.T) {
	t.Parallel()
	long(t)
	s := newSite(t, 1)
	s.room("1000", "--no-pin")
	const hz, level = 600, -15.0
	listener, talker := s.call("1000", phone.Options{From: "listener"}), s.call("1000", phone.Options{From: "talker"})
	talker.Say(phone.Tone(hz, level))
	p := s.phone(s.link.here.String())
	ctx, cancel := context.WithTimeout(t.Context(), giveUp)
	defer cancel()
	if _, err := p.Dial(ctx, s.sip, "1000", phone.Options{From: "vanishing"}); err != nil {
		t.Fatal(err)
	}
	s.wait("third member", 5*time.Second, func() bool { return len(s.members("1000")) == 3 })
	time.Sleep(2 * time.Second)
	usual := shareHeard(listener.Listen(10*time.Second), hz, level)
	from := len(listener.Packets())
	_ = p.Close()
	var leg time.Duration
	gone := func(m []rooms.Member) bool { return len(m) == 2 }
	leg, ok := within(35*time.Second, func() bool { return gone(s.members("1000")) })
	heard := shareHeard(phone.Assemble(listener.Packets()[from:]), hz, level)
	reached(t, "phone vanishes", "leg gone by RTP timeout 30 s, nobody else notices", "gone after %.1f s; the others' tone at its level for %.2f %% of that time, for %.2f %% before", leg.Seconds(), 100*heard, 100*usual)
	if !ok || leg > 32*time.Second || heard < usual-0.02 { // other programs may disturb the ticks before and after
		t.Errorf("gone: %t, after %v; heard %v, before %v", ok, leg, heard, usual)
	}
	took, ok := within(giveUp+3*time.Second, func() bool { return s.status().Calls == 2 })
	if !ok {
		t.Errorf("its dialog is there %v later", took)
	}
}

// NAT that gives a phone's audio another port in mid call: it is heard again within 2 s.
func TestPhoneBehindARebindingNATIsHeardAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.room("1000", "--no-pin")
	const hz, level = 600, -15.0
	listener, talker := s.call("1000", phone.Options{From: "listener"}), s.call("1000", phone.Options{From: "talker"})
	talker.Say(phone.Tone(hz, level))
	listener.Say(phone.Tone(900, level))
	time.Sleep(2 * time.Second)
	// From now on the talker's audio comes from another port, and only what is sent to that gets back.
	var closed atomic.Uint32
	const outer = 61234
	port := talkerPort(t, s, talker)
	s.link.up.set(conditions{Rewrite: func(d datagram) {
		if d.from().Port() == port {
			d.setPort(0, outer)
		}
	}})
	s.link.down.set(conditions{
		Lose: func(d datagram) bool {
			if d.to().Port() != port {
				return false
			}
			closed.Add(1) // the NAT does not know this port any more
			return true
		},
		Rewrite: func(d datagram) {
			if d.to().Port() == outer {
				d.setPort(2, port)
			}
		},
	})
	began := time.Now()
	var silent, deaf time.Duration // until when the one is not heard, and hears nobody; 0: it still is so
	var lost [2]bool
	for since := time.Duration(0); since < 6*time.Second && (silent == 0 || deaf == 0); since = time.Since(began) {
		for i, way := range []struct {
			ear   *phone.Call
			hz    float64
			until *time.Duration
		}{{listener, hz, &silent}, {talker, 900, &deaf}} {
			heard := hears(way.ear, way.hz, level)
			lost[i] = lost[i] || !heard
			if heard && lost[i] && *way.until == 0 {
				*way.until = since
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	reached(t, "NAT gives the phone another port", "audible again in <= 2 s", "heard again after %.2f s, hears again after %.2f s; %d packets to the port before", silent.Seconds(), deaf.Seconds(), closed.Load())
	most := 2*time.Second + slack
	if !*full { // which runs where others take the machine's time
		most = 5 * time.Second
	}
	if silent == 0 || deaf == 0 || silent > most || deaf > most {
		t.Errorf("not heard for %v, deaf for %v", silent, deaf)
	}
}

// slack is what the tone takes to be found in the last packets.
const slack = 200 * time.Millisecond

// hears tells whether a tone is in what came to a phone in the last 200 ms.
func hears(call *phone.Call, hz, level float64) bool {
	packets := call.Packets()
	last := packets[max(0, len(packets)-10):]
	return len(last) > 0 && time.Since(last[len(last)-1].Arrived) < 100*time.Millisecond && shareHeard(phone.Assemble(last), hz, level) > 0.9
}

// talkerPort finds the port from which a call's audio comes, by the packets on the link.
func talkerPort(t *testing.T, s *site, call *phone.Call) uint16 {
	t.Helper()
	to := call.Remote().Address.Port()
	found := make(chan uint16, 1)
	s.link.up.set(conditions{Lose: func(d datagram) bool {
		if d.to().Port() == to {
			select {
			case found <- d.from().Port():
			default:
			}
		}
		return false
	}})
	select {
	case port := <-found:
		return port
	case <-time.After(5 * time.Second):
		t.Fatal("the talker's audio does not pass the link")
		return 0
	}
}
