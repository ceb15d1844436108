package wire_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
)

func TestUDPPeerIsTheWayAsBefore(t *testing.T) {
	w := wire.New(wire.Config{Log: discard, Sink: &recorder{}, Methods: served})
	t.Cleanup(w.Close)
	remote, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	to := remote.LocalAddr().(*net.UDPAddr).AddrPort()
	if _, ok := w.UDPPeer(netip.MustParseAddrPort("127.0.0.1:5060"), to); ok {
		t.Error("there is a way without a listener")
	}
	var listeners []wire.Listener
	for _, spec := range []string{"udp://[::1]:0", "udp://127.0.0.1:0", "udp://127.0.0.2:0", "udp://0.0.0.0:0"} {
		l, err := w.Listen(spec)
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, l)
	}
	all := listeners[3].Addr().Port()
	for name, tt := range map[string]struct{ local, from string }{
		"the same listener":    {listeners[2].Addr().String(), listeners[2].Addr().String()},
		"one of all addresses": {netip.AddrPortFrom(netip.MustParseAddr("127.0.0.3"), all).String(), netip.AddrPortFrom(netip.MustParseAddr("127.0.0.3"), all).String()},
		"another port now":     {"127.0.0.1:1", listeners[1].Addr().String()},
	} {
		peer, ok := w.UDPPeer(netip.MustParseAddrPort(tt.local), to)
		if !ok {
			t.Errorf("%s: no way", name)
			continue
		}
		req := sipgo.NewRequest(sipgo.OPTIONS, sipgo.Uri{Scheme: "sip", Host: "example.com"})
		if err := w.Write(req, peer); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = remote.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, from, err := remote.ReadFromUDPAddrPort(make([]byte, 2000))
		if err != nil || from.String() != tt.from || peer.Local.String() != tt.from {
			t.Errorf("%s: it came from %s, and is said to from %s, want %s (%v)", name, from, peer.Local, tt.from, err)
		}
	}
}

func TestClosedIsToldAfterTheLastMessage(t *testing.T) {
	happened := make(chan string, 10)
	sink := &recorder{answer: func(req *sipgo.Request, tx *wire.ServerTx) {
		happened <- "request"
		_ = tx.Reply(200, "")
	}}
	w := wire.New(wire.Config{Log: discard, Sink: sink, Methods: served, Closed: func(sipgo.Connection) { happened <- "closed" }})
	t.Cleanup(w.Close)
	l, err := w.Listen("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := dial(t, l)
	p.send(request("OPTIONS", 1) + request("OPTIONS", 2))
	p.conn.Close()
	for _, want := range []string{"request", "request", "closed"} {
		select {
		case got := <-happened:
			if got != want {
				t.Errorf("%s, want %s", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("no %s", want)
		}
	}
}

func TestRoutesAreReadInOrder(t *testing.T) {
	req := sipgo.NewRequest(sipgo.REGISTER, sipgo.Uri{Scheme: "sip", Host: "example.com"})
	req.AppendHeader(sipgo.NewHeader("Path", "<sip:a.example.com;lr>, \"x, y\" <sip:b.example.com>;z=1"))
	req.AppendHeader(sipgo.NewHeader("Path", "<sips:c.example.com>"))
	routes, err := wire.Routes(req, "Path")
	text := ""
	for _, r := range routes {
		text += r.String() + " "
	}
	if err != nil || text != "sip:a.example.com;lr sip:b.example.com sips:c.example.com " {
		t.Errorf("routes are %s, %v", text, err)
	}
	for _, bad := range []string{"", "x", "<sip:a", "<tel:1>", "<sip:a>,", "<sip:a b>", "<sip:a\r\nX: y>"} {
		req := sipgo.NewRequest(sipgo.REGISTER, sipgo.Uri{Scheme: "sip", Host: "example.com"})
		req.AppendHeader(sipgo.NewHeader("Path", bad))
		if routes, err := wire.Routes(req, "Path"); err == nil {
			t.Errorf("%q is read as %v", bad, routes)
		}
	}
}
