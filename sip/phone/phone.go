// Package phone is a small telephone: it places and takes calls over SIP, speaks and
// hears RTP, presses keys and misbehaves on request. Tests and the benchmark
// call the server with it, so it shares no code with the server beyond the
// SIP message parser: what both got wrong in the same way would go unseen.
//
//	ph, err := phone.New("udp", "127.0.0.1")
//	defer ph.Close()
//	call, err := ph.Dial(ctx, "127.0.0.1:5060", "1000", phone.Options{})
//	call.Press("1234#", phone.Press{})
//	call.Say(phone.Tone(440, -10))
//	heard := call.Listen(time.Second)
//	err = call.Hangup()
package phone

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"

	sipgo "github.com/emiago/sipgo/sip"
)

// ErrClosed is what is returned for work on a phone that was closed.
var ErrClosed = errors.New("phone is closed")

// Phone is one SIP address and transport from which any number of calls may
// be made at a time. Its methods may be used by several goroutines.
type Phone struct {
	transport string // "udp", "tcp" or "tls"
	host      netip.Addr
	closing   chan struct{}
	work      sync.WaitGroup // every goroutine of the phone and its calls

	mu      sync.Mutex
	closed  bool
	udp     *net.UDPConn
	tcp     map[string]net.Conn // by server
	waiting map[string]chan *sipgo.Response
	acks    map[string]*outgoing // by branch of the INVITE: sent again with each final response
	calls   map[dialogKey]*Call
	watches map[dialogKey]*Subscription
	ended   map[dialogKey]bool   // calls that are over: a repeated BYE still gets its 200
	invites map[string]*Incoming // by branch of the INVITE
	rings   chan *Incoming       // not yet taken by Incoming
}

// maxRinging is how many incoming calls may wait for Incoming.
const maxRinging = 100

// New returns a phone that signals over transport ("udp", "tcp" or "tls") from the
// IP address host, at a port that the system chooses.
func New(transport, host string) (*Phone, error) {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return nil, fmt.Errorf("new phone: %w", err)
	}
	p := &Phone{
		transport: transport,
		host:      addr,
		closing:   make(chan struct{}),
		tcp:       make(map[string]net.Conn),
		waiting:   make(map[string]chan *sipgo.Response),
		acks:      make(map[string]*outgoing),
		calls:     make(map[dialogKey]*Call),
		watches:   make(map[dialogKey]*Subscription),
		ended:     make(map[dialogKey]bool),
		invites:   make(map[string]*Incoming),
		rings:     make(chan *Incoming, maxRinging),
	}
	switch transport {
	case "udp":
		if err := p.bind(); err != nil {
			return nil, fmt.Errorf("new phone: %w", err)
		}
	case "tcp", "tls": // connects when it is first needed
	default:
		return nil, fmt.Errorf("new phone: transport %q is none of udp, tcp and tls", transport)
	}
	return p, nil
}

// Close ends the phone abruptly, as if its cable were pulled: no BYE is sent.
// It returns when all its goroutines have ended.
func (p *Phone) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	close(p.closing)
	if p.udp != nil {
		p.udp.Close()
	}
	for _, conn := range p.tcp {
		conn.Close()
	}
	calls := make([]*Call, 0, len(p.calls))
	for _, c := range p.calls {
		calls = append(calls, c)
	}
	p.mu.Unlock()
	for _, c := range calls {
		c.finish("phone closed")
	}
	p.work.Wait()
	return nil
}

// Dial calls number at server ("host:port") and returns when the call is
// answered and acknowledged. If ctx ends first, the call is cancelled. A final
// response that refuses the call is returned as *Refused.
func (p *Phone) Dial(ctx context.Context, server, number string, o Options) (*Call, error) {
	c, err := p.Invite(server, number, o)
	if err != nil {
		return nil, err
	}
	if err := c.Answered(ctx); err != nil {
		if ctx.Err() != nil {
			// Its own time: ctx has none left.
			late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 4*t2)
			defer cancel()
			if c.Cancel(late) == nil {
				c.Hangup()
			}
		}
		return nil, err
	}
	return c, nil
}

// Invite sends an INVITE for number to server ("host:port") and returns at
// once. The call is acknowledged by itself when it is answered.
func (p *Phone) Invite(server, number string, o Options) (*Call, error) {
	c, err := newCall(p, server, number, o)
	if err != nil {
		return nil, fmt.Errorf("call %s at %s: %w", number, server, err)
	}
	return c, nil
}

// Ask sends a request outside any call, OPTIONS for example, to
// sip:number@server and returns its final response. An empty number asks the
// server itself. Headers are added to the usual ones.
func (p *Phone) Ask(ctx context.Context, server, number string, method sipgo.RequestMethod, headers ...sipgo.Header) (*sipgo.Response, error) {
	via, err := p.sentBy(server)
	if err != nil {
		return nil, fmt.Errorf("%s to %s: %w", method, server, err)
	}
	d := newDialog(p.transport, via, server, number, "phone")
	req := d.request(method)
	for _, h := range headers {
		req.AppendHeader(h)
	}
	res, err := p.transact(ctx, req, server, nil)
	if err != nil {
		return nil, fmt.Errorf("%s to %s: %w", method, server, err)
	}
	return res, nil
}

// start runs work on a goroutine that Close waits for.
func (p *Phone) start(work func()) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	p.work.Go(work)
	return nil
}

// Refused is the error for a request that got a final response other than 2xx.
type Refused struct {
	Method   sipgo.RequestMethod
	Response *sipgo.Response
}

// Status returns the code of the response: 486 for example.
func (r *Refused) Status() int { return r.Response.StatusCode }

func (r *Refused) Error() string {
	text := fmt.Sprintf("%s refused: %d %s", r.Method, r.Response.StatusCode, r.Response.Reason)
	if w := r.Response.GetHeader("Warning"); w != nil {
		text += ", warning " + strings.TrimSpace(w.Value())
	}
	return text
}
