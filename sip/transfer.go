package sip

import (
	"cmp"
	"fmt"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
)

// transfer is the ringing of somebody whom the other party of a talk is to be connected with. It has a goroutine of its own, for
// whoever has ordered it may hang up meanwhile.
type transfer struct {
	handover *rooms.Handover
	fork     *fork
	mail     *mailbox // what becomes of the calls
	tell     func(status status, complete bool)
}

// transferProgress is the event that there is more to tell of a REFER.
type transferProgress struct {
	*referral
	status   status
	complete bool
}

// connect has the other party of the talk connected with a callee, if he answers, and returns while he is rung. The error is why
// nobody is.
func (c *Call) connect(to callee) error {
	s, party := c.server, c.stay.(*rooms.Party)
	partner, ok := party.Partner()
	switch {
	case !ok:
		return rooms.ErrNotConnected
	case to.who.phone != "" && (to.who.phone == partner.Phone || to.who.phone == c.caller.Phone):
		return rooms.ErrToOneself
	}
	from := partner // whom the callee will talk to
	if len(to.payers) > 0 {
		from = c.caller // who pays for the call, and so has to answer for its number
	}
	done, ok := s.invitations.begin()
	if !ok {
		return errShutdown
	}
	handover, err := party.HandOver()
	if err != nil {
		done()
		return err
	}
	referral, transferrer, mail := c.referral, c.mail, newMailbox()
	t := &transfer{
		handover: handover,
		mail:     mail,
		tell: func(status status, complete bool) {
			transferrer.post(transferProgress{referral, status, complete})
		},
	}
	t.fork = &fork{
		server: s, callee: to, from: from, hops: 70, waiting: to.groups,
		post: func(event any) { mail.post(event) },
		end:  func(error) {},
		enter: func(callee *Call) (stay, error) {
			party, err := handover.Take(callee.ctx, callee, callee.caller.Phone != "")
			if err != nil {
				return nil, fmt.Errorf("transfer: %w", err)
			}
			return party, nil
		},
	}
	if !t.fork.next() {
		mail.close()
		err := cmp.Or(t.fork.err, error(errAbsent))
		handover.Fail(err)
		done()
		return err
	}
	go func() {
		defer done()
		defer c.server.survive(nil)
		t.run()
	}()
	return nil
}

// run waits for the callee's answer.
func (t *transfer) run() {
	defer t.mail.close()
	var answered bool
	err := t.fork.server.faults.Do("transfer", func() (err error) {
		answered, err = t.fork.wait(t.mail, t.handover.Over(), func() { t.tell(status{sipgo.StatusRinging, "Ringing"}, false) })
		return err
	})
	switch {
	case err != nil:
		t.tell(statusOf(err), true)
		t.handover.Fail(err)
	case !answered:
		t.fork.over(errCancelled)
		t.tell(statusOf(errCancelled), true)
	default:
		t.tell(status{sipgo.StatusOK, "OK"}, true)
	}
}

// transferProgressed has the far end told what becomes of its REFER.
func (c *Call) transferProgressed(e transferProgress) {
	if c.referral != e.referral || c.state == ended {
		return
	}
	c.log.Info("transfer", "status", e.status.code)
	c.tell(e.complete, e.status)
}
