package sip

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"conclave/media"
	"conclave/mixer"
	"conclave/rooms"
	"conclave/sip/wire"
	"conclave/store"

	sipgo "github.com/emiago/sipgo/sip"
)

// hardOfHearing answers OPTIONS, and nothing else.
type hardOfHearing struct{}

func (hardOfHearing) Request(req *sipgo.Request, tx *wire.ServerTx) {
	if tx != nil {
		_ = tx.Reply(sipgo.StatusOK, "")
	}
}

func (hardOfHearing) Cancel(*wire.ServerTx, *sipgo.Request) {}

func TestTrunkContactsAreTheWaysToThePeer(t *testing.T) {
	engine, err := mixer.New(mixer.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	house, err := rooms.New(rooms.Config{Engine: engine})
	if err != nil {
		t.Fatal(err)
	}
	ports, err := media.NewPorts(31100, 31199)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{House: house, Ports: ports, Listen: []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"},
		TrunkTimes: TrunkTimes{Try: time.Second, Probe: 50 * time.Millisecond, Retry: 20 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown(context.Background())
	far := wire.New(wire.Config{Sink: hardOfHearing{}, Methods: methods})
	defer far.Close()
	udp, err := far.Listen("udp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := far.Listen("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing := closed.Addr().String()
	closed.Close()
	err = s.SetTrunks([]store.Trunk{
		{Name: "u", Peer: udp.Addr().String(), Transport: "udp", User: "anna", Password: "secret"},
		{Name: "t", Peer: tcp.Addr().String(), Transport: "tcp"},
		{Name: "off", Peer: refusing, Transport: "tcp"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		remote netip.AddrPort
		uri    string
		user   string
	}{
		"u": {udp.Addr(), "sip:+493012345@" + udp.Addr().String(), "anna"},
		"t": {tcp.Addr(), "sip:+493012345@" + tcp.Addr().String() + ";transport=tcp", ""},
	} {
		contacts := waitForContacts(t, s, name)
		if len(contacts) != 1 || contacts[0].peer.Remote != want.remote || contacts[0].target.String() != want.uri || contacts[0].trunk.secret.user != want.user {
			t.Errorf("trunk %s: contacts %+v, want %+v", name, contacts, want)
		}
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		contacts, err := s.trunks.find("off").contacts("1")
		if errors.Is(err, errTrunkOffline) && strings.Contains(err.Error(), "off") && strings.Contains(err.Error(), "refused") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("trunk off: %v, %v; want %v and why", contacts, err, errTrunkOffline)
		}
	}
	if name, c, ok := s.trunkAccount("anna"); name != "u" || c.password != "secret" || !ok {
		t.Errorf("account anna is of %q, %v", name, ok)
	}
	if name, _, ok := s.trunkAccount(""); ok {
		t.Errorf("no account at all is of %q", name)
	}
	// A connection that is gone is no way any more, and is opened again.
	before := waitForContacts(t, s, "t")
	before[0].peer.Conn.Close()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		after, err := s.trunks.find("t").contacts("1")
		if err == nil && after[0].peer.Conn != before[0].peer.Conn {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the connection is not opened again")
		}
	}
}

func waitForContacts(t *testing.T, s *Server, name string) []contact {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		contacts, err := s.trunks.find(name).contacts("+493012345")
		if err == nil {
			return contacts
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
