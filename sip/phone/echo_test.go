package phone

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// echo answers calls and sends back the RTP that it gets.
type echo struct {
	t     *testing.T
	addr  string // where it listens for SIP, host:port
	rtp   *net.UDPConn
	serve sync.WaitGroup

	mu       sync.Mutex
	respond  func(req *sipgo.Request) []*sipgo.Response // nil: the usual; an empty result is silence
	requests []*sipgo.Request
	reply    func([]byte) // to where the last request came from
	heard    [][]byte     // RTP
	sources  map[netip.AddrPort]int
	arrived  chan struct{} // closed and renewed with each request and packet
}

func newEcho(t *testing.T, transport, host string) *echo {
	t.Helper()
	addr := netip.AddrPortFrom(netip.MustParseAddr(host), 0)
	rtp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		t.Skipf("no address %s on this machine: %v", host, err)
	}
	e := &echo{t: t, rtp: rtp, sources: map[netip.AddrPort]int{}, arrived: make(chan struct{})}
	t.Cleanup(e.serve.Wait)
	t.Cleanup(func() { rtp.Close() })
	e.serve.Go(e.reflect)
	if transport == "udp" {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		e.addr = conn.LocalAddr().String()
		e.serve.Go(func() {
			buffer := make([]byte, 65536)
			for {
				n, from, err := conn.ReadFromUDP(buffer)
				if err != nil {
					return
				}
				msg, err := sipgo.ParseMessage([]byte(string(buffer[:n])))
				if err != nil {
					t.Errorf("the phone sent %q: %v", buffer[:n], err)
					continue
				}
				e.take(msg, func(b []byte) { conn.WriteToUDP(b, from) })
			}
		})
		return e
	}
	listener, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(addr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	e.addr = listener.Addr().String()
	e.serve.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			e.serve.Go(func() {
				defer conn.Close()
				stream := sipgo.NewParser().NewSIPStream()
				buffer := make([]byte, 65536)
				for {
					n, err := conn.Read(buffer)
					if err != nil {
						return
					}
					err = stream.ParseSIPStream([]byte(string(buffer[:n])), func(msg sipgo.Message) {
						e.take(msg, func(b []byte) { conn.Write(b) })
					})
					if err != nil && !errors.Is(err, sipgo.ErrParseSipPartial) {
						t.Errorf("the phone sent %q: %v", buffer[:n], err)
						return
					}
				}
			})
		}
	})
	return e
}

func (e *echo) reflect() {
	buffer := make([]byte, 2048)
	for {
		n, from, err := e.rtp.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		e.mu.Lock()
		e.heard = append(e.heard, []byte(string(buffer[:n])))
		e.sources[from]++
		e.changed()
		e.mu.Unlock()
		e.rtp.WriteToUDPAddrPort(buffer[:n], from)
	}
}

// changed wakes who waits; the caller holds e.mu.
func (e *echo) changed() {
	close(e.arrived)
	e.arrived = make(chan struct{})
}

// until waits for a state of the echo.
func (e *echo) until(what string, reached func() bool) {
	e.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		e.mu.Lock()
		ok, arrived := reached(), e.arrived
		e.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-arrived:
		case <-deadline:
			e.t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (e *echo) take(msg sipgo.Message, reply func([]byte)) {
	req, ok := msg.(*sipgo.Request)
	if !ok {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.requests = append(e.requests, req)
	e.reply = reply
	e.changed()
	if req.Method == sipgo.ACK {
		return
	}
	respond := e.usual
	if e.respond != nil {
		respond = e.respond
	}
	for _, res := range respond(req) {
		reply([]byte(res.String()))
	}
}

// answer makes the echo respond otherwise than usual. The function runs with e.mu held.
func (e *echo) answer(respond func(req *sipgo.Request) []*sipgo.Response) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.respond = respond
}

// repeat sends the responses to the first request again.
func (e *echo) repeat() {
	e.mu.Lock()
	defer e.mu.Unlock()
	respond := e.usual
	if e.respond != nil {
		respond = e.respond
	}
	for _, res := range respond(e.requests[0]) {
		e.reply([]byte(res.String()))
	}
}

// usual accepts everything.
func (e *echo) usual(req *sipgo.Request) []*sipgo.Response {
	res := e.response(req, 200, "OK")
	if req.Method == sipgo.INVITE || req.Method == sipgo.UPDATE {
		contentType := sipgo.ContentTypeHeader("application/sdp")
		res.AppendHeader(&contentType)
		res.SetBody([]byte(e.description(string(req.Body()))))
	}
	return []*sipgo.Response{res}
}

func (e *echo) response(req *sipgo.Request, code int, reason string) *sipgo.Response {
	res := sipgo.NewResponseFromRequest(req, code, reason, nil)
	if _, ok := res.To().Params.Get("tag"); !ok && code > 100 {
		res.To().Params.Add("tag", "echo")
	}
	var contact sipgo.Uri
	if err := sipgo.ParseUri("sip:echo@"+e.addr, &contact); err != nil {
		e.t.Error(err)
	}
	res.AppendHeader(&sipgo.ContactHeader{Address: contact})
	return res
}

func (e *echo) description(offer string) string {
	addr := e.rtp.LocalAddr().(*net.UDPAddr).AddrPort()
	d := description{options: Options{}.withDefaults(), address: addr, direction: "sendrecv"}
	if offered, err := ParseDescription([]byte(offer)); err == nil {
		d.follow(offered)
	}
	return d.String()
}

// hangUp sends BYE for the call of the first INVITE.
func (e *echo) hangUp() {
	e.mu.Lock()
	defer e.mu.Unlock()
	invite := e.requests[0]
	bye := sipgo.NewRequest(sipgo.BYE, invite.Contact().Address)
	via := invite.Via().Clone()
	via.Params = sipgo.NewParams()
	via.Params.Add("branch", "z9hG4bKbye")
	bye.AppendHeader(via)
	bye.AppendHeader(sipgo.NewHeader("From", invite.To().Value()+";tag=echo"))
	bye.AppendHeader(sipgo.NewHeader("To", invite.From().Value()))
	bye.AppendHeader(sipgo.NewHeader("Call-ID", string(*invite.CallID())))
	bye.AppendHeader(sipgo.NewHeader("CSeq", "1 BYE"))
	bye.SetBody(nil)
	e.reply([]byte(bye.String()))
}

// sent returns the requests so far.
func (e *echo) sent() []*sipgo.Request {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.requests)
}

// methods lists what the phone asked for, in order.
func methods(requests []*sipgo.Request) string {
	var all []string
	for _, r := range requests {
		all = append(all, string(r.Method))
	}
	return strings.Join(all, " ")
}

// dial returns an answered call of a new phone.
func (e *echo) dial(transport, host string, o Options) *Call {
	e.t.Helper()
	ph := newPhone(e.t, transport, host)
	call, err := ph.Dial(timeout(e.t), e.addr, "1000", o)
	if err != nil {
		e.t.Fatal(err)
	}
	return call
}

func newPhone(t *testing.T, transport, host string) *Phone {
	t.Helper()
	ph, err := New(transport, host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ph.Close() })
	return ph
}

func timeout(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}
