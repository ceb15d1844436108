package sip

import (
	"cmp"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
)

// MaxRingTime is the longest that Config.RingTime may be, well below the 3 min for which proxies wait for a phone that rings
// (RFC 3261 16.6, timer C).
const MaxRingTime = 2 * time.Minute

// ring calls the callee, whose answer is the answer to the far end's INVITE.
func (c *Call) ring(to callee) error {
	hops := 70
	if h := c.opening.req.MaxForwards(); h != nil {
		hops = int(h.Val()) - 1
	}
	talk, mail := c.server.house.NewTalk(c.ID()), c.mail
	f := &fork{
		server: c.server, callee: to, from: c.caller, hops: hops, waiting: to.groups,
		post:    func(event any) { mail.post(event) },
		end:     talk.End,
		preview: func(callee *Call) preview { return previewOf(talk.Early(rooms.CalledSide, callee)) },
		listen:  func() preview { return previewOf(talk.Early(rooms.CallingSide, c)) },
		enter: func(callee *Call) (stay, error) {
			party, err := talk.Join(callee.ctx, rooms.CalledSide, callee, to.who.phone != "")
			if err != nil {
				return nil, err
			}
			return party, nil
		},
	}
	c.enter = func() (stay, error) {
		party, err := talk.Join(c.ctx, rooms.CallingSide, c, to.callerTransfers)
		if err != nil {
			return nil, err
		}
		return party, nil
	}
	if !f.next() {
		return cmp.Or(f.err, error(errAbsent))
	}
	c.fork = f
	return nil
}

// progressed takes what becomes of a call to the callee.
func (c *Call) progressed(e progress) {
	f := c.fork
	if !f.awaits(e.call) || c.state != invited || c.leaving {
		return // nobody waits for it any more
	}
	switch e.kind {
	case rings:
		c.tellRinging()
	case previews:
		if c.opening.offered || c.provisionals.able {
			c.listen(f.listen())
		}
	case answers:
		f.answered(e.call)
		if err := c.pickUp(); err != nil {
			c.decline(err)
		}
	case fails:
		if !f.failed(e.call, e.err) {
			c.decline(f.err)
		}
	}
}

// tellRinging answers the INVITE with 180, once.
func (c *Call) tellRinging() {
	if c.fork.rang {
		return
	}
	c.fork.rang = true
	c.answerProvisionally(sipgo.StatusRinging, "Ringing", nil)
}

// ringOver follows the end of the ring time: the next group rings, if there is one.
func (c *Call) ringOver(f *fork) {
	if c.fork == f && c.state == invited && !c.leaving && !f.timeOver() {
		c.decline(f.err)
	}
}

// decline refuses the INVITE for which phones were rung, or that was to take the place of another call.
func (c *Call) decline(err error) {
	c.past.refusal = err
	c.server.refuse(c.invite, err)
	c.leave(err)
	c.end()
}

// gaveUp follows a CANCEL. To a call that is answered already it means nothing (RFC 3261 9.2).
func (c *Call) gaveUp(causes []cause) {
	if c.state == invited {
		c.decline(&cancelledError{causes})
	}
}

// meanwhile serves what comes in the early dialog, while phones ring above all. A BYE ends it, too (RFC 3261 15).
func (c *Call) meanwhile(e request) error {
	dialog, err := c.dialog.Receive(e.req)
	if err != nil {
		return err
	}
	c.dialog = dialog
	switch e.req.Method {
	case sipgo.PRACK:
		return c.prack(e)
	case sipgo.BYE:
		c.decline(&cancelledError{causesIn(e.req)})
		return e.tx.Reply(sipgo.StatusOK, "OK")
	case sipgo.OPTIONS:
		return e.tx.Reply(sipgo.StatusOK, "OK", capabilities()...)
	case sipgo.INVITE, sipgo.UPDATE, sipgo.INFO, sipgo.REFER:
		return errEarly
	}
	return errNoDialog
}
