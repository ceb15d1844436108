package phone

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Call is one call of a phone. Its methods may be used by several goroutines.
type Call struct {
	phone   *Phone
	server  string
	options Options
	stream  *stream       // nil with Options.Media
	final   chan struct{} // closed when the INVITE got its final response or none
	done    chan struct{} // closed when the call is over

	mu       sync.Mutex
	dialog   *dialog
	invite   *sipgo.Request
	local    description // what we offered or answered last
	remote   Description
	began    time.Time
	took     time.Duration
	response *sipgo.Response
	err      error
	ending   string
	over     bool
	request  *sipgo.Request // the far end's latest
	sequence uint32         // CSeq of the far end's latest request
	branches []string       // of our INVITEs, whose ACKs are kept
	notices  []Notice
}

func newCall(p *Phone, server, number string, o Options) (*Call, error) {
	o = o.withDefaults()
	via, err := p.sentBy(server)
	if err != nil {
		return nil, err
	}
	c, err := callIn(p, server, o, newDialog(p.transport, via, server, number, o.From))
	if err != nil {
		return nil, err
	}
	if o.To != "" {
		c.dialog.to.Address.User = o.To
	}
	c.dialog.from.DisplayName = o.Name
	c.invite = c.newInvite()
	p.mu.Lock()
	p.calls[c.dialog.key()] = c
	p.mu.Unlock()
	c.began = time.Now()
	if err := p.start(c.dial); err != nil {
		c.finish(err.Error())
		return nil, err
	}
	return c, nil
}

// newInvite is an INVITE as Options has it.
func (c *Call) newInvite() *sipgo.Request {
	invite := c.dialog.request(sipgo.INVITE)
	invite.AppendHeader(sipgo.NewHeader("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO"))
	for _, h := range c.options.Headers {
		invite.AppendHeader(h)
	}
	if !c.options.Offerless {
		c.attach(invite)
	}
	return invite
}

// callIn is a call of a dialog, with audio that is not started yet.
func callIn(p *Phone, server string, o Options, d *dialog) (*Call, error) {
	c := &Call{
		phone:   p,
		server:  server,
		options: o,
		final:   make(chan struct{}),
		done:    make(chan struct{}),
		dialog:  d,
	}
	media := o.Media
	if !media.IsValid() {
		var err error
		if c.stream, err = newStream(p, d.via.Addr(), o); err != nil {
			return nil, err
		}
		media = c.stream.address()
	}
	c.local = newDescription(o, media)
	return c, nil
}

// attach puts our description into msg.
func (c *Call) attach(msg interface {
	AppendHeader(sipgo.Header)
	SetBody([]byte)
}) {
	text := c.local.String()
	if c.options.Edit != nil {
		text = c.options.Edit(text)
	}
	contentType := sipgo.ContentTypeHeader("application/sdp")
	msg.AppendHeader(&contentType)
	msg.SetBody([]byte(text))
}

// dial carries the INVITE through to its final response.
func (c *Call) dial() {
	invite := c.inviteNow()
	res, err := c.phone.transact(context.Background(), invite, c.server, nil)
	if err == nil && res.StatusCode == 401 && c.options.Password != "" {
		c.mu.Lock()
		invite = c.newInvite()
		err = authorize(invite, res, c.options.User, c.options.Password, "")
		c.invite = invite
		c.mu.Unlock()
		if err == nil {
			res, err = c.phone.transact(context.Background(), invite, c.server, nil)
		}
	}
	if err == nil && res.StatusCode >= 300 {
		err = &Refused{sipgo.INVITE, res}
	}
	if err == nil {
		err = c.accept(invite, res, c.options.LoseACKs)
	}
	c.mu.Lock()
	c.took = time.Since(c.began)
	c.response, c.err = res, err
	c.mu.Unlock()
	if err != nil {
		c.finish(err.Error())
	} else if c.stream != nil && !c.options.Mute {
		c.stream.speak()
	}
	close(c.final)
}

// inviteNow is the INVITE that has no final response yet, or had the last one.
func (c *Call) inviteNow() *sipgo.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.invite
}

// accept takes the 2xx to an INVITE and acknowledges it. Whatever is wrong
// with the description in it, the ACK is sent first.
func (c *Call) accept(invite *sipgo.Request, res *sipgo.Response, loseACKs int) error {
	c.mu.Lock()
	c.dialog.confirm(res)
	remote, err := ParseDescription(res.Body())
	if err == nil {
		c.remote = remote
	}
	ack := c.dialog.numbered(sipgo.ACK, invite.CSeq().SeqNo)
	if len(invite.Body()) == 0 { // the offer came in the 2xx
		if err == nil {
			c.remote = remote.only(c.options.Codecs)
			c.local.follow(c.remote)
		}
		c.attach(ack)
	}
	branch, _ := invite.Via().Params.Get("branch")
	c.branches = append(c.branches, branch)
	c.mu.Unlock()
	if sendErr := c.phone.acknowledge(branch, outgoing{c.server, []byte(ack.String()), loseACKs}); sendErr != nil {
		return fmt.Errorf("send ACK: %w", sendErr)
	}
	if err != nil {
		return fmt.Errorf("description in the %d: %w", res.StatusCode, err)
	}
	c.apply()
	return nil
}

// apply gives the stream what the latest descriptions settled.
func (c *Call) apply() {
	if c.stream == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stream.configure(c.local, c.remote)
}

// Answered waits for the final response to the INVITE: nil for 2xx, *Refused
// for another, or why there was none. It returns early with ctx's error.
func (c *Call) Answered(ctx context.Context) error {
	select {
	case <-c.final:
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.err
	case <-ctx.Done():
		return fmt.Errorf("call not answered: %w", ctx.Err())
	}
}

// Cancel sends a CANCEL and waits for the final response to the INVITE. It
// returns nil if the call was answered nevertheless, else what Answered does: usually
// *Refused with status 487.
func (c *Call) Cancel(ctx context.Context) error {
	select {
	case <-c.final:
		return c.Answered(ctx)
	default:
	}
	cancel := sameTransaction(c.inviteNow(), sipgo.CANCEL)
	res, err := c.phone.transact(ctx, cancel, c.server, nil)
	if err == nil && res.StatusCode >= 300 {
		err = &Refused{sipgo.CANCEL, res}
	}
	if err != nil && !errors.Is(err, ErrClosed) {
		select {
		case <-c.final: // too late: the INVITE was answered before
		default:
			return err
		}
	}
	return c.Answered(ctx)
}

// Hangup sends BYE and waits for its response. It does nothing on a call that is over.
func (c *Call) Hangup() error {
	c.mu.Lock()
	over := c.over
	c.mu.Unlock()
	if over {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 64*t1)
	defer cancel()
	_, err := c.Request(ctx, sipgo.BYE, "", "")
	c.finish("hung up")
	return err
}

// Forget ends the call without a word, as a phone does that has restarted: requests in it are answered with 481.
func (c *Call) Forget() { c.finish("forgotten") }

// Done is closed when the call is over, whoever ended it.
func (c *Call) Done() <-chan struct{} { return c.done }

// Ending tells how the call ended: "hung up", "BYE received" with its Reason header if
// there is one, or an error's text. It is empty while the call lasts.
func (c *Call) Ending() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending
}

// Response returns the final response to the INVITE, nil before it came.
func (c *Call) Response() *sipgo.Response {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.response
}

// SetupTime is how long it took from sending the INVITE to its final response.
func (c *Call) SetupTime() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.took
}

// LastRequest is the latest request of the far end in the dialog; nil: there was none.
func (c *Call) LastRequest() *sipgo.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.request
}

// Remote returns what the far end described last.
func (c *Call) Remote() Description {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remote
}

// finish ends the call on our side, once.
func (c *Call) finish(why string) {
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return
	}
	c.over, c.ending = true, why
	branches, key := c.branches, c.dialog.key()
	c.mu.Unlock()
	c.phone.mu.Lock()
	delete(c.phone.calls, key)
	c.phone.ended[key] = true
	for _, b := range branches {
		delete(c.phone.acks, b)
	}
	c.phone.mu.Unlock()
	if c.stream != nil {
		c.stream.close()
	}
	close(c.done)
}
