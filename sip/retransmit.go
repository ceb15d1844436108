package sip

import (
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/sdp"
)

// unacked is a 2xx to an INVITE whose ACK has not come. It is sent again until then, also over
// TCP, first after T1, then after twice as long each time but never more than T2; after
// 64*T1 the call is given up (RFC 3261 13.3.1.4). ACK passes by the transaction, so that no
// transaction can do this.
type unacked struct {
	response *sipgo.Response
	seq      uint32
	offer    *sdp.Session // ours that the ACK must answer, nil: none
	pause    time.Duration
	left     time.Duration // until it is given up
	timer    *time.Timer
}

// resend is the event that the pause is over.
type resend struct{ *unacked }

// wait starts the first pause.
func (u *unacked) wait(mail *mailbox) {
	u.timer = time.AfterFunc(u.pause, func() { mail.post(resend{u}) })
}

// stop ends the retransmission. A resend that has been posted already finds that the call
// waits for another ACK, or for none.
func (u *unacked) stop() {
	if u != nil {
		u.timer.Stop()
	}
}

// resend sends a 2xx again, or gives up.
func (c *Call) resend(u *unacked) {
	if c.unacked != u {
		return
	}
	if u.left -= u.pause; u.left <= 0 {
		c.unacked = nil
		c.state = confirmed
		if c.leaving {
			c.bye()
		} else {
			c.hangUp(errNoACK)
		}
		return
	}
	if err := c.server.wire.Write(u.response, c.peer); err != nil {
		c.log.Debug("2xx not sent again", "error", err)
	}
	u.pause = min(2*u.pause, c.server.t2, u.left)
	u.timer.Reset(u.pause)
}
