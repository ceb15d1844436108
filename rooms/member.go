package rooms

import (
	"time"

	"conclave/mixer"
)

// member is a caller who has been admitted. The mutex of the conference guards its fields.
type member struct {
	number  int // in the conference, from 1
	call    Call
	options Options
	seat    *mixer.Seat
	line    *line
	since   time.Time

	muted bool
	music bool
	alone <-chan struct{} // closed once the prompt that nobody else is there is over; nil: not played

	// removed is closed when an operator has taken the member out of the conference.
	removed chan struct{}
}

// silenceAlone stops the prompt that nobody else is there: it is no longer so.
func (m *member) silenceAlone() {
	if m.alone == nil {
		return
	}
	select {
	case <-m.alone:
	default:
		m.line.hush()
	}
	m.alone = nil
}

// depart takes the member out of the mix and ends what only members hear. The seat stays, for
// the last words.
func (m *member) depart() {
	m.seat.Leave()
	m.silenceAlone()
	if m.music {
		m.music = false
		m.seat.Music(nil)
	}
}
