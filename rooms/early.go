package rooms

import "conclave/mixer"

// Early is the place of a call in a talk that is not answered yet: who has called hears what the callee's end plays before
// (RFC 3960), an announcement or a ringing tone of its own, and the callee's end hears nothing.
type Early struct {
	talk *Talk
	side Side
	seat *mixer.Seat
}

// Early gives a call such a place, of which each side has one. It is nil where that is taken or the talk is over. It has to be
// stopped before the call takes part, or before its leg is closed.
func (t *Talk) Early(side Side, call Call) *Early {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over || t.preview[side] || t.parties[side] != nil {
		return nil
	}
	e := &Early{talk: t, side: side, seat: t.seat(call, func(mixer.Event) {})}
	t.preview[side] = true
	e.seat.Mute(side == CallingSide)
	e.seat.Enter()
	return e
}

// Stop ends it. When it returns nobody has the leg any more.
func (e *Early) Stop() {
	t := e.talk
	e.seat.Release()
	t.mu.Lock()
	t.preview[e.side] = false
	t.mu.Unlock()
	t.vacate()
}
