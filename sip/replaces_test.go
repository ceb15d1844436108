package sip_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media/tone"
	"conclave/rooms"
	"conclave/sip"
	"conclave/sip/phone"
	"conclave/store"
)

// takes calls in the place of another call.
func (h *handset) takes(call *phone.Call, o phone.Options, more ...sipgo.Header) *phone.Call {
	h.t.Helper()
	o.Headers = append([]sipgo.Header{sipgo.NewHeader("Replaces", call.Replaces())}, more...)
	return h.calls("anything", o)
}

// mute mutes a member of a room as an operator, or lets him be heard again.
func (s *server) mute(t testing.TB, member int, on bool) {
	t.Helper()
	if _, err := s.house.Mute("1000", rooms.Selection{Member: member}, on); err != nil {
		t.Fatal(err)
	}
}

// A talks to B and is in a room, and puts B into his place there: by REFER in either call.
func TestReferIntoTheTransferrersPlaceInARoom(t *testing.T) {
	for _, mirror := range []bool{false, true} {
		t.Run(fmt.Sprintf("in the call to the room %v", mirror), func(t *testing.T) {
			s, a, b, c, records := office(t, "udp")
			carl := c.dials("1000", "1234")
			s.member(t, 1)
			anna, bert := calling(a, b)
			there := a.dials("1000", "1234")
			s.member(t, 2)
			s.mute(t, 2, true)
			refers, named := anna, there
			if mirror {
				refers, named = there, anna
			}
			accepted(t, refers, to(named.ReferTo()))
			told(t, refers, progress("refer", "200 OK")...)
			byeReceived(t, anna)
			byeReceived(t, there)
			var heir rooms.Member
			eventually(t, "the partner is the second member", func() bool {
				for _, conference := range s.house.Live() {
					if len(conference.Members) == 2 {
						heir = conference.Members[1]
					}
				}
				return heir.Caller == "201"
			})
			if heir.ID != 2 || heir.MutedBy != "moderator" || !heir.Entered {
				t.Errorf("member %+v, want 2, muted by a moderator", heir)
			}
			carl.Say(phone.Tone(annaHz, -15))
			bert.Say(phone.Tone(bertHz, -15))
			hearing(t, bert, annaHz, -15, bertHz)
			silence(t, carl)
			s.mute(t, 2, false)
			eventually(t, "he is heard", func() bool { return tone.LevelAt(carl.Heard(200*time.Millisecond), 8000, bertHz) > -20 })
			hangsUp(t, carl, bert)
			s.empty(t)
			const transfers = "has transferred the other party"
			moved := to201(rooms.ResultHangup, "the callee hung up")
			inRoom := from200("1000", rooms.ResultHangup, "another call has taken this one's place")
			third := from200("1000", rooms.ResultHangup, "the caller hung up")
			third.Number, third.Name, third.Phone = "202", "Phone 202", "202"
			for _, leg := range []*store.Call{&moved, &inRoom, &third} {
				leg.Room, leg.RoomName, leg.Role = "1000", "With PIN", "participant"
			}
			wantLegs(t, legs(t, records, 4), from200("201", rooms.ResultHangup, transfers), moved, inRoom, third)
		})
	}
}

func TestReferJoinsTwoTalks(t *testing.T) {
	s, a, b, c, _ := office(t, "udp")
	anna, bert := calling(a, b)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := anna.Hold(ctx); err != nil {
		t.Fatal(err)
	}
	asks, carl := calling(a, c)
	if err := asks.Hold(ctx); err != nil {
		t.Fatal(err)
	}
	musical(t, bert)
	musical(t, carl)
	accepted(t, anna, to(asks.ReferTo()))
	byeReceived(t, anna)
	byeReceived(t, asks)
	bert.Say(phone.Tone(annaHz, -15))
	carl.Say(phone.Tone(bertHz, -15))
	hearing(t, bert, bertHz, -15, annaHz)
	hearing(t, carl, annaHz, -15, bertHz)
	// Who has been transferred transfers in his turn, and brings the other one back to whom they came from.
	again, first := calling(b, a)
	accepted(t, bert, to(again.ReferTo()))
	byeReceived(t, bert)
	byeReceived(t, again)
	first.Say(phone.Tone(annaHz, -15))
	hearing(t, carl, annaHz, -15, bertHz)
	hearing(t, first, bertHz, -15, annaHz)
	hangsUp(t, first)
	over(t, carl)
	s.empty(t)
}

func TestReferToCallsThatCannotBeReplaced(t *testing.T) {
	s, a, b, c, _ := office(t, "udp")
	anna, bert := calling(a, b)
	gone := a.dials("2000", "")
	hangsUp(t, gone)
	eventually(t, "nothing is left of the call that is over", func() bool { return s.Stats().Calls == 2 })
	carl := c.dials("2000", "")
	s.member(t, 1)
	ringing := a.calls("202", a.asItself())
	in := c.rings()
	base := func(call *phone.Call) string { return call.ReferTo() }
	for _, test := range []struct {
		what, to, status string
	}{
		{"over", base(gone), "481 Call/Transaction Does Not Exist"},
		{"another's", base(carl), "403 Forbidden"},
		{"the partner's", base(bert), "403 Forbidden"},
		{"itself", base(anna), "482 Loop Detected"},
		{"ringing", strings.Replace(base(ringing), "to-tag%3D", "to-tag%3Dx", 1), "481 Call/Transaction Does Not Exist"},
	} {
		t.Run(test.what, func(t *testing.T) {
			n := len(anna.Notices())
			eventually(t, "the REFER is taken", func() bool { return refers(t, anna, to(test.to)).StatusCode == 202 })
			eventually(t, "the outcome is told", func() bool { return len(anna.Notices()) == n+2 })
			if got := anna.Notices()[n+1].Status; got != test.status {
				t.Errorf("status %s, want %s", got, test.status)
			}
		})
	}
	if err := in.Refuse(486, "Busy Here"); err != nil {
		t.Error(err)
	}
	refusedWith(t, ringing, 486)
	// Early-only asks for what is not answered, and two calls to rooms have nobody to be joined.
	room := a.dials("2000", "")
	s.member(t, 2)
	early := strings.Replace(base(room), ">", "%3Bearly-only>", 1)
	n := len(anna.Notices())
	accepted(t, anna, to(early))
	eventually(t, "the outcome is told", func() bool { return len(anna.Notices()) == n+2 })
	if got := anna.Notices()[n+1].Status; got != "486 Busy Here" {
		t.Errorf("status %s, want 486", got)
	}
	second := a.dials("2000", "")
	s.member(t, 3)
	accepted(t, room, to(second.ReferTo()))
	told(t, room, progress("refer", "403 Forbidden")...)
	anna.Say(phone.Tone(annaHz, -15))
	hearing(t, bert, annaHz, -15, bertHz)
	hangsUp(t, anna, room, second, carl)
	over(t, bert)
	s.empty(t)
}

// A phone picks its own call up on another device.
func TestInviteTakesTheCallersOwnCallOver(t *testing.T) {
	t.Run("in a room", func(t *testing.T) {
		s, a, _, c, _ := office(t, "udp")
		carl := c.dials("1000", "1234")
		s.member(t, 1)
		there := a.dials("1000", "1234")
		s.member(t, 2)
		s.mute(t, 2, true)
		other := s.phoneAt(t, "tcp", "200")
		here := other.takes(there, other.asItself(), sipgo.NewHeader("Require", "replaces"))
		if err := answered(here); err != nil {
			t.Fatal(err)
		}
		byeReceived(t, there)
		carl.Say(phone.Tone(annaHz, -15))
		here.Say(phone.Tone(bertHz, -15))
		hearing(t, here, annaHz, -15, bertHz)
		silence(t, carl)
		if members := s.house.Live()[0].Members; len(members) != 2 || members[1].ID != 2 || members[1].MutedBy != "moderator" {
			t.Errorf("members %+v", members)
		}
		hangsUp(t, here, carl)
		s.empty(t)
	})
	t.Run("before the PIN, which is asked for again", func(t *testing.T) {
		s, a, _, _, _ := office(t, "udp")
		there := a.dials("1000", "")
		asked(t, there)
		here := a.takes(there, a.asItself())
		if err := answered(here); err != nil {
			t.Fatal(err)
		}
		byeReceived(t, there)
		asked(t, here)
		press(t, here, "events", "1234")
		s.member(t, 1)
		hangsUp(t, here)
		s.empty(t)
	})
	t.Run("in a talk", func(t *testing.T) {
		s, a, b, _, _ := office(t, "udp")
		anna, bert := calling(a, b)
		other := s.phoneAt(t, "tcp", "201")
		here := other.takes(bert, other.asItself())
		if err := answered(here); err != nil {
			t.Fatal(err)
		}
		byeReceived(t, bert)
		here.Say(phone.Tone(bertHz, -15))
		anna.Say(phone.Tone(annaHz, -15))
		hearing(t, anna, bertHz, -15, annaHz)
		hearing(t, here, annaHz, -15, bertHz)
		accepted(t, here, to(s.number("2000"))) // he has the rights of his phone
		byeReceived(t, here)
		s.member(t, 1)
		hangsUp(t, anna)
		s.empty(t)
	})
}

func TestInviteWithReplacesThatIsRefused(t *testing.T) {
	s, a, b, c, _ := office(t, "udp")
	anna, bert := calling(a, b)
	gone := a.dials("2000", "")
	hangsUp(t, gone)
	eventually(t, "nothing is left of the call that is over", func() bool { return s.Stats().Calls == 2 })
	replaces := func(value string) []sipgo.Header { return []sipgo.Header{sipgo.NewHeader("Replaces", value)} }
	for _, test := range []struct {
		what    string
		by      *handset
		headers []sipgo.Header
		status  int
	}{
		{"over", a, replaces(gone.Replaces()), 481},
		{"unknown", a, replaces("x;to-tag=y;from-tag=z"), 481},
		{"another's", c, replaces(anna.Replaces()), 403},
		{"the partner's", b, replaces(anna.Replaces()), 403},
		{"answered", a, replaces(anna.Replaces() + ";early-only"), 486},
		{"two", a, append(replaces(anna.Replaces()), replaces(anna.Replaces())...), 400},
		{"malformed", a, replaces("x;to-tag=y"), 400},
	} {
		t.Run(test.what, func(t *testing.T) {
			o := test.by.asItself()
			o.Headers = test.headers
			refusedWith(t, test.by.calls("2000", o), test.status)
		})
	}
	t.Run("a stranger", func(t *testing.T) {
		stranger := newPhone(t, "udp", "127.0.0.1")
		call, err := stranger.Invite(s.at["udp"].String(), "2000", phone.Options{Headers: replaces(anna.Replaces())})
		if err != nil {
			t.Fatal(err)
		}
		refusedWith(t, call, 401)
	})
	bert.Say(phone.Tone(bertHz, -15))
	hearing(t, anna, bertHz, -15, annaHz)
	hangsUp(t, anna)
	over(t, bert)
	s.empty(t)
}

// A PBX that has two calls of ours joins them by an INVITE with Replaces, whoever of its phones they are for.
func TestTrunkTakesItsOwnCallsOver(t *testing.T) {
	s := startServer(t, brisk)
	s.set(t, store.Trunk{Name: "pbx", Peer: "127.0.0.1", Transport: "udp", OpenRooms: true})
	pbx := newPhone(t, "udp", "127.0.0.1")
	dial := func(o phone.Options) *phone.Call {
		call, err := pbx.Invite(s.at["udp"].String(), "2000", o)
		if err != nil {
			t.Fatal(err)
		}
		if err := answered(call); err != nil {
			t.Fatal(err)
		}
		return call
	}
	there := dial(phone.Options{From: "31"})
	s.member(t, 1)
	other := newPhone(t, "udp", "127.0.0.2")
	stranger, err := other.Invite(net.JoinHostPort("127.0.0.1", fmt.Sprint(s.at["udp"].Port())), "2000",
		phone.Options{Headers: []sipgo.Header{sipgo.NewHeader("Replaces", there.Replaces())}})
	if err != nil {
		t.Fatal(err)
	}
	refusedWith(t, stranger, 403)
	here := dial(phone.Options{From: "32", Headers: []sipgo.Header{sipgo.NewHeader("Replaces", there.Replaces())}})
	byeReceived(t, there)
	eventually(t, "the other one is the member", func() bool { m := s.member(t, 1); return m.ID == 1 && m.Caller == "32" })
	// It transfers nobody by REFER, which is for phones.
	if res := refers(t, here, to(s.number("2000"))); res.StatusCode != 403 {
		t.Errorf("want 403, got\n%s", res)
	}
	hangsUp(t, here)
	s.empty(t)
}

func FuzzReplaces(f *testing.F) {
	f.Add("a@b;to-tag=c;from-tag=d;early-only")
	f.Add("a;to-tag=;from-tag==")
	f.Fuzz(func(t *testing.T, text string) {
		id, _, err := sip.ParseReplaces(text)
		if err == nil && (id.CallID == "" || id.Local == "" || id.Remote == "" || strings.ContainsAny(id.CallID, "; \t")) {
			t.Errorf("%q is read as %+v", text, id)
		}
	})
}

func FuzzReferTo(f *testing.F) {
	f.Add("<sip:1000@example.com?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc&X=y>")
	f.Add("\"a\" <sip:1000@[::1]:5060;method=BYE>;x=y, <tel:1>")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\r\n") {
			return
		}
		if uri, err := sip.ParseReferTo(text); err == nil && !strings.EqualFold(uri.Scheme, "sip") {
			t.Errorf("%q is read as %s", text, uri.String())
		}
	})
}
