package rooms

import "time"

// Roster is who is in a room at one moment, and nothing that the mixer would have to be asked for.
type Roster struct {
	Room    Room
	Locked  bool
	Entries []RosterEntry // in the order in which they came; none: the room is empty
}

// RosterEntry is a member of a Roster. What is in Caller comes from the network and may hold anything.
type RosterEntry struct {
	Member    int // number, from 1
	Caller    Caller
	Moderator bool
	Muted     bool // by himself, or by a moderator or operator
	Waiting   bool // for a leader, outside the mix
	Held      bool // his phone has put the conference on hold
	Invited   bool // the room has called him
	Since     time.Time
	SSRC      uint32 // of what he sends; 0: nothing has come of him yet
}

// Roster tells who is in the room of an extension. It is false where there is no such room. What changes in a roster is told
// by events, each of which comes when the roster has changed.
func (h *House) Roster(extension string) (Roster, bool) {
	room, ok := h.Room(extension)
	if !ok {
		return Roster{}, false
	}
	roster := Roster{Room: room}
	h.mu.Lock()
	c := h.live[room.ID]
	h.mu.Unlock()
	if c != nil {
		c.enrol(&roster)
	}
	return roster, true
}

// enrol puts the members into a roster.
func (c *conference) enrol(r *Roster) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Locked = c.locked
	r.Entries = make([]RosterEntry, len(c.members))
	for i, m := range c.members {
		r.Entries[i] = RosterEntry{
			Member:    m.number,
			Caller:    m.call.Caller(),
			Moderator: m.moderates(),
			Muted:     m.muted.any(),
			Waiting:   m.waiting,
			Held:      m.held.Load(),
			Invited:   m.callee != "",
			Since:     m.since,
			SSRC:      m.call.Leg().SSRC(),
		}
	}
}
