package rooms

import (
	"time"
)

// programme keeps account of what was left with the mixer to be played to the room, which it does one after another.
type programme struct {
	over   time.Time            // when the last of it ends
	starts map[string]time.Time // when the last tone of each name begins
}

// begin is when what is left with the mixer now will begin.
func (p *programme) begin() time.Time {
	if now := time.Now(); p.over.Before(now) {
		return now
	}
	return p.over
}

// add accounts for something that lasts so long.
func (p *programme) add(lasts time.Duration) { p.over = p.begin().Add(lasts) }

// due tells whether a tone is to be played: not so if one of the same name has yet to begin, which will do for both. A
// hundred who come at once must not be rung in for a minute.
func (p *programme) due(tone string) bool {
	if p.starts[tone].After(time.Now()) {
		return false
	}
	if p.starts == nil {
		p.starts = make(map[string]time.Time)
	}
	p.starts[tone] = p.begin()
	return true
}

// chime plays a tone to all who are in the mix but some. c.mu is held.
func (c *conference) chime(tone string, except ...*member) {
	if c.listeners(except...) > 0 && c.announcements && c.programme.due(tone) {
		c.play(c.voice.Prompt(tone), except...)
	}
}
