package mixer

import "conclave/media"

// part is a conference's legs on one worker. Most conferences have one part; a room larger than
// a worker's share has more, whose sums meet.
type part struct {
	conference *Conference
	worker     *worker

	// Below belongs to the worker.
	lanes     []lane
	bands     [bands]band
	up, down  crossing // to the wide band and from it
	announcer player
	exchange  exchange
	time      media.Time // of the tick that is under way
	unsent    bool       // its second half is due in the next slot
	closed    bool       // it does not tick any more
	reel      *reel      // what is recorded goes on it; nil: nothing is
}

// lane is a seat and its leg, side by side so that the leg's place is known before the seat has
// been looked at.
type lane struct {
	seat *Seat
	leg  *media.Leg
}

// approach brings those near whose turn comes after lane i; approachMore the rest of it, once lane i has been read.
func (p *part) approach(i int) {
	if rest := p.lanes[i+1:]; len(rest) > 1 {
		rest[1].seat.approach()
		rest[1].leg.Approach()
	}
}

func (p *part) approachMore(i int) {
	rest := p.lanes[i+1:]
	if len(rest) > 1 {
		rest[1].leg.ApproachJitter()
	}
	if len(rest) > 0 {
		rest[0].leg.ApproachHistory()
	}
}

// approachFirst does so for the lanes that nobody comes before.
func (p *part) approachFirst() {
	for _, l := range p.lanes[:min(2, len(p.lanes))] {
		l.seat.approach()
		l.leg.Approach()
		l.leg.ApproachJitter()
	}
}

func newPart(c *Conference, w *worker) *part {
	p := &part{conference: c, worker: w, up: newCrossing(narrowBand, wideBand), down: newCrossing(wideBand, narrowBand)}
	for i := range p.bands {
		p.bands[i] = newBand(i, w)
	}
	return p
}

// provide has the part code what all of a leg's codec hear once for all of them.
func (p *part) provide(leg *media.Leg) {
	codec, w := leg.Agreed(), p.worker
	if codec == nil {
		return
	}
	band := bandOf(codec.SampleRate() / media.FramesPerSecond)
	w.engine.mu.Lock()
	defer w.engine.mu.Unlock()
	p.bands[band].mix.streams.provide(w, codec)
	w.rates[band].streams.provide(w, codec)
	w.engine.comfort.provide(w, codec)
}

// receive is the first half of a tick: what each leg gives, summed.
func (p *part) receive(t media.Time) {
	p.time = t
	for i := range p.bands {
		if b := &p.bands[i]; b.seats > 0 || b.bus.contributors > 0 {
			b.bus.Reset()
		}
	}
	for i := range p.lanes {
		p.approach(i)
		p.lanes[i].leg.Receive(p.worker.in, t)
		p.approachMore(i)
		p.lanes[i].seat.receive(t)
	}
	parts := *p.conference.parts.Load()
	if p.unsent = len(parts) > 1; p.unsent {
		p.publish(t.Tick, parts)
	}
}

// send is the second half: what each leg hears. Where the room has other parts it comes a slot
// after the first. It begins with the leg that has just been received from and goes back: of a room whose legs, sockets
// and all, are more than the core's cache holds, what was touched last is in there still.
func (p *part) send() {
	if p.unsent {
		p.unsent = false
		p.gather(p.time.Tick, *p.conference.parts.Load())
	}
	p.join()
	for i := range p.bands {
		if p.bands[i].seats > 0 {
			p.bands[i].mix.begin(&p.announcer, rates[i])
		}
	}
	p.announcer.advance(nil)
	if p.reel != nil {
		p.record()
	}
	for i := len(p.lanes) - 1; i >= 0; i-- {
		if i >= 3 { // those before are near still
			p.lanes[i-3].seat.approach()
			p.lanes[i-3].leg.ApproachSend()
		}
		s := p.lanes[i].seat
		s.send(&p.bands[s.band].mix, p.time)
	}
}
