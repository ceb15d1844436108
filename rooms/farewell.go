package rooms

import "time"

// Farewell tells all members of all conferences that the server ends, and returns when they have heard it. A room without
// announcements is told nothing.
func (h *House) Farewell() {
	h.mu.Lock()
	live := make([]*conference, 0, len(h.live))
	for _, c := range h.live {
		live = append(live, c)
	}
	h.mu.Unlock()

	var longest time.Duration
	for _, c := range live {
		longest = max(longest, c.farewell())
	}
	time.Sleep(longest)
}

// farewell says goodbye to all members and returns how long that takes.
func (c *conference) farewell() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.members) == 0 || !c.announcements {
		return 0
	}
	sounds := c.voice.Prompt(promptClosing)
	c.playToAll(sounds...)
	return duration(sounds) + hearTime
}
