package sip

import (
	"fmt"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
)

// referral is a REFER of the far end and the subscription to what comes of it (RFC 3515 2.4.4). The next one may come when
// it is over.
type referral struct {
	request
	to       referOrder
	accepted bool   // 202 was sent
	silent   bool   // without a subscription
	event    string // which subscription it is

	untold   []status    // to be told, one NOTIFY after the other's response (RFC 6665 4.2.2)
	telling  bool        // a NOTIFY waits for its response
	complete bool        // nothing comes after untold
	hurry    *time.Timer // for how long a BYE waits for that; nil: none does
}

// subscribedFor is for how many seconds the far end is told of its REFER at most: longer than anybody is rung.
const subscribedFor = 600

// status is that of a response.
type status struct {
	code   int
	phrase string
}

// notified is the event that a NOTIFY has its final response, or that none is to be expected.
type notified struct {
	*referral
	err error // the far end does not take it
}

// newReferral begins one. The subscription of the first REFER in a dialog needs no name, those of later ones have the CSeq
// for one (RFC 3515 2.4.6).
func newReferral(e request, order referOrder, before int) *referral {
	event := "refer"
	if before > 0 {
		event = fmt.Sprintf("refer;id=%d", e.req.CSeq().SeqNo)
	}
	return &referral{request: e, to: order, silent: order.silent, event: event}
}

// tell has the far end told how its REFER comes on; complete tells that the last status is the end of it.
func (c *Call) tell(complete bool, progress ...status) {
	r := c.referral
	if r.silent {
		c.referral = nil
		return
	}
	r.untold = append(r.untold, progress...)
	r.complete = complete
	if !r.telling {
		c.notify(r)
	}
}

// notify sends the next NOTIFY (RFC 3515 2.4.4 and 2.4.5).
func (c *Call) notify(r *referral) {
	next := r.untold[0]
	r.untold = r.untold[1:]
	r.telling = true
	state := fmt.Sprintf("active;expires=%d", subscribedFor)
	if r.complete && len(r.untold) == 0 {
		state = "terminated;reason=noresource"
	}
	var req *sipgo.Request
	c.dialog, req = c.dialog.Request(sipgo.NOTIFY)
	req.AppendHeader(&sipgo.ContactHeader{Address: c.contact()})
	req.AppendHeader(sipgo.NewHeader("Event", r.event))
	req.AppendHeader(sipgo.NewHeader("Subscription-State", state))
	kind := sipgo.ContentTypeHeader("message/sipfrag;version=2.0")
	req.AppendHeader(&kind)
	req.SetBody(fmt.Appendf(nil, "SIP/2.0 %d %s\r\n", next.code, next.phrase))
	mail := c.mail
	err := c.server.wire.Do(req, c.peer, func(res *sipgo.Response, err error) {
		switch {
		case err == nil && res.IsProvisional():
			return
		case err == nil && !res.IsSuccess():
			err = fmt.Errorf("NOTIFY got %d", res.StatusCode)
		}
		mail.post(notified{r, err})
	})
	if err != nil {
		mail.post(notified{r, err})
	}
}

// notified follows a NOTIFY. A subscription ends with its last one, and where the far end does not take one, by 481 or by
// silence above all (RFC 6665 4.2.2).
func (c *Call) notified(e notified) {
	r := e.referral
	switch {
	case c.referral != r || c.state == ended:
		return
	case e.err != nil:
		c.log.Info("REFER's progress not told", "reason", e.err)
	case len(r.untold) > 0:
		c.notify(r)
		return
	case !r.complete:
		r.telling = false // till there is more to tell
		return
	}
	c.forgetReferral()
	if c.leaving && c.state == confirmed {
		c.bye() // which has waited for this
	}
}

// forgetReferral ends the subscription without a word. A REFER that has no answer yet gets one.
func (c *Call) forgetReferral() {
	r := c.referral
	if r == nil {
		return
	}
	c.referral = nil
	if r.hurry != nil {
		r.hurry.Stop()
	}
	if !r.accepted {
		c.server.refuse(r.tx, errNoDialog)
	}
}

// tellsFirst has our BYE wait until the far end knows how the transfer went, which ends the call, for a moment.
func (c *Call) tellsFirst() bool {
	r := c.referral
	if r == nil || !r.accepted {
		return false
	}
	if r.hurry == nil {
		mail := c.mail
		r.hurry = time.AfterFunc(4*c.server.t1, func() { mail.post(notified{r, wire.ErrTimeout}) })
	}
	return true
}
