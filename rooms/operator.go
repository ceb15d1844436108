package rooms

import "fmt"

// Mute silences a member for the others, or lets him be heard again; he is told. The error
// names the room or member that there is none of, and the members there are.
func (h *House) Mute(extension string, member int, on bool) error {
	return h.operate(extension, func(c *conference) error { return c.mute(member, on) })
}

// Kick takes a member out of the conference at once, tells him and ends his call. The error
// is as that of Mute.
func (h *House) Kick(extension string, member int) error {
	return h.operate(extension, func(c *conference) error { return c.kick(member) })
}

// KickAll does so with all members, and returns how many they were. It is an error if there
// are none.
func (h *House) KickAll(extension string) (n int, err error) {
	err = h.operate(extension, func(c *conference) error {
		n, err = c.kickAll()
		return err
	})
	return n, err
}

// Lock lets nobody in any more until it is undone or the last member has left. It is an error
// if there are no members.
func (h *House) Lock(extension string, on bool) error {
	return h.operate(extension, func(c *conference) error { return c.lock(on) })
}

// operate does something to the conference of a room.
func (h *House) operate(extension string, order func(*conference) error) error {
	h.mu.Lock()
	room, known := h.rooms[extension]
	found := h.live[room.ID]
	for _, c := range h.live {
		if found == nil && c.room.Extension == extension {
			found = c // of a room that has been removed since
		}
	}
	h.mu.Unlock()

	err := errNobody
	switch {
	case found != nil:
		err = order(found)
	case !known:
		return fmt.Errorf("there is no room %s", extension)
	}
	if err != nil {
		return fmt.Errorf("room %s has %w", extension, err)
	}
	return nil
}
