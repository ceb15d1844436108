package sip_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// agent is a user agent that does what the test says, and nothing by itself: it sends text and
// hands over what comes, in order.
type agent struct {
	t       testing.TB
	network string // "UDP" or "TCP"
	conn    net.Conn
	in      chan sipgo.Message
	seen    map[string]bool // requests by what their repetitions have in common; of read
	got     string          // the response that came last
	work    sync.WaitGroup
}

// newAgent connects an agent to the server: network is "udp", "tcp", "udp6" or "tcp6".
func newAgent(t testing.TB, s *server, network string) *agent {
	t.Helper()
	conn, err := net.Dial(network[:3], s.at[network].String())
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{t: t, network: strings.ToUpper(network[:3]), conn: conn, in: make(chan sipgo.Message, 1000),
		seen: make(map[string]bool)}
	a.work.Go(a.read)
	t.Cleanup(a.close)
	return a
}

func (a *agent) close() {
	a.conn.Close()
	a.work.Wait()
}

func (a *agent) read() {
	parser := sipgo.NewParser()
	stream := parser.NewSIPStream()
	buffer := make([]byte, 65536)
	for {
		n, err := a.conn.Read(buffer)
		if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			continue
		}
		data := append([]byte(nil), buffer[:n]...)
		if a.network == "TCP" {
			err = stream.ParseSIPStream(data, a.take)
			if errors.Is(err, sipgo.ErrParseSipPartial) {
				err = nil
			}
		} else {
			var msg sipgo.Message
			if msg, err = parser.ParseSIP(data); err == nil {
				a.take(msg)
			}
		}
		if err != nil {
			a.t.Errorf("the server sent what cannot be read: %v\n%s", err, data)
		}
	}
}

// take hands a message over, once: a request is repeated where the machine has no time for the test.
func (a *agent) take(msg sipgo.Message) {
	if req, ok := msg.(*sipgo.Request); ok {
		branch, _ := req.Via().Params.Get("branch")
		key := branch + " " + string(req.Method)
		if a.seen[key] {
			return
		}
		a.seen[key] = true
	}
	a.in <- msg
}

func (a *agent) local() netip.AddrPort {
	return netip.MustParseAddrPort(a.conn.LocalAddr().String())
}

// write sends text written with bare line feeds; the headers end at the first empty line.
func (a *agent) write(text string) {
	a.t.Helper()
	head, body, _ := strings.Cut(strings.TrimLeft(text, "\n"), "\n\n")
	head = strings.ReplaceAll(strings.TrimRight(head, "\n"), "\n", "\r\n")
	body = strings.ReplaceAll(body, "\n", "\r\n")
	text = fmt.Sprintf("%s\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body)
	if _, err := a.conn.Write([]byte(text)); err != nil {
		a.t.Fatal(err)
	}
}

// next is the next message.
func (a *agent) next() sipgo.Message {
	a.t.Helper()
	select {
	case msg := <-a.in:
		return msg
	case <-time.After(patience):
		a.t.Fatal("nothing came from the server")
		return nil
	}
}

// response is the next response but 100.
func (a *agent) response(status int) *sipgo.Response {
	a.t.Helper()
	for {
		msg := a.next()
		res, ok := msg.(*sipgo.Response)
		if ok && res.StatusCode == 100 {
			continue
		}
		if !ok || res.StatusCode != status {
			a.t.Fatalf("want a response %d, got\n%s", status, msg)
		}
		a.got = res.String()
		return res
	}
}

// request is the next message, a request, but for the last response come once more: the ACK was late.
func (a *agent) request(method sipgo.RequestMethod) *sipgo.Request {
	a.t.Helper()
	msg := a.next()
	for res, ok := msg.(*sipgo.Response); ok && res.String() == a.got; res, ok = msg.(*sipgo.Response) {
		msg = a.next()
	}
	req, ok := msg.(*sipgo.Request)
	if !ok || req.Method != method {
		a.t.Fatalf("want %s, got\n%s", method, msg)
	}
	return req
}

// respond answers a request of the server; more are headers and, after an empty line, a body.
func (a *agent) respond(req *sipgo.Request, status string, more string) {
	a.t.Helper()
	text := "SIP/2.0 " + status + "\n"
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		for _, h := range req.GetHeaders(name) {
			text += h.String() + "\n"
		}
	}
	a.write(text + more)
}

// silent fails the test if something comes within a short time.
func (a *agent) silent() {
	a.t.Helper()
	select {
	case msg := <-a.in:
		a.t.Fatalf("want nothing, got\n%s", msg)
	case <-time.After(50 * time.Millisecond):
	}
}

// dialled is a call of an agent: a dialog as the caller sees it.
type dialled struct {
	*agent
	number string
	callID string
	from   string // tag
	to     string // tag, empty before the 200
	seq    int
	rtp    *net.UDPConn
}

// newCall prepares a call with an RTP socket of its own; nothing is sent.
func (a *agent) newCall(number string) *dialled {
	a.t.Helper()
	rtp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IP(a.local().Addr().AsSlice())})
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { rtp.Close() })
	return &dialled{agent: a, number: number, callID: token(), from: token(), rtp: rtp}
}

func token() string { return fmt.Sprintf("%x", rand.Uint64()) }

// send sends a request of the call with the next CSeq and returns its branch. more are headers
// and, after an empty line, a body.
func (c *dialled) send(method string, more string) string {
	c.t.Helper()
	c.seq++
	branch := "z9hG4bK" + token()
	c.sendAs(method, branch, c.seq, more)
	return branch
}

func (c *dialled) sendAs(method, branch string, seq int, more string) {
	c.t.Helper()
	c.write(c.text(method, branch, seq, more))
}

func (c *dialled) text(method, branch string, seq int, more string) string {
	to := ""
	if c.to != "" {
		to = ";tag=" + c.to
	}
	local := c.local()
	return fmt.Sprintf(`%s sip:%s@%s SIP/2.0
Via: SIP/2.0/%s %s;branch=%s;rport
Max-Forwards: 70
From: "Al \"x\"" <sip:al%%20b@example.com>;tag=%s
To: <sip:%s@example.com>%s
Call-ID: %s
CSeq: %d %s
Contact: <sip:al@%s;transport=%s>
%s`, method, c.number, c.conn.RemoteAddr(), c.network, local, branch, c.from, c.number, to,
		c.callID, seq, method, local, strings.ToLower(c.network), more)
}

// offer is a body with one audio line; more are lines of that.
func (c *dialled) offer(formats string, more ...string) string {
	at := netip.MustParseAddrPort(c.rtp.LocalAddr().String())
	return sdpOf(at.Addr().String(), int(at.Port()), formats, more...)
}

func sdpOf(address string, port int, formats string, more ...string) string {
	family := "IP4"
	if strings.Contains(address, ":") {
		family = "IP6"
	}
	lines := strings.Join(more, "\n")
	if lines != "" {
		lines += "\n"
	}
	return fmt.Sprintf("Content-Type: application/sdp\n\nv=0\no=- 1 1 IN %s %s\ns=-\nc=IN %s %s\nt=0 0\nm=audio %d RTP/AVP %s\na=rtpmap:101 telephone-event/8000\n%s",
		family, address, family, address, port, formats, lines)
}

// establish calls with an offer of PCMU and acknowledges the 200.
func (c *dialled) establish() *sipgo.Response {
	c.t.Helper()
	c.send("INVITE", c.offer("0 101"))
	res := c.response(200)
	c.took(res)
	c.ack("")
	return res
}

// took notes the tag of a 200.
func (c *dialled) took(res *sipgo.Response) { c.to, _ = res.To().Params.Get("tag") }

// ack acknowledges the 2xx to the last INVITE; more is an answer, if there is one.
func (c *dialled) ack(more string) {
	c.t.Helper()
	c.sendAs("ACK", "z9hG4bK"+token(), c.seq, more)
}

// refused takes the refusal of the INVITE with this branch and acknowledges it.
func (c *dialled) refused(branch string, status int) *sipgo.Response {
	c.t.Helper()
	res := c.response(status)
	to := c.to
	c.took(res)
	c.sendAs("ACK", branch, int(res.CSeq().SeqNo), "")
	c.to = to
	return res
}

// bye hangs up.
func (c *dialled) bye() {
	c.t.Helper()
	c.send("BYE", "")
	c.response(200)
}

// hears waits for an RTP packet.
func (c *dialled) hears(rtp *net.UDPConn) {
	c.t.Helper()
	buffer := make([]byte, 2000)
	_ = rtp.SetReadDeadline(time.Now().Add(patience))
	if n, _, err := rtp.ReadFromUDP(buffer); err != nil || n < 12 {
		c.t.Fatalf("no RTP: %d octets, %v", n, err)
	}
}

// deaf tells that no RTP packet is waiting or comes within a few ticks.
func deaf(rtp *net.UDPConn) bool {
	_ = rtp.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	_, _, err := rtp.ReadFromUDP(make([]byte, 2000))
	return err != nil
}
