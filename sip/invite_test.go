package sip_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"conclave/media/tone"
	"conclave/rooms"
	"conclave/sip"
	"conclave/sip/phone"
	"conclave/store"
)

// invitation is one that goes on.
type invitation struct {
	cancel context.CancelFunc
	result chan error

	mu    sync.Mutex
	steps []sip.InvitationStep
}

// invite has the server call somebody in.
func (s *server) invite(t testing.TB, i sip.Invitation) *invitation {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	inv := &invitation{cancel: cancel, result: make(chan error, 1)}
	go func() {
		inv.result <- s.Invite(ctx, i, func(step sip.InvitationStep) {
			inv.mu.Lock()
			defer inv.mu.Unlock()
			inv.steps = append(inv.steps, step)
		})
	}()
	return inv
}

// ends waits for the end of the invitation.
func (i *invitation) ends(t testing.TB) error {
	t.Helper()
	select {
	case err := <-i.result:
		return err
	case <-time.After(patience):
		t.Fatal("the invitation does not end")
		return nil
	}
}

// comesTo wants the invitation to end without a member.
func (i *invitation) comesTo(t testing.TB, result, reason string) {
	t.Helper()
	var refused *sip.NotJoinedError
	if err := i.ends(t); !errors.As(err, &refused) || refused.Result != result || !strings.Contains(refused.Reason, reason) {
		t.Errorf("the invitation has come to %v, want %s, %s", err, result, reason)
	}
}

func (i *invitation) took(t testing.TB, steps ...sip.InvitationStep) {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	if !slices.Equal(i.steps, steps) {
		t.Errorf("the steps were %v, want %v", i.steps, steps)
	}
}

// speaks waits until something is said to a call.
func speaks(t testing.TB, call *phone.Call) {
	t.Helper()
	eventually(t, "something is said", func() bool { return tone.Level(call.Heard(200*time.Millisecond)) > -40 })
}

// onlyMember is the one who is in a room.
func (s *server) onlyMember(t testing.TB, extension string) (member rooms.Member) {
	t.Helper()
	eventually(t, "there is one member", func() bool {
		for _, conference := range s.house.Live() {
			if conference.Extension == extension && len(conference.Members) == 1 {
				member = conference.Members[0]
				return true
			}
		}
		return false
	})
	return member
}

func TestWhoIsCalledInJoinsByPressingOne(t *testing.T) {
	for _, tt := range []struct {
		name   string
		order  sip.Invitation
		keys   string
		moment string // PIN or nothing, after the 1
		role   string
	}{
		{"with the PIN", sip.Invitation{}, "1", "1234", "participant"},
		{"without the PIN", sip.Invitation{NoPIN: true}, "1", "", "participant"},
		{"as a moderator", sip.Invitation{Moderator: true, NoPIN: true}, "1", "", "moderator"},
		{"as a moderator, with the PIN", sip.Invitation{Moderator: true}, "1", "1234", "moderator"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, records := recording(t, withPhones)
			h := s.phoneAt(t, "udp", "200")
			tt.order.Room, tt.order.Callee = "7000", "200"
			order := s.invite(t, tt.order)
			in := h.rings()
			if from := in.Request().From(); from.Address.User != "7000" || from.DisplayName != "Calls out" {
				t.Errorf("he is called by %s, want the room", from)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			call, err := in.Answer(ctx, phone.Options{})
			if err != nil {
				t.Fatal(err)
			}
			speaks(t, call)
			if len(s.house.Live()) != 0 {
				t.Error("he is in before he has pressed a key")
			}
			press(t, call, "events", tt.keys)
			if tt.moment != "" {
				time.Sleep(500 * time.Millisecond)
				if len(s.house.Live()) != 0 {
					t.Error("he is in without the PIN")
				}
				press(t, call, "events", tt.moment)
			}
			if err := order.ends(t); err != nil {
				t.Fatal(err)
			}
			order.took(t, sip.InvitationCalling, sip.InvitationRinging, sip.InvitationAnswered, sip.InvitationJoined)
			if m := s.onlyMember(t, "7000"); m.Role != tt.role || m.Caller != "200" || m.Name != "Phone 200" {
				t.Errorf("member is %+v", m)
			}
			order.cancel() // it is over, and the call goes on
			if err := call.Hangup(); err != nil {
				t.Error(err)
			}
			s.empty(t)
			wantLegs(t, legs(t, records, 1), store.Call{Direction: store.CallOut, Dialled: "200", Room: "7000", RoomName: "Calls out",
				Number: "200", Name: "Phone 200", Phone: "200", Role: tt.role, Result: rooms.ResultHangup, Reason: "the callee hung up"})
		})
	}
}

func TestWhoIsCalledInDoesNotJoin(t *testing.T) {
	s, records := recording(t, withPhones)
	h := s.phoneAt(t, "udp", "200")
	order := sip.Invitation{Room: "7000", Callee: "200", NoPIN: true}
	// result is that of the record of the one call.
	record := func(t *testing.T, result string) {
		t.Helper()
		s.empty(t)
		select {
		case call := <-records:
			if call.Result != result || call.Room != "7000" || call.Role != "" || !call.Entered.IsZero() {
				t.Errorf("record %+v, want %s", call, result)
			}
		case <-time.After(patience):
			t.Error("there is no record")
		}
		if len(s.house.Live()) != 0 {
			t.Error("somebody is in the room")
		}
	}
	t.Run("busy", func(t *testing.T) {
		i := s.invite(t, order)
		if err := h.rings().Refuse(486, "Busy Here"); err != nil {
			t.Fatal(err)
		}
		i.comesTo(t, sip.ResultBusy, "486 Busy Here")
		record(t, sip.ResultBusy)
	})
	t.Run("moved", func(t *testing.T) {
		i := s.invite(t, order)
		if err := h.rings().Refuse(302, "Moved"); err != nil {
			t.Fatal(err)
		}
		i.comesTo(t, sip.ResultRefused, "302 Moved")
		record(t, sip.ResultRefused)
	})
	for _, key := range []string{"2", "9", "#"} {
		t.Run("declined by "+key, func(t *testing.T) {
			i := s.invite(t, order)
			call := h.answers(phone.Options{})
			speaks(t, call)
			press(t, call, "events", key)
			i.comesTo(t, sip.ResultDeclined, "declined by a key")
			over(t, call)
			record(t, sip.ResultDeclined)
		})
	}
	t.Run("hangs up at the question", func(t *testing.T) {
		i := s.invite(t, order)
		call := h.answers(phone.Options{})
		speaks(t, call)
		if err := call.Hangup(); err != nil {
			t.Error(err)
		}
		i.comesTo(t, rooms.ResultHangup, "the callee hung up")
		record(t, rooms.ResultHangup)
	})
	t.Run("withdrawn while he rings", func(t *testing.T) {
		i := s.invite(t, order)
		in := h.rings()
		i.cancel()
		if err := i.ends(t); err == nil || !strings.Contains(err.Error(), "withdrawn") {
			t.Error(err)
		}
		<-in.Cancelled()
		record(t, sip.ResultCancelled)
	})
	t.Run("withdrawn while he is asked", func(t *testing.T) {
		i := s.invite(t, order)
		call := h.answers(phone.Options{})
		speaks(t, call)
		i.cancel()
		if err := i.ends(t); err == nil || !strings.Contains(err.Error(), "withdrawn") {
			t.Error(err)
		}
		over(t, call)
		record(t, rooms.ResultHangup)
	})
}

func TestAllPhonesOfACalleeRingAndOneComes(t *testing.T) {
	s := startServer(t, withPhones)
	one, other := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "tcp", "200")
	i := s.invite(t, sip.Invitation{Room: "7000", Callee: "200", NoPIN: true})
	in := other.rings()
	call := one.answers(phone.Options{})
	<-in.Cancelled()
	speaks(t, call)
	press(t, call, "events", "1")
	if err := i.ends(t); err != nil {
		t.Fatal(err)
	}
	if err := call.Hangup(); err != nil {
		t.Error(err)
	}
	s.empty(t)
}

func TestWhomARoomMayCall(t *testing.T) {
	s := startServer(t, withPhones)
	carrier, trunk := s.carrierAt(t, "carrier", "127.0.0.2", "*")
	s.set(t, trunk)
	s.connected(t)
	elsewhere := newPhone(t, "udp", "127.0.0.5")
	address := "sip:anna@" + elsewhere.Address().String()
	for _, tt := range []struct{ room, callee, words string }{
		{"7000", "201", "not registered"},
		{"7000", "2000", "is a room"},
		{"7000", "+44123", "room 7000 may not call this number outside; its option call_out_allow"},
		{"2000", "+493055555", "room 2000 may not call"},
		{"2000", address, "room 2000 may not call " + address},
		{"7000", "sip:anna@192.0.2.9", "room 7000 may not call sip:anna@192.0.2.9"},
		{"7000", "sip:anna@" + s.at["udp"].String(), "482 the contact is this server"},
		{"7000", "sips:anna@127.0.0.5", "is no number"},
		{"7000", "anna", "is no number"},
		{"7999", "200", "there is no room 7999"},
	} {
		if err := s.invite(t, sip.Invitation{Room: tt.room, Callee: tt.callee}).ends(t); err == nil || !strings.Contains(err.Error(), tt.words) {
			t.Errorf("room %s, %s: %v, want %s", tt.room, tt.callee, err, tt.words)
		}
	}
	carrier.untouched(t)
	t.Run("a number outside", func(t *testing.T) {
		i := s.invite(t, sip.Invitation{Room: "7000", Callee: "+49 30 55555"})
		in := carrier.rings()
		if from := in.Request().From().Address.User; from != "+493012347000" || in.Request().Recipient.User != "+493055555" {
			t.Errorf("%s calls %s", from, in.Request().Recipient.User)
		}
		if err := in.Refuse(603, "Decline"); err != nil {
			t.Fatal(err)
		}
		i.comesTo(t, sip.ResultDeclined, "603 Decline")
	})
	t.Run("a SIP address", func(t *testing.T) {
		i := s.invite(t, sip.Invitation{Room: "7000", Callee: address, NoPIN: true})
		h := &handset{elsewhere, t, &exchange{server: s}, "udp", "anna"}
		in := h.rings()
		if to := in.Request().To().Address; to.User != "anna" || to.Host != "127.0.0.5" || in.Request().Recipient.User != "anna" {
			t.Errorf("To %s, Request-URI %s", to.String(), in.Request().Recipient.String())
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		call, err := in.Answer(ctx, phone.Options{})
		if err != nil {
			t.Fatal(err)
		}
		speaks(t, call)
		press(t, call, "events", "1")
		if err := i.ends(t); err != nil {
			t.Fatal(err)
		}
		if err := call.Hangup(); err != nil {
			t.Error(err)
		}
		s.empty(t)
	})
}

// The end of the server ends an invitation, and nothing of it is left.
func TestShutdownEndsInvitations(t *testing.T) {
	s := startServer(t, withPhones)
	h := s.phoneAt(t, "udp", "200")
	i := s.invite(t, sip.Invitation{Room: "7000", Callee: "200"})
	in := h.rings()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	<-in.Cancelled()
	if err := i.ends(t); err == nil {
		t.Error("the invitation was taken")
	}
}

func TestModeratorHasTheOthersCalled(t *testing.T) {
	s := startServer(t, withPhones)
	s.house.SetCallOut(s.CallOut)
	t.Cleanup(func() { s.house.SetCallOut(nil) })
	carrier, trunk := s.carrierAt(t, "carrier", "127.0.0.2", "+49*")
	s.set(t, trunk)
	s.connected(t)
	a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "udp", "201")
	anna := a.calls("7001", a.asItself())
	if err := answered(anna); err != nil {
		t.Fatal(err)
	}
	bert := b.answers(phone.Options{})
	outside := carrier.rings()
	a.untouched(t) // she is there
	speaks(t, bert)
	press(t, bert, "events", "1")
	eventually(t, "both are in", func() bool {
		live := s.house.Live()
		return len(live) == 1 && len(live[0].Members) == 2
	})
	if err := outside.Refuse(486, "Busy Here"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the log says what became of it", func() bool {
		return s.log.has("invitation came to nothing", "room=7001", "486 Busy Here") && s.log.has("invitation taken", "callee=201")
	})
	// Once in a conference: who comes anew has nobody called.
	if err := anna.Hangup(); err != nil {
		t.Error(err)
	}
	again := a.calls("7001", a.asItself())
	if err := answered(again); err != nil {
		t.Fatal(err)
	}
	b.untouched(t)
	carrier.untouched(t)
	for _, call := range []*phone.Call{again, bert} {
		if err := call.Hangup(); err != nil {
			t.Error(err)
		}
	}
	s.empty(t)
}
