package rooms

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"conclave/media"
	"conclave/mixer"
)

// Why a call cannot take part in a talk, or does no longer.
var (
	// ErrTalkOver: the talk has ended.
	ErrTalkOver = errors.New("the talk is over")
	// ErrSideTaken: another call has this side of the talk.
	ErrSideTaken = errors.New("another call has this side of the talk")
	// ErrNotConnected: nobody is on the other side.
	ErrNotConnected = errors.New("nobody is on the other side")
	// ErrHandedOver: the other party is being transferred already.
	ErrHandedOver = errors.New("the other party is being transferred already")

	errPartnerLeft = errors.New("the other party hung up")
	errTransfers   = errors.New("has transferred the other party")
	errTransferred = errors.New("transferred by the other party")
	errInternal    = errors.New("internal error")
)

// Side is an end of a talk.
type Side uint8

// The sides.
const (
	CallingSide Side = iota // of who has called
	CalledSide              // of who was called
)

// Talk is a call of two who hear each other as the members of a room do, in a mix of their own: no prompts, and music only
// where the other has put the talk on hold. When one hangs up the other is hung up. All methods may be called from any
// goroutine.
type Talk struct {
	house *House
	id    string
	log   *slog.Logger

	// mu guards these and, of the parties, held and next. What is done under it only leaves orders with the mixer.
	mu        sync.Mutex
	mix       *mixer.Conference // while there is a seat
	parties   [2]*Party         // by side, nil: not there yet, or gone before the call that his side is to be given to
	preview   [2]bool           // by side: there is an Early
	handovers [2]*Handover      // by side, nil: the side is not to be another call's
	seats     int
	over      bool
	handed    bool // who has called takes part no more, another call has his side or is to have it
}

// NewTalk prepares a talk; id names it in the log. It holds nothing before a call takes part.
func (h *House) NewTalk(id string) *Talk {
	return &Talk{house: h, id: id, log: h.log.With("talk", id)}
}

// Party is one call's part in a talk.
type Party struct {
	talk      *Talk
	side      Side
	call      Call
	transfers bool
	keypad    *keypad
	line      *line
	seat      *mixer.Seat
	end       context.CancelCauseFunc // ends the part
	reason    error                   // why the part is over
	done      chan struct{}

	held bool // by his far end
	next *Destination
}

// Join gives an answered call its side of the talk and returns at once; its audio flows from now on. The part is over soon
// after ctx is, or when the talk ends; then the call is hung up, unless it has been transferred (Party.Next). transfers says
// whether the party may transfer the other one by the house's transfer code; of others keys have no effect. The error is
// ErrTalkOver or ErrSideTaken, and then nothing has begun.
func (t *Talk) Join(ctx context.Context, side Side, call Call, transfers bool) (*Party, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.over:
		return nil, ErrTalkOver
	case t.parties[side] != nil || t.handovers[side] != nil:
		return nil, ErrSideTaken
	}
	return t.admit(ctx, side, call, transfers), nil
}

// admit gives a side to a call, whoever had it. t.mu is held.
func (t *Talk) admit(ctx context.Context, side Side, call Call, transfers bool) *Party {
	log := t.log.With("call", call.ID())
	p := &Party{talk: t, side: side, call: call, transfers: transfers, keypad: newKeypad(log), done: make(chan struct{})}
	p.line = newLine(t.house.voiceOf(call.Caller()), p.keypad)
	ctx, p.end = context.WithCancelCause(ctx)
	p.seat = t.seat(call, p.notify)
	p.line.seat = p.seat
	t.parties[side] = p
	if partner := t.partner(p); partner != nil {
		p.seat.Enter()
		partner.seat.Enter()
		t.entertain(p)
		t.entertain(partner)
		log.Info("talk begun")
	}
	t.house.visits.Add(1)
	go p.run(ctx, log)
	return p
}

// seat gives a call's leg a seat in the mix, which is made where there is none. It has to be given back by vacate. t.mu is held.
func (t *Talk) seat(call Call, notify func(mixer.Event)) *mixer.Seat {
	if t.mix == nil {
		t.mix = t.house.engine.NewConference("talk " + t.id)
	}
	t.seats++
	call.Leg().LimitRate(0)
	return t.mix.Seat(call.Leg(), notify)
}

// End ends the talk at the wish of who has called, for whoever takes part in it and for those who were to. It does nothing once
// another call has his side.
func (t *Talk) End(reason error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.handed || t.handovers[CallingSide] != nil && t.parties[CalledSide] != nil {
		return
	}
	t.finish()
	for _, p := range t.parties {
		if p != nil {
			p.end(reason)
		}
	}
}

// partner is who is on the other side; nil: nobody now. t.mu is held.
func (t *Talk) partner(p *Party) *Party { return t.parties[1-p.side] }

// entertain gives p music while the other one has put him on hold, or is yet to come. t.mu is held.
func (t *Talk) entertain(p *Party) {
	var music *mixer.Music
	if partner := t.partner(p); partner != nil && partner.held || partner == nil && t.handovers[1-p.side] != nil {
		music = t.house.musicOf(musicDefault)
	}
	p.seat.Music(music)
}

// Hold tells that the far end of the call has put the talk on hold, or has taken it back.
func (p *Party) Hold(on bool) {
	t := p.talk
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.held == on {
		return
	}
	p.held = on
	if partner := t.partner(p); partner != nil {
		t.entertain(partner)
	}
}

// Digit takes a key from a SIP INFO, as Visit.Digit does.
func (p *Party) Digit(key byte) { p.keypad.info(key) }

// Done is closed when the part is over and the leg has no seat any more, so that it may be closed or sent elsewhere.
func (p *Party) Done() <-chan struct{} { return p.done }

// Stay tells how the part went. It waits until Done.
func (p *Party) Stay() Stay {
	<-p.done
	return Stay{Result: ResultHangup, Reason: p.reason.Error()}
}

// Next is where the call has been transferred to: its owner has it received there. It is false until Done, and where the
// call was hung up instead.
func (p *Party) Next() (Destination, bool) {
	select {
	case <-p.done:
	default:
		return Destination{}, false
	}
	p.talk.mu.Lock()
	defer p.talk.mu.Unlock()
	if p.next == nil {
		return Destination{}, false
	}
	return *p.next, true
}

// PartyState is what another process has to know of a part in a talk to go on with it: both sides Join a new talk.
type PartyState struct {
	Talk      string `json:"talk"` // as of NewTalk
	Side      Side   `json:"side"`
	Transfers bool   `json:"transfers,omitempty"`
	// Out tells that the part is about to end.
	Out bool `json:"out,omitempty"`
}

// State is the part as it is now.
func (p *Party) State() PartyState {
	t := p.talk
	t.mu.Lock()
	defer t.mu.Unlock()
	return PartyState{Talk: t.id, Side: p.side, Transfers: p.transfers, Out: t.over || t.parties[p.side] != p}
}

// Transfers tells whether the party may transfer the other one.
func (p *Party) Transfers() bool { return p.transfers }

// Transfer sends the other party to a destination and ends p's own call. The error is ErrTalkOver, ErrNotConnected,
// ErrToOneself or ErrNotEncrypted, and then the talk goes on.
func (p *Party) Transfer(to Destination) error {
	t := p.talk
	t.mu.Lock()
	defer t.mu.Unlock()
	partner := t.partner(p)
	switch {
	case t.over || t.parties[p.side] != p:
		return ErrTalkOver
	case partner == nil:
		return ErrNotConnected
	case to.Party != nil && to.Party.talk == t:
		return ErrToOneself
	}
	if err := to.room().Takes(partner.call.Leg().Suite() != media.Plain); err != nil {
		return err
	}
	t.finish()
	partner.next = &to
	partner.end(errTransferred)
	p.end(errTransfers)
	return nil
}

// run takes part, ends the call and leaves nothing behind.
func (p *Party) run(ctx context.Context, log *slog.Logger) {
	defer p.talk.house.faults.Survive("the end of a talk")
	defer p.talk.house.visits.Done()
	defer close(p.done)
	defer p.talk.vacate()
	defer p.seat.Release()
	defer p.end(nil)
	defer func() {
		if fault := recover(); fault != nil {
			p.talk.house.faults.Add(log, "a talk was given up", fault)
			p.reason = errInternal
			p.call.Hangup(errInternal)
		}
	}()

	p.reason = p.stay(ctx, log)
	transferred := p.talk.leave(p)
	log.Info("talk ended", "reason", p.reason)
	if !transferred {
		p.call.Hangup(p.reason)
	}
}

// leave ends the talk for the other one, too, and tells whether p was transferred instead of hung up.
func (t *Talk) leave(p *Party) (transferred bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.parties[p.side] != p || t.abandons(p) { // it is another call's, and the talk goes on
		return false
	}
	t.finish()
	if partner := t.partner(p); partner != nil {
		partner.end(errPartnerLeft)
	}
	return p.next != nil
}

// vacate gives a seat back. With the last one the mix ends.
func (t *Talk) vacate() {
	t.mu.Lock()
	t.seats--
	mix := t.mix
	over := t.seats == 0
	if over {
		t.mix = nil
	}
	t.mu.Unlock()
	if over {
		mix.Close()
	}
}

// notify takes what the mixer reports of the leg. It runs on the mixer's goroutine and does not wait.
func (p *Party) notify(event mixer.Event) {
	switch event.Kind {
	case mixer.EventDigit:
		p.keypad.rtp(event.Digit)
	case mixer.EventPlayed:
		p.line.played(event.Play)
	case mixer.EventTimeout:
		p.end(ErrRTPTimeout)
	case mixer.EventFault:
		p.end(errInternal)
	}
}

// stay obeys the party's keys until the part is over, and tells why it is. A fault costs this talk and no other.
func (p *Party) stay(ctx context.Context, log *slog.Logger) (reason error) {
	defer func() {
		if fault := recover(); fault != nil {
			p.talk.house.faults.Add(log, "talk failed", fault)
			reason = errInternal
		}
	}()
	star := starCode{code: p.talk.house.transferCode}
	pause := time.NewTimer(time.Hour) // until the number dialled so far is complete
	pause.Stop()
	defer pause.Stop()
	for {
		var number string
		var complete bool
		select {
		case key := <-p.keypad.pressed:
			if !p.transfers {
				continue
			}
			number, complete = star.press(key, p.talk.house.goesOn)
		case <-pause.C:
			number, complete = star.pause()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if star.waits() {
			pause.Reset(starPause)
		} else {
			pause.Stop()
		}
		if complete {
			p.transfer(number, log)
		}
	}
}

// transfer does what the transfer code and a number say. What comes to nothing is told to the one who dialled, and the talk
// goes on.
func (p *Party) transfer(number string, log *slog.Logger) {
	room, ok := p.talk.house.Room(number)
	err := errors.New("no room has this number")
	if ok {
		err = p.Transfer(Destination{Room: room})
	}
	if err != nil {
		log.Info("not transferred", "number", number, "reason", err)
		p.Unavailable()
		return
	}
	log.Info("transferred", "number", number)
}

// Unavailable tells the party that the number which he wants to transfer the other one to does not exist, or is not for him.
func (p *Party) Unavailable() {
	p.line.hush()
	p.line.say(promptNoNumber)
}
