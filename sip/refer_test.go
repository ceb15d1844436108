package sip_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// to is a Refer-To header.
func to(address string) sipgo.Header { return sipgo.NewHeader("Refer-To", address) }

// number is the address of a number at the server.
func (s *server) number(number string) string { return fmt.Sprintf("<sip:%s@%s>", number, s.at["udp"]) }

// refers sends a REFER and returns its response.
func refers(t testing.TB, call *phone.Call, headers ...sipgo.Header) *sipgo.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	res, err := call.Refer(ctx, headers...)
	if res == nil {
		t.Fatal(err)
	}
	return res
}

// accepted sends a REFER that is to get 202.
func accepted(t testing.TB, call *phone.Call, headers ...sipgo.Header) *sipgo.Response {
	t.Helper()
	res := refers(t, call, headers...)
	if res.StatusCode != 202 {
		t.Fatalf("want 202, got\n%s", res)
	}
	return res
}

// told waits for the NOTIFYs of a call.
func told(t testing.TB, call *phone.Call, want ...phone.Notice) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("NOTIFYs: %+v", call.Notices())
		}
	}()
	eventually(t, fmt.Sprintf("the far end is told %v", want), func() bool { return len(call.Notices()) >= len(want) })
	if got := call.Notices(); !slices.Equal(got, want) {
		t.Errorf("NOTIFYs %+v, want %+v", got, want)
	}
}

// progress are the NOTIFYs of a REFER that comes to a status, and of what it has come to meanwhile.
func progress(event string, statuses ...string) []phone.Notice {
	notices := []phone.Notice{{Event: event, State: "active;expires=600", Status: "100 Trying"}}
	for i, status := range statuses {
		state := "active;expires=600"
		if i == len(statuses)-1 {
			state = "terminated;reason=noresource"
		}
		notices = append(notices, phone.Notice{Event: event, State: state, Status: status})
	}
	return notices
}

// byeReceived fails the test if a call did not end by a BYE of the server.
func byeReceived(t testing.TB, call *phone.Call) {
	t.Helper()
	over(t, call)
	if !strings.HasPrefix(call.Ending(), "BYE received") {
		t.Errorf("the call ended: %s", call.Ending())
	}
}

// hangsUp ends calls.
func hangsUp(t testing.TB, calls ...*phone.Call) {
	t.Helper()
	for _, call := range calls {
		if err := call.Hangup(); err != nil {
			t.Error(err)
		}
	}
}

// asked waits until a PIN is asked for.
func asked(t testing.TB, call *phone.Call) {
	t.Helper()
	eventually(t, "the PIN is asked for", func() bool { return tone.Level(call.Heard(200*time.Millisecond)) > -40 })
}

// member waits until a room has so many members, and returns the first.
func (s *server) member(t testing.TB, want int) rooms.Member {
	t.Helper()
	var members []rooms.Member
	eventually(t, fmt.Sprintf("%d members", want), func() bool {
		members = nil
		for _, c := range s.house.Live() {
			members = append(members, c.Members...)
		}
		return len(members) == want
	})
	if want == 0 {
		return rooms.Member{}
	}
	return members[0]
}

// office is a server with the phones 200, 201 and 202, registered, and records.
func office(t *testing.T, network string) (s *server, a, b, c *handset, records <-chan store.Call) {
	s, records = recording(t, func(c *sip.Config) { withPhones(c); c.Guests = sip.GuestsNone })
	return s, s.phoneAt(t, network, "200"), s.phoneAt(t, "udp", "201"), s.phoneAt(t, "udp", "202"), records
}

// calling connects a phone with another one, both by their names.
func calling(caller, callee *handset) (anna, bert *phone.Call) {
	caller.t.Helper()
	return talk(caller, callee, caller.asItself(), phone.Options{})
}

// dials connects a phone with a room and keys in a PIN, if there is one.
func (h *handset) dials(number, pin string) *phone.Call {
	h.t.Helper()
	call := h.calls(number, h.asItself())
	if err := answered(call); err != nil {
		h.t.Fatal(err)
	}
	if err := call.Press(pin, phone.Press{}); err != nil {
		h.t.Fatal(err)
	}
	return call
}

func TestReferToARoom(t *testing.T) {
	for _, test := range []struct {
		network string
		callee  bool // who was called transfers
	}{{"udp", false}, {"tcp", true}} {
		t.Run(test.network, func(t *testing.T) {
			s, a, b, _, records := office(t, test.network)
			leaves, stays := calling(a, b)
			if test.callee {
				leaves, stays = stays, leaves
			}
			res := accepted(t, leaves, to(s.number("1000")))
			if res.Contact() == nil {
				t.Errorf("the 202 has no Contact:\n%s", res)
			}
			told(t, leaves, progress("refer", "200 OK")...)
			byeReceived(t, leaves)
			asked(t, stays)
			press(t, stays, "events", "1234")
			s.member(t, 1)
			stays.Say(phone.Tone(bertHz, -15))
			again := a.dials("1000", "1234")
			again.Say(phone.Tone(annaHz, -15))
			hearing(t, stays, annaHz, -15, bertHz)
			hearing(t, again, bertHz, -15, annaHz)
			hangsUp(t, again, stays)
			s.empty(t)
			const transfers = "has transferred the other party"
			in200, out201 := from200("201", rooms.ResultHangup, transfers), to201(rooms.ResultHangup, transfers)
			moved, reason := &out201, "the callee hung up"
			if test.callee {
				moved, reason = &in200, "the caller hung up"
			}
			moved.Room, moved.RoomName, moved.Role, moved.Reason = "1000", "With PIN", "participant", reason
			dialledIn := from200("1000", rooms.ResultHangup, "the caller hung up")
			dialledIn.Room, dialledIn.RoomName, dialledIn.Role = "1000", "With PIN", "participant"
			wantLegs(t, legs(t, records, 3), in200, out201, dialledIn)
		})
	}
}

func TestReferThatComesToNothingLeavesTheCall(t *testing.T) {
	s, a, b, _, _ := office(t, "udp")
	anna, bert := calling(a, b)
	silence(t, anna)
	accepted(t, anna, to(s.number("9")))
	want := progress("refer", "404 Not Found")
	told(t, anna, want...)
	asked(t, anna) // that is, spoken to
	if level := tone.Level(bert.Heard(500 * time.Millisecond)); level > -60 {
		t.Errorf("the partner hears something at %.0f dBFS", level)
	}
	// The second subscription of a dialog has a name.
	accepted(t, anna, to("<sip:"+s.at["udp"].String()+">"))
	eventually(t, "the second one is over", func() bool { return len(anna.Notices()) == 4 })
	last := anna.Notices()[3]
	if id, ok := strings.CutPrefix(last.Event, "refer;id="); !ok || id == "" || last.Status != "404 Not Found" {
		t.Errorf("NOTIFY %+v", last)
	}
	bert.Say(phone.Tone(bertHz, -15))
	anna.Say(phone.Tone(annaHz, -15))
	hearing(t, anna, bertHz, -15, annaHz)
	hearing(t, bert, annaHz, -15, bertHz)
	// And the third one may be right.
	accepted(t, anna, to(s.number("2000")))
	byeReceived(t, anna)
	s.member(t, 1)
	hangsUp(t, bert)
	s.empty(t)
}

func TestReferWithoutASubscription(t *testing.T) {
	s, a, b, _, _ := office(t, "udp")
	anna, bert := calling(a, b)
	res := accepted(t, anna, to(s.number("2000")), sipgo.NewHeader("Refer-Sub", "false"), sipgo.NewHeader("Require", "norefersub"))
	if header(res, "Refer-Sub") != "false" {
		t.Errorf("the 202 does not say Refer-Sub: false:\n%s", res)
	}
	byeReceived(t, anna)
	if n := anna.Notices(); len(n) > 0 {
		t.Errorf("NOTIFYs %+v", n)
	}
	hangsUp(t, bert)
	s.empty(t)
}

func TestNotifyThatIsNotTakenEndsTheSubscription(t *testing.T) {
	for name, status := range map[string]int{"481": 481, "405": 405, "nothing": phone.NoAnswer} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, func(c *sip.Config) { withPhones(c); c.T1 = 200 * time.Millisecond })
			a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "udp", "201")
			o := a.asItself()
			o.Notify = status
			anna, bert := talk(a, b, o, phone.Options{})
			accepted(t, anna, to(s.number("2000")))
			byeReceived(t, anna)
			if n := anna.Notices(); len(n) != 1 {
				t.Errorf("NOTIFYs %+v, want one", n)
			}
			s.member(t, 1)
			hangsUp(t, bert)
			s.empty(t)
		})
	}
}

// Whatever cannot be done is refused in words, nobody goes anywhere and nothing goes out.
func TestRefersThatAreRefused(t *testing.T) {
	s, a, b, c, _ := office(t, "udp")
	anna, bert := calling(a, b)
	other := func(host string) sipgo.Header { return to("<sip:1000@" + host + ">") }
	for _, test := range []struct {
		what    string
		headers []sipgo.Header
		status  int
	}{
		{"no Refer-To", nil, 400},
		{"two Refer-To", []sipgo.Header{to(s.number("1000")), to(s.number("2000"))}, 400},
		{"a list", []sipgo.Header{to(s.number("1000") + ", " + s.number("2000"))}, 400},
		{"malformed", []sipgo.Header{to("<sip:1000")}, 400},
		{"headers without brackets", []sipgo.Header{to("sip:1000@" + s.at["udp"].String() + "?Replaces=a")}, 400},
		{"malformed Replaces", []sipgo.Header{to("<sip:1000@" + s.at["udp"].String() + "?Replaces=a%3Bto-tag%3Db>")}, 400},
		{"tel", []sipgo.Header{to("<tel:+4930123>")}, 416},
		{"sips", []sipgo.Header{to("<sips:1000@" + s.at["udp"].String() + ">")}, 416},
		{"http", []sipgo.Header{to("<http://example.com/>")}, 416},
		{"BYE", []sipgo.Header{to("<sip:1000@" + s.at["udp"].String() + ";method=BYE>")}, 403},
		{"foreign host", []sipgo.Header{other("example.com")}, 403},
		{"foreign address", []sipgo.Header{other("192.0.2.1")}, 403},
		{"foreign port", []sipgo.Header{other("127.0.0.1:9")}, 403},
		{"foreign host, another's name and a Route", []sipgo.Header{other("example.com"),
			sipgo.NewHeader("Referred-By", "<sip:202@"+s.at["udp"].String()+">"), sipgo.NewHeader("Route", "<sip:192.0.2.1;lr>")}, 403},
		{"Require", []sipgo.Header{to(s.number("1000")), sipgo.NewHeader("Require", "multiple-refer")}, 420},
	} {
		t.Run(test.what, func(t *testing.T) {
			res := refers(t, anna, test.headers...)
			if res.StatusCode != test.status {
				t.Errorf("want %d, got\n%s", test.status, res)
			}
			if test.status != 420 && !strings.HasPrefix(header(res, "Warning"), "399 conclave ") {
				t.Errorf("no Warning:\n%s", res)
			}
		})
	}
	// In a call to a room nobody is there to be transferred, and outside of calls still less.
	room := c.dials("1000", "1234")
	s.member(t, 1)
	if res := refers(t, room, to(s.number("2000"))); res.StatusCode != 403 || header(res, "Warning") == "" {
		t.Errorf("want 403 with a Warning, got\n%s", res)
	}
	if res := c.refused("1000", c.order(s.number("2000")), 403); header(res, "Warning") == "" {
		t.Errorf("no Warning:\n%s", res)
	}
	if n := anna.Notices(); len(n) > 0 {
		t.Errorf("NOTIFYs %+v", n)
	}
	if calls := s.Stats().Calls; calls != 3 {
		t.Errorf("%d calls, want the 3 that there were", calls)
	}
	anna.Say(phone.Tone(annaHz, -15))
	hearing(t, bert, annaHz, -15, bertHz)
	hangsUp(t, anna, room)
	over(t, bert)
	s.empty(t)
}

func TestGuestRefersNobody(t *testing.T) {
	x := startExchange(t, nil)
	a, b := x.handset(t, "udp", "201"), x.handset(t, "udp", "202")
	b.list(sip.Listing{Stranger: true})
	anna, bert := talk(a, b, phone.Options{}, phone.Options{})
	forged := sipgo.NewHeader("Referred-By", "<sip:202@"+x.at["udp"].String()+">")
	if res := refers(t, anna, to(x.number("2000")), forged); res.StatusCode != 403 || header(res, "Warning") == "" {
		t.Errorf("want 403 with a Warning, got\n%s", res)
	}
	accepted(t, bert, to(x.number("2000"))) // the phone that he has called may
	byeReceived(t, bert)
	x.member(t, 1)
	hangsUp(t, anna)
	x.empty(t)
}

func TestReferWhileItRings(t *testing.T) {
	s, a, b, _, _ := office(t, "udp")
	anna := a.calls("201", a.asItself())
	in := b.rings()
	if res := refers(t, anna, to(s.number("2000"))); res.StatusCode < 400 {
		t.Errorf("want a refusal, got\n%s", res)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var refused *phone.Refused
	if err := anna.Cancel(ctx); !errors.As(err, &refused) {
		t.Error(err)
	}
	<-in.Cancelled()
	s.empty(t)
}

func TestReferOfAPartnerOnHold(t *testing.T) {
	s, a, b, _, _ := office(t, "udp")
	anna, bert := calling(a, b)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := anna.Hold(ctx); err != nil {
		t.Fatal(err)
	}
	musical(t, bert)
	accepted(t, anna, to(s.number("2000")))
	byeReceived(t, anna)
	s.member(t, 1)
	again := a.dials("2000", "")
	again.Say(phone.Tone(annaHz, -15))
	hearing(t, bert, annaHz, -15, bertHz)
	hangsUp(t, again, bert)
	s.empty(t)
}

// Who transfers may hang up at once, and so may who is transferred.
func TestReferAndByeAtOnce(t *testing.T) {
	s, a, b, _, _ := office(t, "udp")
	before := s.pairs()
	for i := range 12 {
		anna, bert := calling(a, b)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			time.Sleep(time.Duration(i%4) * time.Millisecond)
			if i%2 == 0 {
				_ = anna.Hangup()
			} else {
				_ = bert.Hangup()
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_, _ = anna.Refer(ctx, to(s.number("2000"))) // either may be faster
		cancel()
		<-ended
		_, _ = anna.Hangup(), bert.Hangup()
		s.empty(t)
	}
	if pairs := s.pairs(); pairs != before {
		t.Errorf("%d pairs of ports, want %d", pairs, before)
	}
}

// A REFER has to wait while another one's subscription goes on, and changes nothing: the partner, too, may go on as before.
func TestSecondReferAtOnceIsPending(t *testing.T) {
	s, a, b, _, _ := office(t, "udp")
	o := a.asItself()
	o.Notify = phone.NoAnswer // so that the first subscription lasts
	anna, bert := talk(a, b, o, phone.Options{})
	accepted(t, anna, to(s.number("9")))
	if res := refers(t, anna, to(s.number("2000"))); res.StatusCode != 491 {
		t.Fatalf("want 491, got\n%s", res)
	}
	anna.Say(phone.Tone(annaHz, -15))
	bert.Say(phone.Tone(bertHz, -15))
	hearing(t, anna, bertHz, -15, annaHz)
	hearing(t, bert, annaHz, -15, bertHz)
	s.member(t, 0)
	accepted(t, bert, to(s.number("2000")))
	byeReceived(t, bert)
	if m := s.member(t, 1); m.Caller != "200" {
		t.Errorf("the member is %s, want 200", m.Caller)
	}
	hangsUp(t, anna)
	s.empty(t)
}
