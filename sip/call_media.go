package sip

import (
	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media"
	"conclave/sip/sdp"
)

// reinvite serves an INVITE in the dialog (RFC 3261 14.2). It is refused, leaving all as it
// was, or answered at once, so that a second one never finds the first without its final
// response, which would have to be refused with 500.
func (c *Call) reinvite(e request) error {
	if c.offering() {
		return errPending
	}
	return c.renegotiate(e)
}

// update serves an UPDATE (RFC 3311 5.2): a re-INVITE without ACK. Without a session description
// it brings no more than a new Contact.
func (c *Call) update(e request) error {
	if len(e.req.Body()) > 0 && c.offering() {
		return errPending
	}
	return c.renegotiate(e)
}

// offering tells that an offer of ours waits for its answer, in an ACK or in the response to
// our own re-INVITE: no other may be made meanwhile (RFC 3264 4, RFC 3261 14.2).
func (c *Call) offering() bool {
	return c.reoffer.pending() || c.unacked != nil && c.unacked.offer != nil
}

// renegotiate answers a target refresh request and then takes over what it changes: the
// Contact and, with an offer, where audio goes to, hold, resume and codec.
func (c *Call) renegotiate(e request) error {
	if err := c.server.checkInterval(e.req); err != nil {
		return err
	}
	offer, err := description(e.req)
	if err != nil {
		return err
	}
	session := c.session
	if !c.server.mayCarryKeys(e.tx.Peer()) {
		session = session.withoutKeys(whyInClear)
	}
	var (
		body   []byte
		ours   *sdp.Session
		remote media.Remote
	)
	switch {
	case offer != nil:
		if session, remote, err = session.answer(offer, e.tx.Peer().Remote.Addr()); err != nil {
			return err
		}
		body = session.sent
	case e.req.Method == sipgo.INVITE:
		session, ours = session.offer(session.local.Codecs...)
		body = session.sent
	}
	if err := c.accept(e, body, ours); err != nil {
		return err
	}
	c.session = session
	c.dialog = c.dialog.Refresh(e.req)
	c.pin(e.tx.Peer())
	if offer != nil {
		c.settle(remote)
		c.forgetReoffer() // an answer of ours has one codec only
	}
	return nil
}
