package rooms

import "context"

// Handover is a side of a talk that is to be the call's of somebody who is rung meanwhile: a blind transfer to a phone. Until he
// answers whoever has ordered it may stay in the talk, or leave the other party behind, who then has music.
type Handover struct {
	talk *Talk
	side Side
	over chan struct{}
}

// Partner is the caller on the other side; it is false where nobody is there.
func (p *Party) Partner() (Caller, bool) {
	t := p.talk
	t.mu.Lock()
	defer t.mu.Unlock()
	partner := t.partner(p)
	if partner == nil || t.parties[p.side] != p {
		return Caller{}, false
	}
	return partner.call.Caller(), true
}

// HandOver begins to give the party's side of the talk to somebody else. It changes nothing yet but that the party's hanging up
// does not end the talk any more. The error is ErrTalkOver, ErrNotConnected or ErrHandedOver.
func (p *Party) HandOver() (*Handover, error) {
	t := p.talk
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.over || t.parties[p.side] != p:
		return nil, ErrTalkOver
	case t.partner(p) == nil:
		return nil, ErrNotConnected
	case t.handovers[p.side] != nil:
		return nil, ErrHandedOver
	}
	h := &Handover{talk: t, side: p.side, over: make(chan struct{})}
	t.handovers[p.side] = h
	return h, nil
}

// Over is closed when the talk has ended, so that nobody is to be rung for it any more.
func (h *Handover) Over() <-chan struct{} { return h.over }

// Take gives the side of the talk to the call that was answered, as Talk.Join does, and hangs up whoever has had it, if he is
// there still. The error is ErrTalkOver, or ErrSideTaken where another call was faster.
func (h *Handover) Take(ctx context.Context, call Call, transfers bool) (*Party, error) {
	t := h.talk
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.over:
		return nil, ErrTalkOver
	case t.handovers[h.side] != h:
		return nil, ErrSideTaken
	}
	t.handovers[h.side] = nil
	t.handed = t.handed || h.side == CallingSide
	if p := t.parties[h.side]; p != nil {
		p.seat.Leave()
		p.end(errTransfers)
	}
	return t.admit(ctx, h.side, call, transfers), nil
}

// Fail ends the attempt, as nobody has answered. The talk goes on if whoever has ordered it is there still; else there is nobody
// to go on with, and the other party is hung up.
func (h *Handover) Fail(reason error) {
	t := h.talk
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over || t.handovers[h.side] != h {
		return
	}
	t.handovers[h.side] = nil
	if t.parties[h.side] == nil {
		t.finish()
		if partner := t.parties[1-h.side]; partner != nil {
			partner.end(reason)
		}
	}
}

// abandons takes a party out that hangs up before his side is another call's, and tells whether that is so: the talk waits for
// that call as long as there is the other party. t.mu is held.
func (t *Talk) abandons(p *Party) bool {
	partner := t.partner(p)
	if t.over || t.handovers[p.side] == nil || partner == nil {
		return false
	}
	t.parties[p.side] = nil
	t.handed = t.handed || p.side == CallingSide
	t.entertain(partner)
	return true
}

// finish ends the talk for those who were to take part in it still. t.mu is held.
func (t *Talk) finish() {
	t.over = true
	for side, h := range t.handovers {
		if h != nil {
			t.handovers[side] = nil
			close(h.over)
		}
	}
}
