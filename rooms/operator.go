package rooms

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"conclave/media"
)

var errNobody = errors.New("no members now") // continues "room 1000 has"

// Mute silences members for the others, or lets them be heard again, and returns for how many that changed something. Each
// of them is told. For participants it holds for those, too, who are still to come, and all are told. A member cannot undo
// it himself; undoing it takes back, too, what he has done himself. The error names the room or member that there is none
// of, and the members there are.
func (h *House) Mute(extension string, who Selection, on bool) (n int, err error) {
	err = h.operate(extension, func(c *conference) error {
		chosen, err := c.choose(who)
		switch {
		case err != nil:
			return err
		case who.Participants:
			n = c.muteParticipants(on, true)
		default:
			n = c.muteMembers(chosen, on)
		}
		return nil
	})
	return n, err
}

// Kick takes members out of the conference at once, tells them and ends their calls; it returns how many they were. The
// error is as that of Mute.
func (h *House) Kick(extension string, who Selection) (n int, err error) {
	err = h.operate(extension, func(c *conference) error {
		chosen, err := c.choose(who)
		n = len(chosen)
		if n > 0 {
			c.remove(ResultKicked, chosen...)
		}
		return err
	})
	return n, err
}

// Lock lets nobody in any more but moderators, until it is undone or the last member has left. It is an error if there are
// no members.
func (h *House) Lock(extension string, on bool) error {
	return h.operate(extension, func(c *conference) error {
		if len(c.members) == 0 {
			return errNobody
		}
		c.lock(on)
		return nil
	})
}

// Say says prompts to all members of a conference, in the room's voice. The error names a prompt that the voice lacks, and
// the nearest that it has.
func (h *House) Say(extension string, prompts ...string) error {
	return h.operate(extension, func(c *conference) error {
		if len(c.members) == 0 {
			return errNobody
		}
		for _, prompt := range prompts {
			if _, ok := c.voice.Sound(prompt); !ok {
				return fmt.Errorf("no prompt %q; the nearest is %s", prompt, c.voice.nearest(prompt))
			}
		}
		c.playToAll(c.voice.Prompt(prompts...)...)
		return nil
	})
}

// Play plays a sound to all members of a conference, over what they say.
func (h *House) Play(extension string, sound *media.Sound) error {
	return h.operate(extension, func(c *conference) error {
		if len(c.members) == 0 {
			return errNobody
		}
		c.playToAll(sound)
		return nil
	})
}

// operate does something to the conference of a room.
func (h *House) operate(extension string, order func(*conference) error) error {
	h.mu.Lock()
	room, known := h.rooms[extension]
	if !known {
		room, known = h.temporary[extension]
	}
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
		err = found.obey(order)
	case !known:
		return fmt.Errorf("there is no room %s", extension)
	}
	if err != nil {
		return fmt.Errorf("room %s has %w", extension, err)
	}
	return nil
}

// obey does what it is told with c.mu held.
func (c *conference) obey(order func(*conference) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return order(c)
}

// choose returns the members of a selection, in the order in which they came; of participants there may be none. The error
// continues "room 1000 has" and names who is there. c.mu is held.
func (c *conference) choose(who Selection) ([]*member, error) {
	if len(c.members) == 0 {
		return nil, errNobody
	}
	switch {
	case who.All:
		return slices.Clone(c.members), nil
	case who.Last:
		return []*member{c.members[len(c.members)-1]}, nil
	case who.Participants:
		return slices.DeleteFunc(slices.Clone(c.members), (*member).moderates), nil
	}
	i := slices.IndexFunc(c.members, func(m *member) bool { return m.number == who.Member })
	if i < 0 {
		return nil, fmt.Errorf("no member %d; members: %s", who.Member, c.numbers())
	}
	return []*member{c.members[i]}, nil
}

// numbers lists the members for a message, the first twenty of them. c.mu is held.
func (c *conference) numbers() string {
	const shown = 20
	list := make([]string, 0, shown)
	for _, m := range c.members[:min(shown, len(c.members))] {
		list = append(list, strconv.Itoa(m.number))
	}
	text := strings.Join(list, ", ")
	if len(c.members) > shown {
		text += fmt.Sprintf(" … (%d in all)", len(c.members))
	}
	return text
}
