package media

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// ErrPortsExhausted tells that every pair of the RTP port range is in use or at rest.
var ErrPortsExhausted = errors.New("no RTP port is free")

// portRest is how long a pair stays unused after its call: packets of the old call that are
// still under way must not be heard in the next.
const portRest = 30 * time.Second

// Ports is the range that legs take their ports from: an even port for RTP and the odd one
// above it for RTCP (RFC 3550 11), chosen at random so that nobody can guess where the next
// call listens.
type Ports struct {
	first uint16 // even

	mu    sync.Mutex
	free  []uint16      // numbers of pairs, in random order
	rests []restingPair // in the order in which they come back
	now   func() time.Time
}

type restingPair struct {
	pair  uint16
	until time.Time
}

// NewPorts returns the range from first to last, both included (1024-65535). It must hold
// at least one pair of an even port and the next.
func NewPorts(first, last uint16) (*Ports, error) {
	if first < 1024 {
		return nil, fmt.Errorf("RTP port range %d-%d: ports below 1024 are reserved, start at 1024 or above", first, last)
	}
	even := first + first%2
	pairs := (int(last) - int(even) + 1) / 2
	if pairs < 1 {
		return nil, fmt.Errorf("RTP port range %d-%d is too small: a call needs an even port and the next one", first, last)
	}
	p := &Ports{first: even, free: make([]uint16, pairs), now: time.Now}
	for i, n := range rand.Perm(pairs) {
		p.free[i] = uint16(n)
	}
	return p, nil
}

// Pairs is the number of calls that the range is good for.
func (p *Ports) Pairs() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.free) + len(p.rests)
}

// Open binds the sockets of a new leg at local, which may be the unspecified address. A pair
// that somebody else on the machine holds is passed over. The error is ErrPortsExhausted
// where no pair is left.
func (p *Ports) Open(local netip.Addr) (*Leg, error) {
	var busy []uint16
	defer func() { p.rest(busy...) }()
	for {
		pair, err := p.take()
		if err != nil {
			return nil, err
		}
		port := p.first + 2*pair
		leg, err := openLeg(local, port)
		switch {
		case err == nil:
			leg.closed = func() { p.rest(pair) }
			return leg, nil
		case errors.Is(err, syscall.EADDRINUSE):
			busy = append(busy, pair)
		default:
			p.rest(pair)
			return nil, fmt.Errorf("open RTP port %d: %w", port, err)
		}
	}
}

func (p *Ports) take() (uint16, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for len(p.rests) > 0 && !p.rests[0].until.After(now) {
		// Back at a random place, so that ports stay hard to guess.
		p.free = append(p.free, p.rests[0].pair)
		i := rand.IntN(len(p.free))
		last := len(p.free) - 1
		p.free[i], p.free[last] = p.free[last], p.free[i]
		p.rests = p.rests[1:]
	}
	if len(p.free) == 0 {
		return 0, ErrPortsExhausted
	}
	pair := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	return pair, nil
}

func (p *Ports) rest(pairs ...uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	until := p.now().Add(portRest)
	for _, pair := range pairs {
		p.rests = append(p.rests, restingPair{pair, until})
	}
}
