package rooms

import (
	"context"
	"slices"
	"time"

	"conclave/media"
)

// VisitState is what another process has to know of a visit to go on with it. States of equal visits are equal by ==.
type VisitState struct {
	RoomID string `json:"room"`
	// Out tells that the visit is about to end: the member was put out, or leaves.
	Out bool `json:"out,omitempty"`

	// How somebody is received who is no member yet; he is asked for the PIN anew.
	Invited   bool   `json:"invited,omitempty"` // the room has called him
	Callee    string `json:"callee,omitempty"`  // as the room has called him
	Moderator bool   `json:"moderator"`         // he is one, or becomes one because he was invited so
	NoPIN     bool   `json:"no_pin,omitempty"`

	// Of a member.
	Number         int       `json:"number,omitempty"` // in the conference, from 1; 0: he is no member yet
	Since          time.Time `json:"since,omitzero"`
	Until          time.Time `json:"until,omitzero"` // when his time is over; zero: it is not bounded
	MutedSelf      bool      `json:"muted_self,omitempty"`
	MutedModerator bool      `json:"muted_by_moderator,omitempty"`
	Hearing        int       `json:"hearing,omitempty"` // volumes, dB
	Talking        int       `json:"talking,omitempty"`

	// Name is what he has said when he was asked for it; nil: nothing.
	Name *media.Sound `json:"-"`
}

// Role is the name of the member's role.
func (s VisitState) Role() string {
	if s.Moderator {
		return roleModerator
	}
	return roleParticipant
}

// State is the visit as it is now. It may be called from any goroutine.
func (v *Visit) State() VisitState {
	s := VisitState{RoomID: v.room.ID}
	if i := v.invitation; i != nil {
		s.Invited, s.Callee, s.Moderator, s.NoPIN = true, i.Callee, i.Moderator, i.NoPIN
	}
	m := v.member.Load()
	if m == nil {
		return s
	}
	v.conference.mu.Lock()
	defer v.conference.mu.Unlock()
	if m.number == 0 { // he has not been let in
		return s
	}
	s.Out = m.removed.Load()
	s.Callee, s.Moderator = m.callee, m.moderates()
	s.Number, s.Since, s.Until, s.Name = m.number, m.since, m.until, m.said
	s.MutedSelf, s.MutedModerator = m.muted.self, m.muted.moderator
	s.Hearing, s.Talking = m.hearing, m.talking
	return s
}

// ConferenceState is what another process has to know of a conference beside its members. States of equal conferences are
// equal by ==.
type ConferenceState struct {
	RoomID    string    `json:"room"`
	Extension string    `json:"extension"`
	Since     time.Time `json:"since"`
	Last      int       `json:"last"` // number given last
	Locked    bool      `json:"locked,omitempty"`
	Muted     bool      `json:"muted,omitempty"` // participants are, also those who are still to come
	CalledOut bool      `json:"called_out,omitempty"`
	// Recording is the file that it is recorded to, without .wav, in the directory of recordings; empty: it is not, or the
	// file is not open yet. Recorded tells whether it is.
	Recording string `json:"recording,omitempty"`
	Recorded  bool   `json:"recorded,omitempty"`
	// Temporary and Owner are those of the room.
	Temporary bool   `json:"temporary,omitempty"`
	Owner     string `json:"owner,omitempty"`
}

// RoomOf is the room of a conference of another process. A temporary one is as such rooms are now.
func (h *House) RoomOf(s ConferenceState) (Room, bool) {
	if room, ok := h.RoomByID(s.RoomID); ok || !s.Temporary {
		return room, ok
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	room := h.factory
	room.ID, room.Extension, room.Temporary, room.Owner = s.RoomID, s.Extension, true, s.Owner
	return room, h.factory.Extension != ""
}

// ConferenceStates are those of all conferences that have a member, in no order.
func (h *House) ConferenceStates() []ConferenceState {
	h.mu.Lock()
	live := make([]*conference, 0, len(h.live))
	states := make([]ConferenceState, 0, len(h.live))
	for _, c := range h.live {
		live = append(live, c)
		states = append(states, ConferenceState{RoomID: c.room.ID, Extension: c.room.Extension,
			Temporary: c.room.Temporary, Owner: c.room.Owner})
	}
	h.mu.Unlock()
	some := states[:0]
	for i, c := range live {
		if s, ok := c.state(states[i]); ok {
			some = append(some, s)
		}
	}
	return some
}

// state completes s. It is false where there is no member.
func (c *conference) state(s ConferenceState) (ConferenceState, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Since, s.Last, s.Locked, s.Muted, s.CalledOut = c.since, c.last, c.locked, c.muted, c.calledOut
	if s.Recorded = c.tape != nil; s.Recorded {
		s.Recording = c.tape.name
	}
	return s, len(c.members) > 0
}

// Return is a call that comes back to a room after its process has ended.
type Return struct {
	Ctx   context.Context // as of Receive
	Call  Call
	State VisitState // that is not Out
}

// Resume goes on with a conference of another process: its calls are in the room as they were, with numbers, roles, mutes and
// volumes, locked if it was, recorded if it was, and nobody hears of a coming or going. Who was no member yet is received as any
// caller. Options of the room count as they are now. The visits are in the order of who, of whom there is one at least.
func (h *House) Resume(room Room, state ConferenceState, who []Return) []*Visit {
	visits := make([]*Visit, len(who))
	var back []*Visit
	for i, r := range who {
		var invitation *Invitation
		if r.State.Invited {
			invitation = &Invitation{Callee: r.State.Callee, Moderator: r.State.Moderator, NoPIN: r.State.NoPIN}
		}
		v := h.visit(room, r.Call, invitation)
		visits[i] = v
		if r.State.Number > 0 {
			back = append(back, v)
		}
	}
	contexts := make([]context.Context, len(who))
	for i, v := range visits {
		contexts[i], v.end = context.WithCancelCause(who[i].Ctx)
		if s := who[i].State; s.Number > 0 {
			v.comeBack(contexts[i], s)
		}
	}
	if len(back) > 0 {
		slices.SortFunc(back, func(a, b *Visit) int { return a.back.number - b.back.number })
		back[0].conference.resume(state, back)
	}
	for i, v := range visits {
		go v.run(contexts[i])
	}
	return visits
}

// comeBack makes the visitor the member that he was.
func (v *Visit) comeBack(ctx context.Context, s VisitState) {
	v.sit()
	options := v.room.Options.profile(s.Moderator)
	m := &member{number: s.Number, call: v.call, callee: s.Callee, room: v.room, options: options, role: options.role(), seat: v.seat,
		line: v.line, since: s.Since, until: s.Until, muted: muting{self: s.MutedSelf, moderator: s.MutedModerator}, said: s.Name,
		held: &v.held}
	m.hearing, m.talking = s.Hearing, s.Talking
	if options.asksName() {
		m.name = spokenName(s.Name, v.call.Caller().Number, v.roomVoice)
	}
	v.inside, m.end = context.WithCancelCause(ctx)
	v.arrange(options)
	v.seat.Mute(m.muted.any())
	v.seat.HearVolume(float64(m.hearing))
	v.seat.TalkVolume(float64(m.talking))
	v.back = m
	v.member.Store(m)
}

// resume puts members back into the conference, all at once: where each of them stands depends on the others.
func (c *conference) resume(s ConferenceState, back []*Visit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.members) == 0 {
		c.since = s.Since
	}
	c.last = max(c.last, s.Last)
	c.locked, c.muted, c.calledOut = s.Locked, s.Muted, s.CalledOut
	for _, v := range back {
		c.members = append(c.members, v.back)
		c.last = max(c.last, v.back.number)
		c.voice, c.announcements = v.roomVoice, v.back.options.Announcements
	}
	c.settle()
	if !s.Recorded || c.house.recordings == nil || c.tape != nil {
		return
	}
	if s.Recording != "" {
		c.taped = &taping{name: s.Recording} // so that it goes on in that file, where the room's options have it so
	}
	t := c.startRecording(nil)
	for _, m := range c.members {
		m.noticed = t
	}
}

// resume is the stay of a member who was one in another process already.
func (v *Visit) resume(ctx context.Context) (result string, reason error) {
	m := v.back
	result = ResultHangup // should there be a fault
	defer m.end(nil)
	defer func() { v.conference.leave(m, result) }()
	close(v.joined)
	v.log.Info("member came back", "member", m.number, "role", m.roleName())
	result, reason = v.remain(ctx, v.inside, m)
	return result, reason
}
