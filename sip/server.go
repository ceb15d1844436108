// Package sip is the signalling of conference calls: it answers calls to rooms, connects calls to phones, keeps their
// dialogs and hands each call to the house, which holds the conversation or has two calls talk.
//
// Package wire reads the network, keeps out what is malformed and runs the transactions; its
// readers find the call that a message belongs to and put it into the call's mailbox. Each
// call is an actor: one goroutine that works off its mailbox in the order of the wire, so
// that a call needs no locks and no two events of it ever race.
package sip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"conclave/media"
	"conclave/media/fault"
	"conclave/rooms"
	"conclave/sip/wire"
	"conclave/store"
)

// Server answers calls to the rooms of a house, and connects phones.
type Server struct {
	log       *slog.Logger
	house     *rooms.House
	ports     *media.Ports
	advertise netip.Addr
	guests    GuestPolicy
	ringTime  time.Duration
	t1, t2    time.Duration
	record    func(store.Call)
	full      func() bool
	sessions  sessionRules
	after     func(pause time.Duration, f func()) (stop func())

	insecureKeys bool // as in Config

	digests                *digests
	registrar              *registrar
	ledger                 *ledger
	minExpires, maxExpires time.Duration
	keepers                sync.WaitGroup // of the registrar and the ledger
	stop                   func()         // tells them to end, once
	begun                  func()         // has everything go on that waits for Begin
	still                  standstill

	resolver   *net.Resolver
	trunkTimes TrunkTimes
	trunks     trunks

	invitations   invitations
	subscriptions *subscriptions
	sheets        sheets
	lamps         lamps
	notifyEvery   time.Duration
	ongoing       *ongoing
	beside        sync.WaitGroup // of what is looked up for calls; it ends with them

	listed directory // as in Config

	wire      *wire.Wire
	listeners []wire.Listener
	calls     *calls
	faults    *fault.Log
	forced    chan struct{} // closed when Shutdown has waited long enough
	force     func()        // closes it, once
}

// standstill is held by calls while they do something, and by whoever has all of them stand still, which is resting then.
type standstill struct {
	sync.RWMutex
	resting bool
}

// Stats is what there is of calls.
type Stats struct {
	Calls         int    // from the INVITE until nothing is left of the call
	Subscriptions int    // see Server.Subscriptions
	Refusing      bool   // no new calls are taken now
	Panics        uint64 // faults that cost one call or request each
}

// New starts a server. The error names the listener that could not be opened, or the setting
// that is wrong; then nothing is left running.
func New(config Config) (*Server, error) {
	switch {
	case config.House == nil:
		return nil, errors.New("start SIP: there is no house")
	case config.Ports == nil:
		return nil, errors.New("start SIP: there are no RTP ports")
	case len(config.Listen) == 0:
		return nil, errors.New("start SIP: there is no address to listen on; udp://0.0.0.0:5060 is the usual one")
	case config.Advertise.IsValid() && config.Advertise.IsUnspecified():
		return nil, fmt.Errorf("start SIP: advertised address %s: one that callers can reach is right", config.Advertise)
	}
	if config.RingTime < 0 || config.RingTime > MaxRingTime {
		return nil, fmt.Errorf("start SIP: ring time %v: one up to %v is right", config.RingTime, MaxRingTime)
	}
	if config.SessionExpires > MaxSessionExpires || config.MinSessionExpires < 0 || config.MinSessionExpires > MaxSessionExpires {
		return nil, fmt.Errorf("start SIP: session timers of %v and at least %v: times of up to %v are right",
			config.SessionExpires, config.MinSessionExpires, MaxSessionExpires)
	}
	if err := config.Guests.valid(); err != nil {
		return nil, fmt.Errorf("start SIP: %w", err)
	}
	if err := checkAlgorithms(config.Digests); err != nil {
		return nil, fmt.Errorf("start SIP: %w", err)
	}
	log := config.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		log:       log,
		faults:    fault.NewLog(log),
		house:     config.House,
		ports:     config.Ports,
		advertise: config.Advertise.Unmap(),
		guests:    cmp.Or(config.Guests, GuestsPIN),
		ringTime:  cmp.Or(config.RingTime, 30*time.Second),
		listed:    config.listed,
		t1:        cmp.Or(config.T1, 500*time.Millisecond),
		t2:        cmp.Or(config.T2, 4*time.Second),
		record:    config.Record,
		full:      config.Full,
		calls:     newCalls(),
		forced:    make(chan struct{}),
		sessions: sessionRules{
			expires: max(0, cmp.Or(config.SessionExpires, 30*time.Minute)),
			least:   cmp.Or(config.MinSessionExpires, LeastSessionExpires),
		},
		after: config.after,

		insecureKeys: config.InsecureKeys,

		digests:    newDigests(log, config.Digests),
		registrar:  newRegistrar(log, config.Store, cmp.Or(config.ProbeEvery, time.Minute)),
		ledger:     newLedger(log, config.Store),
		minExpires: cmp.Or(config.MinExpires, time.Minute),
		maxExpires: cmp.Or(config.MaxExpires, time.Hour),

		subscriptions: newSubscriptions(),
		notifyEvery:   cmp.Or(config.NotifyEvery, time.Second),

		resolver: cmp.Or(config.Resolver, &net.Resolver{PreferGo: true}), // whose look-ups end with their context
		trunkTimes: TrunkTimes{
			Try:   cmp.Or(config.TrunkTimes.Try, 8*time.Second),
			Probe: cmp.Or(config.TrunkTimes.Probe, time.Minute),
			Retry: cmp.Or(config.TrunkTimes.Retry, 5*time.Second),
		},
	}
	if s.after == nil {
		s.after = afterFunc
	}
	s.invitations.ctx, s.invitations.cancel = context.WithCancel(context.Background())
	s.force = sync.OnceFunc(func() { close(s.forced) })
	stopped := make(chan struct{})
	watching, unwatch := context.WithCancel(context.Background())
	s.stop = sync.OnceFunc(func() { close(stopped); unwatch() })
	s.ongoing = newOngoing(log, config.Store, config.House)
	s.SetPhones(config.Phones)
	s.wire = wire.New(wire.Config{Log: log, Sink: s, Methods: methods, Rate: config.MessageRate, Certify: config.Certify,
		Software: config.Software, Closed: s.registrar.closed, Paused: config.Estate != nil})
	// What went on before is known before a request of it can come, and gone on with once there are ways to answer.
	var before *recollection
	var err error
	switch {
	case config.Estate != nil:
		before, err = s.recallEstate(config.Estate)
	case config.Store != nil:
		before, err = s.recall(context.Background())
	}
	if err != nil {
		return nil, fmt.Errorf("start SIP: %w", err)
	}
	for _, spec := range config.Listen {
		listener, err := s.wire.Listen(spec)
		if err != nil {
			s.giveUp(before)
			return nil, fmt.Errorf("start SIP: %w", err)
		}
		s.listeners = append(s.listeners, listener)
	}
	s.wire.Disclaim()
	if config.Store != nil {
		bindings, err := config.Store.Bindings(context.Background())
		if err != nil {
			s.giveUp(before)
			return nil, fmt.Errorf("start SIP: %w", err)
		}
		s.restore(bindings)
		if err := s.ledger.restore(context.Background()); err != nil {
			s.giveUp(before)
			return nil, fmt.Errorf("start SIP: %w", err)
		}
	}
	work := func() {
		for what, keep := range map[string]func(){
			"keep registrations":                func() { s.registrar.keep(stopped) },
			"keep the count of calls outside":   func() { s.ledger.keep(stopped) },
			"keep calls that go on":             func() { s.ongoing.keep(stopped) },
			"ask phones whether they are there": func() { s.watch(stopped) },
			"tell subscribers of rooms":         func() { s.watchRooms(watching) },
		} {
			s.keepers.Go(func() { s.faults.Keep(stopped, what, keep) })
		}
	}
	if config.Estate != nil {
		s.inherit(before)
		s.begun = func() { s.begin(before); work(); s.wire.Resume() }
		return s, nil
	}
	if config.Store != nil {
		if err := s.resume(before); err != nil {
			s.giveUp(before)
			return nil, fmt.Errorf("start SIP: %w", err)
		}
	}
	work()
	return s, nil
}

// Begin has a server go on that has the Estate of another one, which has come to its end.
func (s *Server) Begin() { s.begun() }

// giveUp ends a server that could not be started. What went on before stays written, for the next one.
func (s *Server) giveUp(before *recollection) {
	if before != nil {
		for _, v := range before.calls {
			s.calls.remove(v.call)
		}
	}
	s.Shutdown(context.Background())
}

// Listeners are the sockets that are listened on, in the order of Config.Listen.
func (s *Server) Listeners() []wire.Listener { return s.listeners }

// Stats counts what there is now.
func (s *Server) Stats() Stats {
	return Stats{Calls: s.calls.len(), Subscriptions: s.subscriptions.len(), Refusing: s.calls.refuses(), Panics: s.faults.Count() + s.wire.Stats().Panics}
}

// Refuse has new calls refused with 503 and a time after which to try again, while those there are go on and phones register
// as before; or with on false it has them taken again. The channel is closed when no call is left; it is nil where on is
// false.
func (s *Server) Refuse(on bool) <-chan struct{} { return s.calls.refuse(on) }

// Shutdown ends the server: new calls are refused with 503, those there are get a BYE, and
// registrations with trunks are taken back. It returns when nothing is left of them, or soon after ctx is done; then the error tells how
// many had not answered.
func (s *Server) Shutdown(ctx context.Context) error {
	unregistered := make(chan struct{})
	go func() {
		defer close(unregistered)
		defer s.survive(nil)
		s.closeTrunks()
	}()
	for _, call := range s.calls.drain() {
		call.Hangup(errShutdown)
	}
	var err error
	select {
	case <-s.calls.empty:
	case <-ctx.Done():
		err = fmt.Errorf("shut down SIP: %d calls had not ended: %w", s.calls.len(), ctx.Err())
		s.force()
		<-s.calls.empty
	}
	s.invitations.close()
	s.beside.Wait()
	select {
	case <-unregistered:
	case <-ctx.Done():
		s.force()
		<-unregistered
	}
	s.subscriptions.close(overProbation)
	s.wire.Close()
	// No more can come to be written now.
	s.stop()
	s.keepers.Wait()
	return err
}
