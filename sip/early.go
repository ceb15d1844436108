package sip

import (
	"strconv"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media"
	"conclave/rooms"
	"conclave/sip/sdp"
	"conclave/sip/wire"
)

// optionReliable is the option tag of provisional responses that are acknowledged (RFC 3262).
const optionReliable = "100rel"

// early is a dialog that a provisional response to our INVITE has made (RFC 3261 12.1): there is one for each phone behind a
// contact.
type early struct {
	dialog   Dialog
	reliable uint32       // RSeq of the last response that was acknowledged; 0: none
	answer   *sdp.Session // to our offer, nil: it has not come
	remote   media.Remote // what it settles
}

// preview is a place in a talk that is not answered (rooms.Early).
type preview interface{ Stop() }

// provisional takes a 1xx. What a callee plays before he answers is for whoever calls him: of several who do it the first is
// heard. Nobody in a room hears it.
func (c *Call) provisional(res *sipgo.Response) {
	o := c.out
	if !o.early {
		o.early = true
		if o.cancelled {
			c.sendCancel()
		}
	}
	if res.StatusCode == sipgo.StatusTrying || c.leaving {
		return
	}
	if e := c.earlyDialog(res); e != nil && c.acknowledgeEarly(e, res) && c.hearEarly(e, res) {
		o.report(progress{c, previews, nil})
	}
	if !o.rings {
		o.rings = true
		o.report(progress{c, rings, nil})
	}
}

// earlyDialog is the one that a provisional response belongs to; nil: to none.
func (c *Call) earlyDialog(res *sipgo.Response) *early {
	o := c.out
	tag, _ := res.To().Params.Get("tag")
	e := o.dialogs[tag]
	if tag == "" || e == nil && len(o.dialogs) == maxStrays {
		return nil
	}
	if e == nil {
		e = &early{dialog: o.base.Confirm(res)}
		o.dialogs[tag] = e
	}
	return e
}

// acknowledgeEarly sends the PRACK where the response wants one (RFC 3262 4). It is false for a response that came before, or
// too early: the one between comes again.
func (c *Call) acknowledgeEarly(e *early, res *sipgo.Response) bool {
	seq, reliable := reliableSeq(res)
	switch {
	case !reliable:
		return true
	case e.reliable != 0 && seq != e.reliable+1:
		return false
	}
	e.reliable = seq
	e.dialog = e.dialog.Refresh(res)
	c.sendPRACK(e, seq, nil)
	return true
}

// sendPRACK acknowledges a provisional response, with credentials where challenge asks for them.
func (c *Call) sendPRACK(e *early, seq uint32, challenge *sipgo.Response) {
	invite := c.out.invite.CSeq().SeqNo
	var req *sipgo.Request
	e.dialog, req = e.dialog.Request(sipgo.PRACK)
	req.AppendHeader(sipgo.NewHeader("RAck", rack{seq, invite, sipgo.INVITE}.String()))
	req.SetBody(nil)
	if challenge != nil {
		if err := answerChallenge(req, challenge, c.credentials()); err != nil {
			c.log.Info("challenge not answered", "error", err)
			return
		}
	}
	mail := c.mail
	err := c.server.wire.Do(req, c.peer, func(res *sipgo.Response, err error) {
		if err == nil && challenges(res) && challenge == nil {
			mail.post(prackChallenged{e, seq, res})
		}
	})
	if err != nil {
		c.log.Debug("PRACK not sent", "error", err)
	}
}

// prackChallenged is the event that the far end wants to know who sends a PRACK.
type prackChallenged struct {
	early *early
	seq   uint32
	res   *sipgo.Response
}

// prackChallenged answers the challenge, if there are credentials for it.
func (c *Call) prackChallenged(e prackChallenged) {
	if c.state == calling && !c.leaving && c.credentials().user != "" {
		c.sendPRACK(e.early, e.seq, e.res)
	}
}

// hearEarly takes the answer that a provisional response carries, and has the callee's end heard by who calls. It is false
// where there is nothing new to be heard.
func (c *Call) hearEarly(e *early, res *sipgo.Response) bool {
	if len(res.Body()) == 0 || e.answer != nil {
		return false
	}
	answer, remote, err := c.answerIn(res, c.out.offer)
	if err != nil {
		c.log.Info("early media not taken", "reason", err)
		return false
	}
	e.answer, e.remote = answer, remote
	if c.preview != nil || c.out.preview == nil {
		return false
	}
	place := c.out.preview(c)
	if place == nil {
		return false
	}
	c.preview = place
	if remote.Direction.Receives() {
		remote.Direction = media.SendRecv // one who only sends is no hold here, and a carrier has to know our port
	}
	c.leg.Apply(remote)
	return true
}

// earlyAnswer is what the callee has answered to our offer in a provisional response of the dialog that res confirms; a 2xx
// need not repeat it then (RFC 3262 5). nil: nothing.
func (c *Call) earlyAnswer(res *sipgo.Response) *early {
	tag, _ := res.To().Params.Get("tag")
	if e := c.out.dialogs[tag]; e != nil && e.answer != nil && len(res.Body()) == 0 {
		return e
	}
	return nil
}

// earlyRequest serves a request of the callee before he has answered: UPDATE, which changes what his end plays (RFC 3311 5.1).
func (c *Call) earlyRequest(e request) error {
	d := c.out.dialogs[dialogOf(e.req).Remote]
	if d == nil {
		return errNoDialog
	}
	dialog, err := d.dialog.Receive(e.req)
	if err != nil {
		return err
	}
	d.dialog = dialog
	if r := wire.Unacceptable(e.req, extensions); r != nil {
		return rejected{r}
	}
	switch e.req.Method {
	case sipgo.OPTIONS:
		return e.tx.Reply(sipgo.StatusOK, "OK", capabilities()...)
	case sipgo.UPDATE:
		return c.updateEarly(e, d)
	}
	return errEarly
}

func (c *Call) updateEarly(e request, d *early) error {
	offer, err := description(e.req)
	if err != nil {
		return err
	}
	var body []byte
	session, remote := c.session, d.remote
	switch {
	case offer == nil:
	case d.answer == nil:
		return errPending
	default:
		if session, remote, err = session.answer(offer, c.signalling()); err != nil {
			return err
		}
		body = session.sent
	}
	if err := e.tx.Respond(c.response(e.req, sipgo.StatusOK, "OK", body)); err != nil {
		return err
	}
	d.dialog = d.dialog.Refresh(e.req)
	if offer != nil {
		c.session, d.remote = session, remote
		c.leg.Apply(remote)
	}
	return nil
}

// stopPreview ends what was heard before the answer.
func (c *Call) stopPreview() {
	if c.preview != nil {
		c.preview.Stop()
		c.preview = nil
	}
}

// previewOf makes of a place that may not be there one that is nil then.
func previewOf(e *rooms.Early) preview {
	if e == nil {
		return nil
	}
	return e
}

// reliableSeq is the RSeq of a provisional response that wants to be acknowledged (RFC 3262 4).
func reliableSeq(res *sipgo.Response) (seq uint32, ok bool) {
	if !hasTag(res, "Require", optionReliable) {
		return 0, false
	}
	h := res.GetHeader("RSeq")
	if h == nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(h.Value()), 10, 32)
	return uint32(n), err == nil && n > 0
}

// hasTag tells whether the header of this name lists an option tag.
func hasTag(msg sipgo.Message, header, tag string) bool {
	for _, listed := range wire.List(msg, header) {
		if strings.EqualFold(listed, tag) {
			return true
		}
	}
	return false
}
