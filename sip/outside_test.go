package sip_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
	"conclave/sip"
	"conclave/sip/phone"
	"conclave/store"
)

// carrierAt is a phone in the place of a carrier, and the trunk to it, which carries the numbers of the patterns.
func (s *server) carrierAt(t testing.TB, name, host string, patterns ...string) (*handset, store.Trunk) {
	t.Helper()
	h := &handset{newPhone(t, "udp", host), t, &exchange{server: s}, "udp", name}
	return h, store.Trunk{Name: name, Peer: h.Address().String(), Transport: "udp", DIDs: []string{"+49301234"},
		Outside: store.Outside{Allow: patterns}}
}

// connected waits until there is a way to all trunks.
func (s *server) connected(t testing.TB) {
	t.Helper()
	eventually(t, "there is a way to each trunk", func() bool {
		for _, state := range s.Trunks() {
			if len(state.Targets) == 0 || state.Targets[0].RoundTrip == 0 && state.Targets[0].Failure == "" {
				return false
			}
		}
		return true
	})
}

// untouched fails the test where a carrier was called.
func (h *handset) untouched(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if in, err := h.Incoming(ctx); err == nil {
		t.Errorf("a call has gone out over %s:\n%s", h.number, in.Request())
	}
}

// dialsOut gives phones of the server's configuration the right to call numbers outside.
func dialsOut(c *sip.Config, extension string, outside store.Outside) {
	for i := range c.Phones {
		if c.Phones[i].Extension == extension {
			c.Phones[i].Outside = outside
		}
	}
}

func TestPhoneCallsANumberOutside(t *testing.T) {
	for _, tt := range []struct {
		name, dialled, callerID string
		from                    string
	}{
		{"behind the DID block", "0049-30-55555", "", "+49301234200"},
		{"with a caller ID of the trunk's", "+493055555", "+493012340", "+493012340"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, records := recording(t, func(c *sip.Config) {
				withPhones(c)
				dialsOut(c, "200", store.Outside{Allow: []string{"+49*"}})
			})
			carrier, trunk := s.carrierAt(t, "carrier", "127.0.0.2", "+4930*")
			trunk.CallerID = tt.callerID
			s.set(t, trunk)
			s.connected(t)
			a := s.phoneAt(t, "udp", "200")
			anna := a.calls(tt.dialled, a.asItself())
			in := carrier.rings()
			invite := in.Request()
			number := strings.ReplaceAll(tt.dialled, "-", "")
			if got := invite.Recipient.User; got != number {
				t.Errorf("%s is called, want %s", got, number)
			}
			if to := invite.To().Address; to.User != number || to.Host != "127.0.0.2" {
				t.Errorf("To %s", to.String())
			}
			if from := invite.From(); from.Address.User != tt.from || from.Address.Host != "127.0.0.1" || from.DisplayName != "Phone 200" {
				t.Errorf("From %s, want %s", from, tt.from)
			}
			if got, want := header(invite, "P-Asserted-Identity"), "<sip:"+tt.from+"@127.0.0.1>"; got != want {
				t.Errorf("P-Asserted-Identity %s, want %s", got, want)
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
			if err := anna.Hangup(); err != nil {
				t.Error(err)
			}
			over(t, bert)
			s.empty(t)
			for _, leg := range legs(t, withoutAddress(records, 2), 2) {
				if leg.Direction == store.CallOut && (leg.Trunk != "carrier" || leg.Phone != "" || leg.Number != number || leg.Dialled != number) {
					t.Errorf("record of the call outside: %+v", leg)
				}
			}
		})
	}
}

// withoutAddress has records of a carrier's address look as those of all others.
func withoutAddress(records <-chan store.Call, n int) <-chan store.Call {
	out := make(chan store.Call, n)
	go func() {
		for range n {
			call := <-records
			call.Address = "127.0.0.1"
			out <- call
		}
	}()
	return out
}

// Nobody calls outside at our cost who was not told to: none of these goes out.
func TestTollFraud(t *testing.T) {
	const outside = "+493055555"
	s := startServer(t, func(c *sip.Config) {
		withPhones(c)
		dialsOut(c, "200", store.Outside{Allow: []string{"+4930*", "!+4930900*"}})
	})
	carrier, trunk := s.carrierAt(t, "carrier", "127.0.0.2", "*")
	other, second := s.carrierAt(t, "other", "127.0.0.3", "*")
	second.User, second.Password = "acct", secret("acct")
	s.set(t, trunk, second)
	s.connected(t)
	p := newPhone(t, "udp", "127.0.0.1")
	for name, tt := range map[string]struct {
		p      *phone.Phone
		number string
		o      phone.Options
		want   int
	}{
		"guest":                                {p, outside, phone.Options{From: "eve"}, 401},
		"guest who says that he is a phone":    {p, outside, phone.Options{From: "200"}, 401},
		"guest with a wrong password":          {p, outside, phone.Options{From: "200", Password: "guess"}, 401},
		"phone without the right":              {p, outside, phone.Options{From: "201", Password: secret("201")}, 403},
		"phone beyond its patterns":            {p, "+44123", phone.Options{From: "200", Password: secret("200")}, 403},
		"phone at an excluded number":          {p, "0049309001", phone.Options{From: "200", Password: secret("200")}, 403},
		"star code in the place of a number":   {p, "**" + outside, phone.Options{From: "200", Password: secret("200")}, 404},
		"letters":                              {p, "+4930x", phone.Options{From: "200", Password: secret("200")}, 404},
		"what came over the trunk":             {carrier.Phone, outside, phone.Options{From: "+491"}, 403},
		"what came over the trunk, as a phone": {carrier.Phone, outside, phone.Options{From: "200"}, 403},
		"over the other trunk":                 {other.Phone, outside, phone.Options{}, 403},
		"by Route": {p, "2000", phone.Options{From: "eve", Headers: []sipgo.Header{
			sipgo.NewHeader("Route", "<sip:"+outside+"@"+carrier.Address().String()+";lr>")}}, 200},
		"by Route, to a number outside": {p, outside, phone.Options{From: "201", Password: secret("201"), Headers: []sipgo.Header{
			sipgo.NewHeader("Route", "<sip:"+carrier.Address().String()+";lr>")}}, 403},
		"by To":                                           {p, "2000", phone.Options{From: "eve", To: outside}, 200},
		"by To, as a phone without the right":             {p, "2000", phone.Options{From: "201", Password: secret("201"), To: outside}, 200},
		"by To, as a phone with the right":                {p, "2000", phone.Options{From: "200", Password: secret("200"), To: outside}, 200},
		"by To, at a number beyond its patterns":          {p, "9", phone.Options{From: "200", Password: secret("200"), To: outside}, 403},
		"by To, that a phone may call":                    {p, outside, phone.Options{From: "201", Password: secret("201"), To: "2000"}, 403},
		"by To, over the trunk":                           {carrier.Phone, "1000", phone.Options{From: "+491", To: outside}, 200},
		"by To, over the trunk whose account is called":   {other.Phone, "acct", phone.Options{From: "+491", To: outside}, 404},
		"by To, of an account, by who knows its password": {p, "acct", phone.Options{From: "acct", Password: secret("acct"), To: outside}, 404},
		"by P-Asserted-Identity": {p, outside, phone.Options{From: "201", Password: secret("201"), Headers: []sipgo.Header{
			sipgo.NewHeader("P-Asserted-Identity", "<sip:200@127.0.0.1>")}}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			if got := calls(t, tt.p, s, "udp", tt.number, tt.o); got != tt.want {
				t.Errorf("%d, want %d", got, tt.want)
			}
		})
	}
	t.Run("another's From", func(t *testing.T) {
		// Phone 201 has authenticated, and says that it is 200.
		res, err := s.authenticatedAs(t, "201", "200", outside)
		if err != nil || res.StatusCode != 403 {
			t.Errorf("%v, %v; want 403", res, err)
		}
	})
	a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "udp", "201")
	t.Run("3xx of a callee", func(t *testing.T) {
		call := a.calls("201", a.asItself())
		if err := b.rings().Refuse(302, "Moved", sipgo.NewHeader("Contact", "<sip:"+outside+"@"+carrier.Address().String()+">")); err != nil {
			t.Fatal(err)
		}
		refusedWith(t, call, 480)
	})
	t.Run("star code in a talk", func(t *testing.T) {
		anna, bert := talk(a, b, a.asItself(), phone.Options{})
		press(t, bert, "events", "**"+strings.TrimPrefix(outside, "+")+"#")
		press(t, bert, "events", "**00"+strings.TrimPrefix(outside, "+")+"#")
		speaks(t, bert) // that no room has this number
		if err := anna.Hangup(); err != nil {
			t.Error(err)
		}
	})
	for name, tt := range map[string]struct {
		from    int // who refers: the caller or the callee
		number  string
		headers []sipgo.Header
	}{
		"REFER by a phone beyond its patterns": {0, "+44123", nil},
		"REFER by a phone without the right":   {1, outside, nil},
		"REFER by a phone without the right, in another's name": {1, outside, []sipgo.Header{
			sipgo.NewHeader("Referred-By", "<sip:200@127.0.0.1>"), sipgo.NewHeader("P-Asserted-Identity", "<sip:200@127.0.0.1>")}},
	} {
		t.Run(name, func(t *testing.T) {
			anna, bert := talk(a, b, a.asItself(), phone.Options{})
			refers := []*phone.Call{anna, bert}[tt.from]
			accepted(t, refers, append(tt.headers, to(s.number(tt.number)))...)
			told(t, refers, progress("refer", "403 Forbidden")...)
			speaks(t, refers) // that the number is not for him
			hangsUp(t, anna)
			over(t, bert)
		})
	}
	t.Run("REFER by who called over a trunk", func(t *testing.T) {
		far := carrier.calls("+49301234200", phone.Options{From: "+491"})
		anna := a.answers(phone.Options{})
		if err := answered(far); err != nil {
			t.Fatal(err)
		}
		if res := refers(t, far, to(s.number(outside))); res.StatusCode != 403 {
			t.Errorf("want 403, got\n%s", res)
		}
		hangsUp(t, anna)
		over(t, far)
	})
	t.Run("REFER by a guest in a room", func(t *testing.T) {
		guest, err := p.Dial(t.Context(), s.at["udp"].String(), "2000", phone.Options{From: "eve"})
		if err != nil {
			t.Fatal(err)
		}
		if res := refers(t, guest, to(s.number(outside))); res.StatusCode != 403 {
			t.Errorf("want 403, got\n%s", res)
		}
		hangsUp(t, guest)
	})
	carrier.untouched(t)
	other.untouched(t)
	if !s.log.has("WARN security", "event=outside_refused proto=udp ip=127.0.0.1 user=201", "phone 201 may not call this number outside") {
		t.Error("the log does not name the phone that wants to call outside")
	}
	if s.log.has("event=outside_refused", "ip=127.0.0.2") {
		t.Error("the address of a trunk may be banned for what its callers do")
	}
}

// authenticatedAs calls a number with the credentials of one phone and the From of another.
func (s *server) authenticatedAs(t *testing.T, user, from, number string) (*sipgo.Response, error) {
	t.Helper()
	h := &handset{newPhone(t, "udp", "127.0.0.1"), t, &exchange{server: s}, "udp", user}
	call := h.calls(number, phone.Options{From: from, User: user, Password: secret(user)})
	err := answered(call)
	if call.Response() == nil {
		return nil, err
	}
	return call.Response(), nil
}

func TestNumberThatNoTrunkCarriesIsUnknown(t *testing.T) {
	s := startServer(t, func(c *sip.Config) { withPhones(c); dialsOut(c, "200", store.Outside{Allow: []string{"*"}}) })
	carrier, trunk := s.carrierAt(t, "carrier", "127.0.0.2", "+49*", "!+49900*")
	s.set(t, trunk)
	s.connected(t)
	p := newPhone(t, "udp", "127.0.0.1")
	for _, number := range []string{"+44123", "110", "0049900123"} {
		if got := calls(t, p, s, "udp", number, phone.Options{From: "200", Password: secret("200")}); got != 404 {
			t.Errorf("%s: %d, want 404", number, got)
		}
	}
	carrier.untouched(t)
}

// A number of ours is reached within the house, whatever form it is dialled in.
func TestOurOwnNumberIsNotCalledOutside(t *testing.T) {
	s := startServer(t, func(c *sip.Config) { withPhones(c); dialsOut(c, "200", store.Outside{Allow: []string{"*"}}) })
	carrier, trunk := s.carrierAt(t, "carrier", "127.0.0.2", "*")
	s.set(t, trunk)
	s.connected(t)
	p := newPhone(t, "udp", "127.0.0.1")
	for _, number := range []string{"+493012342000", "03012342000"} {
		if got := calls(t, p, s, "udp", number, phone.Options{From: "200", Password: secret("200")}); got != 200 {
			t.Errorf("%s: %d, want 200", number, got)
		}
	}
	carrier.untouched(t)
}

// dead is a trunk whose peer takes what is sent, and never answers.
func dead(t *testing.T, name string) store.Trunk {
	t.Helper()
	silent, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	return store.Trunk{Name: name, Peer: silent.LocalAddr().String(), Transport: "udp", Outside: store.Outside{Allow: []string{"*"}}}
}

func TestWhichTrunkCarriesANumber(t *testing.T) {
	s := startServer(t, func(c *sip.Config) {
		withPhones(c)
		dialsOut(c, "200", store.Outside{Allow: []string{"*"}})
		c.TrunkTimes = sip.TrunkTimes{Try: 500 * time.Millisecond}
		c.T1 = 100 * time.Millisecond
	})
	abroad, first := s.carrierAt(t, "abroad", "127.0.0.2", "+*", "!+49*")
	main, second := s.carrierAt(t, "main", "127.0.0.3", "*")
	spare, third := s.carrierAt(t, "spare", "127.0.0.4", "*")
	a := s.phoneAt(t, "udp", "200")
	for _, tt := range []struct {
		name   string
		trunks []store.Trunk
		number string
		to     *handset
		status int
		phrase string
	}{
		{"by its patterns", []store.Trunk{first, second}, "+44123", abroad, 486, "Busy Here"},
		{"by its patterns, the other", []store.Trunk{first, second}, "+49123", main, 486, "Busy Here"},
		{"the first by name", []store.Trunk{third, second}, "110", main, 486, "Busy Here"},
		{"who is overloaded hands on to nobody else's account", []store.Trunk{third, second}, "110", main, 503, "Service Unavailable"},
		{"where the first does not answer, the next", []store.Trunk{dead(t, "a"), third}, "110", spare, 486, "Busy Here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.set(t, tt.trunks...)
			s.connected(t)
			call := a.calls(tt.number, a.asItself())
			if err := tt.to.rings().Refuse(tt.status, tt.phrase); err != nil {
				t.Fatal(err)
			}
			if err := answered(call); err == nil {
				t.Error("it is answered")
			}
			for _, other := range []*handset{abroad, main, spare} {
				other.untouched(t)
			}
		})
	}
	t.Run("none answers", func(t *testing.T) {
		s.set(t, dead(t, "a"), dead(t, "b"))
		s.connected(t)
		refusedWith(t, a.calls("110", a.asItself()), 408)
	})
}

func TestCapsOfCallsOutside(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conclave.db")
	db, err := store.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	start := func(t *testing.T, phoneCaps, trunkCaps store.Outside) (*server, *handset, *handset) {
		s := startServer(t, func(c *sip.Config) {
			withPhones(c)
			c.Store = db
			phoneCaps.Allow = []string{"*"}
			dialsOut(c, "200", phoneCaps)
			dialsOut(c, "201", phoneCaps)
		})
		carrier, trunk := s.carrierAt(t, "carrier", "127.0.0.2", "*")
		trunk.Outside.AtOnce, trunk.Outside.PerDay = trunkCaps.AtOnce, trunkCaps.PerDay
		s.set(t, trunk)
		s.connected(t)
		return s, carrier, s.phoneAt(t, "udp", "200")
	}
	// refused tells that a call outside is refused, and why.
	refused := func(t *testing.T, h *handset, why string) {
		t.Helper()
		call := h.calls("110", h.asItself())
		refusedWith(t, call, 403)
		if res := call.Response(); res != nil && !strings.Contains(header(res, "Warning"), why) {
			t.Errorf("Warning %s, want %s", header(res, "Warning"), why)
		}
	}
	once := func(t *testing.T, h, carrier *handset) {
		t.Helper()
		call := h.calls("110", h.asItself())
		if err := carrier.rings().Refuse(486, "Busy Here"); err != nil {
			t.Fatal(err)
		}
		refusedWith(t, call, 486)
	}
	t.Run("at once", func(t *testing.T) {
		s, carrier, h := start(t, store.Outside{AtOnce: 1}, store.Outside{})
		call := h.calls("110", h.asItself())
		carrier.rings()
		refused(t, h, "phone 200 has 1 calls outside at once, which is the most")
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		_ = call.Cancel(ctx)
		s.empty(t)
		once(t, h, carrier)
		s.empty(t)
	})
	// Three have been made by now: two by the phone that were answered, and none that was refused here.
	t.Run("a day, over a restart", func(t *testing.T) {
		_, carrier, h := start(t, store.Outside{PerDay: 3}, store.Outside{})
		once(t, h, carrier)
		refused(t, h, "phone 200 has made 3 calls outside today, which is the most")
	})
	t.Run("a day, of a trunk, over a restart", func(t *testing.T) {
		s, carrier, h := start(t, store.Outside{}, store.Outside{PerDay: 4})
		once(t, h, carrier)
		other := s.phoneAt(t, "udp", "201")
		refused(t, other, "trunk carrier has made 4 calls outside today, which is the most")
	})
	t.Run("at once, of a trunk", func(t *testing.T) {
		s, carrier, h := start(t, store.Outside{}, store.Outside{AtOnce: 1})
		h.calls("110", h.asItself())
		in := carrier.rings()
		other := s.phoneAt(t, "udp", "201")
		refused(t, other, "trunk carrier has 1 calls outside at once")
		if err := in.Refuse(486, "Busy Here"); err != nil {
			t.Fatal(err)
		}
		s.empty(t)
	})
}

// calledRooms are rooms that call others in: 7000 has a PIN and may call Berlin, and addresses on this machine, and 7001
// rings a list when somebody comes, who is a moderator there.
func calledRooms() ([]rooms.Room, error) {
	var list []rooms.Room
	for i, options := range []map[string]string{
		{"quiet": "yes", "call_out_allow": "+4930*, sip:*@127.0.0.1, sip:*@127.0.0.5"},
		{"quiet": "yes", "call_out_allow": "+4930*", "admin": "yes", "call_out": "200,201,+49 30 55555"},
	} {
		parsed, err := rooms.ParseOptions(options)
		if err != nil {
			return nil, err
		}
		list = append(list, rooms.Room{ID: fmt.Sprint("called", i), Extension: fmt.Sprint(7000 + i), Name: "Calls out", Options: parsed})
	}
	list[0].PIN = "1234"
	return list, nil
}
