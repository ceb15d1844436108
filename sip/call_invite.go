package sip

import (
	"errors"
	"net/netip"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media"
	"conclave/rooms"
	"conclave/sip/sdp"
	"conclave/sip/wire"
)

// errNoAnswer tells that an ACK should have carried the answer to the offer in our 2xx.
var errNoAnswer = errors.New("the ACK has no answer to our offer")

// opening is what is settled about the far end's INVITE before it is answered.
type opening struct {
	request
	offered bool         // it has an offer; ours is in the 200 if not
	ours    *sdp.Session // our offer
	remote  media.Remote // what the answer to the far end's settles
	// encrypted tells that the audio will be, by the answer to the far end's offer or, if any comes, to ours.
	encrypted bool
}

// open serves the INVITE that the call came with: a call to a room is refused or answered with 200 at once, one to a phone
// when it is answered there.
func (c *Call) open(e request) error {
	err := c.answer(e)
	if err != nil {
		c.past.refusal = err
		var asks *challenge
		c.challenged = errors.As(err, &asks)
		c.end()
	}
	return err
}

func (c *Call) answer(e request) error {
	other, err := replacesIn(e.req)
	if err != nil {
		return err
	}
	from, err := c.server.identify(e.req, e.tx)
	if err != nil {
		return err
	}
	c.caller = c.server.proven(c.caller, e.req, from)
	var to destination
	if other == nil { // else it goes where that call has gone
		to, err = c.server.route(e.req, from)
		if errors.Is(err, errNoRoom) {
			to = destination{}
			to.room, err = c.server.decoy(e.req, from)
		}
		if err != nil {
			return err
		}
	}
	c.room = to.room
	if r := wire.Unacceptable(e.req, extensions); r != nil {
		return rejected{r}
	}
	if err := c.server.checkInterval(e.req); err != nil {
		return err
	}
	offer, err := description(e.req)
	if err != nil {
		return err
	}
	if other != nil || to.phone != "" || to.outside != "" {
		e.tx.Trust() // who may do that has proven who he is, or knows the call that he wants
	}
	// What is refused without any work gets no 100: a flood would be answered twice over.
	if err := e.tx.Reply(sipgo.StatusTrying, ""); err != nil {
		return err
	}
	if err := c.openLeg(offer); err != nil {
		return err
	}
	// Without an offer in the INVITE ours is in the 200, and the answer comes in the ACK
	// (RFC 3261 13.2.1).
	c.opening = opening{request: e, offered: offer != nil}
	if offer == nil {
		c.session, c.opening.ours = c.session.offer(c.session.local.Codecs...)
	} else if c.session, c.opening.remote, err = c.session.answer(offer, c.signalling()); err != nil {
		return err
	}
	c.opening.encrypted = c.opening.remote.Security != nil || offer == nil && c.session.local.Keys != nil && c.session.offersKeys()
	c.number = unescape(e.req.Recipient.User)
	if to.room.Temporary {
		c.number = to.room.Extension // by which others call it (RFC 4579 5.4)
	}
	switch {
	case other != nil:
		c.seek(other)
		return nil
	case to.phone != "":
		return c.ring(c.server.callee(to.phone, from))
	case to.outside != "":
		callee, err := c.server.outsideCallee(to.outside, from)
		if err != nil {
			return err
		}
		return c.ring(callee)
	}
	c.enter = func() (stay, error) { return c.server.house.Receive(c.ctx, c.room, c), nil }
	return c.pickUp()
}

// pickUp answers the INVITE with 200.
func (c *Call) pickUp() error {
	if c.cancelled.Load() {
		return errCancelled
	}
	if c.provisionals.sent != nil {
		c.provisionals.picksUp = true // RFC 3262 3: after the PRACK
		return nil
	}
	body := c.session.sent
	if c.provisionals.described {
		body = nil // it has come already, and to whoever knows that (RFC 3262 5)
	}
	if err := c.accept(c.opening.request, body, c.opening.ours); err != nil {
		return err
	}
	c.state = answered
	c.began = time.Now()
	if c.opening.offered {
		c.receive(c.opening.remote)
	}
	return nil
}

// receive hands the call to the house: audio flows and the conversation begins.
func (c *Call) receive(remote media.Remote) {
	c.stopPreview()
	c.settle(remote)
	stay, err := c.enter()
	if err != nil {
		c.hangUp(err)
		return
	}
	c.settleIn(stay)
}

// goOn has the call received where it has been transferred to.
func (c *Call) goOn(to rooms.Destination) error {
	var place stay
	switch {
	case to.Visit != nil:
		place = to.Visit
	case to.Party != nil:
		place = to.Party
	default:
		if err := c.visit(to.Room); err != nil {
			return err
		}
		c.settleIn(c.server.house.Receive(c.ctx, to.Room, c))
		return nil
	}
	stay, err := c.takeOver(place)
	if err == nil {
		c.settleIn(stay)
	}
	return err
}

func (c *Call) settleIn(stay stay) {
	c.stay = stay
	c.left = stay.Done()
	c.tellHold()
}

// settle gives the leg what offer and answer have come to.
func (c *Call) settle(remote media.Remote) {
	c.leg.Apply(remote)
	c.session = c.session.agree(remote)
	c.held = !remote.Direction.Sends()
	c.tellHold()
}

// tellHold lets the house know whether the far end has put the call on hold: the other party of a talk has music then.
func (c *Call) tellHold() {
	if c.stay != nil {
		c.stay.Hold(c.held)
	}
}

// openLeg opens the ports for the audio that is offered, of the family of its address: that
// need not be the family of the signalling.
func (c *Call) openLeg(offer *sdp.Session) error {
	toward, local := c.peer.Remote.Addr(), c.peer.Local.Addr()
	if offer != nil {
		if a := offer.AudioAddress(); a.IsValid() && !a.IsUnspecified() && a.Is4() != toward.Unmap().Is4() {
			toward, local = a, netip.Addr{}
		}
	}
	address, err := here(local, toward)
	if err != nil {
		return rejected{reject(sipgo.StatusNotAcceptableHere, "", warning(301, err.Error()))}
	}
	leg, err := c.server.ports.Open(address)
	if err != nil {
		return err
	}
	c.leg = leg
	c.session = newSession(c.server.shown(address), leg.Port())
	c.session.networks = c.server.trunkNetworks(c.caller.Trunk, c.signalling())
	c.session = c.server.encryption(c.session, c.peer, c.room)
	return nil
}

// description reads the session description of a message; nil where it has no body.
func description(msg sipgo.Message) (*sdp.Session, error) {
	if len(msg.Body()) == 0 {
		return nil, nil
	}
	return sdp.Parse(msg.Body())
}

func (c *Call) signalling() netip.Addr { return c.peer.Remote.Addr() }

// acknowledged takes the ACK for our last 2xx; all others are stray or late and ignored.
func (c *Call) acknowledged(ack *sipgo.Request) {
	u := c.unacked
	if u == nil || ack.CSeq().SeqNo != u.seq {
		return
	}
	c.unacked.stop()
	c.unacked = nil
	c.confirm()
	if c.leaving {
		c.bye() // it had to wait for this
		return
	}
	if u.offer == nil {
		return
	}
	answer, remote, err := c.answerIn(ack, u.offer)
	switch begun := c.stay != nil; {
	case err != nil && !begun:
		c.hangUp(err)
		return
	case err != nil:
		c.log.Info("session not changed", "reason", err)
		return
	case begun:
		c.settle(remote)
	default:
		c.receive(remote)
	}
	if c.session.leavesChoice(answer) {
		c.startReoffer(remote.Codec)
	}
}

// answerIn settles the answer to our offer that msg carries.
func (c *Call) answerIn(msg sipgo.Message, offer *sdp.Session) (*sdp.Session, media.Remote, error) {
	answer, err := description(msg)
	if err == nil && answer == nil {
		err = errNoAnswer
	}
	if err != nil {
		return nil, media.Remote{}, err
	}
	remote, err := c.session.accept(offer, answer, c.signalling())
	return answer, remote, err
}
