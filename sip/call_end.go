package sip

import (
	"errors"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
)

// Why calls end, beside what ends the conversation.
var (
	errNotBegun = errors.New("not answered")
	errStayOver = errors.New("the conversation is over")
	errNoACK    = errors.New("no ACK came")
	errGone     = errors.New("the far end is gone")
)

// receiveBye ends the call at the far end's wish (RFC 3261 15.1.2).
func (c *Call) receiveBye(e request) error {
	c.leave(&hungUpError{c.farEnd(), causesIn(e.req)})
	c.end()
	return e.tx.Reply(sipgo.StatusOK, "OK")
}

// farEnd says who is on the other end of the line.
func (c *Call) farEnd() string {
	if c.out != nil {
		return "the callee"
	}
	return "the caller"
}

// hangUp ends the call at our wish. Who was called must not send a BYE before the ACK has come
// or is given up (RFC 3261 15), so that till then only the conversation ends.
func (c *Call) hangUp(reason error) {
	if c.leaving {
		return
	}
	c.leave(reason)
	switch c.state {
	case invited:
		err := errInternal
		if c.server.calls.isDraining() || errors.Is(reason, errTakenOver) {
			err = errShutdown
		}
		c.past.refusal = err
		c.server.refuse(c.invite, err)
		c.end()
	case calling:
		c.out.cancel(c)
	case confirmed:
		c.bye()
	}
}

// leave tells the conversation to end and whoever is rung for it, and that no more is to be negotiated.
func (c *Call) leave(reason error) {
	if !c.leaving {
		c.leaving = true
		c.reason = reason
		c.past.over()
		c.fork.over(reason) // first, so that the other party is told why
		c.cancel(reason)
	}
}

// bye sends our BYE, once the far end has been told how its REFER went. Whatever the answer is, the dialog is over then: 481 and 408 mean that the
// far end knows of none (RFC 3261 15.1.1). After 64*T1 no answer is waited for.
func (c *Call) bye() {
	if c.tellsFirst() {
		return
	}
	var req *sipgo.Request
	c.dialog, req = c.dialog.Request(sipgo.BYE)
	addCauses(req, c.reason)
	req.SetBody(nil)
	mail := c.mail
	err := c.server.wire.Do(req, c.peer, func(res *sipgo.Response, err error) {
		if err != nil || !res.IsProvisional() {
			mail.post(byeEnded{})
		}
	})
	if err != nil {
		c.log.Debug("BYE not sent", "error", err)
		c.end()
		return
	}
	c.byeWait = time.AfterFunc(64*c.server.t1, func() { mail.post(byeEnded{}) })
}

// confirm marks the dialog as one whose far end has shown that it receives what we send: it comes before strangers.
func (c *Call) confirm() {
	c.state = confirmed
	if c.proven.Conn == nil {
		c.proven = c.peer
		c.server.wire.Favour(c.proven, 1)
	}
}

// end marks the dialog as over. The call goes when the conversation is over, too.
func (c *Call) end() {
	c.leave(errNotBegun) // where nothing else has been said
	c.state = ended
	c.unacked.stop()
	c.unacked = nil
	c.expiry.stop()
	c.provisionals.stop()
	c.forgetReoffer()
	c.forgetRecovery()
	c.forgetReferral()
	c.fork.stop()
	c.out.stop()
}

// vacate follows the end of a stay: the call goes on in the room that it has been transferred to, or is over.
func (c *Call) vacate() {
	c.past.stay = c.stay.Stay()
	party, talked := c.stay.(*rooms.Party)
	c.stay = nil
	reason := errStayOver
	if talked && !c.leaving {
		if next, transferred := party.Next(); transferred {
			err := c.goOn(next)
			if err == nil {
				return
			}
			reason = err
		}
	}
	c.closeLeg()
	c.hangUp(reason)
}

// release gives back all that the call held.
func (c *Call) release() {
	if c.challenged {
		// Nothing is kept of who has proven nothing, and the 401 is not repeated to him: the INVITE is, or comes again with
		// credentials. That it is gone must not be seen before the call is.
		defer c.invite.Terminate()
	} else if c.invite != nil && c.began.IsZero() {
		defer c.invite.Dismiss()
	}
	defer c.server.calls.remove(c)
	defer c.light() // which is off then
	defer c.server.survive(nil)
	for _, event := range c.mail.close() {
		switch e := event.(type) {
		case request:
			if e.tx != nil {
				c.server.refuse(e.tx, errNoDialog)
			}
		case placeWanted:
			e.answer(nil, errNoDialog)
		}
	}
	c.leave(errInternal) // unless something else has been said
	c.out.report(progress{c, fails, errInternal})
	c.closeLeg()
	if c.byeWait != nil {
		c.byeWait.Stop()
	}
	if !c.began.IsZero() {
		if c.invite != nil {
			// It would be kept for 32 s more to absorb a retransmitted INVITE, which no far end
			// sends that has had our 2xx.
			c.invite.Terminate()
		}
		c.log.Info("call ended", "reason", c.reason, "seconds", int(time.Since(c.began).Seconds()))
	}
	if c.proven.Conn != nil {
		c.server.wire.Favour(c.proven, -1)
	}
	c.unpin()
	c.out.pay()
	c.record()
	c.note()
}

func (c *Call) closeLeg() {
	if c.leg == nil {
		return
	}
	c.stopPreview()
	c.past.hear(c.leg)
	if err := c.leg.Close(); err != nil {
		c.log.Warn("leg not closed", "error", err)
	}
	c.leg = nil
	c.session = c.session.forget()
}
