package mixer

import "sync/atomic"

// exchange is where the parts of a room meet: each part puts the sum of its own legs there, and
// takes the others' sums a slot later, when all workers have passed that point. Nobody waits: a
// part that was late is missing from the others' mix for that frame, and counted.
//
// A sum is put only where every reader has passed the one that lay there before, so that
// nothing is overwritten while it is read.
type exchange struct {
	sums   [4]published  // their buses are made when the room has a second part
	passed atomic.Uint64 // the last tick whose sums this part has taken from the others
	late   atomic.Uint64 // sums of others that were not there
}

type published struct {
	tick atomic.Uint64 // plus one; 0: nothing yet
	bus  [bands]*Bus
}

// open makes room for what is put there.
func (e *exchange) open() {
	for i := range e.sums {
		for band := range e.sums[i].bus {
			e.sums[i].bus[band] = NewBus(frameOf(band))
		}
	}
}

// publish puts the part's sum of a tick where the other parts find it.
func (p *part) publish(tick uint64) {
	parts := *p.conference.parts.Load()
	slot := &p.exchange.sums[tick%uint64(len(p.exchange.sums))]
	old := slot.tick.Load()
	for _, other := range parts {
		if other != p && old > 0 && other.exchange.passed.Load() < old-1 {
			return
		}
	}
	for i, bus := range slot.bus {
		bus.Reset()
		if own := &p.bands[i].bus; own.contributors > 0 {
			bus.Merge(own)
		}
	}
	slot.tick.Store(tick + 1)
}

// gather adds the sums of the room's other parts to the mix.
func (p *part) gather(tick uint64) {
	for _, other := range *p.conference.parts.Load() {
		if other == p {
			continue
		}
		slot := &other.exchange.sums[tick%uint64(len(other.exchange.sums))]
		if slot.tick.Load() == tick+1 {
			for i, bus := range slot.bus {
				if bus.contributors > 0 {
					p.bands[i].bus.Merge(bus)
					p.reach = max(p.reach, uint8(i+1))
				}
			}
		} else {
			p.exchange.late.Add(1)
		}
	}
	p.exchange.passed.Store(tick)
}
