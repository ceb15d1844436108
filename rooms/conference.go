package rooms

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"conclave/mixer"
	"conclave/rooms/recordings"
)

var (
	errLocked = errors.New("the conference is locked")
	errFull   = errors.New("the conference is full")
)

// conference is a room while somebody is in it: who its members are, and what each of them
// hears of the comings and goings. Between its first caller and its first member it is
// empty, and so it is again when the last member has left but a caller is still at the door:
// then numbers start anew, and a lock is gone.
type conference struct {
	house *House
	mix   *mixer.Conference

	// The house's mutex guards these.
	room   Room // as the last caller found it
	visits int  // calls that have a seat in the mix or will take one

	// mu guards the members and the rules. What is done under it only leaves orders with
	// the mixer; nothing waits, but for a prompt that is said for the first time to be decoded.
	mu      sync.Mutex
	members []*member // in the order in which they came
	last    int       // number given last
	locked  bool
	muted   bool // participants are, also those who are still to come
	// calledOut tells that those were called whom the room wants to have in.
	calledOut bool
	since     time.Time

	// What the room is told, and in which voice, as the last member found it.
	voice         *Voice
	announcements bool
	playing       int // announcements that the mixer has, and that have not ended
	announcer     announcer

	tape     *taping                             // nil: nothing is recorded
	taped    *taping                             // the last one of this conference; nil: there was none
	recorder atomic.Pointer[recordings.Recorder] // that of tape, for what happens beside the mutex
}

// join admits a caller, or says why not: errLocked or errFull. Moderators are let in nevertheless.
// voice is what the room is spoken to with from now on.
func (c *conference) join(m *member, voice *Voice) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.locked && !m.moderates() {
		return errLocked
	}
	if limit := m.options.MaxMembers; limit > 0 && len(c.members) >= limit && !m.moderates() {
		return errFull
	}
	m.since = time.Now()
	if len(c.members) == 0 {
		c.since = m.since
	}
	c.last++
	m.number = c.last
	c.voice, c.announcements = voice, m.options.Announcements
	before := c.crowd()
	c.members = append(c.members, m)
	c.emit(EventJoin, m)
	c.noteJoin(m)
	c.mute(m, muting{self: m.options.StartMuted, moderator: c.muted && !m.moderates()})
	c.settle()
	c.welcome(m, before)
	c.callOut(m)
	return nil
}

// leave takes a member out with the result of his visit, unless others have put him out before.
func (c *conference) leave(m *member, result string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Contains(c.members, m) {
		c.remove(result, m)
	}
}

// remove takes members out, and with them those who are to go when a leader does. Those who remain are told.
// c.mu is held.
func (c *conference) remove(result string, gone ...*member) {
	for _, m := range gone {
		m.depart()
		m.end(removal(result))
	}
	c.members = slices.DeleteFunc(c.members, func(m *member) bool { return m.removed.Load() })
	for _, m := range gone {
		c.emitResult(EventLeave, m, result)
		if r := c.recorder.Load(); r != nil {
			r.Leave(m.call.ID())
		}
		c.noteLeave(m)
	}
	var leader *member
	for _, m := range gone {
		if m.role.marked {
			leader = m
		}
	}
	crowd := c.crowd()
	if leader != nil {
		ended := slices.DeleteFunc(slices.Clone(c.members), func(m *member) bool { return !crowd.ends(m.role) })
		if len(ended) > 0 {
			c.remove(ResultEndMarked, ended...)
		}
	}
	if len(c.members) == 0 {
		c.reset()
		return
	}
	c.settle()
	c.announce()
	if leader != nil && crowd.marked == 0 && !leader.options.Quiet {
		c.tellAll(promptLeaderLeft)
	}
}

// reset is for when the last member has left. c.mu is held.
func (c *conference) reset() {
	c.stopRecording("the last member has left")
	c.taped = nil
	c.last = 0
	c.locked = false
	c.muted = false
	c.calledOut = false
	c.announcer = announcer{}
}

// crowd counts the members. c.mu is held.
func (c *conference) crowd() (crowd crowd) {
	for _, m := range c.members {
		crowd.add(m.role)
	}
	return crowd
}

// settle puts every member where he stands among the others there are now. c.mu is held.
func (c *conference) settle() {
	crowd := c.crowd()
	for _, m := range c.members {
		m.stand(crowd.standing(m.role), crowd, c.house.musicOf(m.options.MusicClass))
	}
}
