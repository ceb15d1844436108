package sip

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"conclave/rooms"
	"conclave/sip/phone"
	"conclave/sip/wire"
	"conclave/store"
)

var (
	here1 = netip.MustParseAddr("192.0.2.1")
	here2 = netip.MustParseAddr("2001:db8::1")
)

func TestNonceIsGoodForItsTimeAndAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, other := newNonces(), newNonces()
		text := n.give(here1)
		check := func(what, text string, from netip.Addr, want bool) {
			t.Helper()
			if _, ok := n.check(text, from); ok != want {
				t.Errorf("%s: %v", what, ok)
			}
		}
		check("at once", text, here1, true)
		check("from elsewhere", text, here2, false)
		check("of another process", other.give(here1), here1, false)
		for i := range text {
			c := byte('A')
			if text[i] == c {
				c = 'B'
			}
			check(fmt.Sprintf("octet %d changed", i), text[:i]+string(c)+text[i+1:], here1, false)
		}
		check("cut", text[:31], here1, false)
		check("longer", text+"AAAA", here1, false)
		check("no base64", strings.Repeat("=", 32), here1, false)
		time.Sleep(nonceLife - time.Nanosecond)
		check("before the end of its life", text, here1, true)
		time.Sleep(time.Nanosecond)
		check("after the end of its life", text, here1, false)
	})
}

func TestWindowTakesEachCountOnce(t *testing.T) {
	w := &window{}
	for _, tt := range []struct {
		count uint32
		fresh bool
	}{{1, true}, {1, false}, {3, true}, {2, true}, {2, false}, {66, true}, {3, false}, {4, true}, {2, false}, {1000, true}, {66, false},
		{937, true}, {936, false}, {1<<31 - 1, true}, {1000, false}} {
		if got := w.take(tt.count); got != tt.fresh {
			t.Errorf("count %d: %v, want %v", tt.count, got, tt.fresh)
		}
	}
}

func TestFailuresCountForTenMinutes(t *testing.T) {
	f, now := make(failures), time.Now()
	who := failingOf("200", here1)
	for i := range mostFailures {
		if left := f.waits(who, now); left != 0 {
			t.Fatalf("waits for %v after %d failures", left, i)
		}
		f.add(who, now)
		now = now.Add(time.Minute)
	}
	if left := f.waits(who, now); left != 5*time.Minute {
		t.Errorf("waits for %v, want until 10 min after the first", left)
	}
	for _, other := range []failing{failingOf("201", here1), failingOf("200", here2)} {
		if f.waits(other, now) != 0 {
			t.Errorf("%v waits", other)
		}
	}
	now = now.Add(5 * time.Minute)
	if left := f.waits(who, now); left != 0 {
		t.Errorf("waits for %v after 10 min", left)
	}
	f.add(who, now)
	if left := f.waits(who, now); left != time.Minute {
		t.Errorf("after one more it waits for %v", left)
	}
	f.sweep(now.Add(failuresCount))
	if len(f) != 0 {
		t.Errorf("%d pairs are kept", len(f))
	}
	if failingOf("200", here2) != failingOf("200", netip.MustParseAddr("2001:db8::ffff")) {
		t.Error("an IPv6 network has many tries")
	}
}

func TestFloodOfNamesIsBounded(t *testing.T) {
	f := make(failures)
	for i := range 2 * mostFailing {
		f.add(failingOf(fmt.Sprint(i), here1), time.Now())
	}
	if len(f) > mostFailing {
		t.Errorf("%d pairs are kept", len(f))
	}
}

// A nonce is asked for anew when its time is over, and what is kept of it goes.
func TestAnsweredNoncesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDigests(slog.New(slog.DiscardHandler), nil)
		peer := wire.Peer{Transport: "UDP", Remote: netip.AddrPortFrom(here1, 5060)}
		nonce := d.nonces.give(here1)
		verify := func(count int) error {
			req := registerWith(phone.Credentials{User: "200", Password: "p", Realm: Realm, Nonce: nonce, Algorithm: "MD5",
				Method: "REGISTER", URI: "sip:example.com", Count: count}.String())
			return d.verify(req, credentialsOf(req), peer, knows200)
		}
		if err := verify(1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(nonceLife)
		asks, ok := verify(2).(*challenge)
		if !ok || !asks.stale || asks.nonce == nonce {
			t.Errorf("after its time: %+v", asks)
		}
		d.sweep()
		if len(d.used) != 1 {
			t.Errorf("%d nonces are kept, want 1 of this very moment", len(d.used))
		}
		time.Sleep(time.Nanosecond)
		d.sweep()
		if len(d.used) != 0 {
			t.Errorf("%d nonces are kept", len(d.used))
		}
	})
}

// An unknown user's answer is computed and compared as a known one's is: right would be the one by digests that nobody knows.
func TestAnswerOfAnUnknownUserIsComputed(t *testing.T) {
	d := newDigests(slog.New(slog.DiscardHandler), nil)
	for _, algorithm := range algorithms {
		answer := func(user, a1 string) string {
			t.Helper()
			right, err := digest.Digest(
				&digest.Challenge{Realm: Realm, Nonce: d.nonces.give(here1), Algorithm: algorithm, QOP: []string{"auth"}},
				digest.Options{Method: "REGISTER", URI: "sip:example.com", Count: 1, Username: user, A1: a1, Cnonce: "c"})
			if err != nil {
				t.Fatal(err)
			}
			req := registerWith(right.String())
			return d.wrong(req, credentialsOf(req), knows200)
		}
		of := func(digests Digests) string {
			if algorithm == "MD5" {
				return digests.MD5
			}
			return digests.SHA256
		}
		for _, tt := range []struct {
			name, user string
			digests    Digests
			want       string
		}{
			{"known, right", "200", DigestsOf("200", "p"), ""},
			{"known, wrong", "200", DigestsOf("200", "q"), "password"},
			{"unknown, by a password", "999", DigestsOf("999", "p"), "user"},
			{"unknown, by the digests of nobody", "999", d.digestsOfNobody("999"), ""},
			{"unknown, by those of another nobody", "999", d.digestsOfNobody("998"), "user"},
		} {
			if got := answer(tt.user, of(tt.digests)); got != tt.want {
				t.Errorf("%s, %s: wrong is %q, want %q", algorithm, tt.name, got, tt.want)
			}
		}
	}
}

func knows200(user string) (Digests, bool) { return DigestsOf("200", "p"), user == "200" }

func registerWith(authorization string) *sipgo.Request {
	req := sipgo.NewRequest(sipgo.REGISTER, sipgo.Uri{Scheme: "sip", Host: "example.com"})
	req.AppendHeader(sipgo.NewHeader("Authorization", authorization))
	return req
}

// Whatever the header is, nobody is let in but who knows the password.
func FuzzAuthorization(f *testing.F) {
	right := phone.Credentials{User: "200", Password: "p", Realm: Realm, Nonce: "N", Algorithm: "MD5", Method: "REGISTER",
		URI: "sip:example.com", Count: 1}
	f.Add(right.String())
	right.Algorithm = "SHA-256"
	f.Add(right.String())
	right.WithoutQOP = true
	f.Add(right.String())
	for _, text := range []string{"", "Digest", "Digest ", "Basic cDpw", `Digest realm="conclave`, `Digest realm="conclave", realm="x"`,
		`digest username="200",realm=conclave,nonce="N",uri="sip:@",nc=-1,qop=auth,cnonce="",response=""`,
		`Digest realm="conclave", nonce="N", username="\"\\", uri="%%%", nc=ffffffff`, "Digest \x00=\xff", `Digest realm="conclave",=,`} {
		f.Add(text)
	}
	peer := wire.Peer{Transport: "UDP", Remote: netip.AddrPortFrom(here1, 5060)}
	f.Fuzz(func(t *testing.T, text string) {
		d := newDigests(slog.New(slog.DiscardHandler), nil)
		req := registerWith(strings.ReplaceAll(text, `nonce="N"`, `nonce="`+d.nonces.give(here1)+`"`))
		c := credentialsOf(req)
		if c == nil {
			return
		}
		known := func(string) (Digests, bool) { return DigestsOf("200", "never guessed"), true }
		if err := d.verify(req, c, peer, known); err == nil {
			t.Errorf("let in by %q", text)
		}
	})
}

func TestContactsThatAreOnePlace(t *testing.T) {
	id := func(text string) string {
		uri, err := wire.ParseURI(text)
		if err != nil {
			t.Fatal(err)
		}
		return contactID(uri)
	}
	for _, same := range [][2]string{
		{"sip:200@Example.com", "SIP:200@eXample.com"},
		{"sip:%32%300@a", "sip:200@a"},
		{"sip:200@a;transport=tcp;ob", "sip:200@a;OB;Transport=TCP"},
	} {
		if id(same[0]) != id(same[1]) {
			t.Errorf("%s and %s are two places", same[0], same[1])
		}
	}
	for _, other := range []string{"sip:201@a", "sip:200@b", "sip:200@a:5060", "sip:200@a;transport=tcp", "sip:200@a;rinstance=1", "sip:A@a", "sip:a"} {
		if id(other) == id("sip:200@a") {
			t.Errorf("%s is the place of another", other)
		}
	}
	if id("sip:A@a") == id("sip:a@a") {
		t.Error("users in other letters are one")
	}
}

func TestCallerIsWhatIsProven(t *testing.T) {
	s := &Server{subscriptions: newSubscriptions(), registrar: newRegistrar(slog.New(slog.DiscardHandler), nil, time.Minute)}
	s.SetPhones([]store.Phone{{Extension: "200", Name: "Anna"}})
	for _, tt := range []struct {
		name string
		from party
		want string
	}{
		{"", party{}, " guest=true phone= trunk="},
		{"", party{phone: "200"}, "Anna guest=false phone=200 trunk="},
		{"Desk", party{phone: "200"}, "Desk guest=false phone=200 trunk="},
		{"", party{trunk: "carrier"}, " guest=false phone= trunk=carrier"},
	} {
		invite := sipgo.NewRequest(sipgo.INVITE, sipgo.Uri{Scheme: "sip", User: "1000", Host: "127.0.0.1"})
		caller := s.proven(rooms.Caller{Name: tt.name, Guest: true}, invite, tt.from)
		got := fmt.Sprintf("%s guest=%v phone=%s trunk=%s", caller.Name, caller.Guest, caller.Phone, caller.Trunk)
		if got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.from, got, tt.want)
		}
	}
}

func TestContactsAreWhereAPhoneIsCalled(t *testing.T) {
	s := &Server{subscriptions: newSubscriptions(), registrar: newRegistrar(slog.New(slog.DiscardHandler), nil, time.Minute)}
	s.SetPhones([]store.Phone{{Extension: "200", Name: "Anna"}})
	peer := wire.Peer{Transport: "UDP", Remote: netip.AddrPortFrom(here1, 4711)}
	place := func(text string, lasts time.Duration, paths ...sipgo.Uri) binding {
		uri, err := wire.ParseURI(text)
		if err != nil {
			t.Fatal(err)
		}
		return binding{id: contactID(uri), contact: uri, peer: peer, paths: paths, expires: time.Now().Add(lasts)}
	}
	proxy := sipgo.Uri{Scheme: "sip", Host: "proxy"}
	asked := registerRequest{contacts: []binding{place("sip:200@a", time.Hour), place("sip:200@b", time.Hour, proxy), place("sip:200@c", 0)}}
	if _, err := s.registrar.register("200", asked); err != nil {
		t.Fatal(err)
	}
	text := func() (all string) {
		for _, c := range s.contacts("200") {
			all += fmt.Sprintf("%s via %s by %d routes, ", c.target.String(), c.peer.Remote, len(c.routes))
		}
		return all
	}
	if got, want := text(), "sip:200@b via 192.0.2.1:4711 by 1 routes, sip:200@a via 192.0.2.1:4711 by 0 routes, "; got != want {
		t.Errorf("contacts are %s want %s", got, want)
	}
	s.registrar.bindings["200"][0].health.lost = 1
	if got := text(); !strings.HasPrefix(got, "sip:200@a") {
		t.Errorf("what does not answer is not the last: %s", got)
	}
	if got := s.contacts("201"); len(got) != 0 {
		t.Errorf("contacts of nobody: %v", got)
	}
}
