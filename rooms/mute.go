package rooms

// muting is what keeps a member's voice out of the mix. The two are states of their own: what a moderator or an operator
// has muted the member cannot undo.
type muting struct {
	self      bool // by his own key, or as the room's option startmuted says
	moderator bool
}

func (m muting) any() bool { return m.self || m.moderator }

// by names who did it: empty, self or moderator.
func (m muting) by() string {
	switch {
	case m.moderator:
		return "moderator"
	case m.self:
		return "self"
	}
	return ""
}

// mute puts a member's muting in force. It tells whether that is a change, and whether the others notice it. c.mu is held.
func (c *conference) mute(m *member, to muting) (changed, noticed bool) {
	before := m.muted
	m.muted = to
	if to.any() == before.any() {
		return to != before, false
	}
	m.seat.Mute(to.any())
	if to.any() {
		c.emit(EventMute, m)
	} else {
		c.emit(EventUnmute, m)
	}
	return true, true
}

// toggleOwnMute is what a member's own key does. It is not allowed where a moderator has muted him.
func (c *conference) toggleOwnMute(m *member) (muted, allowed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.muted.moderator {
		return true, false
	}
	c.mute(m, muting{self: !m.muted.self})
	return m.muted.self, true
}

// toggleParticipantsMute mutes all who are not moderators, also those who are still to come, or takes that back. It does not
// open the microphone of one who has muted himself. All are told.
func (c *conference) toggleParticipantsMute(*member) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.muteParticipants(!c.muted, false)
	return c.muted
}

// muteParticipants does so, and returns for how many it changed something. Where own is set it takes back, too, what
// members have done themselves. c.mu is held.
func (c *conference) muteParticipants(on, own bool) (n int) {
	c.muted = on
	for _, m := range c.members {
		if m.moderates() {
			continue
		}
		if changed, _ := c.mute(m, muting{self: m.muted.self && (on || !own), moderator: on}); changed {
			n++
		}
	}
	if on {
		c.say(promptNowMuted)
	} else {
		c.say(promptNowUnmuted)
	}
	return n
}

// muteMembers mutes members as an operator says, or lets them be heard whoever has muted them, and tells each whom the
// others hear no more, or again. It returns for how many it changed something. c.mu is held.
func (c *conference) muteMembers(members []*member, on bool) (n int) {
	for _, m := range members {
		changed, noticed := c.mute(m, muting{self: m.muted.self && on, moderator: on})
		if changed {
			n++
		}
		switch {
		case noticed && on:
			m.line.say(promptMuted)
		case noticed:
			m.line.say(promptUnmuted)
		}
	}
	return n
}
