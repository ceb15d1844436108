package wire_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
)

// ask sends OPTIONS to peer and waits for the end of its transaction.
func ask(t *testing.T, w *wire.Wire, peer wire.Peer) (*sipgo.Response, error) {
	t.Helper()
	type end struct {
		res *sipgo.Response
		err error
	}
	ended := make(chan end, 1)
	req := sipgo.NewRequest(sipgo.OPTIONS, sipgo.Uri{Scheme: "sip", Host: "example.com"})
	callID := sipgo.CallIDHeader(sipgo.GenerateTagN(8))
	req.AppendHeader(&sipgo.FromHeader{Address: sipgo.Uri{Scheme: "sip", Host: "a"}, Params: sipgo.HeaderParams{{K: "tag", V: "1"}}})
	req.AppendHeader(&sipgo.ToHeader{Address: sipgo.Uri{Scheme: "sip", Host: "b"}})
	req.AppendHeader(&callID)
	req.AppendHeader(&sipgo.CSeqHeader{SeqNo: 1, MethodName: sipgo.OPTIONS})
	if err := w.Do(req, peer, func(res *sipgo.Response, err error) { ended <- end{res, err} }); err != nil {
		return nil, err
	}
	select {
	case e := <-ended:
		return e.res, e.err
	case <-time.After(10 * time.Second):
		t.Fatal("the transaction does not end")
		return nil, nil
	}
}

func TestConnectOverUDPSendsFromTheListener(t *testing.T) {
	for _, spec := range []string{"udp://127.0.0.1:0", "udp://0.0.0.0:0", "udp://[::1]:0", "udp://[::]:0"} {
		t.Run(spec, func(t *testing.T) {
			from, l := listen(t, spec, &recorder{})
			loopback := "127.0.0.1"
			if strings.Contains(spec, "[") {
				loopback = "::1"
			}
			heard := make(chan wire.Peer, 1)
			_, far := listen(t, "udp://"+net.JoinHostPort(loopback, "0"), &recorder{answer: func(_ *sipgo.Request, tx *wire.ServerTx) {
				heard <- tx.Peer()
				_ = tx.Reply(200, "")
			}})
			peer, err := from.Connect(t.Context(), "udp", far.Addr())
			if err != nil {
				t.Fatal(err)
			}
			want := netip.AddrPortFrom(netip.MustParseAddr(loopback), l.Addr().Port())
			if peer.Transport != "UDP" || peer.Local != want || peer.Remote != far.Addr() {
				t.Errorf("peer is %+v, want local %s, remote %s", peer, want, far.Addr())
			}
			if res, err := ask(t, from, peer); err != nil || res.StatusCode != 200 {
				t.Fatalf("answer %v, %v", res, err)
			}
			if p := <-heard; p.Remote != want {
				t.Errorf("it came from %s, want %s", p.Remote, want)
			}
		})
	}
}

func TestConnectNamesWhyThereIsNoWay(t *testing.T) {
	w, _ := listen(t, "tcp://127.0.0.1:0", &recorder{})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing := netip.MustParseAddrPort(closed.Addr().String())
	closed.Close()
	for _, tt := range []struct{ transport, word string }{
		{"udp", "no UDP listener"}, {"tcp", "refused"}, {"tls", "udp and tcp are served"},
	} {
		if _, err := w.Connect(ctx, tt.transport, refusing); err == nil || !strings.Contains(err.Error(), tt.word) ||
			!strings.Contains(err.Error(), refusing.String()) {
			t.Errorf("%s: error %v, want %q and the address", tt.transport, err, tt.word)
		}
	}
}

func TestConnectOverTCPKeepsOneConnection(t *testing.T) {
	near := &recorder{}
	w, l := listen(t, "tcp://127.0.0.1:0", near)
	remotes := make(chan wire.Peer, 10)
	far, farListener := listen(t, "tcp://127.0.0.1:0", &recorder{answer: func(_ *sipgo.Request, tx *wire.ServerTx) {
		remotes <- tx.Peer()
		_ = tx.Reply(200, "")
	}})
	var first wire.Peer
	for i := range 3 {
		peer, err := w.Connect(t.Context(), "TCP", farListener.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if peer.Local != l.Addr() {
			t.Errorf("local is %s, want %s, where the far end may connect to", peer.Local, l.Addr())
		}
		if res, err := ask(t, w, peer); err != nil || res.StatusCode != 200 {
			t.Fatalf("answer %v, %v", res, err)
		}
		if p := <-remotes; i == 0 {
			first = p
		} else if p.Remote != first.Remote {
			t.Errorf("request %d came over another connection: %s after %s", i+1, p.Remote, first.Remote)
		}
	}
	if n := w.Stats().Connections; n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	// What the far end asks comes over the same connection.
	if res, err := ask(t, far, first); err != nil || res.StatusCode != 200 {
		t.Fatalf("answer to the far end %v, %v", res, err)
	}
	if got := near.events(); got != "OPTIONS 1" {
		t.Errorf("the far end's request was heard as %q", got)
	}
	first.Conn.Close()
	for end := time.Now().Add(10 * time.Second); w.Stats().Connections != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a connection that the far end closed is kept")
		}
	}
	peer, err := w.Connect(t.Context(), "tcp", farListener.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if res, err := ask(t, w, peer); err != nil || res.StatusCode != 200 {
		t.Fatalf("answer over a new connection %v, %v", res, err)
	}
	if p := <-remotes; p.Remote == first.Remote {
		t.Error("the closed connection was used")
	}
}

func TestConnectAtOnceFromManyGoroutinesOpensOneConnection(t *testing.T) {
	w, _ := listen(t, "tcp://127.0.0.1:0", &recorder{})
	_, far := listen(t, "tcp://127.0.0.1:0", &recorder{})
	conns := make(chan sipgo.Connection, 8)
	for range cap(conns) {
		go func() {
			peer, err := w.Connect(context.Background(), "tcp", far.Addr())
			if err != nil {
				t.Error(err)
			}
			conns <- peer.Conn
		}()
	}
	first := <-conns
	for range cap(conns) - 1 {
		if c := <-conns; c != first {
			t.Error("there are several connections")
		}
	}
}

func TestConnectionEndsWithTheWire(t *testing.T) {
	w, _ := listen(t, "tcp://127.0.0.1:0", &recorder{})
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	peer, err := w.Connect(t.Context(), "tcp", netip.MustParseAddrPort(silent.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := conn.Read(make([]byte, 10)); err != nil || n != 2 {
		t.Errorf("keep-alive got %d octets, %v", n, err)
	}
	w.Close()
	if _, err := ask(t, w, peer); err == nil {
		t.Error("a request was sent after Close")
	}
	if _, err := w.Connect(t.Context(), "tcp", peer.Remote); err == nil {
		t.Error("a connection was opened after Close")
	}
}
