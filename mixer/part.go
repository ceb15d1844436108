package mixer

import "conclave/media"

// part is a conference's legs on one worker. Most conferences have one part; a room larger than
// a worker's share has more, whose sums meet.
type part struct {
	conference *Conference
	worker     *worker

	// Below belongs to the worker. What a tick touches comes first, in one piece: of rooms in which somebody is alone there
	// are as many as legs.
	lanes     []lane
	few       [fewLanes]lane // lanes, where they are no more
	time      media.Time     // of the tick that is under way
	reel      *reel          // what is recorded goes on it; nil: nothing is
	split     bool           // the conference has other parts
	unsent    bool           // its second half is due in the next slot
	closed    bool           // it does not tick any more
	faulty    bool           // the work for a lane has failed in this tick
	reach     uint8          // how many of the bands there is something in, from the lowest on
	announcer player
	ways      [bands - 1]way // from each band to the next one
	bands     [bands]band
	exchange  exchange
}

// fewLanes is how many lanes lie in the part itself: those of whoever is alone, and of a call between two phones.
const fewLanes = 2

// lane is a seat and its leg, side by side so that the leg's place is known before the seat has
// been looked at.
type lane struct {
	seat *Seat
	leg  *media.Leg
}

// occupy gives the part its lanes.
func (p *part) occupy(lanes []lane) {
	lanes = unharmed(lanes)
	p.few = [fewLanes]lane{}
	if p.lanes = lanes; len(lanes) <= fewLanes {
		p.lanes = p.few[:copy(p.few[:], lanes)]
	}
	p.count()
}

func newPart(c *Conference, w *worker) *part {
	p := &part{conference: c, worker: w, reach: 1}
	for i := range p.bands {
		p.bands[i].open(i, w)
	}
	for i := range p.ways {
		p.ways[i] = newWay(i)
	}
	return p
}

// provide has the part code what all of a leg's codec hear once for all of them. It returns the leg's band.
func (p *part) provide(leg *media.Leg) (band int) {
	codec, w := leg.Agreed(), p.worker
	if codec == nil {
		return narrowBand
	}
	band = bandOf(codec.SampleRate() / media.FramesPerSecond)
	w.engine.mu.Lock()
	defer w.engine.mu.Unlock()
	p.bands[band].mix.streams.provide(w, codec)
	w.rates[band].streams.provide(w, codec)
	w.engine.comfort.provide(w, codec)
	return band
}

// receive is the first half of a tick: what each leg gives, summed.
func (p *part) receive(t media.Time) {
	p.time = t
	for i := range p.reach {
		p.bands[i].bus.Reset()
	}
	for lane := 0; lane < len(p.lanes); {
		lane = p.receiveFrom(lane, t)
	}
	p.dropFaulty()
	if p.unsent = p.split; p.unsent {
		p.publish(t.Tick)
	}
}

// receiveFrom takes what the legs from a lane on give. It returns the lane to go on with, after one whose work has failed.
func (p *part) receiveFrom(lane int, t media.Time) (next int) {
	next = lane
	defer func() {
		if fault := recover(); fault != nil {
			p.giveUp(next, fault)
			next++
		}
	}()
	prospect := &p.worker.prospect
	for ; next < len(p.lanes); next++ {
		prospect.advance()
		p.lanes[next].leg.Receive(p.worker.in, t)
		prospect.approach()
		p.lanes[next].seat.receive(t)
	}
	return next
}

// send is the second half: what each leg hears. Where the room has other parts it comes a slot
// after the first. It begins with the leg that has just been received from and goes back: of a room whose legs, sockets
// and all, are more than the core's cache holds, what was touched last is in there still.
func (p *part) send() {
	if p.unsent {
		p.unsent = false
		p.gather(p.time.Tick)
	}
	p.join()
	for i := range p.reach {
		if p.bands[i].seats > 0 {
			p.bands[i].mix.begin(&p.announcer, rates[i])
		}
	}
	p.announcer.advance(nil)
	if p.reel != nil {
		p.record()
	}
	for lane := len(p.lanes) - 1; lane >= 0; {
		lane = p.sendFrom(lane)
	}
	p.dropFaulty()
}

// sendFrom sends to the legs from a lane on, down to the first. It returns the lane to go on with, after one whose work has failed.
func (p *part) sendFrom(i int) (next int) {
	next = i
	defer func() {
		if fault := recover(); fault != nil {
			p.giveUp(next, fault)
			next--
		}
	}()
	for ; next >= 0; next-- {
		i := next
		if i >= 3 { // those before are near still
			p.lanes[i-3].seat.approach()
			p.lanes[i-3].leg.ApproachSend()
			p.lanes[i-1].leg.ApproachKeys()
		}
		s := p.lanes[i].seat
		s.send(&p.bands[s.band].mix, p.time)
	}
	return next
}
