package mixer

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"conclave/media"
)

// Conference is one mix: who is in it hears everybody in it but himself.
type Conference struct {
	id     string
	engine *Engine
	parts  atomic.Pointer[[]*part]

	// Below belongs to the engine's mutex.
	slot   int
	counts []int // seats by worker
	tape   *Tape // nil: nothing is recorded

	mu     sync.Mutex
	seats  []*Seat
	number uint32
}

// NewConference returns an empty mix. id is for logs.
func (e *Engine) NewConference(id string) *Conference {
	c := &Conference{id: id, engine: e, counts: make([]int, len(e.workers))}
	c.parts.Store(&[]*part{})
	e.mu.Lock()
	defer e.mu.Unlock()
	e.conferences[c] = struct{}{}
	return c
}

// Close gives the conference's place on the workers back. Its seats must have been released.
func (c *Conference) Close() {
	e := c.engine
	e.mu.Lock()
	parts := *c.parts.Load()
	delete(e.conferences, c)
	e.mu.Unlock()
	for _, p := range parts {
		w := p.worker
		w.later(func() {
			for i := range w.slots {
				w.slots[i] = slices.DeleteFunc(w.slots[i], func(q *part) bool { return q == p })
			}
			p.closed = true
			p.announcer.clear()
		})
	}
}

// Seat gives a leg its place in the clockwork: from now on its RTP flows, its digits are
// reported and prompts and music can be played to it. It is not in the mix before Enter.
//
// notify is told what happens at the seat, on the engine's event goroutine: it must not block.
func (c *Conference) Seat(leg *media.Leg, notify func(Event)) *Seat {
	p := c.part()
	s := &Seat{notify: notify, leg: leg, part: p, duck: ramp{gain: 1, target: 1}, limiter: open, aside: newAside()}
	s.own = s.aside.home[:frameOf(narrowBand)]
	if p.provide(leg) == fullBand {
		s.widen()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.number++
	s.number = c.number
	c.seats = append(c.seats, s)
	c.seat(p, nil)
	return s
}

// part returns the part that the next leg goes to, made where there is none yet.
func (c *Conference) part() *part {
	e := c.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	worker, slot := e.place(c)
	c.slot = slot
	c.counts[worker]++
	e.load[worker][slot]++
	e.seats++
	parts := *c.parts.Load()
	for _, p := range parts {
		if p.worker.index == worker {
			if c.tape != nil {
				c.tape.seated(p, c.counts[worker])
			}
			return p
		}
	}
	w := e.workers[worker]
	if len(parts) == 1 {
		parts[0].exchange.open()
	}
	p := newPart(c, w)
	if len(parts) > 0 {
		p.exchange.open()
	}
	all := append(slices.Clone(parts), p)
	c.parts.Store(&all)
	if len(all) > 1 {
		for _, p := range all {
			p.worker.later(func() { p.split = true })
		}
	}
	if c.tape != nil {
		c.tape.thread(p)
	}
	w.later(func() { w.slots[slot] = append(w.slots[slot], p) })
	return p
}

// seat hands a part its legs as they are now, in a slice of its own, so that the worker never
// grows one. gone is a seat that is none of them any more; nil: there is none. The caller holds c.mu, which keeps the commands
// in order.
func (c *Conference) seat(p *part, gone *Seat) {
	lanes := make([]lane, 0, len(c.seats))
	for _, s := range c.seats {
		if s.part == p {
			lanes = append(lanes, lane{s, s.leg})
		}
	}
	p.worker.later(func() {
		p.occupy(lanes)
		if gone != nil {
			gone.leaveTape()
		}
	})
}

// Release takes the leg out of the clockwork. When it returns no worker touches the leg any
// more and no event of the seat will be told that was not under way. A second call does nothing.
func (s *Seat) Release() {
	c, p := s.part.conference, s.part
	c.mu.Lock()
	i := slices.Index(c.seats, s)
	if i < 0 {
		c.mu.Unlock()
		return
	}
	c.seats = slices.Delete(c.seats, i, i+1)
	c.seat(p, s)
	c.mu.Unlock()
	p.worker.do(func() {})
	if r := s.aside.recording; r != nil {
		r.finish()
	}
	s.aside.denoisers.close()
	e := c.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	c.counts[p.worker.index]--
	e.load[p.worker.index][c.slot]--
	e.seats--
}

// Enter puts the leg into the mix.
func (s *Seat) Enter() {
	s.part.worker.later(func() {
		s.entered = true
		s.hear.to(1, rampTime, s.rate())
	})
}

// Leave takes the leg out of the mix; it keeps its seat.
func (s *Seat) Leave() {
	s.part.worker.later(func() {
		s.entered = false
		s.hear.to(0, rampTime, s.rate())
	})
}

// Mute keeps the leg's voice out of the mix; it goes on hearing.
func (s *Seat) Mute(on bool) { s.part.worker.later(func() { s.muted = on }) }

// MinimumDelay holds the leg's jitter buffer at its minimum depth: what comes later than most is
// concealed instead of being waited for. Off, which is how a seat begins, the buffer follows the
// network.
func (s *Seat) MinimumDelay(on bool) { s.part.worker.later(func() { s.leg.MinimumDelay(on) }) }

// Play queues a prompt for this leg: its sounds one after another. The conference is ducked by
// 12 dB under it and music makes way. EventPlayed with the id tells its end.
func (s *Seat) Play(id uint64, sounds ...*media.Sound) {
	n := newPrompt(id, sounds)
	s.part.worker.later(func() { s.prompts.add(n) })
}

// StopPlay ends what is played and queued; EventPlayed comes for each prompt.
func (s *Seat) StopPlay() { s.part.worker.later(func() { s.prompts.stop() }) }

// Cancel ends one prompt of Play, whether it is being played or has yet to be, and leaves the others. EventPlayed comes for
// it; where it has come already, nothing happens.
func (s *Seat) Cancel(id uint64) {
	s.part.worker.later(func() {
		if s.prompts.cancel(id) {
			s.part.worker.events.put(s, Event{Kind: EventPlayed, Play: id})
		}
	})
}

// Music plays music to this leg until Music(nil), which fades it out. It is outside the mix,
// and runs on by itself: whoever hears it hears the same place.
func (s *Seat) Music(music *Music) {
	if music == nil {
		s.part.worker.later(func() {
			s.musical = false
			s.wantMusic()
		})
		return
	}
	e, w := s.part.worker.engine, s.part.worker
	if codec := s.leg.Agreed(); codec != nil {
		e.mu.Lock()
		music.provide(w, codec)
		e.mu.Unlock()
	}
	if music.station != nil {
		e.feeder.tune(music.station)
	}
	s.part.worker.later(func() {
		s.loop, s.musical = music, true
		if !s.prompts.playing() {
			s.wantMusic()
		}
	})
}

func newPrompt(id uint64, sounds []*media.Sound) *prompt {
	n := &prompt{id: id}
	for _, s := range sounds {
		if len(s.PCM(narrowRate)) > 0 {
			n.sounds = append(n.sounds, s)
		}
	}
	return n
}

// SeatStats is what there is to tell of a seat.
type SeatStats struct {
	Seat    *Seat
	Entered bool
	Muted   bool
	Talking bool
	Music   bool
	Held    bool    // the far end has put the call on hold
	Level   float64 // dBFS, of the last half second, as it came
	Gain    float64 // dB that the automatic gain gives to its talk, -12 to 12
	Codec   string
	Rate    int // of the codec in Hz
	Leg     media.Stats
	LastRTP time.Duration // since something was heard of the far end
	Delay   time.Duration // from the packet's arrival to the tick that plays it
	// TalkTime is how long the member has talked since it was seated: the ticks between EventTalking
	// and EventSilent.
	TalkTime time.Duration
}

// Snapshot returns the figures of all seats, taken between two ticks.
func (c *Conference) Snapshot() []SeatStats {
	var all []SeatStats
	for _, p := range *c.parts.Load() {
		p.worker.do(func() {
			for _, l := range p.lanes {
				all = append(all, l.seat.stats())
			}
		})
	}
	return all
}

func (s *Seat) stats() SeatStats {
	st := SeatStats{Seat: s, Entered: s.entered, Muted: s.muted, Talking: s.talking, Music: s.musical,
		Held: s.leg.Codec() != nil && !s.leg.Speaks(), Level: s.talk.level(), Gain: 20 * math.Log10(float64(s.aside.agc.gain)), Leg: s.leg.Stats(),
		LastRTP: time.Duration(s.part.worker.engine.clock() - s.leg.LastHeard()), TalkTime: time.Duration(s.talked) * tickTime}
	if codec := s.leg.Codec(); codec != nil {
		st.Codec, st.Rate = codec.Name(), codec.SampleRate()
	}
	st.Delay = st.Leg.Buffer.Delay
	return st
}
