package sip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"conclave/rooms"
	"conclave/rooms/dialplan"
	"conclave/sip/locate"
	"conclave/sip/wire"
)

// Invitation is an order to call somebody into a room.
type Invitation struct {
	Room      string // extension
	Callee    string // the number of a phone or outside, or a SIP address, as dialplan.ParseCallee takes it
	Moderator bool   // he becomes one
	NoPIN     bool   // he is not asked for the room's PIN

	by party // whose right it is to call him, and whose caps it counts for; zero: the room's
}

// InvitationStep is how far an invitation has come.
type InvitationStep string

// The steps of an invitation, in their order; not all need be taken.
const (
	InvitationCalling  InvitationStep = "calling"
	InvitationRinging  InvitationStep = "ringing"
	InvitationAnswered InvitationStep = "answered" // he is told which room calls
	InvitationJoined   InvitationStep = "joined"
)

// NotJoinedError tells that somebody who was called did not become a member.
type NotJoinedError struct {
	Result string // as of calls: BUSY, DECLINED, NOANSWER …
	Reason string

	err error // why he was not reached; nil: he has answered
}

func (e *NotJoinedError) Error() string { return e.Reason }

// errWithdrawn is why an invitation ends that nobody wants any more.
var errWithdrawn = errors.New("the invitation was withdrawn")

// invitations are those that go on; the end of the server ends them.
type invitations struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// begin is false where the server ends. done is to be called at the end of the invitation.
func (i *invitations) begin() (done func(), ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return nil, false
	}
	i.running.Add(1)
	return i.running.Done, true
}

// close ends all invitations and waits until they are over.
func (i *invitations) close() {
	i.mu.Lock()
	i.closed = true
	i.mu.Unlock()
	i.cancel()
	i.running.Wait()
}

// CallOut calls somebody for each callee of a room's option call_out. It returns at once, and the log says what became of
// each.
func (s *Server) CallOut(room rooms.Room, callees []string) {
	for _, callee := range callees {
		done, ok := s.invitations.begin()
		if !ok {
			return
		}
		go func() {
			defer done()
			defer s.survive(nil)
			order := Invitation{Room: room.Extension, Callee: callee, NoPIN: !room.Options.CallOutPIN}
			_ = s.Invite(s.invitations.ctx, order, func(InvitationStep) {}) // it is logged
		}()
	}
}

// Invite calls somebody into a room and returns when he has become a member: who answers is told which room calls and
// presses 1, so that a voicemail does not come in. tell is told of each step and must not wait for long. The error is a
// *NotJoinedError where he was called and has not become a member, else why he could not be called. When ctx ends before he is
// a member, the call ends.
func (s *Server) Invite(ctx context.Context, i Invitation, tell func(InvitationStep)) error {
	err := s.invite(ctx, i, tell)
	switch {
	case err != nil:
		s.log.Info("invitation came to nothing", "room", i.Room, "callee", clean(i.Callee), "reason", err)
	default:
		s.log.Info("invitation taken", "room", i.Room, "callee", clean(i.Callee))
	}
	return err
}

func (s *Server) invite(ctx context.Context, i Invitation, tell func(InvitationStep)) error {
	done, ok := s.invitations.begin()
	if !ok {
		return errShutdown
	}
	defer done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.invitations.ctx, func() { cancel(errShutdown) })()

	room, ok := s.house.Room(i.Room)
	if !ok {
		return fmt.Errorf("there is no room %s", i.Room)
	}
	from := i.by
	if from.guest() {
		from.room = room.Extension
	}
	callee, err := s.invitee(ctx, i.Callee, from)
	if err != nil {
		return err
	}
	g := &guest{invitation: i, room: room, tell: tell, mail: newMailbox()}
	defer g.mail.close()
	g.fork = &fork{
		server: s, callee: callee, room: room, from: rooms.Caller{Number: room.Extension, Name: room.Name}, hops: 70,
		waiting: callee.groups, post: func(event any) { g.mail.post(event) }, enter: g.enter, end: g.end,
	}
	return g.wait(ctx)
}

// invitee is whom a room may call by a number or a SIP address. It waits for no more than a name server.
func (s *Server) invitee(ctx context.Context, text string, from party) (callee, error) {
	text, err := dialplan.ParseCallee(text)
	if err != nil {
		return callee{}, err
	}
	if strings.HasPrefix(text, "sip:") {
		return s.addressee(ctx, text, from)
	}
	to, err := s.reach(text, from)
	switch {
	case errors.Is(err, errNoRoom):
		return callee{}, fmt.Errorf("%s is no phone's number, and no trunk carries it; conclave trunk set NAME --allow-out has one do so", text)
	case err != nil:
		var outside *outsideError
		if errors.As(err, &outside) && from.room != "" {
			err = fmt.Errorf("%s: %w; its option call_out_allow says what it may", text, err)
		}
		return callee{}, err
	case to.phone != "":
		return s.callee(to.phone, from), nil
	case to.outside != "":
		return s.outsideCallee(to.outside, from)
	}
	return callee{}, fmt.Errorf("%s is a room; a phone, a number outside or a SIP address can be called", text)
}

// addressee is who has a SIP address elsewhere, which is called over UDP.
func (s *Server) addressee(ctx context.Context, address string, from party) (callee, error) {
	uri, err := wire.ParseURI(address)
	if err != nil {
		return callee{}, fmt.Errorf("SIP address %q: %w", address, err)
	}
	host := strings.Trim(uri.Host, "[]")
	if !dialplan.Allow(s.allowedOutside(from), "sip:"+uri.User+"@"+host) {
		return callee{}, fmt.Errorf("%s may not call %s; its option call_out_allow says what it may", from, address)
	}
	ctx, cancel := context.WithTimeout(ctx, s.trunkTimes.Try)
	defer cancel()
	servers, err := locate.Servers(ctx, s.resolver, locate.Query{Host: host, Port: uint16(uri.Port), Transport: "udp", Family: s.family("udp")})
	if err != nil {
		return callee{}, err
	}
	to := callee{number: address, payers: []payer{s.payer(from)}}
	for _, server := range servers {
		var peer wire.Peer
		if peer, err = s.wire.Connect(ctx, "udp", server); err == nil {
			to.groups = append(to.groups, []contact{{target: uri, peer: peer, server: host}})
		}
	}
	if len(to.groups) == 0 {
		return callee{}, err
	}
	return to, nil
}

// guest is somebody who is called into a room. The goroutine of wait has him for itself, but for host.
type guest struct {
	invitation Invitation
	room       rooms.Room
	tell       func(InvitationStep)
	mail       *mailbox
	fork       *fork
	host       atomic.Pointer[received] // nil: nobody has answered
}

// received is the call that was answered, and its visit.
type received struct {
	call  *Call
	visit *rooms.Visit
}

// enter has the room receive the call that is answered first. It runs on the goroutine of that call.
func (g *guest) enter(call *Call) (stay, error) {
	r := &received{call: call}
	if !g.host.CompareAndSwap(nil, r) {
		return nil, errElsewhere
	}
	r.visit = call.server.house.ReceiveInvited(call.ctx, g.room, call, rooms.Invitation{
		Callee: call.out.number, Moderator: g.invitation.Moderator, NoPIN: g.invitation.NoPIN,
	})
	return r.visit, nil
}

// end hangs up whoever has answered.
func (g *guest) end(reason error) {
	if r := g.host.Load(); r != nil {
		r.call.Hangup(reason)
	}
}

// wait has the callee rung and waits until he has joined.
func (g *guest) wait(ctx context.Context) error {
	f := g.fork
	if !f.next() {
		return notJoined(cmp.Or(f.err, error(errAbsent)))
	}
	g.tell(InvitationCalling)
	answered, err := f.wait(g.mail, ctx.Done(), func() { g.tell(InvitationRinging) })
	switch {
	case err != nil:
		return notJoined(err)
	case !answered:
		f.over(errWithdrawn)
		return withdrawn(ctx)
	}
	g.tell(InvitationAnswered)
	return g.stay(ctx)
}

// stay waits until who has answered is a member, or will not be one.
func (g *guest) stay(ctx context.Context) error {
	visit := g.host.Load().visit
	select {
	case <-visit.Joined():
	case <-visit.Done():
	case <-ctx.Done():
		g.end(errWithdrawn)
		return withdrawn(ctx)
	}
	select {
	case <-visit.Joined():
		g.tell(InvitationJoined)
		return nil
	default:
	}
	stay := visit.Stay()
	return &NotJoinedError{Result: stay.Result, Reason: stay.Reason}
}

// notJoined is why somebody was not reached.
func notJoined(err error) error {
	e := &NotJoinedError{Result: ResultRefused, Reason: err.Error(), err: err}
	var callee *outcomeError
	if errors.As(err, &callee) {
		e.Result = callee.result
	}
	return e
}

// withdrawn is why an invitation ends whose context has ended.
func withdrawn(ctx context.Context) error {
	if err := context.Cause(ctx); errors.Is(err, errShutdown) {
		return err
	}
	return errWithdrawn
}
