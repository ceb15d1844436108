package rooms

import (
	"slices"
	"time"

	"conclave/media"
)

// What is said of many who come or go within a moment: how many there are now, and the names of the first. Twenty who come
// at once are so announced within a quarter of a minute.
const (
	namesSaid = 5
	namesTime = 5 * time.Second // that their names may last together, where there is more than one
)

// announcer gathers whom the room has yet to be told of. One who comes alone is announced at once; those who come while
// something is being said to the room are announced after it, all together.
type announcer struct {
	arrived []arrival // each is still there
	left    []*member // each has been announced, or came before anybody could hear of it
}

// arrival is a member who has come, and what the room hears of it beside his name and a tone.
type arrival struct {
	*member
	counts bool // how many there are now
	begins bool // that the conference begins, with him
}

// announceArrival has the others told of a member, if there is anything to tell and anybody to hear it. c.mu is held.
func (c *conference) announceArrival(a arrival) {
	if a.options.Quiet && !a.counts || !c.announcements || c.listeners(a.member) == 0 {
		return
	}
	c.announcer.arrived = append(c.announcer.arrived, a)
	c.announce()
}

// noteLeave has those who remain told by the next announce that a member has left, unless they have not heard of him
// yet. c.mu is held.
func (c *conference) noteLeave(m *member) {
	a := &c.announcer
	if i := slices.IndexFunc(a.arrived, func(a arrival) bool { return a.member == m }); i >= 0 {
		a.arrived = slices.Delete(a.arrived, i, i+1)
		return
	}
	if m.options.Quiet || !c.announcements || c.listeners() == 0 {
		return
	}
	a.left = append(a.left, m)
}

// announce says what there is to tell, as soon as nothing else is being said to the room. c.mu is held.
func (c *conference) announce() {
	a := &c.announcer
	if c.playing > 0 || len(a.arrived)+len(a.left) == 0 {
		return
	}
	n := newsOf(a.arrived, a.left)
	*a = announcer{}
	c.play(c.report(n, nil), n.apart...)
	for _, m := range n.apart {
		if sounds := c.report(n, m); len(sounds) > 0 && !m.waiting {
			m.line.play(sounds...)
		}
	}
}

// news is what is said at a time.
type news struct {
	arrived          []arrival
	left             []*member
	welcomed, missed []*member // the first of them, who are said by name
	more             bool      // there are others who have names
	// apart are those who would hear themselves announced. They hear of the others alone.
	apart []*member
}

func newsOf(arrived []arrival, left []*member) news {
	var came []*member
	for _, a := range arrived {
		came = append(came, a.member)
	}
	n := news{arrived: arrived, left: left}
	came, gone := withNames(came), withNames(left)
	n.welcomed, n.missed = firstOf(came), firstOf(gone)
	n.more = len(n.welcomed) < len(came) || len(n.missed) < len(gone)
	n.apart = n.welcomed
	if len(arrived) == 1 {
		n.apart = []*member{arrived[0].member}
	}
	return n
}

// report is the news for all, or for one of those who have come, who hears nothing of himself: how many there are, that
// the conference begins, who has come, who has gone. c.mu is held.
func (c *conference) report(n news, but *member) (sounds []*media.Sound) {
	counts := n.more
	var begins, rings bool
	for _, a := range n.arrived {
		if a.member != but {
			counts = counts || a.counts
			begins = begins || a.begins
			rings = rings || !a.options.Quiet
		}
	}
	if counts {
		sounds = append(sounds, c.voice.ThereAre(c.crowd().active()-1)...)
	}
	if begins {
		sounds = append(sounds, c.voice.Prompt(promptBegin)...)
	}
	if names := namesOf(n.welcomed, but); len(names) > 0 {
		sounds = append(sounds, c.voice.HaveJoined(names...)...)
	}
	if rings {
		sounds = append(sounds, c.voice.Prompt(toneJoin)...)
	}
	if names := namesOf(n.missed, nil); len(names) > 0 {
		sounds = append(sounds, c.voice.HaveLeft(names...)...)
	}
	if len(n.left) > 0 {
		sounds = append(sounds, c.voice.Prompt(toneLeave)...)
	}
	return sounds
}

func withNames(members []*member) []*member {
	return slices.DeleteFunc(slices.Clone(members), func(m *member) bool { return m.name == nil })
}

// namesOf are the names of members, but one who may be nil.
func namesOf(members []*member, but *member) (names [][]*media.Sound) {
	for _, m := range members {
		if m != but {
			names = append(names, m.name)
		}
	}
	return names
}

// firstOf are as many of the members as are named in one announcement.
func firstOf(members []*member) []*member {
	var lasts time.Duration
	for i, m := range members {
		if lasts += duration(m.name); i == namesSaid || i > 0 && lasts > namesTime {
			return members[:i]
		}
	}
	return members
}
