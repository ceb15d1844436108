package sip

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"conclave/media"
	"conclave/rooms"
	"conclave/sip/sdp"
	"conclave/sip/wire"
	"conclave/store"
)

// Estate is what a server leaves to one of another process that goes on in its place: what is written of it lest it be killed, and what
// memory alone has. State has the keys of encrypted calls: it goes over a socket to that process, and nowhere else.
type Estate struct {
	State []byte
	// Files are the descriptors of its sockets. Whoever has received them puts -1 in the place of one that is used.
	Files []int
}

// Close closes the descriptors that were not used.
func (e *Estate) Close() { wire.CloseFiles(e.Files) }

// estate is what State says.
type estate struct {
	Wire        wire.Estate             `json:"wire"`
	Calls       []callEstate            `json:"calls"`
	Conferences []rooms.ConferenceState `json:"conferences"`
	Bindings    []bindingEstate         `json:"bindings"` // over TCP: others are in the database
	Refusing    bool                    `json:"refusing"` // no new calls are taken
}

// callEstate is a call, of which nothing may get lost on the way.
type callEstate struct {
	State    callState       `json:"state"`
	Name     *storedName     `json:"name,omitempty"`
	Stream   int             `json:"stream"`  // of wire.Estate, which is the way to the far end; -1: it is another way
	Sockets  [2]int          `json:"sockets"` // of Files: RTP and RTCP
	Security *securityEstate `json:"security,omitempty"`
	Session  sessionEstate   `json:"session"`
	Expiry   *expiryEstate   `json:"expiry,omitempty"`

	User     string `json:"user,omitempty"` // credentials for the far end's challenges
	Password string `json:"password,omitempty"`

	LeastInterval time.Duration `json:"least_interval"`
	TakesUpdate   bool          `json:"takes_update"`
	Refers        int           `json:"refers"`
	Held          bool          `json:"held"`
	// Unanswered tells that a request of ours has no answer yet, or one that goes unseen: the far end is to be asked anew.
	Unanswered bool `json:"unanswered,omitempty"`
}

// securityEstate is a media.Security.
type securityEstate struct {
	Suite  string `json:"suite"`
	Local  []byte `json:"local"`
	Remote []byte `json:"remote"`
	MKI    string `json:"mki,omitempty"`
}

// sessionEstate is a session, beside what the call's state says of it.
type sessionEstate struct {
	Sent      []byte            `json:"sent"`
	Keys      map[string][]byte `json:"keys,omitempty"` // by suite
	NoKeys    string            `json:"no_keys,omitempty"`
	Encrypted bool              `json:"encrypted,omitempty"`
	Exposed   bool              `json:"exposed,omitempty"`
	Agreed    bool              `json:"agreed"`
}

// expiryEstate is the time of a session.
type expiryEstate struct {
	Interval time.Duration `json:"interval"`
	Ours     bool          `json:"ours"`
	Refresh  time.Time     `json:"refresh,omitzero"`
	End      time.Time     `json:"end"`
}

// bindingEstate is where a phone has registered over TCP.
type bindingEstate struct {
	store.Binding
	Stream int
}

const (
	// settleTime is how long a server waits for calls to come to a moment at which another process can go on with them: no request that
	// waits for its answer, nobody who is rung.
	settleTime = 2 * time.Second
	// dismissTime is how long those have to end that do not come to it.
	dismissTime = 300 * time.Millisecond
	// restTime is how long readers and calls have to come to rest.
	restTime = 500 * time.Millisecond
	// flushTime bounds the wait for the database. What is not written, the next process writes.
	flushTime = time.Second
)

// errTakenOver is why a call ends that is not answered when another process takes the others over.
var errTakenOver = errors.New("the server is being replaced by a new one")

// Frozen is a server that stands still: it reads nothing and no call does anything, while audio goes on. What comes waits in the sockets.
type Frozen struct {
	server   *Server
	refusing bool  // it did before
	copies   []int // of descriptors
}

// Freeze brings the server to a standstill, at a moment at which no call is in the midst of something. Who is being rung for 2 s then is let
// go: callers get 503, callees CANCEL. The error tells what does not come to rest; then all goes on.
func (s *Server) Freeze() (*Frozen, error) {
	f := &Frozen{server: s, refusing: s.calls.refuses()}
	for end := time.Now().Add(settleTime); ; time.Sleep(10 * time.Millisecond) {
		settled, err := s.rest(false)
		if err != nil {
			return nil, err
		}
		if settled || time.Now().After(end) {
			break
		}
	}
	if s.still.resting {
		return f, nil
	}
	s.calls.refuse(true)
	s.dismiss()
	for end := time.Now().Add(dismissTime); ; time.Sleep(10 * time.Millisecond) {
		switch settled, err := s.rest(time.Now().After(end)); {
		case err != nil:
			f.takeAgain()
			return nil, err
		case settled:
			return f, nil
		}
	}
}

// dismiss ends the calls that are not answered.
func (s *Server) dismiss() {
	for _, c := range s.calls.all() {
		c.mail.post(notAnswered{})
	}
}

// notAnswered is the event that the call is to end if it is not answered.
type notAnswered struct{}

// rest has readers and calls stand still. It is false where a call is in the midst of something, and all goes on, unless that does not
// matter any more.
func (s *Server) rest(anyway bool) (settled bool, err error) {
	if !s.wire.Pause(restTime) {
		return false, errors.New("SIP messages that are being handled keep the server from standing still")
	}
	for end := time.Now().Add(restTime); ; time.Sleep(time.Millisecond) {
		if s.still.TryLock() {
			if !s.queued() {
				break
			}
			s.still.Unlock()
		}
		if time.Now().After(end) {
			s.wire.Resume()
			return false, errors.New("calls that have much to do keep the server from standing still")
		}
	}
	if !anyway && slices.ContainsFunc(s.calls.all(), (*Call).unsettled) {
		s.still.Unlock()
		s.wire.Resume()
		return false, nil
	}
	s.still.resting = true
	return true, nil
}

// queued tells whether a call has something to do still. No call does anything now.
func (s *Server) queued() bool {
	return slices.ContainsFunc(s.calls.all(), func(c *Call) bool { return c.mail.len() > 0 })
}

// unsettled tells that a call is in the midst of something. No call does anything now.
func (c *Call) unsettled() bool {
	switch c.state {
	case invited, calling, answered:
		return true
	case ended:
		return false
	}
	return c.leaving || c.stay == nil || c.asks()
}

// asks tells that a request of ours within the call waits for its answer.
func (c *Call) asks() bool { return c.reoffer.pending() || c.referral != nil }

// Thaw has readers and calls go on as if nothing had been.
func (f *Frozen) Thaw() {
	s := f.server
	wire.CloseFiles(f.copies)
	f.copies = nil
	f.takeAgain()
	s.ongoing.held.Store(false)
	s.still.resting = false
	s.still.Unlock()
	s.wire.Resume()
}

// Leave is for when another process has all: who was told of something is told to subscribe with that one. It returns when that is said, or
// when it takes too long.
func (f *Frozen) Leave() {
	said := make(chan struct{})
	go func() {
		defer close(said)
		defer f.server.survive(nil)
		f.server.subscriptions.close(overMoved)
	}()
	select {
	case <-said:
	case <-time.After(restTime):
	}
}

// takeAgain has new calls taken as before.
func (f *Frozen) takeAgain() {
	if !f.refusing {
		f.server.calls.refuse(false)
	}
}

// Bequeath is all that another process needs to go on in the server's place, and how many calls it has. Files are the server's. Nothing
// changes until Thaw but what the house does by itself, and does likewise in the next process.
func (f *Frozen) Bequeath() (left Estate, calls int, err error) {
	s := f.server
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	s.Sync(ctx)
	s.ongoing.held.Store(true)
	if err := errors.Join(s.registrar.save(), s.ledger.save()); err != nil {
		return left, 0, fmt.Errorf("write what another process is to know: %w", err)
	}
	sockets, files, place, err := s.wire.Bequeath()
	if err != nil {
		return left, 0, err
	}
	f.copies = files
	left.Files = slices.Clone(files)
	e := estate{Wire: sockets, Conferences: s.house.ConferenceStates(), Bindings: s.registrar.estate(place), Refusing: f.refusing}
	for _, c := range s.calls.all() {
		call, ok := c.estate()
		if !ok {
			continue
		}
		call.Stream = -1
		if i, ok := place[c.peer.Conn]; ok {
			call.Stream = i
		}
		rtp, rtcp := c.leg.Sockets()
		call.Sockets = [2]int{len(left.Files), len(left.Files) + 1}
		left.Files = append(left.Files, rtp, rtcp)
		e.Calls = append(e.Calls, call)
	}
	if left.State, err = json.Marshal(e); err != nil {
		return left, 0, fmt.Errorf("write what another process is to know: %w", err)
	}
	return left, len(e.Calls), nil
}

// estate is the call, which does nothing now. It is false where there is nothing to go on with.
func (c *Call) estate() (e callEstate, ok bool) {
	d, ok := c.draft()
	if !ok {
		return e, false
	}
	var name *media.Sound
	if e.State, name, ok = d.state(); !ok {
		return e, false
	}
	if name != nil {
		e.Name = &storedName{Rate: nameRate, PCM: octets(name.PCM(nameRate))}
	}
	if s := c.leg.Security(); s != nil {
		e.Security = &securityEstate{Suite: s.Suite.String(), Local: s.Local.Bytes(), Remote: s.Remote.Bytes(), MKI: s.RemoteMKI}
	}
	local := c.session.local
	e.Session = sessionEstate{Sent: c.session.sent, NoKeys: local.NoKeys, Encrypted: local.Encrypted, Exposed: c.session.exposed, Agreed: c.session.agreed}
	if local.Keys != nil {
		e.Session.Keys = make(map[string][]byte)
		for suite, key := range local.Keys {
			e.Session.Keys[suite.String()] = key.Bytes()
		}
	}
	if x := c.expiry; x != nil {
		e.Expiry = &expiryEstate{Interval: x.interval, Ours: x.ours, Refresh: x.refreshAt, End: x.endAt}
	}
	credentials := c.credentials()
	e.User, e.Password = credentials.user, credentials.password
	e.LeastInterval, e.TakesUpdate, e.Refers, e.Held = c.leastInterval, c.takesUpdate, c.refers, c.held
	e.Unanswered = c.asks()
	return e, true
}

// security is what the estate is of; nil: the leg is plain. The error names a suite that is not known.
func (s *securityEstate) security() (*media.Security, error) {
	if s == nil {
		return nil, nil
	}
	suite, ok := media.SuiteNamed(s.Suite)
	if !ok || len(s.Local) != suite.KeySize() || len(s.Remote) != suite.KeySize() {
		return nil, fmt.Errorf("suite %q with keys of %d and %d octets cannot be gone on with", s.Suite, len(s.Local), len(s.Remote))
	}
	return &media.Security{Suite: suite, Local: media.NewMasterKey(s.Local), Remote: media.NewMasterKey(s.Remote), RemoteMKI: s.MKI}, nil
}

// restore gives a session what the estate says of it.
func (e sessionEstate) restore(s session) session {
	s.sent, s.exposed, s.agreed = e.Sent, e.Exposed, e.Agreed
	s.local.NoKeys, s.local.Encrypted, s.local.Keys = e.NoKeys, e.Encrypted, nil
	if e.Keys != nil {
		s.local.Keys = make(sdp.Keys)
		for name, key := range e.Keys {
			if suite, ok := media.SuiteNamed(name); ok {
				s.local.Keys[suite] = media.NewMasterKey(key)
			}
		}
	}
	return s
}
