package sip_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
	"conclave/sip"
	"conclave/sip/phone"
)

// watcher is a phone's subscription to a number.
type watcher struct {
	*phone.Subscription
	t      testing.TB
	roster phone.Roster
	taken  int // NOTIFYs, of roster
}

// ends is how long a test waits.
func ends(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// interest is what a handset subscribes to that proves who it is.
func (h *handset) interest(event string) phone.Interest {
	return phone.Interest{User: h.number, Password: secret(h.number), Event: event}
}

// watches subscribes, which has to succeed.
func (h *handset) watches(number string, i phone.Interest) *watcher {
	h.t.Helper()
	w, res, err := h.Subscribe(ends(h.t), h.x.at[h.network].String(), number, i)
	if err != nil {
		h.t.Fatal(err)
	}
	if header(res, "Contact") == "" || header(res, "Expires") == "" {
		h.t.Errorf("the 200 says not how long and where:\n%s", res)
	}
	return &watcher{Subscription: w, t: h.t}
}

// refused subscribes, which has to fail.
func (h *handset) refused(number string, i phone.Interest, status int) *sipgo.Response {
	h.t.Helper()
	_, res, err := h.Subscribe(ends(h.t), h.x.at[h.network].String(), number, i)
	if res == nil {
		h.t.Fatal(err)
	}
	if res.StatusCode != status {
		h.t.Errorf("want %d, got\n%s", status, res)
	}
	return res
}

// follows reads the NOTIFYs so far.
func (w *watcher) follows() phone.Roster {
	w.t.Helper()
	for _, n := range w.Notices()[w.taken:] {
		w.taken++
		if len(n.Body()) == 0 {
			continue
		}
		if kind := n.ContentType(); kind == nil || kind.Value() != "application/conference-info+xml" {
			w.t.Errorf("a NOTIFY of another type:\n%s", n)
		}
		if err := w.roster.Apply(n.Body()); err != nil {
			w.t.Fatal(err)
		}
	}
	return w.roster
}

// gist is, in short, how many there are, active and locked, and name, role and status of each.
func gist(r phone.Roster) string {
	text := fmt.Sprint(r.Count)
	if r.Active {
		text += " active"
	}
	if r.Locked {
		text += " locked"
	}
	for _, u := range r.Users {
		text += fmt.Sprintf(", %s %s", u.Name, strings.Join(u.Roles, " "))
		for _, e := range u.Endpoints {
			text += " " + e.Status
		}
	}
	return text
}

// sees waits until a subscriber knows what there is.
func (w *watcher) sees(what, want string) {
	w.t.Helper()
	defer func() {
		if w.t.Failed() {
			w.t.Logf("understood: %s", gist(w.roster))
		}
	}()
	eventually(w.t, what+": "+want, func() bool { return gist(w.follows()) == want })
}

// ending waits for the NOTIFY that ends the subscription, and returns how.
func (w *watcher) ending() string {
	w.t.Helper()
	var state string
	eventually(w.t, "the subscription ends", func() bool {
		notices := w.Notices()
		if len(notices) == 0 {
			return false
		}
		state = header(notices[len(notices)-1], "Subscription-State")
		return strings.HasPrefix(state, "terminated")
	})
	return state
}

// valid fails the test where bodies of NOTIFYs are not as their schema has them.
func valid(t *testing.T, schema string, notices []*sipgo.Request) {
	t.Helper()
	var documents [][]byte
	for _, n := range notices {
		if len(n.Body()) > 0 {
			documents = append(documents, n.Body())
		}
	}
	switch err := phone.Validate("../testdata/schema/"+schema+".xsd", documents...); {
	case errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") == "":
		t.Log("xmllint is missing: install Debian's libxml2-utils to have documents validated")
	case err != nil:
		t.Error(err)
	}
}

// frequent are times with which a test need not wait for long.
func frequent(c *sip.Config) {
	withPhones(c)
	c.NotifyEvery = 10 * time.Millisecond
}

// holds puts a call on hold, or takes it back.
func holds(t testing.TB, call *phone.Call, on bool) {
	t.Helper()
	err := error(nil)
	if on {
		err = call.Reinvite(ends(t), phone.Change{Direction: "inactive"})
	} else {
		err = call.Resume(ends(t))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestConferenceIsFollowedStepByStep(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			s := startServer(t, frequent)
			a, b, c := s.phoneAt(t, network, "200"), s.phoneAt(t, "udp", "201"), s.phoneAt(t, "udp", "202")
			w := a.watches("2000", a.interest("conference"))
			w.sees("nobody is there", "0")
			if r := w.roster; r.Name != "Open" || !strings.HasPrefix(r.Entity, "sip:2000@") {
				t.Errorf("the room is %+v", r)
			}
			bert := b.dials("2000", "")
			w.sees("one comes", "1 active, Phone 201 participant connected")
			carl := c.dials("2000", "")
			w.sees("another one comes", "2 active, Phone 201 participant connected, Phone 202 participant connected")
			if _, err := s.house.Mute("2000", rooms.Selection{Member: 2}, true); err != nil {
				t.Fatal(err)
			}
			w.sees("he is muted", "2 active, Phone 201 participant connected, Phone 202 participant muted-via-focus")
			holds(t, bert, true)
			w.sees("hold", "2 active, Phone 201 participant on-hold, Phone 202 participant muted-via-focus")
			late := a.watches("2000", a.interest("conference;id=late"))
			late.sees("who comes late", "2 active, Phone 201 participant on-hold, Phone 202 participant muted-via-focus")
			holds(t, bert, false)
			w.sees("he is back", "2 active, Phone 201 participant connected, Phone 202 participant muted-via-focus")
			if err := s.house.Lock("2000", true); err != nil {
				t.Fatal(err)
			}
			w.sees("it is locked", "2 active locked, Phone 201 participant connected, Phone 202 participant muted-via-focus")
			again := b.takes(bert, b.asItself())
			if err := answered(again); err != nil {
				t.Fatal(err)
			}
			w.sees("taken over", "2 active locked, Phone 201 participant connected, Phone 202 participant muted-via-focus")
			if _, err := s.house.Kick("2000", rooms.Selection{Member: 2}); err != nil {
				t.Fatal(err)
			}
			w.sees("he is put out", "1 active locked, Phone 201 participant connected")
			hangsUp(t, again)
			w.sees("all are gone", "0")
			late.sees("who comes late knows it, too", "0")
			over(t, carl)
			if got := header(w.Notices()[0], "Event"); got != "conference" {
				t.Errorf("Event: %s", got)
			}
			if got := header(late.Notices()[0], "Event"); got != "conference;id=late" {
				t.Errorf("Event: %s", got)
			}
			if _, err := w.Refresh(ends(t), -1); err != nil {
				t.Error(err)
			}
			if got := w.ending(); got != "terminated;reason=timeout" {
				t.Errorf("it is over by %s", got)
			}
			valid(t, "conference-info", slices.Concat(w.Notices(), late.Notices()))
			s.empty(t)
		})
	}
}

// What a PIN keeps to those who know it is not told to others: how many there are, and no more.
func TestOnlyMembersAreToldWhoIsBehindAPIN(t *testing.T) {
	s := startServer(t, frequent)
	a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "udp", "201")
	w := a.watches("1000", a.interest("conference"))
	w.sees("nobody is there", "0")
	bert := b.dials("1000", "")
	asked(t, bert)
	if got := gist(w.follows()); got != "0" || len(w.Notices()) != 1 {
		t.Errorf("before the PIN he is told %d times: %s", len(w.Notices()), got)
	}
	press(t, bert, "events", "1234")
	w.sees("one is there", "1 active")
	anna := a.dials("1000", "1234")
	w.sees("he is there himself", "2 active, Phone 201 participant connected, Phone 200 participant connected")
	hangsUp(t, anna)
	w.sees("he has left", "1 active")
	hangsUp(t, bert)
	w.sees("all are gone", "0")
	s.empty(t)
}

// Guests have no number that others are told, but an address by which they can be removed.
func TestNumbersOfOthersAreMasked(t *testing.T) {
	s := startServer(t, frequent)
	a := s.phoneAt(t, "udp", "200")
	call := newAgent(t, s, "udp").newCall("2000")
	call.establish()
	w := a.watches("2000", a.interest("conference"))
	w.sees("a guest is there", `1 active, Al "x" participant connected`)
	if u := w.roster.Users[0]; !strings.HasPrefix(u.Entity, "sip:member-1@127.0.0.1:") || u.Endpoints[0].Method != "dialed-in" {
		t.Errorf("he is %+v", u)
	}
	call.bye()
	outsider, err := newPhone(t, "udp", "127.0.0.1").Invite(s.at["udp"].String(), "2000", phone.Options{From: "+4930123456"})
	if err != nil {
		t.Fatal(err)
	}
	if err := answered(outsider); err != nil {
		t.Fatal(err)
	}
	w.sees("his number is his name", "1 active, +*******456 participant connected")
	eventually(t, "where his audio comes from is known", func() bool {
		if _, err := w.Refresh(ends(t), 0); err != nil {
			t.Fatal(err)
		}
		for _, n := range w.Notices() {
			if strings.Contains(string(n.Body()), "4930123") {
				t.Fatalf("his number is told:\n%s", n)
			}
		}
		r := w.follows()
		return len(r.Users) == 1 && r.Users[0].Endpoints[0].Source != ""
	})
	hangsUp(t, outsider)
	s.empty(t)
}

// A phone that does not want to be named is told of as a guest without a number.
func TestWhoIsPrivateIsNotNamed(t *testing.T) {
	s := startServer(t, frequent)
	a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "udp", "201")
	w := a.watches("2000", a.interest("conference"))
	o := b.asItself()
	o.Headers = []sipgo.Header{sipgo.NewHeader("Privacy", "id")}
	bert := b.calls("2000", o)
	if err := answered(bert); err != nil {
		t.Fatal(err)
	}
	w.sees("somebody is there", "1 active, anonymous participant connected")
	if body := string(w.Notices()[1].Body()); strings.Contains(body, "201") {
		t.Errorf("he is named:\n%s", body)
	}
	hangsUp(t, bert)
	s.empty(t)
}

// Of what comes together the result is told, and not more often than each NotifyEvery.
func TestNotifiesAreCollected(t *testing.T) {
	const every = 200 * time.Millisecond
	s := startServer(t, func(c *sip.Config) { frequent(c); c.NotifyEvery = every })
	a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "udp", "201")
	w := a.watches("2000", a.interest("conference"))
	w.sees("nobody is there", "0")
	began := time.Now()
	bert := b.dials("2000", "")
	eventually(t, "he is in", func() bool { r, _ := s.house.Roster("2000"); return len(r.Entries) == 1 })
	for n := range 101 {
		if _, err := s.house.Mute("2000", rooms.Selection{Member: 1}, n%2 == 0); err != nil {
			t.Fatal(err)
		}
	}
	w.sees("the last is told", "1 active, Phone 201 participant muted-via-focus")
	if got, most := len(w.Notices()), 2+int(time.Since(began)/every); got > most {
		t.Errorf("%d NOTIFYs, want %d at most", got, most)
	}
	hangsUp(t, bert)
	s.empty(t)
}

// A NOTIFY that is lost on its way comes again; one that the subscriber himself has lost shows by the version, and a SUBSCRIBE
// has all told anew.
func TestSubscriberThatLosesNotifiesIsRightAgain(t *testing.T) {
	s := startServer(t, frequent)
	a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "udp", "201")
	i := a.interest("conference")
	var times atomic.Int32
	i.Answer = func(place int) int {
		if place == 1 && times.Add(1) == 1 {
			return phone.NoAnswer
		}
		return 0
	}
	w := a.watches("2000", i)
	w.sees("nobody is there", "0")
	bert := b.dials("2000", "")
	w.sees("he is told although the answer was lost", "1 active, Phone 201 participant connected")
	holds(t, bert, true)
	eventually(t, "a third NOTIFY", func() bool { return len(w.Notices()) == 3 && times.Load() > 1 })
	w.taken++ // which he loses
	holds(t, bert, false)
	eventually(t, "a fourth NOTIFY", func() bool { return len(w.Notices()) == 4 })
	if err := w.roster.Apply(w.Notices()[3].Body()); err == nil {
		t.Error("the version does not show that one is missing")
	}
	w.taken++
	if _, err := w.Refresh(ends(t), 0); err != nil {
		t.Fatal(err)
	}
	w.sees("all is told anew", "1 active, Phone 201 participant connected")
	if got := w.roster.Version; got != 5 {
		t.Errorf("version %d, want 5", got)
	}
	hangsUp(t, bert)
	s.empty(t)
}

func TestSubscriberThatIsGoneIsForgotten(t *testing.T) {
	for what, test := range map[string]struct {
		status int
		full   bool // it is told again, all of it
	}{
		"never answers":              {phone.NoAnswer, false},
		"knows of none":              {481, false},
		"does not know the event":    {489, false},
		"has a fault of the moment":  {500, true},
		"wants to be asked for more": {401, true},
	} {
		t.Run(what, func(t *testing.T) {
			s := startServer(t, func(c *sip.Config) { frequent(c); c.T1 = 30 * time.Millisecond })
			a := s.phoneAt(t, "udp", "200")
			i := a.interest("conference")
			i.Answer = func(int) int { return test.status }
			w := a.watches("2000", i)
			eventually(t, "it is forgotten", func() bool { return s.Stats().Subscriptions == 0 && len(w.Notices()) > 0 })
			want := 1
			if test.full {
				want = 3
			}
			if got := len(w.Notices()); got != want {
				t.Errorf("%d NOTIFYs, want %d", got, want)
			}
			_, err := w.Refresh(ends(t), 0)
			var refused *phone.Refused
			if !errors.As(err, &refused) || refused.Status() != 481 {
				t.Errorf("a refresh gets %v, want 481", err)
			}
		})
	}
	t.Run("closes its connection", func(t *testing.T) {
		s := startServer(t, frequent)
		a := s.phoneAt(t, "tcp", "200")
		a.watches("2000", a.interest("conference")).sees("nobody is there", "0")
		a.Close()
		eventually(t, "it is forgotten", func() bool { return s.Stats().Subscriptions == 0 })
	})
	t.Run("recovers from a fault", func(t *testing.T) {
		s := startServer(t, frequent)
		a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "udp", "201")
		i := a.interest("conference")
		i.Answer = func(place int) int { return []int{500, 503, 0, 0}[min(place, 3)] }
		w := a.watches("2000", i)
		eventually(t, "three NOTIFYs", func() bool { return len(w.Notices()) == 3 })
		bert := b.dials("2000", "")
		w.sees("he is told", "1 active, Phone 201 participant connected")
		hangsUp(t, bert)
		s.empty(t)
	})
}

func TestSubscriptionExpiresAndIsRefreshed(t *testing.T) {
	s := startServer(t, func(c *sip.Config) { frequent(c); c.MinExpires, c.MaxExpires = time.Second, 90*time.Second })
	a := s.phoneAt(t, "udp", "200")
	brief := a.interest("conference")
	brief.Expires = time.Second
	w := a.watches("2000", brief)
	if got := w.ending(); got != "terminated;reason=timeout" {
		t.Errorf("it is over by %s", got)
	}
	if _, err := w.Refresh(ends(t), 0); err == nil {
		t.Error("a subscription that is over was refreshed")
	}
	long := a.watches("2000", a.interest("dialog"))
	list := s.Subscriptions()
	if len(list) != 1 || list[0].Subscriber != "phone 200" || list[0].Event != "dialog" || list[0].Number != "2000" || list[0].Transport != "udp" {
		t.Fatalf("there are %+v", list)
	}
	if left := time.Until(list[0].Expires); left > 90*time.Second || left < 60*time.Second {
		t.Errorf("it lasts for %v more, want 90 s", left)
	}
	eventually(t, "it is told", func() bool { return len(long.Notices()) == 1 })
	if got := header(long.Notices()[0], "Subscription-State"); !strings.HasPrefix(got, "active;expires=8") && !strings.HasPrefix(got, "active;expires=90") {
		t.Errorf("Subscription-State: %s", got)
	}
	// One NOTIFY tells all to who asks once.
	once := a.interest("conference")
	once.Expires = -1
	asked := a.watches("2000", once)
	if got := asked.ending(); got != "terminated;reason=timeout" || len(asked.Notices()) != 1 || gist(asked.follows()) != "0" {
		t.Errorf("it is over by %s, told %s", got, gist(asked.roster))
	}
	if err := s.Shutdown(ends(t)); err != nil {
		t.Error(err)
	}
	if got := long.ending(); got != "terminated;reason=probation;retry-after=30" {
		t.Errorf("at the end of the server it is over by %s", got)
	}
}

func TestSubscribesThatAreRefused(t *testing.T) {
	s := startServer(t, func(c *sip.Config) { frequent(c); c.Guests = sip.GuestsNone })
	a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "udp", "201")
	with := func(change func(*phone.Interest)) phone.Interest {
		i := a.interest("conference")
		change(&i)
		return i
	}
	for _, test := range []struct {
		what, number string
		i            phone.Interest
		status       int
		header, want string
	}{
		{"unknown event", "2000", a.interest("presence"), 489, "Allow-Events", "conference, dialog, refer"},
		{"no event", "2000", a.interest(""), 489, "Allow-Events", "conference, dialog, refer"},
		{"broken Accept", "2000", with(func(i *phone.Interest) { i.Accept = "text//plain;;," }), 406, "Accept", "application/conference-info+xml, application/dialog-info+xml"},
		{"too brief", "2000", with(func(i *phone.Interest) { i.Expires = 59 * time.Second }), 423, "Min-Expires", "60"},
		{"two Contacts", "2000", with(func(i *phone.Interest) { i.Headers = []sipgo.Header{sipgo.NewHeader("Contact", "<sip:x@192.0.2.1>")} }), 400, "", ""},
		{"unknown number", "2999", a.interest("conference"), 404, "", ""},
		{"a phone's conference", "201", a.interest("conference"), 404, "", ""},
		{"Require", "2000", with(func(i *phone.Interest) { i.Headers = []sipgo.Header{sipgo.NewHeader("Require", "eventlist")} }), 420, "Unsupported", "eventlist"},
		{"no password", "2000", with(func(i *phone.Interest) { i.Password = "" }), 401, "", ""},
		{"a wrong password", "2000", with(func(i *phone.Interest) { i.Password = "guessed" }), 401, "", ""},
		{"a stranger", "2000", phone.Interest{User: "mallory", Event: "conference"}, 401, "", ""},
	} {
		t.Run(test.what, func(t *testing.T) {
			res := a.refused(test.number, test.i, test.status)
			if got := header(res, test.header); test.header != "" && got != test.want {
				t.Errorf("%s: %s, want %s", test.header, got, test.want)
			}
		})
	}
	t.Run("within a call", func(t *testing.T) {
		anna := a.dials("2000", "")
		res, _ := anna.Request(ends(t), sipgo.SUBSCRIBE, "", "")
		if res == nil || res.StatusCode != 403 {
			t.Errorf("want 403, got\n%s", res)
		}
		hangsUp(t, anna)
	})
	t.Run("another's", func(t *testing.T) {
		w := a.watches("2000", a.interest("conference"))
		w.As("201", secret("201"))
		_, err := w.Refresh(ends(t), 0)
		var refused *phone.Refused
		if !errors.As(err, &refused) || refused.Status() != 403 {
			t.Errorf("got %v, want 403", err)
		}
		b.refused("2000", phone.Interest{User: "200", Password: secret("201"), Event: "conference"}, 401)
	})
	if n := s.Stats().Subscriptions; n != 1 {
		t.Errorf("%d subscriptions, want 1", n)
	}
	s.empty(t)
}

func TestNobodySubscribesWhereThereAreNoPhones(t *testing.T) {
	s := startServer(t, nil)
	h := &handset{newPhone(t, "udp", "127.0.0.1"), t, &exchange{server: s}, "udp", "200"}
	if res := h.refused("2000", h.interest("conference"), 403); header(res, "Warning") == "" {
		t.Errorf("no Warning:\n%s", res)
	}
}

// A flood of strangers leaves nothing behind, and one of a phone no more than its cap.
func TestFloodOfSubscribes(t *testing.T) {
	s := startServer(t, frequent)
	a := s.phoneAt(t, "udp", "200")
	stranger := newAgent(t, s, "tcp")
	const flood = 2000
	go func() {
		for n := range flood {
			c := &dialled{agent: stranger, number: "2000", callID: fmt.Sprint("flood", n), from: token()}
			c.send("SUBSCRIBE", "Event: conference\nExpires: 3600\n")
		}
	}()
	for range flood {
		stranger.response(401)
	}
	if n := s.Stats().Subscriptions; n != 0 {
		t.Errorf("strangers have %d subscriptions", n)
	}
	const most = 500
	for n := range most {
		a.watches("2000", a.interest(fmt.Sprintf("conference;id=%d", n)))
	}
	if res := a.refused("2000", a.interest("conference"), 403); !strings.Contains(header(res, "Warning"), "500") {
		t.Errorf("no Warning that says why:\n%s", res)
	}
	if n := s.Stats().Subscriptions; n != most {
		t.Errorf("the phone has %d subscriptions, want %d", n, most)
	}
	b := s.phoneAt(t, "udp", "201")
	b.watches("2000", b.interest("conference")).sees("others may still subscribe", "0")
}

// A phone that was switched off subscribes anew, and its old subscription is not kept.
func TestSubscriptionAnewTakesThePlaceOfTheOld(t *testing.T) {
	s := startServer(t, frequent)
	a := s.phoneAt(t, "udp", "200")
	before := a.watches("2000", a.interest("dialog"))
	for range 3 {
		a.watches("2000", a.interest("dialog"))
	}
	eventually(t, "one is left", func() bool { return s.Stats().Subscriptions == 1 })
	if _, err := before.Refresh(ends(t), 0); err == nil {
		t.Error("the old one is there still")
	}
}

// A subscription ends with what it is to, and with the right to it.
func TestSubscriptionEndsWithItsRight(t *testing.T) {
	s := startServer(t, frequent)
	a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "udp", "201")
	lamp := a.watches("202", a.interest("dialog"))
	conference := b.watches("2000", b.interest("conference"))
	eventually(t, "both are told", func() bool { return len(lamp.Notices()) == 1 && len(conference.Notices()) == 1 })
	config := sip.Config{}
	withPhones(&config)
	s.SetPhones(config.Phones[:1])
	if got := lamp.ending(); got != "terminated;reason=noresource" {
		t.Errorf("without the phone that is watched it is over by %s", got)
	}
	if got := conference.ending(); got != "terminated;reason=rejected" {
		t.Errorf("without the phone that watches it is over by %s", got)
	}
	eventually(t, "none is left", func() bool { return s.Stats().Subscriptions == 0 })
}
