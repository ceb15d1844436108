package sip_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"conclave/media/tone"
	"conclave/rooms"
	"conclave/sip"
	"conclave/sip/phone"
	"conclave/store"
)

// phoneAt is a phone that has registered as a number.
func (s *server) phoneAt(t testing.TB, network, number string) *handset {
	t.Helper()
	h := &handset{newPhone(t, network, "127.0.0.1"), t, &exchange{server: s}, network, number}
	registers(t, h.Phone, s.at[network], phone.Registration{User: number})
	return h
}

// asItself is how a handset calls that proves who it is.
func (h *handset) asItself() phone.Options {
	return phone.Options{From: h.number, Password: secret(h.number)}
}

// legs waits for the records of so many legs, without their times and audio, in the order of their results.
func legs(t *testing.T, records <-chan store.Call, n int) (list []store.Call) {
	t.Helper()
	for range n {
		select {
		case call := <-records:
			if call.ID == "" || call.Started.IsZero() || call.Ended.Before(call.Started) || call.Address != "127.0.0.1" {
				t.Errorf("record %+v", call)
			}
			if unanswered := call.Result != rooms.ResultHangup; call.Answered.IsZero() != unanswered {
				t.Errorf("%s, answered %v", call.Result, call.Answered)
			}
			if call.Entered.IsZero() != (call.Role == "") {
				t.Errorf("%q, entered %v", call.Role, call.Entered)
			}
			call.ID, call.Address = "", ""
			call.Started, call.Answered, call.Entered, call.Ended = time.Time{}, time.Time{}, time.Time{}, time.Time{}
			call.CallAudio = store.CallAudio{}
			list = append(list, call)
		case <-time.After(patience):
			t.Fatalf("%d legs have left a record, want %d: %+v", len(list), n, list)
		}
	}
	return list
}

// wantLegs compares records, in whatever order they came.
func wantLegs(t *testing.T, got []store.Call, want ...store.Call) {
	t.Helper()
	for _, call := range want {
		i := slices.Index(got, call)
		if i < 0 {
			t.Errorf("no record is %+v of %+v", call, got)
			continue
		}
		got = slices.Delete(got, i, i+1)
	}
	if len(got) > 0 {
		t.Errorf("records beyond: %+v", got)
	}
}

// from200 is the record of a call of phone 200, and to201 of one to phone 201.
func from200(dialled, result, reason string) store.Call {
	return store.Call{Direction: store.CallIn, Dialled: dialled, Number: "200", Name: "Phone 200", Phone: "200",
		Result: result, Reason: reason}
}

func to201(result, reason string) store.Call {
	return store.Call{Direction: store.CallOut, Dialled: "201", Number: "201", Name: "Phone 201", Phone: "201",
		Result: result, Reason: reason}
}

func TestRegisteredPhonesTalkAndTransfer(t *testing.T) {
	for _, test := range []struct {
		caller, callee string
		callerStays    bool // the callee transfers
	}{{"udp", "udp", false}, {"tcp", "udp", true}, {"udp", "tcp", false}, {"tcp", "tcp", true}} {
		t.Run(test.caller+" to "+test.callee, func(t *testing.T) {
			s, records := recording(t, func(c *sip.Config) { withPhones(c); c.Guests = sip.GuestsNone })
			a, b := s.phoneAt(t, test.caller, "200"), s.phoneAt(t, test.callee, "201")
			anna := a.calls("201", a.asItself())
			in := b.rings()
			if from := in.Request().From(); from.Address.User != "200" || from.DisplayName != "Phone 200" {
				t.Errorf("the callee is told of %s", from)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			bert, err := in.Answer(ctx, phone.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := answered(anna); err != nil {
				t.Fatal(err)
			}
			anna.Say(phone.Tone(annaHz, -12))
			bert.Say(phone.Tone(bertHz, -15))
			hearing(t, anna, bertHz, -15, annaHz)
			hearing(t, bert, annaHz, -12, bertHz)
			stays, leaves := bert, anna
			if test.callerStays {
				stays, leaves = anna, bert
			}
			leaves.Say(phone.Silence())
			silence(t, stays)
			press(t, leaves, "events", "**1000")
			over(t, leaves)
			eventually(t, "the PIN is asked for", func() bool { return tone.Level(stays.Heard(200*time.Millisecond)) > -40 })
			press(t, stays, "events", "1234")
			eventually(t, "he is in the room", func() bool { return len(s.house.Live()) == 1 })
			if err := stays.Hangup(); err != nil {
				t.Error(err)
			}
			s.empty(t)
			const transfers = "has transferred the other party"
			in200, out201 := from200("201", rooms.ResultHangup, transfers), to201(rooms.ResultHangup, transfers)
			moved, reason := &out201, "the callee hung up"
			if test.callerStays {
				moved, reason = &in200, "the caller hung up"
			}
			moved.Room, moved.RoomName, moved.Role, moved.Reason = "1000", "With PIN", "participant", reason
			wantLegs(t, legs(t, records, 2), in200, out201)
		})
	}
}

func TestEachLegHasARecord(t *testing.T) {
	s, records := recording(t, func(c *sip.Config) {
		brief := account("202")
		brief.RingTime = 2 * time.Second
		c.Phones = []store.Phone{account("200"), account("201"), brief, account("203")}
	})
	a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "tcp", "201")
	for _, test := range []struct {
		status         int
		phrase         string
		result, reason string
	}{
		{486, "Busy Here", sip.ResultBusy, "486 Busy Here"},
		{600, "Busy Everywhere", sip.ResultBusy, "600 Busy Everywhere"},
		{603, "Decline", sip.ResultDeclined, "603 Decline"},
		{480, "Temporarily Unavailable", sip.ResultNoAnswer, "480 Temporarily Unavailable"},
		{404, "Not Found", sip.ResultRefused, "404 Not Found"},
		{302, "Moved", sip.ResultRefused, "302 Moved"},
	} {
		call := a.calls("201", a.asItself())
		if err := b.rings().Refuse(test.status, test.phrase); err != nil {
			t.Fatal(err)
		}
		if err := answered(call); err == nil {
			t.Fatal("the call is answered")
		}
		wantLegs(t, legs(t, records, 2), from200("201", test.result, test.reason), to201(test.result, test.reason))
	}
	t.Run("given up", func(t *testing.T) {
		call := a.calls("201", a.asItself())
		in := b.rings()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var refused *phone.Refused
		if err := call.Cancel(ctx); !errors.As(err, &refused) {
			t.Error(err)
		}
		<-in.Cancelled()
		const reason = "the caller gave up"
		wantLegs(t, legs(t, records, 2), from200("201", sip.ResultCancelled, reason), to201(sip.ResultCancelled, reason))
	})
	t.Run("not registered", func(t *testing.T) {
		refusedWith(t, a.calls("203", a.asItself()), 480)
		wantLegs(t, legs(t, records, 1), from200("203", sip.ResultRefused, "480 the phone is not registered"))
	})
	t.Run("answered elsewhere", func(t *testing.T) {
		other := s.phoneAt(t, "udp", "201")
		call := a.calls("201", a.asItself())
		in := other.rings()
		b.answers(phone.Options{})
		<-in.Cancelled()
		if err := answered(call); err != nil {
			t.Fatal(err)
		}
		if err := call.Hangup(); err != nil {
			t.Error(err)
		}
		wantLegs(t, legs(t, records, 3), from200("201", rooms.ResultHangup, "the caller hung up"),
			to201(rooms.ResultHangup, "the caller hung up"), to201(sip.ResultCancelled, "answered elsewhere"))
	})
	t.Run("not answered in the phone's own time", func(t *testing.T) {
		c := s.phoneAt(t, "udp", "202")
		call := a.calls("202", a.asItself())
		in := c.rings()
		if err := answered(call); err == nil {
			t.Error("the call is answered")
		}
		<-in.Cancelled()
		for _, leg := range legs(t, records, 2) {
			if leg.Result != sip.ResultNoAnswer {
				t.Errorf("record %+v", leg)
			}
		}
	})
	s.empty(t)
}
