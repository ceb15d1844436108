package sip

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
)

// MaxRingTime is the longest that Config.RingTime may be, well below the 3 min for which proxies wait for a phone that rings
// (RFC 3261 16.6, timer C).
const MaxRingTime = 2 * time.Minute

// fork is the ringing of phones for a call that came in. The goroutine of that call has it for itself.
type fork struct {
	callee  callee
	talk    *rooms.Talk
	waiting [][]contact // groups whose turn is to come
	ringing []*Call
	rang    bool  // the caller was told that a phone rings
	err     error // the most telling reason so far why a contact has not answered
	timer   *time.Timer
}

// ringOver is the event that the ring time of a group of contacts is over.
type ringOver struct{ *fork }

// ring calls the callee, whose answer is the answer to the far end's INVITE.
func (c *Call) ring(to callee) error {
	f := &fork{callee: to, talk: c.server.house.NewTalk(c.ID()), waiting: to.groups}
	c.enter = func() (stay, error) {
		party, err := f.talk.Join(c.ctx, rooms.CallingSide, c, to.callerTransfers)
		if err != nil {
			return nil, err
		}
		return party, nil
	}
	if !c.ringNext(f) {
		return cmp.Or(f.err, error(errAbsent))
	}
	c.fork = f
	return nil
}

// ringNext has the phones of the next group ring. It is false if there is none that can.
func (c *Call) ringNext(f *fork) bool {
	for len(f.ringing) == 0 && len(f.waiting) > 0 {
		group := f.waiting[0]
		f.waiting = f.waiting[1:]
		for _, to := range group {
			call, err := c.inviteTo(f, to)
			if err != nil {
				f.refused(err)
				continue
			}
			f.ringing = append(f.ringing, call)
		}
	}
	if len(f.ringing) == 0 {
		return false
	}
	f.stop()
	mail := c.mail
	f.timer = time.AfterFunc(cmp.Or(f.callee.ringTime, c.server.ringTime), func() { mail.post(ringOver{f}) })
	return true
}

// inviteTo calls one contact.
func (c *Call) inviteTo(f *fork, to contact) (*Call, error) {
	if c.server.isOwn(to) {
		return nil, errOwnLoop
	}
	hops := 70
	if h := c.opening.req.MaxForwards(); h != nil {
		hops = int(h.Val()) - 1
	}
	mail := c.mail
	return c.server.call(invitation{
		to: to, number: f.callee.number, who: f.callee.who, from: c.caller, hops: hops, credentials: f.callee.credentials,
		tell: func(p progress) { mail.post(p) },
		enter: func(callee *Call) (stay, error) {
			party, err := f.talk.Join(callee.ctx, rooms.CalledSide, callee, f.callee.who.phone != "")
			if err != nil {
				return nil, err
			}
			return party, nil
		},
	})
}

// progressed takes what becomes of a call to the callee.
func (c *Call) progressed(e progress) {
	f := c.fork
	i := slices.Index(f.ringing, e.call)
	if i < 0 || c.state != invited || c.leaving {
		return // nobody waits for it any more
	}
	switch e.kind {
	case rings:
		c.tellRinging()
	case answers:
		f.ringing = slices.Delete(f.ringing, i, i+1)
		f.silence(answeredElsewhere)
		f.stop()
		if err := c.pickUp(); err != nil {
			c.decline(err)
		}
	case fails:
		f.ringing = slices.Delete(f.ringing, i, i+1)
		f.refused(e.err)
		if isGlobal(e.err) { // nobody is to be asked any more (RFC 3261 16.7)
			f.waiting = nil
			f.silence("declined elsewhere")
		}
		if len(f.ringing) == 0 && !c.ringNext(f) {
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
	if err := c.invite.Respond(c.response(c.opening.req, sipgo.StatusRinging, "Ringing", nil)); err != nil {
		c.log.Debug("180 not sent", "error", err)
	}
}

// ringOver follows the end of the ring time: the next group rings, if there is one.
func (c *Call) ringOver(f *fork) {
	if c.fork != f || c.state != invited || c.leaving || len(f.ringing) == 0 {
		return
	}
	if f.rang {
		f.refused(errNotAnswered)
	} else {
		f.refused(errUnreachable)
	}
	f.silence(notAnswered)
	if !c.ringNext(f) {
		c.decline(f.err)
	}
}

// decline refuses the INVITE for which phones were rung.
func (c *Call) decline(err error) {
	c.past.refusal = err
	c.server.refuse(c.invite, err)
	c.leave(err.Error())
	c.end()
}

// gaveUp follows a CANCEL. To a call that is answered already it means nothing (RFC 3261 9.2).
func (c *Call) gaveUp() {
	if c.state == invited {
		c.decline(errCancelled)
	}
}

// meanwhile serves what comes in the early dialog while phones ring. A BYE ends it, too (RFC 3261 15).
func (c *Call) meanwhile(e request) error {
	dialog, err := c.dialog.Receive(e.req)
	if err != nil {
		return err
	}
	c.dialog = dialog
	switch e.req.Method {
	case sipgo.BYE:
		c.decline(errCancelled)
		return e.tx.Reply(sipgo.StatusOK, "OK")
	case sipgo.OPTIONS:
		return e.tx.Reply(sipgo.StatusOK, "OK", capabilities()...)
	case sipgo.INVITE, sipgo.UPDATE, sipgo.INFO:
		return errEarly
	}
	return errNoDialog
}

// silence ends the ringing of all phones that ring.
func (f *fork) silence(reason string) {
	for _, call := range f.ringing {
		call.Hangup(reason)
	}
	f.ringing = nil
}

// refused takes note of why a contact has not answered: of all reasons the caller is told the most telling one.
func (f *fork) refused(err error) {
	if f.err == nil || tells(err) > tells(f.err) {
		f.err = err
	}
}

// end ends the ringing, and the talk with whoever has answered.
func (f *fork) end(reason string) {
	if f != nil {
		f.stop()
		f.silence(reason)
		f.talk.End(reason)
	}
}

func (f *fork) stop() {
	if f != nil && f.timer != nil {
		f.timer.Stop()
	}
}

// outcomeError tells that a callee was asked and has not answered.
type outcomeError struct {
	status int    // for the caller
	result string // of the call, for its record
	why    string // for the record and the log
	global bool   // it is for all phones of the callee
}

func (e *outcomeError) Error() string { return e.why }

// The outcomes that are no response of the callee.
var (
	errAbsent = &outcomeError{status: sipgo.StatusTemporarilyUnavailable, result: ResultRefused,
		why: "480 the phone is not registered"}
	errUnreachable = &outcomeError{status: sipgo.StatusRequestTimeout, result: ResultNoAnswer, why: "the phone does not respond"}
	errNotAnswered = &outcomeError{status: sipgo.StatusTemporarilyUnavailable, result: ResultNoAnswer, why: notAnswered}
	errElsewhere   = &outcomeError{status: sipgo.StatusTemporarilyUnavailable, result: ResultCancelled, why: answeredElsewhere}
	errOwnLoop     = &outcomeError{status: sipgo.StatusLoopDetected, result: ResultRefused, why: "482 the contact is this server"}
)

// outcome is what a callee's final response means for the caller. A redirection is a refusal: where a call goes to is for
// this server to say, not for who is called.
func outcome(res *sipgo.Response) error {
	code := res.StatusCode
	e := &outcomeError{
		status: sipgo.StatusTemporarilyUnavailable,
		result: ResultRefused,
		why:    fmt.Sprintf("%d %s", code, clean(res.Reason)),
		global: code >= 600,
	}
	switch code {
	case sipgo.StatusBusyHere, sipgo.StatusGlobalBusyEverywhere:
		e.status, e.result = sipgo.StatusBusyHere, ResultBusy
	case sipgo.StatusNotAcceptableHere, sipgo.StatusUnsupportedMediaType, sipgo.StatusGlobalNotAcceptable:
		e.status = sipgo.StatusNotAcceptableHere
	case sipgo.StatusRequestTimeout:
		e.status, e.result = code, ResultNoAnswer
	case sipgo.StatusTemporarilyUnavailable:
		e.result = ResultNoAnswer
	case sipgo.StatusLoopDetected, sipgo.StatusTooManyHops:
		e.status = code
	case sipgo.StatusGlobalDecline:
		e.status, e.result = code, ResultDeclined
	default:
		if e.global {
			e.status = sipgo.StatusGlobalDecline
		}
	}
	return e
}

// isGlobal tells whether a callee has spoken for all his phones.
func isGlobal(err error) bool {
	var callee *outcomeError
	return errors.As(err, &callee) && callee.global
}

// tells ranks why a contact has not answered by how much it tells the caller.
func tells(err error) int {
	return slices.Index([]int{sipgo.StatusRequestTimeout, sipgo.StatusLoopDetected, sipgo.StatusTooManyHops,
		sipgo.StatusServiceUnavailable, sipgo.StatusTemporarilyUnavailable, sipgo.StatusNotAcceptableHere,
		sipgo.StatusBusyHere, sipgo.StatusGlobalDecline}, rejection(err).Status)
}
