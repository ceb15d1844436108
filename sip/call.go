package sip

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media"
	"conclave/rooms"
	"conclave/sip/wire"
)

// state is how far the dialog of a call has come.
type state uint8

const (
	invited   state = iota // the INVITE has no final response
	answered               // our 2xx is sent, its ACK has not come
	confirmed              // the ACK has come
	ended                  // refused, or a BYE has been answered
)

// Call is one call: a dialog and what hangs on it. It implements rooms.Call.
type Call struct {
	server    *Server
	id        DialogID
	birth     birth
	caller    rooms.Caller
	log       *slog.Logger
	mail      *mailbox
	cancelled atomic.Bool

	// What follows belongs to the goroutine of run. leg is set before the visit begins.
	state   state
	leaving bool      // the conversation is over or told to end, no more is negotiated
	began   time.Time // our 2xx was sent; zero: not yet
	reason  string    // why it ended
	past    past
	invite  *wire.ServerTx
	peer    wire.Peer
	dialog  Dialog
	unacked *unacked    // our last 2xx to an INVITE, nil once it has its ACK
	reoffer *reoffer    // our own re-INVITE, nil where there is none under way
	byeWait *time.Timer // for the answer to our BYE
	faults  int
	// challenged tells that the INVITE was refused with a challenge.
	challenged bool

	room    rooms.Room
	leg     *media.Leg
	session session
	ctx     context.Context // of the visit
	cancel  context.CancelCauseFunc
	visit   *rooms.Visit
	left    <-chan struct{} // closed when the visit is over; nil where there is none
}

// The events of a call, beside those of the network.
type (
	request struct {
		req *sipgo.Request
		tx  *wire.ServerTx // nil for an ACK
	}
	hangup    struct{ reason string }
	byeEnded  struct{} // our BYE was answered, or no answer is to be expected any more
	visitOver struct{} // nobody has the leg any more
	forcedEnd struct{} // the server waits no longer
)

func newCall(s *Server, invite *sipgo.Request, tx *wire.ServerTx) *Call {
	id := dialogOf(invite)
	id.Local = tx.ToTag()
	c := &Call{
		server: s,
		id:     id,
		birth:  birthOf(invite),
		caller: callerOf(invite, tx.Peer().Remote),
		log:    s.log.With("call", id.Local),
		mail:   newMailbox(),
		invite: tx,
		dialog: NewDialog(invite, id.Local),
		past:   newPast(invite),
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	return c
}

// ID implements rooms.Call: the tag of our side of the dialog, which traces show, too.
func (c *Call) ID() string { return c.id.Local }

// Caller implements rooms.Call.
func (c *Call) Caller() rooms.Caller { return c.caller }

// Leg implements rooms.Call.
func (c *Call) Leg() *media.Leg { return c.leg }

// Hangup implements rooms.Call: it ends the call with a BYE. It returns at once and may be
// called from any goroutine, any number of times.
func (c *Call) Hangup(reason string) { c.mail.post(hangup{reason}) }

// run is the call's goroutine: it works off the mailbox until nothing is left of the call.
func (c *Call) run() {
	defer c.release()
	c.pin(c.invite.Peer())
	forced := c.server.forced
	for c.state != ended || c.left != nil {
		select {
		case <-c.mail.ready:
			for _, event := range c.mail.take() {
				c.handle(event)
			}
		case <-c.left:
			c.left = nil
			c.handle(visitOver{})
		case <-forced:
			forced = nil
			c.handle(forcedEnd{})
		}
	}
}

// handle is the one door for all that happens to a call. A fault ends the call, and no more.
func (c *Call) handle(event any) {
	defer func() {
		fault := recover()
		if fault == nil {
			return
		}
		c.server.fault(c.log, fault)
		if c.faults++; c.faults > 1 {
			c.leave("internal error")
			c.end() // not even the end goes well: leave without
			return
		}
		if e, ok := event.(request); ok && e.tx != nil {
			_ = e.tx.Reply(sipgo.StatusInternalServerError, "")
		}
		c.mail.post(hangup{"internal error"})
	}()
	switch e := event.(type) {
	case request:
		if err := c.serve(e); err != nil && e.tx != nil {
			c.server.refuse(e.tx, err)
		}
	case resend:
		c.resend(e.unacked)
	case hangup:
		c.hangUp(e.reason)
	case byeEnded:
		c.end()
	case visitOver:
		c.vacate()
	case forcedEnd:
		c.hangUp("the server is shutting down")
		c.end()
	case reofferDue:
		c.sendReoffer(e.reoffer)
	case reofferAnswer:
		c.reoffered(e)
	}
}

// serve works on a request of the far end. The error is what it is refused with.
func (c *Call) serve(e request) error {
	switch {
	case e.req.Method == sipgo.ACK:
		c.acknowledged(e.req)
		return nil
	case c.state == invited:
		return c.open(e)
	}
	dialog, err := c.dialog.Receive(e.req)
	if err != nil {
		return err
	}
	c.dialog = dialog
	if e.req.Method == sipgo.BYE {
		return c.receiveBye(e)
	}
	if c.leaving {
		// RFC 5407 3.2: once a BYE is under way only another BYE is taken.
		return errNoDialog
	}
	if r := wire.Unacceptable(e.req, nil); r != nil {
		return rejected{r}
	}
	switch e.req.Method {
	case sipgo.INVITE:
		return c.reinvite(e)
	case sipgo.UPDATE:
		return c.update(e)
	case sipgo.INFO:
		return c.receiveInfo(e)
	case sipgo.OPTIONS:
		return e.tx.Reply(sipgo.StatusOK, "OK", capabilities()...)
	}
	return errNoDialog
}

// receiveInfo takes a digit. An INFO without a body only asks whether the call is alive.
func (c *Call) receiveInfo(e request) error {
	kind := e.req.ContentType()
	if kind == nil && len(e.req.Body()) == 0 {
		return e.tx.Reply(sipgo.StatusOK, "OK")
	}
	if kind == nil {
		return errInfoType
	}
	digit, err := infoDigit(kind.Value(), e.req.Body())
	if errors.Is(err, errInfoType) {
		return err
	}
	if err != nil {
		return rejected{reject(sipgo.StatusBadRequest, "", warning(399, err.Error()))}
	}
	if c.visit != nil {
		c.visit.Digit(digit)
	}
	return e.tx.Reply(sipgo.StatusOK, "OK")
}

// pin keeps the way back to the far end, and over TCP the connection open.
func (c *Call) pin(peer wire.Peer) {
	peer.Conn.Ref(1)
	c.unpin()
	c.peer = peer
}

func (c *Call) unpin() {
	if c.peer.Conn != nil {
		c.peer.Conn.Ref(-1)
	}
}
