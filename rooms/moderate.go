package rooms

// What the keys of moderators do to the others; that of muting all participants is in mute.go.

// toggleLock lets nobody in any more but moderators, or everybody again, and returns which.
func (c *conference) toggleLock(*member) (locked bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lock(!c.locked)
	return c.locked
}

// lock does so. There are members, and c.mu is held.
func (c *conference) lock(on bool) {
	if c.locked == on {
		return
	}
	c.locked = on
	kind := EventUnlock
	if on {
		kind = EventLock
	}
	c.house.emit(Event{Room: c.members[len(c.members)-1].room.Extension, Kind: kind})
}

// kickLastParticipant removes who came last. It does not if that is a moderator: somebody else is never meant.
func (c *conference) kickLastParticipant(*member) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.members) == 0 {
		return false
	}
	last := c.members[len(c.members)-1]
	if last.moderates() {
		return false
	}
	c.remove(ResultKicked, last)
	return true
}

// others is how many are in the mix beside a member.
func (c *conference) others(m *member) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.listeners(m)
}
