package wire_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
)

var (
	discard = slog.New(slog.DiscardHandler)
	served  = []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE"}
)

// recorder is a Sink that notes what it gets and answers with what it is told to.
type recorder struct {
	answer func(req *sipgo.Request, tx *wire.ServerTx)
	cancel func(invite *wire.ServerTx)

	mu    sync.Mutex
	heard []string // "METHOD number"
}

func (r *recorder) Request(req *sipgo.Request, tx *wire.ServerTx) {
	r.note(fmt.Sprintf("%s %d", req.Method, req.CSeq().SeqNo))
	switch {
	case tx == nil:
	case r.answer != nil:
		r.answer(req, tx)
	default:
		_ = tx.Reply(200, "")
	}
}

func (r *recorder) Cancel(invite *wire.ServerTx, _ *sipgo.Request) {
	r.note(fmt.Sprintf("CANCEL %d", invite.Request().CSeq().SeqNo))
	if r.cancel != nil {
		r.cancel(invite)
	}
}

func (r *recorder) note(event string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = append(r.heard, event)
}

func (r *recorder) events() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.heard, ", ")
}

// listen starts a Wire with one listener.
func listen(t testing.TB, spec string, sink wire.Sink) (*wire.Wire, wire.Listener) {
	t.Helper()
	w := wire.New(wire.Config{Log: discard, Sink: sink, Methods: served})
	t.Cleanup(w.Close)
	l, err := w.Listen(spec)
	if err != nil {
		t.Fatal(err)
	}
	return w, l
}

// phone is a socket that speaks to a listener.
type phone struct {
	t    testing.TB
	conn net.Conn
	data []byte // read and not returned yet
}

func dial(t testing.TB, l wire.Listener) *phone {
	t.Helper()
	return dialAddr(t, l.Transport(), l.Addr())
}

func dialAddr(t testing.TB, transport string, addr netip.AddrPort) *phone {
	t.Helper()
	conn, err := net.Dial(strings.ToLower(transport), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &phone{t: t, conn: conn}
}

func (p *phone) send(text string) {
	p.t.Helper()
	if _, err := p.conn.Write([]byte(text)); err != nil {
		p.t.Fatal(err)
	}
}

// receive waits for the next message.
func (p *phone) receive() sipgo.Message {
	p.t.Helper()
	buf := make([]byte, 64<<10)
	for {
		if msg, n, err := sipgo.NewParser().Parse(p.data, true); err == nil {
			p.data = p.data[n:]
			return msg
		}
		if err := p.conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			p.t.Fatal(err)
		}
		n, err := p.conn.Read(buf)
		if err != nil {
			p.t.Fatalf("no message: %v, after %q", err, p.data)
		}
		p.data = append(p.data, buf[:n]...)
	}
}

func (p *phone) response() *sipgo.Response {
	p.t.Helper()
	res, ok := p.receive().(*sipgo.Response)
	if !ok {
		p.t.Fatal("a request came instead of a response")
	}
	return res
}

// datagram waits for the next one and returns it as it came.
func (p *phone) datagram() string {
	p.t.Helper()
	buf := make([]byte, 64<<10)
	if err := p.conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		p.t.Fatal(err)
	}
	n, err := p.conn.Read(buf)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(buf[:n])
}

// request is a well-formed request that a test changes in one place.
func request(method string, number int, changes ...string) string {
	text := fmt.Sprintf("%[1]s sip:1000@example.com SIP/2.0\r\n"+
		"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-%[1]s-%[2]d;rport\r\n"+
		"Max-Forwards: 70\r\n"+
		"From: <sip:alice@example.com>;tag=alice\r\n"+
		"To: <sip:1000@example.com>\r\n"+
		"Call-ID: call-1@example.com\r\n"+
		"CSeq: %[2]d %[1]s\r\n"+
		"Contact: <sip:alice@192.0.2.1>\r\n"+
		"Content-Length: 0\r\n\r\n", method, number)
	return strings.NewReplacer(changes...).Replace(text)
}
