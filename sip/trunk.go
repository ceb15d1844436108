package sip

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/locate"
	"conclave/sip/wire"
)

// downAfter is how many OPTIONS in a row have no answer when an address counts as dead.
const downAfter = 3

// TrunkTimes are the timers about trunks; 0 stands for the usual value.
type TrunkTimes struct {
	// Try is how long one of a peer's addresses is waited for; 8 s.
	Try time.Duration
	// Probe is the pause between two OPTIONS to an address, and for as long is it kept what the name server said; 60 s.
	Probe time.Duration
	// Retry is the pause after a first failure, which doubles to 5 minutes; 5 s.
	Retry time.Duration
}

// trunk is one peer: where it is, whether it answers, and our registration with it. Two goroutines work for it; what they
// find out is read by calls, which never wait for them.
type trunk struct {
	trunkConfig
	server *Server
	times  TrunkTimes
	fixed  netip.Addr // of a peer that is given by its address
	tag    string     // From tag and Call-ID of our requests outside of calls, of which each method has its own
	lost   chan struct{}
	look   chan struct{} // see registration

	cancel  context.CancelFunc
	stopped chan struct{} // closed when its goroutines are gone

	mu         sync.Mutex
	targets    []*target // in the order in which they are to be tried
	unresolved string    // why the host has no address, or none that is new; empty: it has
	registered RegistrationState
}

// target is one address of a peer.
type target struct {
	address   netip.AddrPort
	peer      wire.Peer     // the way there; none where there is no connection
	held      bool          // peer's connection is kept open by us
	answered  bool          // it has answered some time
	roundTrip time.Duration // of the last OPTIONS
	failures  int           // OPTIONS without an answer in a row
	since     time.Time     // the first of them
	failure   string
}

func (t *target) dead() bool { return t.failures >= downAfter }

func newTrunk(s *Server, config trunkConfig) *trunk {
	t := &trunk{
		trunkConfig: config,
		server:      s,
		times:       s.trunkTimes,
		tag:         sipgo.GenerateTagN(16),
		lost:        make(chan struct{}, 1),
		look:        make(chan struct{}, 1),
		stopped:     make(chan struct{}),
	}
	t.fixed, _ = netip.ParseAddr(config.host)
	return t
}

// run works for the trunk until ctx ends. It registers when the one before it, if there was one, is gone, which takes its
// registration back.
func (t *trunk) run(ctx context.Context, before *trunk) {
	defer t.server.survive(nil)
	defer close(t.stopped)
	var work sync.WaitGroup
	if t.register {
		r := &registration{
			addresses: t.addresses,
			usable:    t.usable,
			healthy:   t.healthy,
			send:      t.sendRegister,
			report:    t.report,
			look:      t.look,
			retry:     backoff{first: t.times.Retry, most: longestRetry},
		}
		work.Go(func() {
			if before != nil {
				<-before.stopped
			}
			t.server.faults.Keep(ctx.Done(), "register with trunk "+t.name, func() { r.run(ctx) })
		})
	}
	t.server.faults.Keep(ctx.Done(), "watch trunk "+t.name, func() { t.watch(ctx) })
	work.Wait()
	t.release()
}

// release lets go of connections.
func (t *trunk) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, target := range t.targets {
		target.drop()
	}
}

// drop forgets the way to a target.
func (t *target) drop() {
	if t.held {
		t.peer.Conn.Ref(-1)
	}
	t.peer, t.held = wire.Peer{}, false
}

// watch keeps the addresses up to date and asks each whether it is there.
func (t *trunk) watch(ctx context.Context) {
	retry := backoff{first: t.times.Retry, most: t.times.Probe}
	for ctx.Err() == nil {
		before := t.health()
		t.resolve(ctx)
		recovered := t.probe(ctx)
		after := t.health()
		if ctx.Err() == nil && !slices.Equal(before, after) {
			t.log(after)
		}
		if recovered || !slices.Equal(before, after) {
			t.tellRegistration()
		}
		pause := t.times.Probe
		if t.settled() {
			retry.reset()
		} else {
			pause = retry.next()
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-t.lost: // not at once, should the peer take connections only to close them
			select {
			case <-ctx.Done():
			case <-time.After(min(pause, t.times.Retry)):
			}
		}
		timer.Stop()
	}
}

// tellRegistration lets the registration look at the addresses again.
func (t *trunk) tellRegistration() {
	select {
	case t.look <- struct{}{}:
	default:
	}
}

// health is each address and whether it is dead, or why there is none.
func (t *trunk) health() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var health []string
	for _, target := range t.targets {
		if target.dead() {
			health = append(health, target.address.String()+" unreachable: "+target.failure)
		} else {
			health = append(health, target.address.String())
		}
	}
	if t.unresolved != "" {
		health = append(health, t.unresolved)
	}
	return health
}

func (t *trunk) log(health []string) {
	t.server.log.Info("trunk changed", "trunk", t.name, "peer", strings.Join(health, ", "))
}

// settled tells that there is an address that can be used: nothing has to be found out sooner than usual.
func (t *trunk) settled() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.targets, func(target *target) bool { return target.peer.Conn != nil })
}

// resolve looks the host up. What was known stays known where it has no answer, and in its order where the answer is
// the same but for that: servers of one priority come in a new order each time.
func (t *trunk) resolve(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, t.times.Try)
	defer cancel()
	found, err := locate.Servers(ctx, t.server.resolver, locate.Query{
		Host: t.host, Port: t.port, Transport: t.transport, Family: t.server.family(t.transport)})
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.unresolved = err.Error()
		}
		return
	}
	t.unresolved = ""
	known := make(map[netip.AddrPort]*target)
	for _, target := range t.targets {
		known[target.address] = target
	}
	same := len(found) == len(known)
	var targets []*target
	for _, address := range found {
		if known[address] == nil {
			same = false
			known[address] = &target{address: address}
		}
		targets = append(targets, known[address])
	}
	if same {
		return
	}
	for _, target := range t.targets {
		if !slices.Contains(found, target.address) {
			target.drop()
		}
	}
	t.targets = targets
}

// dropLost forgets the way to a target, if it is that one still.
func (t *trunk) dropLost(target *target, peer wire.Peer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if target.peer.Conn == peer.Conn {
		target.drop()
	}
}

// probe asks all addresses at once by OPTIONS (RFC 3261 11): any answer will do but that of a proxy which reaches nothing. It
// tells whether one answers that did not before.
func (t *trunk) probe(ctx context.Context) (recovered bool) {
	t.mu.Lock()
	targets := slices.Clone(t.targets)
	t.mu.Unlock()
	var asking sync.WaitGroup
	for _, target := range targets {
		asking.Go(func() {
			defer t.server.survive(nil)
			began := time.Now()
			res, err := t.sendOptions(ctx, target.address)
			took := time.Since(began)
			if ctx.Err() != nil {
				return
			}
			if err == nil && (res.StatusCode == sipgo.StatusServiceUnavailable || res.StatusCode == sipgo.StatusRequestTimeout) {
				err = errors.New(answerText(res))
			}
			t.mu.Lock()
			defer t.mu.Unlock()
			if err == nil {
				recovered = recovered || !target.answered || target.failures > 0
				target.answered, target.roundTrip = true, took
				target.failures, target.failure, target.since = 0, "", time.Time{}
				return
			}
			if target.failures++; target.failures == 1 {
				target.since = began
			}
			target.failure = reasonOf(err)
		})
	}
	asking.Wait()
	return recovered
}

func (t *trunk) reach(ctx context.Context, address netip.AddrPort) (wire.Peer, error) {
	if t.transport == "tls" {
		return t.server.wire.ConnectTLS(ctx, address, t.secure)
	}
	return t.server.wire.Connect(ctx, t.transport, address)
}

// connect is the way to an address: over TCP and TLS on the one connection to it, which is kept open.
func (t *trunk) connect(ctx context.Context, address netip.AddrPort) (wire.Peer, error) {
	peer, err := t.reach(ctx, address)
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.targets, func(target *target) bool { return target.address == address })
	if i < 0 {
		return peer, err // it is no address of the peer's any more
	}
	target := t.targets[i]
	if err != nil {
		target.drop()
		return peer, err
	}
	if target.peer.Conn != peer.Conn {
		target.drop()
		peer.Conn.Ref(1)
		target.peer, target.held = peer, true
		if gone := peer.Gone(); gone != nil {
			t.server.trunks.running.Go(func() { t.forget(target, peer, gone) })
		}
	}
	return peer, nil
}

// forget waits for the end of a connection, which Close of the wire brings at the latest.
func (t *trunk) forget(target *target, peer wire.Peer, gone <-chan struct{}) {
	select {
	case <-gone:
	case <-t.stopped:
		return
	}
	defer t.server.survive(nil)
	t.dropLost(target, peer)
	select {
	case t.lost <- struct{}{}:
	default:
	}
}
