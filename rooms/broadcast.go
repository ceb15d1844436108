package rooms

import (
	"slices"

	"conclave/media"
	"conclave/mixer"
)

// play plays sounds to all who are in the mix but some, after what is being played to them. c.mu is held.
func (c *conference) play(sounds []*media.Sound, except ...*member) {
	if len(sounds) == 0 {
		return
	}
	seats := make([]*mixer.Seat, len(except))
	for i, m := range except {
		seats[i] = m.seat
	}
	c.playing++
	c.mix.Play(mixer.Announcement{Sounds: sounds, Except: seats, Done: func() { go c.played() }})
}

// played is told of the end of what was played to all. What has happened meanwhile is said now.
func (c *conference) played() {
	defer c.house.faults.Survive("say what has happened meanwhile")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.playing--
	c.announce()
}

// say says a prompt to all who are in the mix but some, unless the room has no announcements. c.mu is held.
func (c *conference) say(prompt string, except ...*member) {
	if c.announcements {
		c.play(c.voice.Prompt(prompt), except...)
	}
}

// tellAll says a prompt to all members, also those who wait, unless the room has no announcements. c.mu is held.
func (c *conference) tellAll(prompt string) {
	if c.announcements {
		c.playToAll(c.voice.Prompt(prompt)...)
	}
}

// playToAll plays sounds to all members, also those who wait. c.mu is held.
func (c *conference) playToAll(sounds ...*media.Sound) {
	c.play(sounds)
	for _, m := range c.members {
		if m.waiting {
			m.line.play(sounds...)
		}
	}
}

// listeners is how many are in the mix beside some. c.mu is held.
func (c *conference) listeners(except ...*member) int {
	n := 0
	for _, m := range c.members {
		if m.entered && !slices.Contains(except, m) {
			n++
		}
	}
	return n
}

// emit tells those who listen to events what a member does. c.mu is held, so that events are in order.
func (c *conference) emit(kind EventKind, m *member) { c.emitResult(kind, m, "") }

func (c *conference) emitResult(kind EventKind, m *member, result string) {
	caller := m.call.Caller()
	encryption := ""
	if kind == EventJoin {
		encryption = m.call.Leg().Suite().String()
	}
	c.house.emit(Event{
		Room:   m.room.Extension,
		Kind:   kind,
		Member: m.number,
		Call:   m.call.ID(),
		Caller: caller.Number,
		Name:   caller.Name,
		Role:   m.roleName(),
		Result: result,

		Encryption: encryption,
	})
}
