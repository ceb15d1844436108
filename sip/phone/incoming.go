package phone

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Incoming is an INVITE that came to the phone and has no final response of it yet. Nothing is answered by itself but
// what is repeated. Its methods may be used by several goroutines.
type Incoming struct {
	phone  *Phone
	invite *sipgo.Request
	from   string // where the INVITE came from
	dialog *dialog

	cancelled chan struct{}
	acked     chan struct{}

	mu     sync.Mutex
	last   *sipgo.Response // sent last
	forks  []*Incoming     // other phones that got the same INVITE
	cancel *sipgo.Request
}

// Incoming waits for the next call to the phone.
func (p *Phone) Incoming(ctx context.Context) (*Incoming, error) {
	select {
	case in := <-p.rings:
		return in, nil
	case <-p.closing:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("no call came in: %w", ctx.Err())
	}
}

// ring takes what belongs to the INVITE of an incoming call, and reports whether it did.
func (p *Phone) ring(req *sipgo.Request, key dialogKey, from string) bool {
	if req.Via() == nil || req.From() == nil || req.To() == nil {
		return false
	}
	branch, _ := req.Via().Params.Get("branch")
	p.mu.Lock()
	in := p.invites[branch]
	if req.Method == sipgo.ACK { // the one to a 2xx has a branch of its own
		for _, other := range p.invites {
			if in == nil && other.isIn(key) {
				in = other
			}
		}
	}
	p.mu.Unlock()
	switch {
	case req.Method == sipgo.ACK:
		if in != nil {
			in.acknowledged(key)
		}
		return true
	case in != nil && req.Method == sipgo.CANCEL:
		in.stop(req)
		return true
	case in != nil && req.Method == sipgo.INVITE:
		in.repeat()
		return true
	case req.Method != sipgo.INVITE || key.tag != "":
		return false
	}
	via, err := p.sentBy(from)
	if err != nil {
		return true // the connection is gone, and the INVITE with it
	}
	in = newIncoming(p, req, from, answering(p.transport, via, req))
	p.mu.Lock()
	p.invites[branch] = in
	p.mu.Unlock()
	select {
	case p.rings <- in:
	default: // nobody takes so many
	}
	return true
}

func newIncoming(p *Phone, invite *sipgo.Request, from string, d *dialog) *Incoming {
	return &Incoming{phone: p, invite: invite, from: from, dialog: d,
		cancelled: make(chan struct{}), acked: make(chan struct{})}
}

// isIn tells whether the dialog of in, or of one of its forks, has this key.
func (in *Incoming) isIn(key dialogKey) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.dialog.key() == key {
		return true
	}
	for _, fork := range in.forks {
		if fork.dialog.key() == key {
			return true
		}
	}
	return false
}

// Request is the INVITE.
func (in *Incoming) Request() *sipgo.Request { return in.invite }

// Cancelled is closed when a CANCEL has come before the final response.
func (in *Incoming) Cancelled() <-chan struct{} { return in.cancelled }

// Acknowledged is closed when the ACK to the final response has come.
func (in *Incoming) Acknowledged() <-chan struct{} { return in.acked }

// CancelRequest is the CANCEL that came; nil: none did.
func (in *Incoming) CancelRequest() *sipgo.Request {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.cancel
}

// Fork is the same INVITE as another phone behind the same contact got it: a proxy in between has forked it. What it
// answers bears another To tag.
func (in *Incoming) Fork() *Incoming {
	fork := newIncoming(in.phone, in.invite, in.from, answering(in.phone.transport, in.dialog.via, in.invite))
	in.mu.Lock()
	defer in.mu.Unlock()
	in.forks = append(in.forks, fork)
	return fork
}

// Ring answers 180.
func (in *Incoming) Ring() error {
	return in.respond(sipgo.NewResponseFromRequest(in.invite, 180, "Ringing", nil))
}

// Progress answers 183 with a session description.
func (in *Incoming) Progress(description string) error {
	res := sipgo.NewResponseFromRequest(in.invite, 183, "Session Progress", nil)
	res.AppendHeader(in.dialog.contact())
	contentType := sipgo.ContentTypeHeader("application/sdp")
	res.AppendHeader(&contentType)
	res.SetBody([]byte(description))
	return in.respond(res)
}

// Refuse answers with a final response of 300 to 699; headers are added to it.
func (in *Incoming) Refuse(status int, reason string, headers ...sipgo.Header) error {
	res := sipgo.NewResponseFromRequest(in.invite, status, reason, nil)
	for _, h := range headers {
		res.AppendHeader(h)
	}
	return in.respond(res)
}

// Answer answers 200, with the audio that o says: of what is offered, the first of its codecs that o has. It returns when
// the ACK has come, and sends the 200 again until then.
func (in *Incoming) Answer(ctx context.Context, o Options) (*Call, error) {
	o = o.withDefaults()
	offer, err := ParseDescription(in.invite.Body())
	if err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	c, err := callIn(in.phone, in.from, o, in.dialog)
	if err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	offer = offer.only(o.Codecs)
	c.local.follow(offer)
	c.remote = offer
	c.sequence = in.invite.CSeq().SeqNo
	close(c.final)
	in.phone.mu.Lock()
	in.phone.calls[in.dialog.key()] = c
	in.phone.mu.Unlock()
	res := sipgo.NewResponseFromRequest(in.invite, 200, "OK", nil)
	res.AppendHeader(in.dialog.contact())
	for _, h := range o.Headers {
		res.AppendHeader(h)
	}
	c.attach(res)
	c.response = res
	if err := in.respond(res); err != nil {
		c.finish(err.Error())
		return nil, fmt.Errorf("answer: %w", err)
	}
	c.apply()
	if c.stream != nil && !o.Mute {
		c.stream.speak()
	}
	if err := in.settle(ctx, c); err != nil {
		c.finish(err.Error())
		return nil, fmt.Errorf("answer: %w", err)
	}
	return c, nil
}

// settle sends the 200 again until its ACK comes (RFC 3261 13.3.1.4).
func (in *Incoming) settle(ctx context.Context, c *Call) error {
	pause := t1
	again := time.NewTimer(pause)
	defer again.Stop()
	giveUp := time.NewTimer(64 * t1)
	defer giveUp.Stop()
	for {
		select {
		case <-in.acked:
			return nil
		case <-c.done: // a BYE behind an ACK that was lost
			return nil
		case <-again.C:
			in.repeat()
			pause = min(2*pause, t2)
			again.Reset(pause)
		case <-giveUp.C:
			return errors.New("no ACK came")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// respond sends a response, with our tag in To.
func (in *Incoming) respond(res *sipgo.Response) error {
	tag, _ := in.dialog.from.Params.Get("tag")
	res.To().Params.Add("tag", tag)
	in.mu.Lock()
	in.last = res
	in.mu.Unlock()
	return in.repeat()
}

// repeat sends the last response again, if there was one.
func (in *Incoming) repeat() error {
	in.mu.Lock()
	last := in.last
	in.mu.Unlock()
	if last == nil {
		return nil
	}
	return in.phone.send(outgoing{server: in.from, bytes: []byte(last.String())})
}

// stop takes a CANCEL: the INVITE is answered 487 unless it has its final response already (RFC 3261 9.2).
func (in *Incoming) stop(cancel *sipgo.Request) {
	res := sipgo.NewResponseFromRequest(cancel, 200, "OK", nil)
	in.phone.send(outgoing{server: in.from, bytes: []byte(res.String())}) // a lost response is asked for again
	in.mu.Lock()
	repeated := in.cancel != nil
	in.cancel = cancel
	open := in.last == nil || in.last.StatusCode < 200
	in.mu.Unlock()
	if repeated {
		return
	}
	if open {
		close(in.cancelled)
		in.Refuse(487, "Request Terminated") // as above
	}
}

func (in *Incoming) acknowledged(key dialogKey) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, fork := range slices.Concat(in.forks, []*Incoming{in}) {
		if fork.dialog.key() != key {
			continue
		}
		select {
		case <-fork.acked:
		default:
			close(fork.acked)
		}
	}
}

// only is the description with no codecs but these; all of it where it has none of them.
func (d Description) only(codecs []Codec) Description {
	var types []uint8
	for _, pt := range d.PayloadTypes {
		for _, c := range codecs {
			if have, ok := d.Codecs[pt]; ok && have == c {
				types = append(types, pt)
			}
		}
	}
	if len(types) > 0 {
		d.PayloadTypes = types
	}
	return d
}
