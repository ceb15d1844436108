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
	joined []*member   // each is still there
	left   []*member   // each has been announced, or came before anybody could hear of it
	count  bool        // how many there are is to be told
	timer  *time.Timer // runs while they wait; nil: nobody does
}

// announceJoin has the others told of a member, if there is anything to tell and anybody to hear it. c.mu is held.
func (c *conference) announceJoin(m *member, count bool) {
	if m.name == nil && !count || !c.announcements || c.listeners(m) == 0 {
		return
	}
	c.announcer.joined = append(c.announcer.joined, m)
	c.announcer.count = c.announcer.count || count
	c.announce()
}

// announceLeave has those who remain told that a member has left, unless they have not heard of him yet. c.mu is held.
func (c *conference) announceLeave(m *member) {
	a := &c.announcer
	if i := slices.Index(a.joined, m); i >= 0 {
		a.joined = slices.Delete(a.joined, i, i+1)
		return
	}
	if m.name == nil || !c.announcements || c.listeners() == 0 {
		return
	}
	a.left = append(a.left, m)
	c.announce()
}

// announce says what there is to tell, as soon as nothing else is being said to the room. c.mu is held.
func (c *conference) announce() {
	a := &c.announcer
	if a.timer != nil || len(a.joined)+len(a.left) == 0 {
		return
	}
	if wait := time.Until(c.programme.over); wait > 0 {
		a.timer = time.AfterFunc(wait, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			a.timer = nil
			c.announce()
		})
		return
	}
	n := c.takeNews()
	// Nobody hears himself announced: who is named hears of the others alone.
	c.play(slices.Concat(n.counted, c.sentence(n, nil)), n.joined...)
	for _, m := range n.joined {
		if sounds := c.sentence(n, m); len(sounds) > 0 && !m.waiting {
			m.line.play(sounds...)
		}
	}
}

// news is what is said at a time.
type news struct {
	counted      []*media.Sound // how many there are
	joined, left []*member      // who are named
}

// takeNews takes all that there is to tell. c.mu is held.
func (c *conference) takeNews() news {
	a := &c.announcer
	n := news{joined: firstOf(a.joined), left: firstOf(a.left)}
	if a.count || len(n.joined) < len(a.joined) || len(n.left) < len(a.left) {
		n.counted = c.voice.ThereAre(c.crowd().active() - 1)
	}
	*a = announcer{}
	return n
}

// sentence says who has come and gone, but one who may be nil. c.mu is held.
func (c *conference) sentence(n news, but *member) (sounds []*media.Sound) {
	if names := namesOf(n.joined, but); len(names) > 0 {
		sounds = c.voice.HaveJoined(names...)
	}
	if names := namesOf(n.left, nil); len(names) > 0 {
		sounds = append(sounds, c.voice.HaveLeft(names...)...)
	}
	return sounds
}

func namesOf(members []*member, but *member) (names [][]*media.Sound) {
	for _, m := range members {
		if m != but && m.name != nil {
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

// stop forgets who has not been announced.
func (a *announcer) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
	*a = announcer{}
}
