package sip_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip"
	"conclave/store"
)

func TestSessionIntervals(t *testing.T) {
	s := startServer(t, nil)
	a := newAgent(t, s, "udp")
	for name, tt := range map[string]struct {
		headers string
		status  int
		expires string // Session-Expires of the 200
		require string
		least   string // Min-SE of the 422
	}{
		"a caller without session timers":               {"", 200, "1800;refresher=uas", "", ""},
		"with session timers, none asked for":           {"Supported: timer\n", 200, "1800;refresher=uas", "timer", ""},
		"one asked for":                                 {"Supported: timer\nSession-Expires: 600\n", 200, "600;refresher=uas", "timer", ""},
		"by its short name":                             {"k: 100rel, TIMER\nx: 600\n", 200, "600;refresher=uas", "timer", ""},
		"the caller wants to refresh":                   {"Supported: timer\nSession-Expires: 600;refresher=uac\n", 200, "600;refresher=uac", "timer", ""},
		"the caller wants us to refresh":                {"Supported: timer\nSession-Expires: 600;refresher=UAS\n", 200, "600;refresher=uas", "timer", ""},
		"a longer one than ours":                        {"Supported: timer\nSession-Expires: 7200\n", 200, "1800;refresher=uas", "timer", ""},
		"a longer one that is not to be made so short":  {"Supported: timer\nSession-Expires: 7200\nMin-SE: 3600\n", 200, "3600;refresher=uas", "timer", ""},
		"the caller insists on session timers":          {"Require: timer\nSession-Expires: 90\n", 200, "90;refresher=uas", "timer", ""},
		"too short":                                     {"Supported: timer\nSession-Expires: 89\n", 422, "", "", "90"},
		"too short, put in by a proxy":                  {"Session-Expires: 30\n", 200, "1800;refresher=uas", "", ""},
		"no number":                                     {"Supported: timer\nSession-Expires: soon\n", 400, "", "", ""},
		"negative":                                      {"Supported: timer\nSession-Expires: -90\n", 400, "", "", ""},
		"twice":                                         {"Supported: timer\nSession-Expires: 90\nSession-Expires: 1800\n", 400, "", "", ""},
		"Min-SE is no number":                           {"Supported: timer\nSession-Expires: 90\nMin-SE: x\n", 400, "", "", ""},
		"a number beyond all bounds":                    {"Supported: timer\nSession-Expires: 99999999999999999999\n", 200, "1800;refresher=uas", "timer", ""},
		"longer than a day at the least, as the caller": {"Supported: timer\nSession-Expires: 90000\nMin-SE: 90000\n", 200, "86400;refresher=uas", "timer", ""},
	} {
		t.Run(name, func(t *testing.T) {
			call := a.newCall("2000")
			branch := call.send("INVITE", tt.headers+call.offer("0"))
			if tt.status != 200 {
				res := call.refused(branch, tt.status)
				if got := header(res, "Min-SE"); got != tt.least {
					t.Errorf("Min-SE: %s, want %s", got, tt.least)
				}
				s.empty(t)
				return
			}
			res := call.response(200)
			call.took(res)
			call.ack("")
			if got := header(res, "Session-Expires"); got != tt.expires {
				t.Errorf("Session-Expires: %s, want %s", got, tt.expires)
			}
			if got := header(res, "Require"); got != tt.require {
				t.Errorf("Require: %s, want %s", got, tt.require)
			}
			if got := header(res, "Supported"); !strings.Contains(got, "timer") {
				t.Errorf("Supported: %s", got)
			}
			call.send("UPDATE", "Supported: timer\nSession-Expires: 60\n")
			if got := header(call.response(422), "Min-SE"); got != "90" {
				t.Errorf("Min-SE: %s of an UPDATE, want 90", got)
			}
			call.bye()
			s.empty(t)
		})
	}
}

// timed is a server whose sessions go by a clock of the test, with what is recorded of its calls.
type timed struct {
	*exchange
	clock *sip.Clock
	calls chan store.Call
}

func startTimed(t *testing.T, changes ...func(*sip.Config)) *timed {
	t.Helper()
	x := &timed{clock: &sip.Clock{}, calls: make(chan store.Call, 10)}
	x.exchange = startExchange(t, func(c *sip.Config) {
		x.clock.Attach(c)
		c.Record = func(call store.Call) { x.calls <- call }
		for _, change := range changes {
			change(c)
		}
	})
	return x
}

// set waits until the alarms are set to these times.
func (x *timed) set(t *testing.T, waits ...time.Duration) {
	t.Helper()
	eventually(t, fmt.Sprintf("alarms after %v", waits), func() bool { return slices.Equal(x.clock.Waits(), waits) })
}

// ended is the record of a call whose end is written next.
func (x *timed) ended(t *testing.T) store.Call {
	t.Helper()
	select {
	case call := <-x.calls:
		return call
	case <-time.After(patience):
		t.Fatal("no call has ended")
		return store.Call{}
	}
}

// origin is the o= line of a description.
func origin(msg interface{ Body() []byte }) string {
	for line := range strings.Lines(string(msg.Body())) {
		if strings.HasPrefix(line, "o=") {
			return line
		}
	}
	return ""
}

// packet is the next RTP packet that a socket gets.
func packet(t *testing.T, conn *net.UDPConn) rtp.Header {
	t.Helper()
	buffer := make([]byte, 2000)
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	n, _, err := conn.ReadFromUDP(buffer)
	if err != nil {
		t.Fatal(err)
	}
	var p rtp.Packet
	if err := p.Unmarshal(buffer[:n]); err != nil {
		t.Fatal(err)
	}
	return p.Header
}

// untouched tells by the packets of a stream that it has gone on since before: the same source, one after the other.
func untouched(t *testing.T, conn *net.UDPConn, before rtp.Header) {
	t.Helper()
	for range 20 {
		p := packet(t, conn)
		if p.SSRC != before.SSRC || p.SequenceNumber != before.SequenceNumber+1 || p.Timestamp != before.Timestamp+160 && p.Timestamp-before.Timestamp > 1600 {
			t.Fatalf("packet %+v after %+v", p, before)
		}
		before = p
	}
}

func TestServerRefreshesByUpdate(t *testing.T) {
	x := startTimed(t)
	call := newAgent(t, x.server, "udp").newCall("2000")
	call.send("INVITE", "Allow: INVITE, ACK, BYE, UPDATE\nSupported: timer\nSession-Expires: 90\n"+call.offer("0 101"))
	call.took(call.response(200))
	call.ack("")
	before := packet(t, call.rtp)
	for range 3 {
		x.set(t, 45*time.Second, 60*time.Second)
		x.clock.Turn(45 * time.Second)
		update := call.request(sipgo.UPDATE)
		if len(update.Body()) > 0 || header(update, "Session-Expires") != "90;refresher=uac" || header(update, "Contact") == "" ||
			!strings.Contains(header(update, "Supported"), "timer") {
			t.Errorf("UPDATE is\n%s", update)
		}
		call.respond(update, "200 OK", fmt.Sprintf("Contact: <sip:al@%s>\nRequire: timer\nSession-Expires: 90;refresher=uac\n", call.local()))
	}
	x.set(t, 45*time.Second, 60*time.Second)
	untouched(t, call.rtp, before)
	call.bye()
	x.empty(t)
	x.set(t)
}

func TestServerRefreshesByInvite(t *testing.T) {
	x := startTimed(t)
	call := newAgent(t, x.server, "udp").newCall("2000")
	ok := call.establish() // it allows nothing, and knows no session timers
	before := packet(t, call.rtp)
	for i := range 3 {
		x.set(t, 900*time.Second, 1768*time.Second)
		x.clock.Turn(900 * time.Second)
		invite := call.request(sipgo.INVITE)
		if origin(invite) != origin(ok) || header(invite, "Session-Expires") != "1800;refresher=uac" {
			t.Errorf("the 200 said %s, the INVITE is\n%s", origin(ok), invite)
		}
		expires := "" // whoever knows none says nothing of them
		if i == 1 {
			expires = "Session-Expires: 1800;refresher=uac\n"
		}
		call.respond(invite, "200 OK", expires+fmt.Sprintf("Contact: <sip:al@%s>\n", call.local())+call.offer("0 101"))
		call.request(sipgo.ACK)
	}
	x.set(t, 900*time.Second, 1768*time.Second)
	untouched(t, call.rtp, before)
	call.bye()
	x.empty(t)
}

// An UPDATE is refused by far ends that said they take it; then, and for good, it is INVITE.
func TestServerRefreshesByInviteWhereUpdateIsRefused(t *testing.T) {
	x := startTimed(t)
	call := newAgent(t, x.server, "tcp").newCall("2000")
	call.send("INVITE", "Allow: INVITE, ACK, BYE, UPDATE\n"+call.offer("0"))
	call.took(call.response(200))
	call.ack("")
	x.set(t, 900*time.Second, 1768*time.Second)
	x.clock.Turn(900 * time.Second)
	call.respond(call.request(sipgo.UPDATE), "405 Method Not Allowed", "")
	invite := call.request(sipgo.INVITE)
	call.respond(invite, "491 Request Pending", "") // and again
	call.request(sipgo.ACK)
	invite = call.request(sipgo.INVITE)
	call.respond(invite, "500 Server Internal Error", "") // and again later
	call.request(sipgo.ACK)
	x.set(t, 225*time.Second, 868*time.Second)
	x.clock.Turn(225 * time.Second)
	invite = call.request(sipgo.INVITE)
	call.respond(invite, "422 Session Interval Too Small", "Min-SE: 3600\n")
	call.request(sipgo.ACK)
	invite = call.request(sipgo.INVITE)
	if header(invite, "Session-Expires") != "3600;refresher=uac" || header(invite, "Min-SE") != "3600" {
		t.Errorf("INVITE is\n%s", invite)
	}
	call.respond(invite, "200 OK", fmt.Sprintf("Session-Expires: 3600;refresher=uas\nContact: <sip:al@%s>\n", call.local())+call.offer("0"))
	call.request(sipgo.ACK)
	x.set(t, 3568*time.Second) // it is the far end's turn now
	x.clock.Turn(3568 * time.Second)
	call.respond(call.request(sipgo.BYE), "200 OK", "")
	x.empty(t)
}

func TestFarEndRefreshes(t *testing.T) {
	for _, method := range []string{"UPDATE", "INVITE"} {
		t.Run(method, func(t *testing.T) {
			x := startTimed(t)
			call := newAgent(t, x.server, "udp").newCall("2000")
			const timer = "Supported: timer\nSession-Expires: 90;refresher=uac\n"
			call.send("INVITE", timer+call.offer("0"))
			first := call.response(200)
			call.took(first)
			call.ack("")
			before := packet(t, call.rtp)
			for range 3 {
				x.set(t, 60*time.Second) // no refresh of ours
				x.clock.Turn(50 * time.Second)
				if method == "UPDATE" {
					call.send("UPDATE", timer)
				} else {
					call.send("INVITE", timer+call.offer("0"))
				}
				res := call.response(200)
				if header(res, "Session-Expires") != "90;refresher=uac" || header(res, "Require") != "timer" {
					t.Errorf("the 200 is\n%s", res)
				}
				if method == "INVITE" {
					call.ack("")
					if origin(res) != origin(first) {
						t.Errorf("%s, after %s", origin(res), origin(first))
					}
				}
			}
			x.set(t, 60*time.Second)
			untouched(t, call.rtp, before)
			x.clock.Turn(60 * time.Second)
			bye := call.request(sipgo.BYE)
			if got, want := header(bye, "Reason"), `SIP;cause=408;text="the session was not refreshed in time", `+
				`Q.850;cause=102;text="the session was not refreshed in time"`; got != want {
				t.Errorf("Reason: %s, want %s", got, want)
			}
			call.respond(bye, "200 OK", "")
			if got := x.ended(t); got.Reason != "the session was not refreshed in time" || got.Result != "HANGUP" {
				t.Errorf("the history has %s, %s", got.Result, got.Reason)
			}
			x.empty(t)
		})
	}
}

// A phone on hold sends no audio that could be missed.
func TestPhoneThatVanishesOnHoldIsGone(t *testing.T) {
	x := startTimed(t)
	call := newAgent(t, x.server, "tcp").newCall("2000")
	call.send("INVITE", "Allow: UPDATE\n"+call.offer("0"))
	call.took(call.response(200))
	call.ack("")
	call.send("INVITE", call.offer("0", "a=inactive"))
	call.response(200)
	call.ack("")
	eventually(t, "the caller is a member", func() bool { return len(x.house.Live()) == 1 })
	x.set(t, 900*time.Second, 1768*time.Second)
	x.clock.Turn(900 * time.Second)
	call.request(sipgo.UPDATE) // is not answered
	x.clock.Turn(868 * time.Second)
	eventually(t, "the room is empty", func() bool { return len(x.house.Live()) == 0 })
	call.respond(call.request(sipgo.BYE), "481 Call/Transaction Does Not Exist", "")
	if got := x.ended(t).Reason; got != "the session was not refreshed in time" {
		t.Errorf("the history has %s", got)
	}
	x.empty(t)
}

func TestPhoneThatKnowsNothingOfTheCallAnyMoreIsGone(t *testing.T) {
	x := startTimed(t)
	call := newAgent(t, x.server, "udp").newCall("2000")
	call.send("INVITE", "Allow: UPDATE\n"+call.offer("0"))
	call.took(call.response(200))
	call.ack("")
	x.set(t, 900*time.Second, 1768*time.Second)
	x.clock.Turn(900 * time.Second)
	call.respond(call.request(sipgo.UPDATE), "481 Call/Transaction Does Not Exist", "")
	call.respond(call.request(sipgo.BYE), "481 Call/Transaction Does Not Exist", "")
	if got := x.ended(t).Reason; got != "the far end is gone" {
		t.Errorf("the history has %s", got)
	}
	x.empty(t)
}

// Of a talk each of both calls has a session of its own.
func TestCalleeRefreshes(t *testing.T) {
	x := startTimed(t)
	anna, bert := newAgent(t, x.server, "udp"), newAgent(t, x.server, "udp")
	x.list("201", bert)
	x.ended(t) // that which list has made
	call := anna.newCall("201")
	call.send("INVITE", "Supported: timer\nSession-Expires: 600;refresher=uac\n"+call.offer("0"))
	invite := bert.invited()
	if header(invite, "Session-Expires") != "1800" || header(invite, "Min-SE") != "" {
		t.Errorf("INVITE is\n%s", invite)
	}
	bert.respondAs(invite, "b", "422 Session Interval Too Small", "Min-SE: 3600\n")
	bert.request(sipgo.ACK)
	again := bert.invited()
	if header(again, "Session-Expires") != "3600" || header(again, "Min-SE") != "3600" || again.CallID().Value() != invite.CallID().Value() ||
		again.CSeq().SeqNo <= invite.CSeq().SeqNo || tagOf(again) != "" {
		t.Errorf("INVITE after 422 is\n%s", again)
	}
	bert.respondAs(again, "b", "200 OK", fmt.Sprintf("Require: timer\nSession-Expires: 3600;refresher=uas\nContact: <sip:b@%s>\n", bert.local())+
		sdpOf("127.0.0.1", 40000, "0"))
	bert.request(sipgo.ACK)
	call.took(call.response(200))
	call.ack("")
	x.set(t, 568*time.Second, 3568*time.Second)
	x.clock.Turn(560 * time.Second)
	call.send("UPDATE", "Supported: timer\nSession-Expires: 600;refresher=uac\n")
	call.response(200)
	x.set(t, 568*time.Second, 3008*time.Second)
	call.bye()
	bert.respond(bert.request(sipgo.BYE), "200 OK", "")
	x.empty(t)
	x.set(t)
}

func TestCalleeWhoTakesNoIntervalIsNotAskedForEver(t *testing.T) {
	x := startTimed(t)
	anna, bert := newAgent(t, x.server, "udp"), newAgent(t, x.server, "udp")
	x.list("201", bert)
	call := anna.newCall("201")
	branch := call.send("INVITE", call.offer("0"))
	for i := range 4 {
		bert.respondAs(bert.invited(), "b", "422 Session Interval Too Small", fmt.Sprintf("Min-SE: %d\n", 3600+i))
		bert.request(sipgo.ACK)
	}
	call.refused(branch, 480)
	x.empty(t)
}

func TestNoSessionTimersWhereTheyAreOff(t *testing.T) {
	clock := &sip.Clock{}
	s := startServer(t, func(c *sip.Config) {
		clock.Attach(c)
		c.SessionExpires = -1
	})
	a := newAgent(t, s, "udp")
	call := a.newCall("2000")
	if res := call.establish(); header(res, "Session-Expires") != "" {
		t.Errorf("the 200 is\n%s", res)
	}
	if waits := clock.Waits(); len(waits) > 0 {
		t.Errorf("alarms after %v", waits)
	}
	call.bye()
	call = a.newCall("2000") // whoever wants one has it
	call.send("INVITE", "Supported: timer\nSession-Expires: 90;refresher=uac\n"+call.offer("0"))
	res := call.response(200)
	if header(res, "Session-Expires") != "90;refresher=uac" {
		t.Errorf("the 200 is\n%s", res)
	}
	call.took(res)
	call.ack("")
	call.bye()
	s.empty(t)
}

func FuzzSessionExpires(f *testing.F) {
	for _, text := range []string{"1800", "90;refresher=uac", "3600 ; refresher=UAS;x=\"y\"", "-1", "1e3", "99999999999999999999", ";", "90;refresher"} {
		f.Add(text, "90")
	}
	f.Fuzz(func(t *testing.T, expires, least string) {
		req := sipgo.NewRequest(sipgo.INVITE, sipgo.Uri{Scheme: "sip", Host: "example.com"})
		req.AppendHeader(sipgo.NewHeader("Session-Expires", expires))
		req.AppendHeader(sipgo.NewHeader("Min-SE", least))
		e, l, err := sip.IntervalIn(req)
		if e < 0 || l < 0 || e > sip.MaxSessionExpires || l > sip.MaxSessionExpires || err != nil && (e != 0 || l != 0) {
			t.Errorf("%v, %v, %v", e, l, err)
		}
	})
}

// Also by INVITE: the key is the one there was, so that the far end goes on with its counters.
func TestEncryptedCallIsRefreshedWithTheSameKey(t *testing.T) {
	x := startTimed(t, func(c *sip.Config) { c.InsecureKeys = true })
	call := newAgent(t, x.server, "udp").newCall("2000")
	secure := func() string {
		return strings.Replace(call.offer("0", "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"), "RTP/AVP", "RTP/SAVP", 1)
	}
	line := func(msg interface{ Body() []byte }) string {
		for line := range strings.Lines(string(msg.Body())) {
			if strings.HasPrefix(line, "a=crypto:") {
				return line
			}
		}
		return ""
	}
	call.send("INVITE", secure())
	ok := call.response(200)
	call.took(ok)
	call.ack("")
	if !strings.HasPrefix(line(ok), "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:") {
		t.Fatalf("the 200 is\n%s", ok)
	}
	before := packet(t, call.rtp)
	for range 2 {
		x.set(t, 900*time.Second, 1768*time.Second)
		x.clock.Turn(900 * time.Second)
		invite := call.request(sipgo.INVITE)
		if line(invite) != line(ok) || origin(invite) != origin(ok) {
			t.Errorf("after\n%s\nthe INVITE has\n%s", ok.Body(), invite.Body())
		}
		call.respond(invite, "200 OK", fmt.Sprintf("Contact: <sip:al@%s>\n", call.local())+secure())
		call.request(sipgo.ACK)
	}
	x.set(t, 900*time.Second, 1768*time.Second)
	untouched(t, call.rtp, before)
	call.bye()
	x.empty(t)
}
