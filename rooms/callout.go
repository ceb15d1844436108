package rooms

import (
	"slices"

	"conclave/rooms/dialplan"
)

// SetCallOut has a function call those whom a room's option call_out names, when the first moderator has joined. It returns
// at once, and calls are received by ReceiveInvited. Without it nobody is called.
func (h *House) SetCallOut(call func(room Room, callees []string)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.callOut = call
}

// callOut calls those whom the room wants to have in, once in a conference, but for those who are there. m has just
// joined. c.mu is held.
func (c *conference) callOut(m *member) {
	if c.calledOut || !m.moderates() || len(m.options.CallOut) == 0 {
		return
	}
	c.calledOut = true
	absent := slices.DeleteFunc(slices.Clone(m.options.CallOut), func(callee string) bool {
		return slices.ContainsFunc(c.members, func(m *member) bool { return m.is(callee) })
	})
	c.house.mu.Lock()
	call := c.house.callOut
	c.house.mu.Unlock()
	if call != nil && len(absent) > 0 {
		call(m.room, absent)
	}
}

// is tells whether the member is somebody whom the room would call by this number or address. What guests say of
// themselves counts for nothing.
func (m *member) is(callee string) bool {
	caller := m.call.Caller()
	number := dialplan.Digits(caller.Number)
	return m.callee == callee || caller.Phone == callee ||
		caller.Trunk != "" && number != "" && dialplan.Canonical(number) == dialplan.Canonical(callee)
}
