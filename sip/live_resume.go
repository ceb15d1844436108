package sip

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"conclave/media"
	"conclave/rooms"
	"conclave/sip/wire"
	"conclave/store"
)

const (
	// resumeWithin is how long a server may have been down for its calls to be gone on with. Telephones have given up long
	// before, and their addresses may be others'.
	resumeWithin = 3 * time.Minute
	// resumeTries is how many starts may fail in which a call was to be gone on with: it may be what ends the process.
	resumeTries = 2
	// resumePause is between two re-INVITEs: far ends of one proxy are not to bring it down together. Their audio does not wait.
	resumePause = 4 * time.Millisecond
	// resumeAfter is when the first of them goes out: trunks are known by then.
	resumeAfter = 100 * time.Millisecond
	// resumeKeys is how long an encrypted call may be without new keys: nothing is heard in it, so that no silence ends it.
	resumeKeys = time.Minute
	// resumeProof is how long a call has to last until it counts as no cause of the process's end.
	resumeProof = 10 * time.Second
)

// Why calls of a process that was killed are over.
var (
	errKilled      = errors.New("the server was killed")
	errTries       = errors.New("the server was killed each time it wanted to go on with the call")
	errWasEnding   = errors.New("the call was about to end when the server was killed")
	errRoomGone    = errors.New("the room was removed while the server was down")
	errPartnerGone = errors.New("the other party is gone")
	errKeysGone    = errors.New("the call was encrypted, and no keys may be sent to it any more")
)

// The events of a call that another process has had: it is to tell the far end that it is there again, and it has lasted.
type (
	takeUp  struct{}
	proved  struct{}
	keysDue struct{} // without which an encrypted one ends
)

// recollection is what a process that was killed has left.
type recollection struct {
	calls       []*revival
	conferences map[string]rooms.ConferenceState // by the room's id
	ended       time.Time                        // about when
	stale       bool                             // too long ago for calls to be gone on with

	// Of one that has left its sockets, too:
	bindings []bindingEstate
	streams  []wire.Peer
}

// revival is a call that is to be gone on with.
type revival struct {
	call  *Call
	state callState
	name  *media.Sound
	over  error // why it is to be ended instead; nil: it is not

	inherited *callEstate // nil: what was written is all that there is
}

// recall reads what a process that was killed has left, and has the calls known so that their requests find them. It is to be
// followed by resume, once there are listeners.
func (s *Server) recall(ctx context.Context) (*recollection, error) {
	left, err := s.ongoing.db.Live(ctx)
	if err != nil {
		return nil, err
	}
	r := &recollection{conferences: make(map[string]rooms.ConferenceState), ended: time.Now()}
	names := make(map[string]*media.Sound)
	for _, l := range left {
		switch l.Kind {
		case liveName:
			var name storedName
			if json.Unmarshal(l.State, &name) == nil { // else he is announced by his number
				names[l.ID] = name.sound()
			}
		case liveConference:
			var c rooms.ConferenceState
			if err := json.Unmarshal(l.State, &c); err != nil {
				s.log.Error("conference is not gone on with as it was", "room_id", l.ID, "error", err)
			}
			r.conferences[l.ID] = c
			s.ongoing.conferences[l.ID] = c
		case liveServer:
			var alive storedAlive
			if json.Unmarshal(l.State, &alive) == nil && alive.At.Before(r.ended) {
				r.ended = alive.At
			}
			s.ongoing.alive = r.ended
		}
	}
	r.stale = time.Since(r.ended) > resumeWithin
	for _, l := range left {
		if l.Kind == liveCall {
			s.ongoing.stored[l.ID], s.ongoing.unsaved[l.ID] = true, true
			s.recallOne(r, l, names[l.ID])
		}
	}
	return r, nil
}

// recallOne has one call known.
func (s *Server) recallOne(r *recollection, l store.Live, name *media.Sound) {
	defer s.survive(nil)
	state, err := parseCall(l.State)
	var dialog Dialog
	if err == nil {
		dialog, err = state.Dialog.dialog()
	}
	if err != nil {
		s.log.Error("call of before is not gone on with", "call", l.ID, "error", err)
		return
	}
	c := s.revive(state, dialog)
	c.tries = l.Tries + 1
	v := &revival{call: c, state: state, name: name}
	switch {
	case l.Tries >= resumeTries:
		v.over = errTries
	case r.stale:
		v.over = errKilled
	case state.isEnding():
		v.over = errWasEnding
	}
	if l.Tries >= resumeTries { // it is not even told so: nothing at all is done with it but to keep that there was one
		c.conclude(v, r.ended)
		c.record()
		s.log.Error("call is given up, the server has ended with it", "call", l.ID, "tries", l.Tries)
		return
	}
	s.calls.adopt(c)
	r.calls = append(r.calls, v)
	if name != nil {
		s.ongoing.names[l.ID] = name
	}
}

// revive is the call of a state, without a leg, a stay and a way to the far end.
func (s *Server) revive(state callState, dialog Dialog) *Call {
	c := emptyCall(s, dialog.ID)
	c.state = confirmed
	c.dialog, c.caller, c.number, c.sips = dialog, state.Caller, state.Number, state.SIPS
	c.past = past{direction: state.Direction, dialled: state.Dialled, started: state.Started}
	c.began = state.Answered
	if state.Direction == store.CallOut {
		c.out = &outgoing{invitation: invitation{number: state.Dialled, charge: s.ledger.resume(state.Payers)},
			told: true, reached: true, strays: make(map[string]bool)}
	}
	return c
}

// conclude has the record of a call tell how it went until its process ended.
func (c *Call) conclude(v *revival, ended time.Time) {
	c.past.ended, c.reason = ended, v.over
	c.past.stay = rooms.Stay{Result: rooms.ResultHangup, Reason: v.over.Error()}
	if visit := v.state.Visit; visit != nil && visit.Number > 0 {
		c.past.stay.Entered, c.past.stay.Role = visit.Since, visit.Role()
	}
	if room, ok := c.server.house.RoomByID(visitRoom(v.state)); ok {
		c.room = room
	}
}

func visitRoom(s callState) string {
	if s.Visit == nil {
		return ""
	}
	return s.Visit.RoomID
}

// resume goes on with the calls of a process that was killed: their audio flows at once, conferences are as they were, and
// each far end is told by a re-INVITE, on which its call goes on or ends.
func (s *Server) resume(r *recollection) error {
	if len(r.calls) > 0 {
		if err := s.ongoing.db.TryLive(context.Background()); err != nil {
			return err
		}
	}
	for _, v := range r.calls {
		s.reopen(v)
	}
	s.reseat(r)
	back := 0
	for _, v := range r.calls {
		c := v.call
		if v.over != nil {
			c.conclude(v, r.ended)
			c.mail.post(hangup{v.over})
		} else {
			mail := c.mail
			c.recovering = []*time.Timer{
				time.AfterFunc(resumeAfter+time.Duration(back)*resumePause, func() { mail.post(takeUp{}) }),
				time.AfterFunc(resumeProof, func() { mail.post(proved{}) }),
				time.AfterFunc(resumeKeys, func() { mail.post(keysDue{}) }),
			}
			back++
		}
		c.note()
		go c.run(c.peer)
	}
	if len(r.calls) > 0 {
		s.log.Warn("the server was killed; calls of before go on", "calls", back, "not_gone_on_with", len(r.calls)-back,
			"was_alive", r.ended.UTC().Format(time.RFC3339))
	}
	return nil
}

// reseat puts the calls that have a leg where they were in the house.
func (s *Server) reseat(r *recollection) {
	visits := make(map[string][]*revival) // by the room's id
	talks := make(map[string][]*revival)
	for _, v := range r.calls {
		switch {
		case v.over != nil:
		case v.state.Visit != nil:
			visits[v.state.Visit.RoomID] = append(visits[v.state.Visit.RoomID], v)
		default:
			talks[v.state.Party.Talk] = append(talks[v.state.Party.Talk], v)
		}
	}
	for id, calls := range visits {
		s.resumeRoom(id, r.conferences[id], calls)
	}
	for id, calls := range talks {
		s.resumeTalk(id, calls)
	}
}

// reopen finds the way to the far end of a call, and opens its leg.
func (s *Server) reopen(v *revival) {
	defer func() {
		if fault := recover(); fault != nil {
			s.fault(v.call.log, fault)
			v.over = errInternal
		}
	}()
	c, state := v.call, v.state
	c.peer = s.wayOf(state)
	c.confirm()
	if v.over != nil {
		return
	}
	leg, err := s.ports.Resume(state.Leg)
	if err != nil {
		v.over = fmt.Errorf("its audio could not be taken up again: %w", err)
		return
	}
	c.leg = leg
	room, _ := s.house.RoomByID(visitRoom(state))
	c.session = s.encryption(newSession(s.shown(state.Leg.Local), leg.Port()), c.peer, room)
	c.session.agreed, c.spoke = true, state.Leg.Remote.Codec
	if state.Leg.Remote.Encrypted {
		if c.session.local.Keys == nil {
			v.abandon(errKeysGone)
			return
		}
		c.session.security = &media.Security{} // which says no more than that there is one
	}
	c.session.local.SessionID, c.session.local.Version = state.SessionID, state.Version
	c.session.networks = state.Leg.Remote.Networks
	c.held = !state.Leg.Remote.Direction.Sends()
}

// wayOf is the way to the far end of a call, as far as it outlives a process: a connection does not.
func (s *Server) wayOf(state callState) wire.Peer {
	if state.Transport == "UDP" {
		if peer, ok := s.wire.UDPPeer(state.Local, state.Remote); ok {
			return peer
		}
	}
	return wire.LostPeer(state.Transport, state.Local, state.Remote)
}

// resumeRoom puts calls back into a room.
func (s *Server) resumeRoom(id string, state rooms.ConferenceState, calls []*revival) {
	room, ok := s.house.RoomByID(id)
	if !ok {
		room, ok = s.house.RoomOf(state)
	}
	if !ok {
		for _, v := range calls {
			v.abandon(errRoomGone)
		}
		return
	}
	who := make([]rooms.Return, len(calls))
	for i, v := range calls {
		c := v.call
		c.room = room
		visit := *v.state.Visit
		visit.Name = v.name
		who[i] = rooms.Return{Ctx: c.ctx, Call: c, State: visit}
	}
	for i, visit := range s.house.Resume(room, state, who) {
		calls[i].call.settleIn(visit)
	}
}

// resumeTalk has two calls talk again. One whose other party is not there any more is over.
func (s *Server) resumeTalk(id string, calls []*revival) {
	talk := s.house.NewTalk(id)
	whole := len(calls) == 2 && calls[0].state.Party.Side != calls[1].state.Party.Side
	for _, v := range calls {
		party := v.state.Party
		if !whole {
			v.abandon(errPartnerGone)
			continue
		}
		part, err := talk.Join(v.call.ctx, party.Side, v.call, party.Transfers)
		if err != nil {
			v.abandon(err)
			continue
		}
		v.call.settleIn(part)
	}
}

// abandon ends a call that has a leg, and no place in the house.
func (v *revival) abandon(reason error) {
	v.over = reason
	v.call.closeLeg()
}
