package rooms

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"conclave/mixer"
)

// Why a conversation ends, beside what the caller does.
var (
	// ErrRTPTimeout: the far end sends no audio any more.
	ErrRTPTimeout = errors.New("RTP timeout")
	errOverTime   = errors.New("the time allowed is over")
	errLeft       = errors.New("left by a key")
)

// Visit is one call's stay in the house, from the first prompt to the hang-up.
type Visit struct {
	house      *House
	room       Room // as it was when the call came
	call       Call
	invitation *Invitation // nil: he has called
	conference *conference
	log        *slog.Logger
	keypad     *keypad
	line       *line
	roomVoice  *Voice // of what is said to all; the caller's own is the line's
	seat       *mixer.Seat
	end        context.CancelCauseFunc // ends the conversation
	before     *Visit                  // whose place is taken over; nil: nobody's
	back       *member                 // that he was in another process; nil: he was none
	inside     context.Context         // of the stay of back
	member     atomic.Pointer[member]  // nil before he is admitted
	held       atomic.Bool             // by the far end of the call

	result string
	reason string
	joined chan struct{}
	done   chan struct{}
}

// Stay is how a visit went.
type Stay struct {
	Result  string    // one of the Result constants
	Reason  string    // the same in words
	Entered time.Time // when the caller became a member; zero: he did not
	Role    string    // participant or moderator; empty: he did not become a member
}

// Digit takes a key from a SIP INFO: 0-9, *, # or A-D; anything else is ignored. It never
// waits. Where the phone sends RTP events, too, those count and not these.
func (v *Visit) Digit(key byte) { v.keypad.info(key) }

// Hold tells that the far end of the call has put the conference on hold, or has taken it back. It changes nothing of what is
// heard: the phone says itself what it sends and wants.
func (v *Visit) Hold(on bool) {
	if v.held.Swap(on) == on {
		return
	}
	c := v.conference
	c.mu.Lock()
	defer c.mu.Unlock()
	m := v.member.Load()
	switch {
	case m == nil || !slices.Contains(c.members, m):
	case on:
		c.emit(EventHold, m)
	default:
		c.emit(EventResume, m)
	}
}

// Joined is closed when the caller has become a member.
func (v *Visit) Joined() <-chan struct{} { return v.joined }

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

// Stay tells how the visit went. It waits until Done.
func (v *Visit) Stay() Stay {
	<-v.done
	stay := Stay{Result: v.result, Reason: v.reason}
	if m := v.member.Load(); m != nil && m.number > 0 {
		stay.Entered, stay.Role = m.since, m.roleName()
	}
	return stay
}

// run holds the conversation, ends the call and leaves nothing behind.
func (v *Visit) run(ctx context.Context) {
	defer v.house.faults.Survive("the end of a visit")
	defer v.house.visits.Done()
	defer close(v.done)
	defer v.house.vacate(v.conference)
	defer v.end(nil)
	defer func() {
		if fault := recover(); fault != nil {
			v.house.faults.Add(v.log, "a visit was given up", fault)
			v.result, v.reason = ResultHangup, errInternal.Error()
			v.call.Hangup(errInternal)
		}
	}()

	if v.seat == nil {
		v.sit()
	}
	defer v.seat.Release()

	result, reason := v.receive(ctx)
	v.result, v.reason = result, reason.Error()
	if lost := v.keypad.lost(); lost > 0 {
		v.log.Warn("keys came faster than they were taken", "lost", lost)
	}
	v.log.Info("visit ended", "result", result, "reason", reason)
	v.call.Hangup(reason)
}

// sit takes a seat in the mix of the conference.
func (v *Visit) sit() {
	v.call.Leg().LimitRate(v.room.Options.SampleRate)
	v.seat = v.conference.mix.Seat(v.call.Leg(), v.notify)
	v.seat.ComfortNoise(v.room.Options.ComfortNoise)
	v.line.seat = v.seat
}

// notify takes what the mixer reports of the leg. It runs on the mixer's goroutine and does
// not wait.
func (v *Visit) notify(event mixer.Event) {
	switch event.Kind {
	case mixer.EventDigit:
		v.keypad.rtp(event.Digit)
	case mixer.EventPlayed:
		v.line.played(event.Play)
	case mixer.EventTalking:
		v.talks(true, event.Tick)
	case mixer.EventSilent:
		v.talks(false, event.Tick)
	case mixer.EventTimeout:
		v.end(ErrRTPTimeout)
	case mixer.EventFault:
		v.end(errInternal)
	}
}

// talks notes that the member has begun to talk, or ended, in a tick of the mixer, and lets those know who listen to events.
func (v *Visit) talks(on bool, tick uint64) {
	m := v.member.Load()
	if m == nil || m.removed.Load() {
		return
	}
	m.talk.turn(on, time.Now())
	if r := v.conference.recorder.Load(); r != nil {
		r.Talk(m.call.ID(), on, tick)
	}
	switch {
	case !m.options.TalkDetectionEvents:
	case on:
		v.conference.emit(EventTalking, m)
	default:
		v.conference.emit(EventSilent, m)
	}
}

// receive is the conversation from the greeting to the last word. A fault in it costs this
// call and no other.
func (v *Visit) receive(ctx context.Context) (result string, reason error) {
	defer func() {
		if fault := recover(); fault != nil {
			v.house.faults.Add(v.log, "reception failed", fault)
			result, reason = ResultHangup, errInternal
		}
	}()
	if v.back != nil {
		return v.resume(ctx)
	}
	if result, reason, took := v.takeOver(ctx); took {
		return result, reason
	}
	moderator, asks := v.room.Owner != "" && v.call.Caller().Phone == v.room.Owner, true
	callee := ""
	if invitation := v.invitation; invitation != nil {
		if result, err := v.invite(ctx); err != nil {
			return result, err
		}
		moderator, asks, callee = moderator || invitation.Moderator, !invitation.NoPIN, invitation.Callee
	}
	if pins := v.room.pins(); asks && !pins.none() {
		byPIN, err := v.line.askPIN(ctx, pins, v.house.guard.door(v.call.Caller(), v.room), v.log)
		if errors.Is(err, errNoPIN) {
			return ResultFailed, err
		}
		if err != nil {
			return ResultHangup, err
		}
		moderator = moderator || byPIN
	}
	options := v.room.Options.profile(moderator)
	m := &member{call: v.call, callee: callee, room: v.room, options: options, role: options.role(), seat: v.seat, line: v.line, held: &v.held}
	if options.asksName() {
		name, err := v.line.askName(ctx, v.record, options.AnnounceJoinLeaveReview)
		if err != nil {
			return ResultHangup, err
		}
		v.line.say(promptThankYou)
		m.said, m.name = name, spokenName(name, v.call.Caller().Number, v.roomVoice)
	}
	v.arrange(options)
	return v.enter(ctx, m)
}

// arrange gives the seat what the options of a member say about his audio.
func (v *Visit) arrange(options Options) {
	v.seat.DetectTalk(mixer.TalkOptions{
		Threshold: options.TalkingThreshold,
		Silence:   options.SilenceThreshold,
		Drop:      options.DropSilence,
	})
	v.seat.PassDigits(options.DTMFPassthrough)
	v.seat.MinimumDelay(!options.JitterBuffer)
	v.seat.AutomaticGain(options.AGC)
	if err := v.seat.Denoise(options.Denoise); err != nil {
		v.log.Error("his noise stays in", "error", err)
	}
}

func (v *Visit) record(limit time.Duration) dictation { return v.seat.Record(limit) }

// enter lets the member into the conference and holds the conversation with him in there.
func (v *Visit) enter(ctx context.Context, m *member) (result string, reason error) {
	result = ResultHangup // should there be a fault
	inside, end := context.WithCancelCause(ctx)
	defer end(nil)
	m.end = end
	defer func() { v.conference.leave(m, result) }()
	if limit := m.options.Timeout; limit > 0 {
		m.until = time.Now().Add(limit)
	}
	v.member.Store(m)
	switch err := v.conference.join(m, v.roomVoice); err {
	case errLocked:
		v.line.tell(ctx, promptLocked)
		return ResultLocked, err
	case errFull:
		v.line.tell(ctx, promptFull)
		return ResultFull, err
	}
	close(v.joined)
	v.log.Info("member entered", "member", m.number, "role", m.roleName())
	result, reason = v.remain(ctx, inside, m)
	return result, reason
}

// remain holds the conversation with a member until inside ends, which follows ctx.
func (v *Visit) remain(ctx, inside context.Context, m *member) (result string, reason error) {
	if !m.until.IsZero() {
		var stop context.CancelFunc
		inside, stop = context.WithDeadlineCause(inside, m.until, errOverTime)
		defer stop()
	}
	if left := v.stay(inside, m); left {
		return ResultDTMF, errLeft
	}
	cause := context.Cause(inside)
	var removed removal
	var taken *takeover
	switch {
	case errors.As(cause, &taken):
		v.conference.hand(m, taken)
		return ResultHangup, cause
	case errors.As(cause, &removed):
		v.seeOff(ctx, m, removed)
		return string(removed), removed
	case errors.Is(cause, errOverTime):
		return ResultTimeout, cause
	}
	return ResultHangup, cause
}

// stay obeys the member's keys until he leaves by one, which it reports, or ctx ends.
func (v *Visit) stay(ctx context.Context, m *member) (left bool) {
	m.keys = newKeys(m.menu())
	pause := time.NewTimer(time.Hour) // until the keys pressed so far are complete
	pause.Stop()
	defer pause.Stop()
	for {
		var do []Action
		select {
		case key := <-v.keypad.pressed:
			if !v.line.counts(key) {
				continue
			}
			var wait time.Duration
			if do, wait = m.keys.press(key, time.Now()); wait > 0 {
				pause.Reset(wait)
			} else {
				pause.Stop()
			}
		case <-pause.C:
			do = m.keys.pause()
		case <-ctx.Done():
			return false
		}
		if left, _ := v.act(ctx, m, do); left {
			return true
		}
	}
}

// seeOff says the last words to a member whom others have put out.
func (v *Visit) seeOff(ctx context.Context, m *member, why removal) {
	if m.options.Quiet {
		return
	}
	v.line.hush()
	if why == ResultEndMarked {
		v.line.tell(ctx, promptLeaderLeft)
	} else {
		v.line.tell(ctx, promptKicked)
	}
}
