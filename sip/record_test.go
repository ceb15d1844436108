package sip_test

import (
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media"
	"conclave/rooms"
	"conclave/sip"
	"conclave/store"
)

// recording starts a server whose records come out of the channel.
func recording(t *testing.T, change func(*sip.Config)) (*server, <-chan store.Call) {
	t.Helper()
	records := make(chan store.Call, 1000)
	return startServer(t, func(c *sip.Config) {
		c.Record = func(call store.Call) { records <- call }
		if change != nil {
			change(c)
		}
	}), records
}

// nextRecord is the next record, without what differs from call to call, which is checked here.
func nextRecord(t *testing.T, records <-chan store.Call) store.Call {
	t.Helper()
	select {
	case call := <-records:
		times := []time.Time{call.Started, call.Answered, call.Entered, call.Ended}
		last := times[0]
		for i, at := range times {
			if at.IsZero() && (i == 1 || i == 2) {
				continue
			}
			if at.Before(last) || at.Location() != time.UTC || time.Since(at) > time.Minute {
				t.Errorf("times of the call are %v", times)
			}
			last = at
		}
		if call.ID == "" || call.Direction != store.CallIn || call.Number != "al b" || call.Name != `Al "x"` || call.Address != "127.0.0.1" {
			t.Errorf("record %+v", call)
		}
		call.ID, call.Direction, call.Number, call.Name, call.Address = "", "", "", "", ""
		if call.Answered.IsZero() != call.Entered.IsZero() {
			t.Errorf("answered %v, entered %v", call.Answered, call.Entered)
		}
		call.Started, call.Answered, call.Entered, call.Ended = time.Time{}, time.Time{}, time.Time{}, time.Time{}
		call.CallAudio = store.CallAudio{Codec: call.Codec}
		return call
	case <-time.After(patience):
		t.Fatal("no record of the call")
		return store.Call{}
	}
}

func TestRecordOfACall(t *testing.T) {
	s, records := recording(t, nil)
	for _, ending := range []struct {
		name           string
		end            func(*dialled)
		result, reason string
	}{
		{"hangs up", func(c *dialled) { c.bye() }, rooms.ResultHangup, "the caller hung up"},
		{"is kicked", func(c *dialled) {
			if _, err := s.house.Kick("2000", rooms.Selection{All: true}); err != nil {
				t.Fatal(err)
			}
			c.respond(c.request(sipgo.BYE), "200 OK", "")
		}, rooms.ResultKicked, "removed by an operator or a moderator"},
	} {
		t.Run(ending.name, func(t *testing.T) {
			call := newAgent(t, s, "udp").newCall("%32000")
			call.establish()
			call.hears(call.rtp)
			eventually(t, "the caller is a member", func() bool { return len(s.house.Live()) == 1 })
			ending.end(call)
			want := store.Call{Dialled: "2000", Room: "2000", RoomName: "Open", Role: "participant", Result: ending.result, Reason: ending.reason}
			want.Codec = "PCMU"
			if got := nextRecord(t, records); got != want {
				t.Errorf("record %+v, want %+v", got, want)
			}
			s.empty(t)
		})
	}
	if len(records) > 0 {
		t.Errorf("another record: %+v", <-records)
	}
}

func TestRecordOfACallerWhoDoesNotGetIn(t *testing.T) {
	s, records := recording(t, nil)
	call := newAgent(t, s, "udp").newCall("1000")
	call.establish()
	call.hears(call.rtp)
	call.bye()
	select {
	case got := <-records:
		if got.Room != "1000" || got.RoomName != "With PIN" || got.Result != rooms.ResultHangup || got.Reason != "the caller hung up" ||
			got.Answered.IsZero() || !got.Entered.IsZero() || got.Role != "" || got.Codec != "PCMU" || got.Sent == 0 {
			t.Errorf("record %+v", got)
		}
	case <-time.After(patience):
		t.Fatal("no record of the call")
	}
}

func TestRecordOfARefusedCall(t *testing.T) {
	for name, tt := range map[string]struct {
		number string
		offer  string
		change func(*sip.Config)
		status int
		want   store.Call
	}{
		"no such room": {"9999%1b", "0", nil, 404, store.Call{Dialled: "9999", Reason: "404 no room has this number"}},
		"guests are not let in": {"2000", "0", func(c *sip.Config) { c.Guests = sip.GuestsPIN }, 403,
			store.Call{Dialled: "2000", Reason: "403 guests may not call this room: it has no PIN"}},
		"no codec": {"2000", "18", nil, 488,
			store.Call{Dialled: "2000", Room: "2000", RoomName: "Open", Reason: "488 "}},
		"number that is far too long": {strings.Repeat("9", 500), "0", nil, 404,
			store.Call{Dialled: strings.Repeat("9", 64), Reason: "404 no room has this number"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, records := recording(t, tt.change)
			call := newAgent(t, s, "udp").newCall(tt.number)
			call.refused(call.send("INVITE", call.offer(tt.offer)), tt.status)
			got := nextRecord(t, records)
			if !strings.HasPrefix(got.Reason, tt.want.Reason) {
				t.Errorf("reason %q, want %q", got.Reason, tt.want.Reason)
			}
			tt.want.Result, tt.want.Reason = sip.ResultRefused, got.Reason
			if got != tt.want {
				t.Errorf("record %+v, want %+v", got, tt.want)
			}
			s.empty(t)
		})
	}
}

func TestRecordWhenPortsAreOut(t *testing.T) {
	s, records := recording(t, func(c *sip.Config) { c.Ports, _ = media.NewPorts(11000, 11001) })
	a := newAgent(t, s, "udp")
	first := a.newCall("2000")
	first.establish()
	second := a.newCall("2000")
	second.refused(second.send("INVITE", second.offer("0")), 503)
	if got := nextRecord(t, records); got.Result != sip.ResultRefused || !strings.HasPrefix(got.Reason, "503 ") || got.Room != "2000" {
		t.Errorf("record %+v", got)
	}
	first.bye()
}

// A CANCEL right behind its INVITE finds it without a final response now and then.
func TestRecordOfACallerWhoGivesUp(t *testing.T) {
	s, records := recording(t, nil)
	a := newAgent(t, s, "tcp")
	for range 500 {
		call := a.newCall("2000")
		branch := "z9hG4bK" + token()
		call.seq++
		call.write(call.text("INVITE", branch, call.seq, call.offer("0")))
		call.sendAs("CANCEL", branch, call.seq, "")
		final := 0
		for answered := false; final == 0 || !answered; {
			res := call.next().(*sipgo.Response)
			switch {
			case res.CSeq().MethodName == sipgo.CANCEL:
				answered = true
			case res.StatusCode >= 200:
				final = res.StatusCode
				call.took(res)
			}
		}
		if final == 487 {
			call.sendAs("ACK", branch, call.seq, "")
			want := store.Call{Dialled: "2000", Room: "2000", RoomName: "Open", Result: sip.ResultCancelled, Reason: "the caller gave up"}
			if got := nextRecord(t, records); got != want {
				t.Errorf("record %+v, want %+v", got, want)
			}
			return
		}
		call.ack("")
		call.bye()
		<-records
	}
	t.Error("of 500 calls none was cancelled in time")
}

// What follows the hang-up is not the call any more: a far end that does not answer our BYE is waited for.
func TestRecordedCallEndsWhenItIsHungUp(t *testing.T) {
	s, records := recording(t, short)
	call := newAgent(t, s, "udp").newCall("2000")
	call.establish()
	eventually(t, "the caller is a member", func() bool { return len(s.house.Live()) == 1 })
	if _, err := s.house.Kick("2000", rooms.Selection{All: true}); err != nil {
		t.Fatal(err)
	}
	call.request(sipgo.BYE)
	said := time.Now()
	s.empty(t)
	got := <-records
	if got.Ended.After(said) || got.Result != rooms.ResultKicked {
		t.Errorf("%s ended at %v, the BYE came before %v", got.Result, got.Ended, said)
	}
}
