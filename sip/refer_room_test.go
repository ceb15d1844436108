package sip_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
	"conclave/sip"
	"conclave/sip/phone"
	"conclave/store"
)

// order is a REFER of a handset that is to reach a room.
func (h *handset) order(referTo string) phone.Interest {
	return phone.Interest{User: h.number, Password: secret(h.number), Method: sipgo.REFER, Headers: []sipgo.Header{to(referTo)}}
}

// member is the address of a member of a room, or of a phone that is one, for a REFER that removes him.
func (s *server) removal(user string) string {
	return fmt.Sprintf("<sip:%s@%s;method=BYE>", user, s.at["udp"])
}

// hears waits until the subscriber to a REFER knows a status, as the last one where there is to be no other.
func (w *watcher) hears(status string, last bool) {
	w.t.Helper()
	var lines []string
	defer func() {
		if w.t.Failed() {
			w.t.Logf("told: %q", lines)
		}
	}()
	eventually(w.t, "he is told "+status, func() bool {
		lines = nil
		for _, n := range w.Notices() {
			line, _, _ := strings.Cut(string(n.Body()), "\r\n")
			lines = append(lines, strings.TrimPrefix(line, "SIP/2.0 ")+" "+header(n, "Subscription-State"))
		}
		return slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, status+" ") })
	})
	if end := status + " terminated;reason=noresource"; last != (lines[len(lines)-1] == end) {
		w.t.Errorf("the last NOTIFY is %q, want %q: %v", lines[len(lines)-1], end, last)
	}
}

func TestPhoneHasARoomCallSomebodyIn(t *testing.T) {
	s := startServer(t, frequent)
	a, b := s.phoneAt(t, "tcp", "200"), s.phoneAt(t, "udp", "201")
	w := a.watches("2000", a.order(s.number("201")))
	in := b.rings()
	if from := in.Request().From().Address.User; from != "2000" {
		t.Errorf("he is called by %s, want the room", from)
	}
	if contact := header(in.Request(), "Contact"); !strings.HasSuffix(contact, ";isfocus") {
		t.Errorf("Contact %s, want one with isfocus", contact)
	}
	w.hears("180 Ringing", false)
	bert, err := in.Answer(ends(t), phone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	speaks(t, bert)
	press(t, bert, "events", "1")
	w.hears("200 OK", true)
	roster := a.watches("2000", a.interest("conference"))
	roster.sees("he is in", "1 active, Phone 201 participant connected")
	if method := roster.roster.Users[0].Endpoints[0].Method; method != "dialed-out" {
		t.Errorf("he was %s, want dialed-out", method)
	}
	// Who does not want to come, and two orders at once.
	first, second := a.watches("2000", a.order(s.number("201"))), a.watches("2000", a.order(s.number("202")))
	second.hears("480 Temporarily Unavailable", true) // nobody has registered
	if err := b.rings().Refuse(486, "Busy Here"); err != nil {
		t.Fatal(err)
	}
	first.hears("486 Busy Here", true)
	hangsUp(t, bert)
	s.empty(t)
}

func TestRefersToRoomsThatAreRefused(t *testing.T) {
	s := startServer(t, func(c *sip.Config) { frequent(c); brisk(c) })
	carrier := newPhone(t, "udp", "127.0.0.2")
	s.set(t, store.Trunk{Name: "carrier", Peer: carrier.Address().String(), Transport: "udp", Outside: store.Outside{Allow: []string{"+49*"}}})
	a := s.phoneAt(t, "udp", "200")
	anna := a.dials("2000", "") // a participant
	for _, test := range []struct {
		what, number, referTo string
		status                int
	}{
		{"to a phone", "201", s.number("202"), 403},
		{"to nobody", "2999", s.number("202"), 403},
		{"a room", "2000", s.number("1000"), 403},
		{"no such number", "2000", s.number("9"), 404},
		{"a number outside, without the right", "2000", s.number("+49301234"), 403},
		{"elsewhere", "2000", "<sip:201@example.com>", 403},
		{"another method", "2000", "<sip:201@" + s.at["udp"].String() + ";method=SUBSCRIBE>", 403},
		{"Replaces", "2000", "<sip:201@" + s.at["udp"].String() + "?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>", 403},
		{"who is no moderator removes", "2000", s.removal("200"), 403},
		{"broken", "2000", "<sip:", 400},
	} {
		t.Run(test.what, func(t *testing.T) {
			res := a.refused(test.number, a.order(test.referTo), test.status)
			if test.status != 404 && !strings.HasPrefix(header(res, "Warning"), "399 conclave ") {
				t.Errorf("no Warning:\n%s", res)
			}
		})
	}
	i := a.order(s.number("201"))
	i.Password = ""
	a.refused("2000", i, 401)
	pbx := &handset{carrier, t, &exchange{server: s}, "udp", "carrier"}
	pbx.refused("2000", pbx.order(s.number("201")), 403)
	if res := refers(t, anna, to(s.removal("200"))); res.StatusCode != 403 {
		t.Errorf("a participant removes somebody in his call: got\n%s", res)
	}
	s.member(t, 1)
	hangsUp(t, anna)
	s.empty(t)
}

// A phone that calls in somebody from outside does so by its own right, and within its own caps.
func TestRoomCallsOutsideByTheRightOfAPhone(t *testing.T) {
	s := startServer(t, func(c *sip.Config) {
		frequent(c)
		brisk(c)
		c.Phones[0].Outside = store.Outside{Allow: []string{"+4930*"}, AtOnce: 1}
	})
	carrier := &handset{newPhone(t, "udp", "127.0.0.2"), t, &exchange{server: s}, "udp", "carrier"}
	s.set(t, store.Trunk{Name: "carrier", Peer: carrier.Address().String(), Transport: "udp", Outside: store.Outside{Allow: []string{"+49*"}}})
	s.connected(t)
	a := s.phoneAt(t, "udp", "200")
	a.refused("2000", a.order(s.number("+49891")), 403)
	w := a.watches("2000", a.order(s.number("+49301")))
	in := carrier.rings()
	w.hears("180 Ringing", false)
	a.watches("2000", a.order(s.number("+49302"))).hears("403 Forbidden", true)
	if err := in.Refuse(603, "Decline"); err != nil {
		t.Fatal(err)
	}
	w.hears("603 Decline", true)
	s.empty(t)
}

// The factory makes a room for who calls it, by whose number others join and in which he is a moderator.
func TestFactory(t *testing.T) {
	s := startServer(t, frequent)
	options, err := rooms.ParseOptions(map[string]string{"quiet": "yes"})
	if err != nil {
		t.Fatal(err)
	}
	s.house.SetFactory(rooms.Room{Extension: "9000", Name: "Conference", Options: options})
	t.Cleanup(func() { s.house.SetFactory(rooms.Room{}) })
	a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "tcp", "201")
	anna := a.dials("9000", "")
	contact := anna.Response().Contact()
	number := contact.Address.User
	if len(number) != 12 || !strings.HasPrefix(number, "9000") || !contact.Params.Has("isfocus") {
		t.Fatalf("Contact %s, want a number behind 9000, and isfocus", contact)
	}
	bert := b.dials(number, "")
	w := a.watches(number, a.interest("conference"))
	w.sees("both are there", "2 active, Phone 200 moderator connected, Phone 201 participant connected")
	other := b.dials("9000", "")
	if second := other.Response().Contact().Address.User; second == number || !strings.HasPrefix(second, "9000") {
		t.Errorf("another one's room is %s", second)
	}
	hangsUp(t, other)
	// The moderator removes members, and the other one does not.
	b.refused(number, b.order(s.removal("200")), 403)
	a.watches(number, a.order(s.removal("202"))).hears("404 Not Found", true)
	a.watches(number, a.order(s.removal("201"))).hears("200 OK", true)
	byeReceived(t, bert)
	w.sees("one is there", "1 active, Phone 200 moderator connected")
	// In his own call, too, by the address of one device.
	bert = b.dials(number, "")
	w.sees("he is back", "2 active, Phone 200 moderator connected, Phone 201 participant connected")
	accepted(t, anna, to(s.removal("member-3")))
	told(t, anna, progress("refer", "200 OK")...)
	byeReceived(t, bert)
	hangsUp(t, anna)
	if got := w.ending(); got != "terminated;reason=noresource" {
		t.Errorf("with the last caller it is over by %s", got)
	}
	b.refused(number, b.interest("conference"), 404)
	refusedWith(t, b.calls(number, b.asItself()), 404)
	s.empty(t)
}
