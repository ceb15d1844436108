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
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media"
	"conclave/rooms"
	"conclave/sip/wire"
	"conclave/store"
)

// methods are those that are served, as Allow tells them.
var methods = []string{"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "PRACK", "UPDATE", "INFO", "REFER", "SUBSCRIBE", "REGISTER"}

// Config is what a Server needs.
type Config struct {
	// Log gets a line for each call that ends or is refused; nil: none.
	Log *slog.Logger
	// House is where calls to its rooms are received. It must outlive the server.
	House *rooms.House
	// Ports is where the legs of calls get their ports from.
	Ports *media.Ports
	// Listen are the addresses to listen on, such as udp://0.0.0.0:5060, tcp://[::]:5060 or
	// tls://0.0.0.0:5061; port 0 is any that is free.
	Listen []string
	// Certify gives the certificate for each TLS connection; nil: nothing is listened on for TLS.
	Certify wire.Certify
	// Advertise is the address that callers of its family are told to send signalling and
	// audio to; not valid: the one that they reach this machine by.
	Advertise netip.Addr
	// Guests says which rooms callers may reach; empty: GuestsPIN.
	Guests GuestPolicy
	// Phones are those that may register. Without any, nobody is asked for credentials.
	Phones []store.Phone
	// Digests are the algorithms by which phones may authenticate, in the order in which they are offered: "SHA-256" and
	// "MD5", which is what nil stands for, or one of them.
	Digests []string
	// MessageRate is how many messages of one method a second are taken from one address; see wire.Config.Rate. 0: no limit.
	MessageRate int
	// Store keeps registrations over a restart; nil: they are lost. It must outlive the server.
	Store *store.DB
	// MinExpires and MaxExpires bound how long a registration or subscription lasts; 0: a minute and an hour. A phone that asks for less
	// than the least is refused (423), one that asks for more gets the most.
	MinExpires, MaxExpires time.Duration
	// ProbeEvery is how often a phone is asked by OPTIONS whether it is there; 0: each minute.
	ProbeEvery time.Duration
	// Resolver looks up the hosts of trunks; nil: as this machine does.
	Resolver *net.Resolver
	// TrunkTimes are the timers about trunks.
	TrunkTimes TrunkTimes
	// InsecureKeys has keys for encrypted audio (SDES) taken over UDP and TCP, too, where others may read them.
	InsecureKeys bool
	// RingTime is how long a callee rings who has no time of his own, until the call counts as not answered, at most
	// MaxRingTime; 0: 30 s.
	RingTime time.Duration
	// NotifyEvery is the least time between two NOTIFYs of what has happened, to one subscriber; 0: a second.
	NotifyEvery time.Duration
	// T1 and T2 are the timers of RFC 3261 17.1.1.1 for the retransmission of 2xx and the
	// time that an unanswered BYE is waited for; 0: 500 ms and 4 s.
	T1, T2 time.Duration
	// SessionExpires is how long a call's session lasts that nobody refreshes (RFC 4028), up to MaxSessionExpires; 0: half an
	// hour, negative: no session timers are asked for. MinSessionExpires is the least that others may ask for; 0:
	// LeastSessionExpires.
	SessionExpires, MinSessionExpires time.Duration
	// Software is what User-Agent and Server say, a product token (RFC 3261 20.35); empty: those headers are not sent.
	Software string
	// Full tells whether calls that are there would suffer from one more: new ones are refused with 503 then. It is asked for each INVITE,
	// and must return at once. nil: it is never so.
	Full func() bool
	// Record gets each call that is over, also one that was refused; it must return at once.
	// nil: nobody does.
	Record func(store.Call)

	listed directory                                         // phones beside those that register, for tests
	after  func(pause time.Duration, f func()) (stop func()) // the clock of sessions; nil: afterFunc
}

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
	panics    atomic.Uint64
	forced    chan struct{} // closed when Shutdown has waited long enough
	force     func()        // closes it, once
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
		Software: config.Software, Closed: s.registrar.closed})
	// What went on before is known before a request of it can come, and gone on with once there are ways to answer.
	var before *recollection
	if config.Store != nil {
		var err error
		if before, err = s.recall(context.Background()); err != nil {
			return nil, fmt.Errorf("start SIP: %w", err)
		}
	}
	for _, spec := range config.Listen {
		listener, err := s.wire.Listen(spec)
		if err != nil {
			s.giveUp(before)
			return nil, fmt.Errorf("start SIP: %w", err)
		}
		s.listeners = append(s.listeners, listener)
	}
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
		if err := s.resume(before); err != nil {
			s.giveUp(before)
			return nil, fmt.Errorf("start SIP: %w", err)
		}
	}
	s.keepers.Go(func() { s.registrar.keep(stopped) })
	s.keepers.Go(func() { s.ledger.keep(stopped) })
	s.keepers.Go(func() { s.ongoing.keep(stopped) })
	s.keepers.Go(func() { s.watch(stopped) })
	s.keepers.Go(func() { s.watchRooms(watching) })
	return s, nil
}

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
	return Stats{Calls: s.calls.len(), Subscriptions: s.subscriptions.len(), Refusing: s.calls.refuses(), Panics: s.panics.Load()}
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
	s.subscriptions.close()
	s.wire.Close()
	// No more can come to be written now.
	s.stop()
	s.keepers.Wait()
	return err
}

// Request implements wire.Sink. It finds the call that a request belongs to.
func (s *Server) Request(req *sipgo.Request, tx *wire.ServerTx) {
	defer s.survive(tx)
	id := dialogOf(req)
	var err error
	switch call := s.calls.find(id); {
	case call != nil:
		if tx != nil {
			tx.Trust() // its source has had the tag of ours
		}
		err = call.mail.offer(request{req, tx})
	case s.subscriptions.find(id) != nil && req.Method == sipgo.SUBSCRIBE:
		err = s.subscriptions.find(id).mail.offer(request{req, tx})
	case id.Local == "":
		err = s.outside(req, tx)
	default:
		err = errNoDialog
	}
	if err != nil && tx != nil { // an ACK is never answered
		s.refuse(tx, err)
	}
}

// outside serves requests outside of dialogs.
func (s *Server) outside(req *sipgo.Request, tx *wire.ServerTx) error {
	switch req.Method {
	case sipgo.INVITE:
		if s.full != nil && s.full() && req.GetHeader("Replaces") == nil { // which adds no call in the end
			return errFull
		}
		call := newCall(s, req, tx)
		if err := s.calls.add(call); err != nil {
			return err
		}
		call.mail.post(request{req, tx})
		go call.run(tx.Peer())
		return nil
	case sipgo.OPTIONS:
		return s.options(req, tx)
	case sipgo.REGISTER:
		return s.register(req, tx)
	case sipgo.SUBSCRIBE:
		return s.subscribe(req, tx)
	case sipgo.REFER:
		return s.referRoom(req, tx)
	}
	return errNoDialog
}

// options tells what an INVITE would meet (RFC 3261 11.2): 200 or why not. Without a user part
// the question is about the server.
func (s *Server) options(req *sipgo.Request, tx *wire.ServerTx) error {
	if s.calls.refuses() {
		return errShutdown
	}
	if s.full != nil && s.full() {
		return errFull
	}
	if req.Recipient.User != "" {
		from, err := s.identify(req, tx)
		if err != nil {
			return err
		}
		_, err = s.route(req, from)
		if errors.Is(err, errNoRoom) {
			_, err = s.decoy(req, from)
		}
		if err != nil {
			return err
		}
	}
	if r := wire.Unacceptable(req, extensions); r != nil {
		return rejected{r}
	}
	defer tx.Dismiss()
	return tx.Reply(sipgo.StatusOK, "OK", capabilities()...)
}

// Cancel implements wire.Sink. A call looks whether it was cancelled just before it sends its
// final response, so that a CANCEL that overtakes the work on its INVITE still counts.
func (s *Server) Cancel(invite *wire.ServerTx, cancel *sipgo.Request) {
	defer s.survive(nil)
	if call := s.calls.born(birthOf(invite.Request())); call != nil {
		call.cancelled.Store(true)
		call.mail.post(gaveUp{causesIn(cancel)})
	}
}

// refuse answers a request with what err stands for.
func (s *Server) refuse(tx *wire.ServerTx, err error) {
	r := rejection(err)
	req := tx.Request()
	level := slog.LevelDebug
	var asks *challenge
	var outside *outsideError
	asked := errors.As(err, &asks)
	switch {
	case asked:
	case errors.As(err, &outside):
		level = slog.LevelWarn
	case errors.Is(err, media.ErrPortsExhausted), errors.Is(err, errFull):
		level = slog.LevelWarn
	case req.Method == sipgo.INVITE:
		level = slog.LevelInfo
	}
	if number := clean(unescape(req.Recipient.User)); !s.reportOutside(tx.Peer(), number, err) {
		s.log.Log(context.Background(), level, "request refused", "method", req.Method.String(), "status", r.Status,
			"reason", err, "number", number, "address", tx.Peer().Remote)
	}
	if err := tx.Reply(r.Status, r.Reason, r.Headers...); err != nil && !errors.Is(err, wire.ErrAnswered) {
		s.log.Debug("response not sent", "error", err)
	}
	switch {
	case req.Method == sipgo.INVITE:
	case asked:
		tx.Terminate() // nothing is kept of who has proven nothing
	default:
		tx.Dismiss()
	}
}

// reportOutside has the log say so where a phone wanted a call outside beyond its right or its caps.
func (s *Server) reportOutside(peer wire.Peer, number string, err error) bool {
	var outside *outsideError
	if !errors.As(err, &outside) || outside.from.phone == "" {
		return false
	}
	s.digests.reportOutside(peer, outside.from.phone, number, err.Error())
	return true
}

// survive keeps a fault in the work on one message from ending the process. Its transaction, if
// there is one, must not stay without an answer.
func (s *Server) survive(tx *wire.ServerTx) {
	if fault := recover(); fault != nil {
		s.fault(s.log, fault)
		if tx != nil {
			_ = tx.Reply(sipgo.StatusInternalServerError, "")
		}
	}
}

func (s *Server) fault(log *slog.Logger, fault any) {
	s.panics.Add(1)
	log.Error("internal fault", "panic", fault, "stack", string(debug.Stack()))
}

// capabilities are the headers that tell what this server takes (RFC 3261 11.2, 20.1, 20.5,
// 20.37).
func capabilities() []sipgo.Header {
	return []sipgo.Header{
		sipgo.NewHeader("Allow", strings.Join(methods, ", ")),
		sipgo.NewHeader("Accept", "application/sdp, "+infoTypes),
		sipgo.NewHeader("Supported", strings.Join(extensions, ", ")),
		sipgo.NewHeader("Allow-Events", allowedEvents),
	}
}
