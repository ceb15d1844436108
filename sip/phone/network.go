package phone

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"
)

// network is the impaired way from the phone to the far end.
type network struct {
	Impairment
	random  *rand.Rand
	transit []inTransit // by time of arrival
	latest  time.Time   // arrival of the last packet, for InOrder
	held    *inTransit  // waits for its successor to overtake it
}

type inTransit struct {
	bytes  []byte
	to     netip.AddrPort
	arrive time.Time
}

func newNetwork(i Impairment) *network {
	return &network{Impairment: i, random: rand.New(rand.NewPCG(i.Seed, 1))}
}

// interval returns how long a clock that is off takes for ptime.
func (n *network) interval(ptime time.Duration) time.Duration {
	return time.Duration(float64(ptime) / (1 + n.PPM/1e6))
}

// send takes a packet that leaves at now. The same random numbers are drawn
// for each, so that one kind of impairment does not move the others.
func (n *network) send(now time.Time, p inTransit) {
	lose, twice, hold, late := n.random.Float64(), n.random.Float64(), n.random.Float64(), n.random.Float64()
	if lose < n.Loss {
		return
	}
	p.arrive = now.Add(time.Duration(late * float64(n.Jitter)))
	if n.InOrder && p.arrive.Before(n.latest) {
		p.arrive = n.latest
	}
	n.latest = p.arrive
	if n.held == nil && hold < n.Reorder {
		n.held = &p
		return
	}
	n.insert(p)
	if twice < n.Duplicate {
		n.insert(p)
	}
	if n.held != nil {
		overtaken := *n.held
		overtaken.arrive = p.arrive
		n.insert(overtaken)
		n.held = nil
	}
}

func (n *network) insert(p inTransit) {
	i := len(n.transit)
	for i > 0 && p.arrive.Before(n.transit[i-1].arrive) {
		i--
	}
	n.transit = slices.Insert(n.transit, i, p)
}

// arrivals removes and returns the packets that have arrived by now.
func (n *network) arrivals(now time.Time) []inTransit {
	i := 0
	for i < len(n.transit) && !n.transit[i].arrive.After(now) {
		i++
	}
	arrived := slices.Clone(n.transit[:i])
	n.transit = slices.Delete(n.transit, 0, i)
	return arrived
}

// next returns when the next packet arrives, if one is on its way.
func (n *network) next() (time.Time, bool) {
	if len(n.transit) == 0 {
		return time.Time{}, false
	}
	return n.transit[0].arrive, true
}
