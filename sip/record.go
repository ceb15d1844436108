package sip

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"conclave/media"
	"conclave/rooms"
	"conclave/store"
)

// The results of calls that were not answered, beside those of rooms for calls that were. A call that came in for phones has
// the most telling one of them.
const (
	// ResultRefused: the call was refused, by us or by the phone that we have called; its reason begins with the status.
	ResultRefused = "REFUSED"
	// ResultCancelled: the caller gave up before it was answered, or another phone has answered or declined.
	ResultCancelled = "CANCELLED"
	// ResultBusy: the phone is busy.
	ResultBusy = "BUSY"
	// ResultNoAnswer: the phone rang in vain, or does not respond.
	ResultNoAnswer = rooms.ResultNoAnswer
	// ResultDeclined: the callee does not want the call, on none of his phones.
	ResultDeclined = rooms.ResultDeclined
)

// maxReasonRunes bounds what is kept of the reason why a call ended: some repeat what the far end said.
const maxReasonRunes = 160

// past is what is kept of a call for its record. It belongs to the call's goroutine.
type past struct {
	direction store.Direction
	dialled   string
	started   time.Time
	ended     time.Time  // when either side hung up; zero: not yet
	refusal   error      // why it was not answered
	stay      rooms.Stay // zero: no conversation was held
	audio     store.CallAudio
}

func newPast(direction store.Direction, dialled string) past {
	return past{direction: direction, dialled: clean(dialled), started: time.Now()}
}

// over notes when the call ended: what follows is no more than the wait for the far end's answer to our BYE.
func (p *past) over() {
	if p.ended.IsZero() {
		p.ended = time.Now()
	}
}

// hear keeps how the audio of a leg went. Nobody else may have the leg any more.
func (p *past) hear(leg *media.Leg) {
	codec := leg.Codec()
	if codec == nil {
		return
	}
	s := leg.Stats()
	p.audio = store.CallAudio{
		Codec: codec.Name(),

		Encryption: s.Suite.String(),

		Received:  s.Received,
		Lost:      s.Lost,
		Late:      s.Buffer.Late,
		Sent:      s.Sent,
		Jitter:    milliseconds(time.Duration(s.Jitter)),
		Delay:     milliseconds(s.Buffer.Delay),
		RoundTrip: milliseconds(time.Duration(s.RoundTrip)),
	}
	p.audio.Encryption = s.Suite.String()
	if s.FarReported && s.Sent > 0 {
		loss := min(100, 100*float64(s.FarLostTotal)/float64(s.Sent))
		p.audio.FarLoss = &loss
	}
	if q, ok := s.Quality(codec); ok {
		p.audio.MOS, p.audio.Scale, p.audio.Rating = q.MOS, string(q.Scale), &q.Rating
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// record hands over what is kept of the call, now that it is over. An INVITE that was only asked for a password is no call
// yet: the one that brings it is.
func (c *Call) record() {
	if c.server.record == nil {
		return
	}
	if c.challenged {
		return
	}
	c.past.over()
	call := store.Call{
		ID:        c.id.Local,
		Direction: c.past.direction,
		Dialled:   c.past.dialled,
		Room:      c.room.Extension,
		RoomName:  c.room.Name,
		Number:    c.caller.Number,
		Name:      c.caller.Name,
		Address:   c.caller.Address.Addr().Unmap().String(),
		Phone:     c.caller.Phone,
		Trunk:     c.caller.Trunk,
		Role:      c.past.stay.Role,
		Started:   c.past.at(c.past.started),
		Answered:  c.past.at(c.began),
		Entered:   c.past.at(c.past.stay.Entered),
		Ended:     c.past.at(c.past.ended),
		Result:    cmp.Or(c.past.stay.Result, rooms.ResultHangup),
		Reason:    cmp.Or(c.past.stay.Reason, c.reason.Error()),
		CallAudio: c.past.audio,
	}
	if c.began.IsZero() {
		call.Result, call.Reason = c.unanswered()
	}
	call.Reason = cleanUpTo(call.Reason, maxReasonRunes)
	c.server.record(call)
}

// unanswered is the result of a call that was not answered, with the reason.
func (c *Call) unanswered() (result, reason string) {
	why := c.past.refusal
	var callee *outcomeError
	switch {
	case errors.As(why, &callee):
		return callee.result, callee.why
	case errors.Is(why, errCancelled):
		return ResultCancelled, why.Error()
	case why == nil && c.out != nil && c.reason == errNotAnswered:
		return ResultNoAnswer, c.reason.Error()
	case why == nil && c.out != nil: // whoever had it made wants it no more
		return ResultCancelled, c.reason.Error()
	case why == nil:
		why = errInternal
	}
	return ResultRefused, fmt.Sprintf("%d %v", rejection(why).Status, why)
}

// at puts a moment of the call on the clock that its begin was read from: should that be set meanwhile, the call still
// lasts as long as it did.
func (p *past) at(moment time.Time) time.Time {
	if moment.IsZero() {
		return time.Time{}
	}
	return p.started.Add(moment.Sub(p.started)).UTC()
}
