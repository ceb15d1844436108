package sip

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
	"conclave/sip/wire"
)

// recallEstate has the calls of another process known, with their legs, and its sockets at hand. Nothing is sent or read yet.
func (s *Server) recallEstate(left *Estate) (*recollection, error) {
	var e estate
	if err := json.Unmarshal(left.State, &e); err != nil {
		return nil, fmt.Errorf("read what the server of before has left: %w", err)
	}
	streams := s.wire.Inherit(e.Wire, left.Files)
	r := &recollection{conferences: make(map[string]rooms.ConferenceState), ended: time.Now(), bindings: e.Bindings, streams: streams}
	if e.Refusing {
		s.calls.refuse(true)
	}
	for _, c := range e.Conferences {
		r.conferences[c.RoomID] = c
	}
	for _, c := range e.Calls {
		v, err := s.inheritCall(c, left.Files, streams)
		if err != nil {
			return nil, fmt.Errorf("call %s: %w", c.State.Dialog.LocalTag, err)
		}
		s.calls.adopt(v.call)
		r.calls = append(r.calls, v)
		tag := c.State.Dialog.LocalTag
		s.ongoing.stored[tag], s.ongoing.unsaved[tag] = true, true
	}
	return r, nil
}

// inheritCall makes a call that is as it was in another process.
func (s *Server) inheritCall(e callEstate, files []int, streams []wire.Peer) (*revival, error) {
	dialog, err := e.State.Dialog.dialog()
	if err != nil {
		return nil, err
	}
	security, err := e.Security.security()
	if err != nil {
		return nil, err
	}
	sockets, ok := claim(files, e.Sockets)
	if !ok {
		return nil, errors.New("its sockets are missing")
	}
	leg, err := s.ports.Inherit(e.State.Leg, security, sockets[0], sockets[1])
	if err != nil {
		return nil, err
	}
	c := s.revive(e.State, dialog)
	c.leg = leg
	v := &revival{call: c, state: e.State, inherited: &e}
	if e.Name != nil {
		v.name = e.Name.sound()
	}
	if e.State.isEnding() {
		v.over = errWasEnding
	}
	c.session = e.Session.restore(newSession(s.shown(e.State.Leg.Local), leg.Port()))
	c.session.local.SessionID, c.session.local.Version = e.State.SessionID, e.State.Version
	c.session.networks, c.session.security = e.State.Leg.Remote.Networks, security
	c.spoke, c.held = e.State.Leg.Remote.Codec, e.Held
	c.leastInterval, c.takesUpdate, c.refers = e.LeastInterval, e.TakesUpdate, e.Refers
	if c.out != nil {
		c.out.credentials = credentials{e.User, e.Password}
	}
	if e.Stream >= 0 && e.Stream < len(streams) {
		c.peer = streams[e.Stream]
	}
	return v, nil
}

// claim takes two descriptors.
func claim(files []int, places [2]int) (fds [2]int, ok bool) {
	for _, at := range places {
		if at < 0 || at >= len(files) || files[at] < 0 {
			return fds, false
		}
	}
	for i, at := range places {
		fds[i], files[at] = files[at], -1
	}
	return fds, true
}

// inherit puts the calls of another process where they were. Listeners are open, and nothing is read or sent yet.
func (s *Server) inherit(r *recollection) {
	for _, v := range r.calls {
		if v.call.peer.Conn == nil {
			v.call.peer = s.wayOf(v.state)
		}
		v.call.confirm()
	}
	s.reseat(r)
	s.inheritBindings(r.bindings, r.streams)
}

// begin has the calls of another process go on, from this moment on by this one.
func (s *Server) begin(r *recollection) {
	for _, v := range r.calls {
		c, e := v.call, v.inherited
		mail := c.mail
		switch {
		case v.over != nil:
			c.conclude(v, r.ended)
			mail.post(hangup{v.over})
		case e.Unanswered || c.isLost(): // as after a crash
			c.recovering = []*time.Timer{time.AfterFunc(resumeAfter, func() { mail.post(takeUp{}) })}
		}
		c.inheritExpiry(e.Expiry)
		c.note()
		go c.run(c.peer)
	}
}

// inheritExpiry goes on with the time of a session.
func (c *Call) inheritExpiry(e *expiryEstate) {
	if e == nil || c.leaving {
		return
	}
	x := &expiry{interval: e.Interval, ours: e.Ours, endAt: e.End}
	mail := c.mail
	x.end = c.server.after(max(0, time.Until(e.End)), func() { mail.post(sessionEnded{x}) })
	c.expiry = x
	if !e.Refresh.IsZero() {
		c.refreshIn(x, max(0, time.Until(e.Refresh)))
	}
}

// estate are the bindings of connections that go to another process.
func (r *registrar) estate(place map[sipgo.Connection]int) (all []bindingEstate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for extension, list := range r.bindings {
		for _, b := range slices.Backward(list) {
			if stream, ok := place[b.peer.Conn]; ok && !b.lasts() {
				all = append(all, bindingEstate{b.stored(extension), stream})
			}
		}
	}
	return all
}

// inheritBindings takes over the registrations of connections that came from another process, before any others.
func (s *Server) inheritBindings(all []bindingEstate, streams []wire.Peer) {
	r := s.registrar
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range all {
		if _, known := r.phones[e.Phone]; !known || e.Stream < 0 || e.Stream >= len(streams) || isClosed(streams[e.Stream]) {
			continue
		}
		if b, ok := bindingOf(e.Binding, streams[e.Stream]); ok {
			b.health.due = within(r.every)
			r.replace(e.Phone, append([]binding{b}, r.bindings[e.Phone]...))
		}
	}
}
