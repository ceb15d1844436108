package rooms

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"conclave/media"
	"conclave/mixer"
)

var (
	errLocked = errors.New("the conference is locked")
	errFull   = errors.New("the conference is full")
	errNobody = errors.New("no members now") // continues "room 1000 has"
)

// conference is a room while somebody is in it: who its members are, and what each of them
// hears of the comings and goings. Between its first caller and its first member it is
// empty, and so it is again when the last member has left but a caller is still at the door:
// then numbers start anew and a lock is gone.
type conference struct {
	mix     *mixer.Conference
	prompts prompts
	music   *media.Sound

	// The house's mutex guards these.
	room   Room // as the last caller found it
	visits int  // calls that have a seat in the mix or will take one

	// mu guards the members and the rules. What is done under it only leaves orders with
	// the mixer; nothing waits.
	mu      sync.Mutex
	members []*member // in the order in which they came
	last    int       // number given last
	locked  bool
	since   time.Time
	chimes  chimes
}

// join admits a caller, or says why not: errLocked or errFull.
func (c *conference) join(m *member) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.locked {
		return errLocked
	}
	if limit := m.options.MaxMembers; limit > 0 && len(c.members) >= limit {
		return errFull
	}
	m.since = time.Now()
	if len(c.members) == 0 {
		c.since = m.since
	}
	c.last++
	m.number = c.last
	c.members = append(c.members, m)
	if len(c.members) == 2 {
		c.members[0].silenceAlone()
	}
	if m.options.StartMuted {
		m.muted = true
		m.seat.Mute(true)
	}
	m.seat.Enter()
	c.settleMusic()
	c.welcome(m)
	return nil
}

// welcome plays what belongs to an arrival: the tone to the room and the joiner, and to the
// first one that he is alone. His music waits while that is said, and is there at its end.
func (c *conference) welcome(m *member) {
	if m.options.Quiet {
		return
	}
	c.chime(m.seat, toneJoin)
	var own []string
	if m.options.HearOwnJoinSound {
		own = append(own, toneJoin)
	}
	alone := len(c.members) == 1 && m.options.AnnounceOnlyUser
	if alone {
		own = append(own, promptOnlyPerson)
	}
	if len(own) == 0 {
		return
	}
	over := m.line.say(own...)
	if alone {
		m.alone = over
	}
}

// leave takes a member out, unless an operator has done so before.
func (c *conference) leave(m *member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.members, m); i >= 0 {
		c.remove(i)
	}
}

// remove takes a member out and lets those who remain know. mu is held.
func (c *conference) remove(i int) {
	m := c.members[i]
	c.members = slices.Delete(c.members, i, i+1)
	m.depart()
	if len(c.members) == 0 {
		c.reset()
		return
	}
	if !m.options.Quiet {
		c.chime(nil, toneLeave)
	}
	c.settleMusic()
}

// reset is for when the last member has left. mu is held.
func (c *conference) reset() {
	c.last = 0
	c.locked = false
}

// settleMusic gives music to the member who is alone and takes it from all others. Only the
// first two can be at a change between the two states. mu is held.
func (c *conference) settleMusic() {
	alone := len(c.members) == 1
	for _, m := range c.members[:min(2, len(c.members))] {
		wanted := alone && m.options.MusicOnHoldWhenEmpty
		switch {
		case wanted && !m.music:
			m.seat.Music(c.music)
		case !wanted && m.music:
			m.seat.Music(nil)
		}
		m.music = wanted
	}
}

// mute silences a member for the others or lets him be heard again, and tells him. Where
// nothing changes, nothing is said.
func (c *conference) mute(number int, on bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, err := c.find(number)
	if err != nil {
		return err
	}
	m := c.members[i]
	if m.muted == on {
		return nil
	}
	m.muted = on
	m.seat.Mute(on)
	if on {
		m.line.say(promptMuted)
	} else {
		m.line.say(promptUnmuted)
	}
	return nil
}

// kick takes a member out of the conference at once; his reception sees him off.
func (c *conference) kick(number int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, err := c.find(number)
	if err != nil {
		return err
	}
	m := c.members[i]
	c.remove(i)
	close(m.removed)
	return nil
}

// kickAll does to all members at a time what kick does to one, and returns how many they were.
func (c *conference) kickAll() (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.members) == 0 {
		return 0, errNobody
	}
	all := c.members
	c.members = nil
	c.reset()
	for _, m := range all {
		m.depart()
		close(m.removed)
	}
	return len(all), nil
}

// lock lets nobody in any more, or everybody again.
func (c *conference) lock(on bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.members) == 0 {
		return errNobody
	}
	c.locked = on
	return nil
}

// find is the place of a member among the others; the error continues "room 1000 has" and names
// who is there. mu is held.
func (c *conference) find(number int) (int, error) {
	if len(c.members) == 0 {
		return 0, errNobody
	}
	i := slices.IndexFunc(c.members, func(m *member) bool { return m.number == number })
	if i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("no member %d; members: %s", number, c.numbers())
}

// numbers lists the members for a message, the first twenty of them. mu is held.
func (c *conference) numbers() string {
	const shown = 20
	list := make([]string, 0, shown)
	for _, m := range c.members[:min(shown, len(c.members))] {
		list = append(list, strconv.Itoa(m.number))
	}
	text := strings.Join(list, ", ")
	if len(c.members) > shown {
		text += fmt.Sprintf(" … (%d in all)", len(c.members))
	}
	return text
}
