package sip_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip"
	"conclave/sip/phone"
	"conclave/store"
)

// secret is the password of a phone of the tests.
func secret(ext string) string { return "secret of " + ext }

func account(ext string) store.Phone {
	digests := sip.DigestsOf(ext, secret(ext))
	return store.Phone{Extension: ext, Name: "Phone " + ext, MD5: digests.MD5, SHA256: digests.SHA256, RingTime: 30 * time.Second}
}

// withPhones gives the server the phones 200, 201 and 202.
func withPhones(c *sip.Config) {
	c.Phones = []store.Phone{account("200"), account("201"), account("202")}
}

func newPhone(t testing.TB, transport, host string) *phone.Phone {
	t.Helper()
	p, err := phone.New(transport, host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// registers registers and returns the 200.
func registers(t testing.TB, p *phone.Phone, server netip.AddrPort, r phone.Registration) *sipgo.Response {
	t.Helper()
	res := registersWith(t, p, server, r, 200)
	return res
}

// registersWith registers and expects a final response. The password is that of the user unless there is another.
func registersWith(t testing.TB, p *phone.Phone, server netip.AddrPort, r phone.Registration, status int) *sipgo.Response {
	t.Helper()
	if r.Password == "" {
		r.Password = secret(r.User)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	res, err := p.Register(ctx, server.String(), r)
	if res == nil {
		t.Fatal(err)
	}
	if res.StatusCode != status {
		t.Fatalf("want %d, got\n%s", status, res)
	}
	return res
}

// listed are the Contact values of a response.
func listed(res *sipgo.Response) (all []string) {
	for _, h := range res.GetHeaders("Contact") {
		all = append(all, h.Value())
	}
	return all
}

func TestPhonesRegister(t *testing.T) {
	for _, network := range networks {
		for _, algorithm := range []string{"", "SHA-256", "MD5"} {
			t.Run(network+" "+algorithm, func(t *testing.T) {
				s := startServer(t, func(c *sip.Config) { withPhones(c); c.ProbeEvery = 100 * time.Millisecond })
				host := map[bool]string{true: "::1", false: "127.0.0.1"}[strings.HasSuffix(network, "6")]
				p := newPhone(t, network[:3], host)
				res := registers(t, p, s.at[network], phone.Registration{User: "200", Expires: 10 * time.Minute, Algorithm: algorithm})
				if got := listed(res); len(got) != 1 || !strings.HasSuffix(got[0], ";expires=600") || !strings.Contains(got[0], "sip:200@") {
					t.Errorf("Contact %q", got)
				}
				if _, err := http.ParseTime(header(res, "Date")); err != nil {
					t.Errorf("Date: %v", err)
				}
				eventually(t, "the phone answers OPTIONS", func() bool {
					list := s.Registrations()
					return len(list) == 1 && list[0].RoundTrip > 0 && list[0].Lost == 0
				})
				r := s.Registrations()[0]
				if left := time.Until(r.Expires); r.Extension != "200" || r.Transport != network[:3] || r.Agent != "conclave phone" ||
					left > 10*time.Minute || left < 9*time.Minute || r.Seen == nil {
					t.Errorf("it is registered as %+v", r)
				}
				if got := listed(registers(t, p, s.at[network], phone.Registration{User: "200", Expires: -1})); len(got) != 0 {
					t.Errorf("after it has unregistered: Contact %q", got)
				}
				if list := s.Registrations(); len(list) != 0 {
					t.Errorf("it is registered still: %+v", list)
				}
			})
		}
	}
}

func TestSeveralContactsOfOnePhone(t *testing.T) {
	s := startServer(t, withPhones)
	p := newPhone(t, "udp", "127.0.0.1")
	do := func(r phone.Registration) []string {
		t.Helper()
		r.User = "200"
		return listed(registers(t, p, s.at["udp"], r))
	}
	do(phone.Registration{Contacts: []string{"<sip:200@192.0.2.1>;expires=100, <sip:200@192.0.2.2;transport=udp>"}, Expires: 300 * time.Second})
	got := do(phone.Registration{Contacts: []string{`"Desk" <sip:200@192.0.2.3>;q=0.5`}, Expires: 99 * time.Hour})
	want := "[<sip:200@192.0.2.3>;expires=3600 <sip:200@192.0.2.2;transport=udp>;expires=300 <sip:200@192.0.2.1>;expires=100]"
	if fmt.Sprint(got) != want {
		t.Errorf("registered at %s, want %s", got, want)
	}
	// The same place, written otherwise.
	got = do(phone.Registration{Contacts: []string{"<SIP:%3200@192.0.2.2;Transport=UDP>;expires=200"}})
	if len(got) != 3 || got[0] != "<sip:%3200@192.0.2.2;Transport=UDP>;expires=200" {
		t.Errorf("after a refresh: %q", got)
	}
	if got = do(phone.Registration{Contacts: []string{"<sip:200@192.0.2.1>;expires=0"}}); len(got) != 2 {
		t.Errorf("after one was taken away: %q", got)
	}
	if res := registersWith(t, p, s.at["udp"], phone.Registration{User: "201", Contacts: []string{"sip:201@192.0.2.9"}}, 200); len(listed(res)) != 1 {
		t.Errorf("another phone: %q", listed(res))
	}
	if got = do(phone.Registration{Contacts: []string{"*"}, Expires: -1}); len(got) != 0 {
		t.Errorf("after *: %q", got)
	}
	if list := s.Registrations(); len(list) != 1 || list[0].Extension != "201" {
		t.Errorf("what is left is %+v", list)
	}
}

func TestBadRegistrationsChangeNothing(t *testing.T) {
	s := startServer(t, withPhones)
	p := newPhone(t, "udp", "127.0.0.1")
	registers(t, p, s.at["udp"], phone.Registration{User: "200", Contacts: []string{"<sip:200@192.0.2.1>"}, CallID: "same", Number: 10})
	before := s.Registrations()
	for name, tt := range map[string]struct {
		r      phone.Registration
		status int
		header string
	}{
		"too brief":           {phone.Registration{Contacts: []string{"<sip:200@192.0.2.1>;expires=59"}}, 423, "Min-Expires: 60"},
		"one of two is brief": {phone.Registration{Contacts: []string{"<sip:200@192.0.2.7>, <sip:200@192.0.2.8>;expires=1"}}, 423, "Min-Expires: 60"},
		"* with a time":       {phone.Registration{Contacts: []string{"*"}}, 400, "Warning"},
		"* and another":       {phone.Registration{Contacts: []string{"*", "<sip:200@192.0.2.1>"}, Expires: -1}, 400, "Warning"},
		"two *":               {phone.Registration{Contacts: []string{"*", "*"}, Expires: -1}, 400, "Warning"},
		"no SIP address":      {phone.Registration{Contacts: []string{"<mailto:200@192.0.2.1>"}}, 400, "Warning"},
		"SIPS without TLS":    {phone.Registration{Contacts: []string{"<sips:200@192.0.2.1>"}}, 400, "Warning"},
		"headers in it":       {phone.Registration{Contacts: []string{"<sip:200@192.0.2.1?Route=%3Csip:a.example.com%3E>"}}, 400, "Warning"},
		"too long":            {phone.Registration{Contacts: []string{"<sip:" + strings.Repeat("2", 1024) + "@192.0.2.1>"}}, 400, "Warning"},
		"Path of no address":  {phone.Registration{Headers: []sipgo.Header{sipgo.NewHeader("Path", "<tel:1>")}}, 400, "Warning"},
		"unknown extension":   {phone.Registration{Headers: []sipgo.Header{sipgo.NewHeader("Require", "gruu")}}, 420, "Unsupported: gruu"},
		"overtaken":           {phone.Registration{Contacts: []string{"<sip:200@192.0.2.1>"}, CallID: "same", Number: 9}, 500, ""},
		"overtaken removal":   {phone.Registration{Contacts: []string{"<sip:200@192.0.2.1>;expires=0"}, CallID: "same", Number: 9}, 500, ""},
		"overtaken *":         {phone.Registration{Contacts: []string{"*"}, Expires: -1, CallID: "same", Number: 9}, 500, ""},
		"of another phone":    {phone.Registration{User: "201", Password: secret("200")}, 401, "WWW-Authenticate"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.r.User == "" {
				tt.r.User = "200"
			}
			if res := registersWith(t, p, s.at["udp"], tt.r, tt.status); !strings.Contains(res.String(), "\r\n"+tt.header) {
				t.Errorf("no %s in\n%s", tt.header, res)
			}
		})
	}
	if after := s.Registrations(); len(after) != 1 || after[0].Contact != before[0].Contact {
		t.Errorf("registered as %+v, before as %+v", after, before)
	}
	// Another Call-ID begins anew, as of a phone that was restarted.
	registers(t, p, s.at["udp"], phone.Registration{User: "200", Contacts: []string{"<sip:200@192.0.2.1>"}, Number: 1})
}

func TestFloodOfContacts(t *testing.T) {
	s := startServer(t, withPhones)
	p := newPhone(t, "udp", "127.0.0.1")
	places := func(first, n int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf("<sip:200@192.0.2.%d>", first+i))
		}
		return list
	}
	registersWith(t, p, s.at["udp"], phone.Registration{User: "200", Contacts: places(1, 11)}, 403)
	if list := s.Registrations(); len(list) != 0 {
		t.Fatalf("registered at %+v", list)
	}
	registers(t, p, s.at["udp"], phone.Registration{User: "200", Contacts: places(1, 10)})
	res := registersWith(t, p, s.at["udp"], phone.Registration{User: "200", Contacts: places(11, 1)}, 403)
	if !strings.Contains(header(res, "Warning"), "10 places") {
		t.Errorf("refused without telling why:\n%s", res)
	}
	registers(t, p, s.at["udp"], phone.Registration{User: "200", Contacts: places(1, 10)}) // a refresh
	if list := s.Registrations(); len(list) != 10 {
		t.Errorf("registered at %+v", list)
	}
}

// A place that does not answer makes room for a new one.
func TestDeadContactsMakeRoom(t *testing.T) {
	s := startServer(t, withPhones)
	for i := range 10 {
		p := newPhone(t, "tcp", "127.0.0.1")
		registers(t, p, s.at["tcp"], phone.Registration{User: "200", Contacts: []string{fmt.Sprintf("<sip:200@192.0.2.%d>", i)}})
	}
	p := newPhone(t, "udp", "127.0.0.1")
	late := phone.Registration{User: "200", Contacts: []string{"<sip:200@192.0.2.100>"}}
	registersWith(t, p, s.at["udp"], late, 403)
	s.Registrar().LoseProbe("200", 9)
	registers(t, p, s.at["udp"], late)
	list := s.Registrations()
	if len(list) != 10 || list[0].Contact != "sip:200@192.0.2.100" || list[9].Contact != "sip:200@192.0.2.1" {
		t.Errorf("registered at %+v", list)
	}
}

func TestRegistrationsExpire(t *testing.T) {
	s := startServer(t, func(c *sip.Config) { withPhones(c); c.MinExpires = time.Second })
	p := newPhone(t, "udp", "127.0.0.1")
	registers(t, p, s.at["udp"], phone.Registration{User: "200", Expires: time.Second})
	registers(t, p, s.at["udp"], phone.Registration{User: "201"})
	eventually(t, "the first has expired", func() bool { list := s.Registrations(); return len(list) == 1 && list[0].Extension == "201" })
}

func TestTCPRegistrationLivesWithItsConnection(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conclave.db")
	db := openStore(t, file)
	s := startServer(t, func(c *sip.Config) { withPhones(c); c.Store = db })
	p, other := newPhone(t, "tcp", "127.0.0.1"), newPhone(t, "tcp", "127.0.0.1")
	same := []string{"<sip:200@192.0.2.1;transport=tcp>"}
	registers(t, p, s.at["tcp"], phone.Registration{User: "200", Contacts: same})
	registers(t, p, s.at["tcp"], phone.Registration{User: "201"})
	registers(t, other, s.at["tcp"], phone.Registration{User: "200", Contacts: same}) // it has a new connection now
	p.Close()
	eventually(t, "what came over the connection is gone", func() bool { return len(s.Registrations()) == 1 })
	if r := s.Registrations()[0]; r.Extension != "200" {
		t.Errorf("what is left is %+v", r)
	}
	other.Close()
	eventually(t, "nothing is left", func() bool { return len(s.Registrations()) == 0 })
}

// What a phone says of its own address is not where it is called: that is where its REGISTER came from.
func TestPhoneBehindNATIsReachedWhereItCameFrom(t *testing.T) {
	s := startServer(t, func(c *sip.Config) { withPhones(c); c.ProbeEvery = 100 * time.Millisecond })
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			a := newAgent(t, s, network)
			for _, ping := range []string{"\r\n\r\n", "\r\n"} { // as phones do to keep the way open
				if _, err := a.conn.Write([]byte(ping)); err != nil {
					t.Fatal(err)
				}
			}
			if a.network == "UDP" {
				for _, dummy := range []string{"\x00", "ping", "\x00\x01\x00\x00\x21\x12\xa4\x42"} {
					if _, err := a.conn.Write([]byte(dummy)); err != nil {
						t.Fatal(err)
					}
				}
			}
			nonce := a.challenged("200")
			path := "Path: <sip:proxy.example.com;lr>, <sip:edge.example.com;lr>"
			res := a.registers("200", nonce, 1, path+"\nContact: <sip:200@10.0.0.7:5062;ob>")
			if header(res, "Path") == "" {
				t.Errorf("no Path in\n%s", res)
			}
			ask := a.request(sipgo.OPTIONS)
			if ask.Recipient.String() != "sip:200@10.0.0.7:5062;ob" || len(ask.GetHeaders("Route")) != 2 {
				t.Errorf("asked\n%s", ask)
			}
			a.respond(ask, "200 OK", "")
			if list := s.Registrations(); len(list) != 1 || list[0].Address != a.local().String() {
				t.Errorf("registered as %+v from %s", list, a.local())
			}
			a.registers("200", nonce, 2, "Contact: *\nExpires: 0")
		})
	}
}
