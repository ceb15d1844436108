package sip

import (
	"math/rand/v2"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media"
	"conclave/sip/sdp"
)

// reoffer is a re-INVITE of ours. A leg has one codec, but an answer to our offer may list
// several, and the far end may then send any of them (RFC 3264 7). So that one is offered once
// more, alone. Or the session is refreshed by what was said last.
type reoffer struct {
	codec  media.Codec  // nil: what was said last is said again
	seq    uint32       // CSeq of the INVITE that is under way, 0: none is
	offer  *sdp.Session // that it carries
	proven bool         // credentials were sent
	timer  *time.Timer  // until the next attempt
}

// The events of a reoffer: its time has come again, a response came (res) or none will (err).
type (
	reofferDue    struct{ *reoffer }
	reofferAnswer struct {
		*reoffer
		res *sipgo.Response
		err error
	}
)

func (r *reoffer) pending() bool { return r != nil && r.seq != 0 }

// later tries again after the time that the side waits that did not make the Call-ID: 0-2 s in
// steps of 10 ms (RFC 3261 14.1).
func (r *reoffer) later(mail *mailbox) {
	r.seq = 0
	pause := time.Duration(rand.IntN(201)) * 10 * time.Millisecond
	r.timer = time.AfterFunc(pause, func() { mail.post(reofferDue{r}) })
}

func (c *Call) forgetReoffer() {
	if c.reoffer != nil && c.reoffer.timer != nil {
		c.reoffer.timer.Stop()
	}
	c.reoffer = nil
}

// startReoffer makes codec the only one, or says what was said last once more where it is nil.
func (c *Call) startReoffer(codec media.Codec) {
	c.forgetReoffer()
	c.reoffer = &reoffer{codec: codec}
	c.sendReoffer(c.reoffer)
}

// sendReoffer sends the INVITE, unless one of the far end is not acknowledged yet (RFC 3261
// 14.1).
func (c *Call) sendReoffer(r *reoffer) {
	switch {
	case c.reoffer != r || r.pending() || c.leaving:
		return
	case c.unacked != nil:
		r.later(c.mail)
		return
	}
	c.inviteAgain(r, nil)
}

// inviteAgain sends the INVITE, with credentials where challenge asks for them.
func (c *Call) inviteAgain(r *reoffer, challenge *sipgo.Response) {
	var req *sipgo.Request
	c.dialog, req = c.dialog.Request(sipgo.INVITE)
	if r.codec != nil {
		c.session, r.offer = c.session.offer(r.codec)
	} else {
		c.session, r.offer = c.session.again()
	}
	r.seq = req.CSeq().SeqNo
	c.askInterval(req)
	c.describe(req, c.session.sent)
	if challenge != nil {
		if err := answerChallenge(req, challenge, c.credentials()); err != nil {
			c.log.Info("challenge not answered", "error", err)
			c.forgetReoffer()
			return
		}
		r.proven = true
	}
	err := c.server.wire.Do(req, c.peer, c.mail.responses(func(res *sipgo.Response, err error) any {
		return reofferAnswer{r, res, err}
	}))
	if err != nil {
		c.log.Debug("re-INVITE not sent", "error", err)
		c.forgetReoffer()
		c.refreshLater(c.expiry)
	}
}

// reoffered takes the final response to our re-INVITE, or that there is none.
func (c *Call) reoffered(e reofferAnswer) {
	r := e.reoffer
	if e.err == nil && e.res.IsProvisional() {
		return
	}
	success := e.err == nil && e.res.IsSuccess()
	if success {
		// Each 2xx gets an ACK, a repeated one and one that crosses our BYE, too (RFC 3261
		// 13.2.2.4).
		c.dialog = c.dialog.Refresh(e.res)
		ack := c.dialog.Ack(r.seq)
		ack.SetBody(nil)
		if err := c.server.wire.Write(ack, c.peer); err != nil {
			c.log.Debug("ACK not sent", "error", err)
		}
	}
	if c.reoffer != r || c.leaving {
		return
	}
	switch {
	case isGone(e.res, e.err):
		c.hangUp(errGone) // RFC 3261 14.1, 12.2.1.2
	case c.tooSmall(e.res):
		c.inviteAgain(r, nil)
	case challenges(e.res) && c.credentials().user != "" && !r.proven:
		c.inviteAgain(r, e.res)
	case e.res.StatusCode == sipgo.StatusRequestPending:
		r.later(c.mail)
	case success:
		c.tries = 0
		c.forgetReoffer()
		c.agreedOn(e.res)
		if _, remote, err := c.answerIn(e.res, r.offer); err != nil {
			c.log.Info("session not changed", "reason", err)
		} else {
			c.settle(remote)
		}
	default:
		c.forgetReoffer() // the session stays as it is
		c.refreshLater(c.expiry)
	}
}
