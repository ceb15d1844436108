package wire

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// answering is a Sink that says 200.
type answering struct{}

func (answering) Request(req *sipgo.Request, tx *ServerTx) {
	if tx != nil {
		_ = tx.Reply(200, "")
	}
}

func (answering) Cancel(*ServerTx, *sipgo.Request) {}

func newTestWire(t testing.TB, sink Sink) *Wire {
	w := New(Config{Log: slog.New(slog.DiscardHandler), Sink: sink, Methods: []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"}})
	t.Cleanup(w.Close)
	return w
}

const options = "OPTIONS sip:1000@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1\r\n" +
	"From: <sip:a@b>;tag=1\r\nTo: <sip:1000@example.com>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"

// exchange writes text on a new connection and reads until the far end closes, or until has n octets.
func exchange(t *testing.T, l Listener, text string, n int) string {
	t.Helper()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	var got strings.Builder
	if n > 0 {
		_, err = io.CopyN(&got, conn, int64(n))
	} else {
		_, err = io.Copy(&got, conn)
	}
	if err != nil {
		t.Fatalf("after %q: %v", got.String(), err)
	}
	return got.String()
}

func TestFramingErrorIsAnsweredAndEndsTheConnection(t *testing.T) {
	w := newTestWire(t, answering{})
	l, err := w.Listen("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"no Content-Length":       {"Content-Length: 0\r\n", ""},
		"negative Content-Length": {"Length: 0", "Length: -1"},
		"two Content-Length":      {"Content-Length: 0", "l: 0\r\nl: 13"},
		"bare LF":                 {"\r\n", "\n"},
	} {
		got := exchange(t, l, strings.ReplaceAll(options, change[0], change[1])+options, 0)
		if !strings.HasPrefix(got, "SIP/2.0 400 ") || strings.Count(got, "SIP/2.0 ") != 1 {
			t.Errorf("%s: answers %q, want one 400", name, got)
		}
	}
}

func TestKeepAliveGetsAnEmptyLine(t *testing.T) {
	w := newTestWire(t, answering{})
	l, err := w.Listen("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if got := exchange(t, l, "\r\n\r\n", 2); got != "\r\n" {
		t.Errorf("answer %q", got)
	}
}

func TestConnectionsOfOneSourceAreLimited(t *testing.T) {
	w := newTestWire(t, answering{})
	l, err := w.Listen("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	open := func() net.Conn {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		return conn
	}
	for i := range maxPerSource {
		conn := open()
		if _, err := conn.Write([]byte(strings.Replace(options, "Call-ID: ", fmt.Sprintf("Call-ID: %d-", i), 1))); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := open().Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("connection %d: %v, want it closed", maxPerSource+1, err)
	}
	for _, conn := range conns {
		conn.Close()
	}
	for w.Stats().Connections > 0 {
		time.Sleep(time.Millisecond)
	}
	if got := exchange(t, l, options, 11); got != "SIP/2.0 200" {
		t.Errorf("after the others went: %q", got)
	}
}

func TestSourceOf(t *testing.T) {
	for addr, want := range map[string]string{"192.0.2.1": "192.0.2.1", "2001:db8::1:2:3:4": "2001:db8::", "fe80::1%lo": "fe80::"} {
		if got := sourceOf(mustAddr(addr)).String(); got != want {
			t.Errorf("%s counts as %s, want %s", addr, got, want)
		}
	}
}

// scarce is a listener that fails for want of descriptors before it has a connection.
type scarce struct {
	net.Listener
	failures int
}

func (l *scarce) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

func TestAcceptOutlivesWantOfDescriptors(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := newTestWire(t, answering{})
	l := &scarce{inner, 4}
	if err := w.start(l, func() { w.accept(l) }); err != nil {
		t.Fatal(err)
	}
	if got := exchange(t, Listener{"TCP", addrPort(l.Addr())}, options, 11); got != "SIP/2.0 200" {
		t.Errorf("answer %q", got)
	}
}

// A peer that does not read loses its connection; the writer gets an error and goes on.
func TestWriteToAStuckPeerFails(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	c := &tcpConn{wire: newTestWire(t, answering{}), conn: impatient{here}, closed: make(chan struct{})}
	if err := c.send([]byte("x")); err == nil {
		t.Error("no error")
	}
	<-c.closed
}

// impatient is a connection whose write deadline has always passed.
type impatient struct{ net.Conn }

func (c impatient) SetWriteDeadline(time.Time) error { return c.Conn.SetWriteDeadline(time.Unix(1, 0)) }
