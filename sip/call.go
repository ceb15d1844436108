package sip

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media"
	"conclave/rooms"
	"conclave/sip/dialoginfo"
	"conclave/sip/wire"
	"conclave/store"
)

// state is how far the dialog of a call has come.
type state uint8

const (
	invited   state = iota // the far end's INVITE has no final response
	calling                // ours has none
	answered               // our 2xx is sent, its ACK has not come
	confirmed              // the ACK has come, or is sent
	ended                  // refused, or a BYE has been answered
)

// stay is what the house makes of a call that is answered: a visit to a room, or a part in a talk with another call.
type stay interface {
	Digit(key byte)
	Hold(on bool)          // by the far end
	Done() <-chan struct{} // the leg may be closed, or go elsewhere
	Stay() rooms.Stay      // how it went, after Done
}

// Call is one call: a dialog and what hangs on it. It implements rooms.Call. Whether the far end has called or was called
// makes a difference until it is answered.
type Call struct {
	server    *Server
	id        DialogID
	birth     birth
	caller    rooms.Caller
	log       *slog.Logger
	mail      *mailbox
	cancelled atomic.Bool

	// What follows belongs to the goroutine of run. leg and caller are set before the stay begins.
	state        state
	leaving      bool      // the conversation is over or told to end, no more is negotiated
	began        time.Time // our 2xx was sent; zero: not yet
	reason       error     // why it ended; nil: it has not
	past         past
	invite       *wire.ServerTx // the far end's; nil where we have called
	out          *outgoing      // what there is where we have called; nil for a call that came in
	fork         *fork          // who is rung for this call; nil: nobody
	provisionals provisionals   // what it is answered with before
	preview      preview        // of who calls or is called, before the answer; nil: none
	opening      opening        // how invite is answered
	room         rooms.Room     // that was called, or that the call has been transferred to; zero: none
	sips         bool           // the INVITE asks for TLS all the way (RFC 5630)
	number       string         // ours in the dialog: the user part of our Contact
	peer         wire.Peer
	proven       wire.Peer // the far end's, whose messages come before strangers'; zero before the dialog is confirmed
	dialog       Dialog
	unacked      *unacked // our last 2xx to an INVITE, nil once it has its ACK
	reoffer      *reoffer // our own re-INVITE, nil where there is none under way
	// referral is the far end's REFER, nil where none is under way; refers counts those that there were.
	referral *referral
	refers   int
	expiry   *expiry // of the session; nil: it does not end by itself
	// leastInterval is the shortest session that the far end takes; 0: it has said nothing of that.
	leastInterval time.Duration
	takesUpdate   bool             // the far end serves UPDATE
	byeWait       *time.Timer      // for the answer to our BYE
	lamp          dialoginfo.State // that the watchers of its phone have been told
	faults        int
	// tries is how many processes have wanted to go on with the call, of which none has proved able to; recovering is what is
	// still to be done about that.
	tries      int
	recovering []*time.Timer
	spoke      string // its codec in the process before
	// challenged tells that the INVITE was refused with a challenge.
	challenged bool

	leg     *media.Leg
	session session
	held    bool            // by the far end
	ctx     context.Context // of the stay
	cancel  context.CancelCauseFunc
	enter   func() (stay, error) // begins the stay, once audio can flow
	stay    stay                 // nil where there is none
	left    <-chan struct{}      // closed when the stay is over; nil where there is none
}

// The events of a call, beside those of the network.
type (
	request struct {
		req *sipgo.Request
		tx  *wire.ServerTx // nil for an ACK
	}
	hangup    struct{ reason error }
	gaveUp    struct{ causes []cause } // a CANCEL came for the far end's INVITE, and says why
	byeEnded  struct{}                 // our BYE was answered, or no answer is to be expected any more
	stayOver  struct{}                 // nobody has the leg any more
	forcedEnd struct{}                 // the server waits no longer
)

func newCall(s *Server, invite *sipgo.Request, tx *wire.ServerTx) *Call {
	id := dialogOf(invite)
	id.Local = tx.ToTag()
	c := emptyCall(s, id)
	c.birth = birthOf(invite)
	c.caller = callerOf(invite, tx.Peer().Remote)
	c.invite = tx
	c.provisionals = newProvisionals(invite)
	c.sips = strings.EqualFold(invite.Recipient.Scheme, "sips") && tx.Peer().Transport == "TLS"
	c.dialog = NewDialog(invite, id.Local)
	c.past = newPast(store.CallIn, unescape(invite.Recipient.User))
	return c
}

// emptyCall is what calls that come in and calls of ours have in common.
func emptyCall(s *Server, id DialogID) *Call {
	c := &Call{
		server: s,
		id:     id,
		log:    s.log.With("call", id.Local),
		mail:   newMailbox(),
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
func (c *Call) Hangup(reason error) { c.mail.post(hangup{reason}) }

// run is the call's goroutine: it works off the mailbox until nothing is left of the call. peer is the far end's first.
func (c *Call) run(peer wire.Peer) {
	defer c.server.survive(nil)
	defer c.release()
	c.server.still.RLock()
	c.pin(peer)
	c.server.still.RUnlock()
	forced := c.server.forced
	for c.state != ended || c.left != nil {
		select {
		case <-c.mail.ready:
			c.act(c.mail.take)
		case <-c.left:
			c.left = nil
			c.act(one(stayOver{}))
		case <-forced:
			forced = nil
			c.act(one(forcedEnd{}))
		}
		c.tellOthers()
	}
}

// tellOthers leaves word of what the call has become, for the next process and for lamps.
func (c *Call) tellOthers() {
	defer c.server.survive(nil)
	c.note()
	c.light()
}

// act works off events, while the server does not stand still.
func (c *Call) act(take func() []any) {
	c.server.still.RLock()
	defer c.server.still.RUnlock()
	for _, event := range take() {
		c.handle(event)
	}
}

func one(event any) func() []any { return func() []any { return []any{event} } }

// handle is the one door for all that happens to a call. A fault ends the call, and no more.
func (c *Call) handle(event any) {
	defer func() {
		fault := recover()
		if fault == nil {
			return
		}
		c.server.fault(c.log, fault)
		if c.faults++; c.faults > 1 {
			c.leave(errInternal)
			c.end() // not even the end goes well: leave without
			return
		}
		if e, ok := event.(request); ok && e.tx != nil {
			_ = e.tx.Reply(sipgo.StatusInternalServerError, "")
		}
		c.mail.post(hangup{errInternal})
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
	case gaveUp:
		c.gaveUp(e.causes)
	case stayOver:
		c.vacate()
	case forcedEnd:
		c.hangUp(errShutdown)
		c.end()
	case reofferDue:
		c.sendReoffer(e.reoffer)
	case reofferAnswer:
		c.reoffered(e)
	case refreshDue:
		c.refreshDue(e.expiry)
	case sessionEnded:
		c.sessionEnded(e.expiry)
	case updateAnswer:
		c.updated(e)
	case repeatProvisional:
		c.repeatProvisional(e.unconfirmed)
	case prackChallenged:
		c.prackChallenged(e)
	case dialNow:
		c.dial()
	case inviteAnswer:
		c.responded(e)
	case cancelOver:
		c.end()
	case noResponse:
		c.noResponse()
	case progress:
		c.progressed(e)
	case ringOver:
		c.ringOver(e.fork)
	case placeWanted:
		e.answer(c.place(e))
	case placeFound:
		c.found(e)
	case notified:
		c.notified(e)
	case transferProgress:
		c.transferProgressed(e)
	case takeUp:
		c.takeUp()
	case proved:
		c.tries = 0
	case keysDue:
		if c.leg != nil && c.leg.Agreed() == nil {
			c.hangUp(errGone)
		}
	case notAnswered:
		if c.state == invited || c.state == calling {
			c.hangUp(errTakenOver)
		}
	case wayFound:
		c.wayFound(e)
	case wayWanted:
		if !c.leaving && c.isLost() {
			c.seekWay(e.pause)
		}
	}
}

// serve works on a request of the far end. The error is what it is refused with.
func (c *Call) serve(e request) error {
	switch {
	case e.req.Method == sipgo.ACK:
		c.acknowledged(e.req)
		return nil
	case c.state == invited && c.opening.req == nil:
		return c.open(e)
	case c.state == invited:
		return c.meanwhile(e)
	case c.state == calling:
		return c.earlyRequest(e)
	}
	dialog, err := c.dialog.Receive(e.req)
	if err != nil {
		return err
	}
	c.dialog = dialog
	c.cameBack(e.tx.Peer())
	if e.req.Method == sipgo.BYE {
		return c.receiveBye(e)
	}
	if c.leaving {
		// RFC 5407 3.2: once a BYE is under way only another BYE is taken.
		return errNoDialog
	}
	if r := wire.Unacceptable(e.req, extensions); r != nil {
		return rejected{r}
	}
	switch e.req.Method {
	case sipgo.INVITE:
		return c.reinvite(e)
	case sipgo.UPDATE:
		return c.update(e)
	case sipgo.INFO:
		return c.receiveInfo(e)
	case sipgo.REFER:
		return c.refer(e)
	case sipgo.SUBSCRIBE:
		return errInCall
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
	if c.stay != nil {
		c.stay.Digit(digit)
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
