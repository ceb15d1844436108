package rooms

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"time"

	"conclave/mixer"
)

var (
	errRTPTimeout = errors.New("RTP timeout")
)

// Visit is one call's stay in the house, from the first prompt to the hang-up.
type Visit struct {
	house      *House
	room       Room // as it was when the call came
	call       Call
	conference *conference
	log        *slog.Logger
	keypad     *keypad
	line       *line
	seat       *mixer.Seat
	end        context.CancelCauseFunc // ends the conversation

	result string
	done   chan struct{}
}

// Digit takes a key from a SIP INFO: 0-9, *, # or A-D; anything else is ignored. It never
// waits. Where the phone sends RTP events, too, those count and not these.
func (v *Visit) Digit(key byte) { v.keypad.info(key) }

// Done is closed when the conversation is over and the leg has no seat any more, so that it
// may be closed.
func (v *Visit) Done() <-chan struct{} { return v.done }

// Result tells how the visit ended, one of the Result constants. It is empty until Done.
func (v *Visit) Result() string {
	select {
	case <-v.done:
		return v.result
	default:
		return ""
	}
}

// run holds the conversation, ends the call and leaves nothing behind.
func (v *Visit) run(ctx context.Context) {
	defer v.house.visits.Done()
	defer close(v.done)
	defer v.house.vacate(v.conference)
	ctx, v.end = context.WithCancelCause(ctx)
	defer v.end(nil)

	v.seat = v.conference.mix.Seat(v.call.Leg(), v.notify)
	defer v.seat.Release()
	v.line.seat = v.seat

	result, reason := v.receive(ctx)
	v.result = result
	if lost := v.keypad.lost(); lost > 0 {
		v.log.Warn("keys came faster than they were taken", "lost", lost)
	}
	v.log.Info("visit ended", "result", result, "reason", reason)
	v.call.Hangup(reason)
}

// notify takes what the mixer reports of the leg. It runs on the mixer's goroutine and does
// not wait.
func (v *Visit) notify(event mixer.Event) {
	switch event.Kind {
	case mixer.EventDigit:
		v.keypad.rtp(event.Digit)
	case mixer.EventPlayed:
		v.line.played(event.Play)
	case mixer.EventTimeout:
		v.end(errRTPTimeout)
	}
}

// receive is the conversation from the greeting to the last word. A fault in it costs this
// call and no other.
func (v *Visit) receive(ctx context.Context) (result, reason string) {
	defer func() {
		if fault := recover(); fault != nil {
			v.log.Error("reception failed", "panic", fault, "stack", string(debug.Stack()))
			result, reason = ResultHangup, "internal error"
		}
	}()
	if v.room.PIN != "" {
		err := v.line.askPIN(ctx, v.room.PIN, v.log)
		if errors.Is(err, errNoPIN) {
			return ResultFailed, err.Error()
		}
		if err != nil {
			return ResultHangup, err.Error()
		}
	}
	m := &member{
		call:    v.call,
		options: v.room.Options,
		seat:    v.seat,
		line:    v.line,
		removed: make(chan struct{}),
	}
	defer v.conference.leave(m)
	switch err := v.conference.join(m); err {
	case errLocked:
		v.line.tell(ctx, promptLocked)
		return ResultLocked, err.Error()
	case errFull:
		v.line.tell(ctx, promptFull)
		return ResultFull, err.Error()
	}
	v.log.Info("member entered", "member", m.number)
	return v.stay(ctx, m)
}

// stay waits for what ends a member's stay.
func (v *Visit) stay(ctx context.Context, m *member) (result, reason string) {
	var over <-chan time.Time
	if limit := m.options.Timeout; limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		over = timer.C
	}
	for {
		select {
		case <-v.keypad.pressed:
			// No key has a meaning in here, and those at the door are not to wait for it.
		case <-m.removed:
			if !m.options.Quiet {
				v.line.tell(ctx, promptKicked)
			}
			return ResultKicked, "removed by an operator"
		case <-over:
			return ResultTimeout, "the time allowed is over"
		case <-ctx.Done():
			return ResultHangup, context.Cause(ctx).Error()
		}
	}
}
