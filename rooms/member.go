package rooms

import (
	"context"
	"sync/atomic"
	"time"

	"conclave/media"
	"conclave/mixer"
)

// member is a caller who has been admitted. The mutex of the conference guards what changes.
type member struct {
	number  int // in the conference, from 1
	call    Call
	callee  string  // as the room has called him; empty: it has not
	room    Room    // as it was when he called
	options Options // of his role in it
	role    role
	seat    *mixer.Seat
	line    *line
	since   time.Time
	until   time.Time      // when his time is over; zero: it is not bounded
	said    *media.Sound   // as he was asked for his name; nil: nothing
	name    []*media.Sound // what the others hear of him when he comes and goes; nil: nothing

	standing
	entered bool // is in the mix
	muted   muting
	controls

	greeting   uint64   // the prompt that he is alone or has to wait; 0: it was not said, or is outdated
	greetedFor standing // what it says

	held    *atomic.Bool // by his phone; it is the visit's
	noticed *taping      // the recording that he was told of
	talk    talkLog

	// end ends the member's stay, with a removal for a cause where others have put him out.
	end     context.CancelCauseFunc
	removed atomic.Bool // read by the mixer's goroutine, too
}

// removal is why a member was put out: the result of his visit.
type removal string

func (r removal) Error() string {
	if r == ResultEndMarked {
		return "the leader has left"
	}
	return "removed by an operator or a moderator"
}

// moderates tells whether the member is a moderator.
func (m *member) moderates() bool { return m.options.Admin }

// Roles as operators read them.
const (
	roleParticipant = "participant"
	roleModerator   = "moderator"
)

func (m *member) roleName() string {
	if m.moderates() {
		return roleModerator
	}
	return roleParticipant
}

// menu is what the member's keys do.
func (m *member) menu() Menu {
	if m.moderates() {
		return m.room.ModeratorMenu
	}
	return m.room.Menu
}

// stand puts the member where he stands now: into the mix or out of it, with music or without.
func (m *member) stand(now standing, crowd crowd, music *mixer.Music) {
	if now.waiting != m.greetedFor.waiting || !now.waiting && crowd.active() > 1 {
		m.silenceGreeting()
	}
	switch {
	case !now.waiting && !m.entered:
		m.seat.Enter()
	case now.waiting && m.entered:
		m.seat.Leave()
	}
	switch {
	case now.music && !m.music:
		m.seat.Music(music)
	case !now.music && m.music:
		m.seat.Music(nil)
	}
	m.standing, m.entered = now, !now.waiting
}

// silenceGreeting stops the prompt that nobody else is there, or no leader: it is no longer so.
func (m *member) silenceGreeting() {
	if m.greeting != 0 {
		m.seat.Cancel(m.greeting)
		m.greeting = 0
	}
}

// depart takes the member out of the mix and ends what only members hear. The seat stays, for
// the last words.
func (m *member) depart() {
	m.removed.Store(true)
	m.entered = false
	m.seat.Leave()
	m.silenceGreeting()
	if m.music {
		m.music = false
		m.seat.Music(nil)
	}
}
