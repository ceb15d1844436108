package rooms

import (
	"time"

	"conclave/mixer"
)

// chimes keeps account of the tones that were left with the mixer, which plays them one after
// another. A hundred who come at once must not be rung in for a minute.
type chimes struct {
	over   time.Time            // when the last of them ends
	starts map[string]time.Time // when the last one of each name begins
}

// add tells whether a tone is to be played: not so if one of the same name has yet to begin,
// which will do for both.
func (c *chimes) add(tone string, lasts time.Duration) bool {
	now := time.Now()
	if c.starts[tone].After(now) {
		return false
	}
	start := now
	if c.over.After(now) {
		start = c.over
	}
	if c.starts == nil {
		c.starts = make(map[string]time.Time)
	}
	c.starts[tone] = start
	c.over = start.Add(lasts)
	return true
}

// chime plays a tone to all members but one, who may be nil. c.mu is held.
func (c *conference) chime(except *mixer.Seat, tone string) {
	if except != nil && len(c.members) == 1 {
		return // nobody else is there
	}
	sound := c.prompts[tone]
	if c.chimes.add(tone, sound.Duration()) {
		c.mix.Play(except, sound)
	}
}
