package rooms

import "conclave/media"

// welcome plays what belongs to an arrival. The member is in, and hears what is for him over the conference, which is
// turned down meanwhile; the others hear of him. before is the crowd that he found. c.mu is held.
func (c *conference) welcome(m *member, before crowd) {
	o, now := m.options, c.crowd()
	leads := m.role.marked && before.marked == 0
	if leads {
		c.emit(EventBegin, m)
	}
	begins := leads && before.waiting() > 0 && !o.Quiet
	counts := o.AnnounceUserCountAll > 0 && !m.waiting && now.active() >= o.AnnounceUserCountAll
	c.announceArrival(arrival{member: m, counts: counts, begins: begins})

	var own []*media.Sound
	if c.tape != nil && o.RecordNotice {
		own = append(own, m.line.voice.Prompt(promptNowRecording)...)
		m.noticed = c.tape
	}
	if m.room.Announcement != nil {
		own = append(own, m.room.Announcement)
	}
	if others := now.active() - 1; o.AnnounceUserCount && !m.waiting && others > 0 {
		own = append(own, m.line.voice.ThereAre(others)...)
	}
	if begins {
		own = append(own, m.line.voice.Prompt(promptBegin)...)
	}
	if len(own) > 0 {
		m.line.play(own...)
	}
	c.greet(m, now)
	if o.HearOwnJoinSound && !o.Quiet {
		m.line.say(toneJoin)
	}
}

// greet tells a member that he is alone, or has to wait. His music waits while that is said, and is there at its end.
// c.mu is held.
func (c *conference) greet(m *member, now crowd) {
	switch {
	case m.waiting:
		c.emit(EventWaiting, m)
		if m.options.Quiet {
			return
		}
		m.greeting, _ = m.line.start(m.line.voice.Prompt(promptWaitForLeader))
	case now.active() == 1 && m.options.AnnounceOnlyUser && !m.options.Quiet:
		m.greeting, _ = m.line.start(m.line.voice.Prompt(promptOnlyPerson))
	default:
		return
	}
	m.greetedFor = m.standing
}
