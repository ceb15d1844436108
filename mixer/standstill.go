package mixer

import (
	"errors"
	"maps"
	"math"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"conclave/media"
)

// never is the turn before which nobody stops.
const never = uint64(math.MaxUint64)

// halt is how all workers are stopped before one turn, so that another engine, that of the process which follows, can go on with that very
// turn.
type halt struct {
	stop    atomic.Uint64 // the turn before which workers rest; never: none
	from    atomic.Uint64 // the turn to go on with
	resting atomic.Int64  // workers that do
}

// restTime is how often a resting worker looks whether it may go on.
const restTime = 500 * time.Microsecond

// rest waits until the engine goes on, and returns the turn to go on with. Orders are obeyed meanwhile.
func (w *worker) rest(turn uint64) (next uint64) {
	h := &w.engine.halt
	for _, p := range w.slots[(turn-1)%slots] {
		if p.unsent {
			p.send()
		}
	}
	w.commands.run()
	h.resting.Add(1)
	defer h.resting.Add(-1)
	for h.stop.Load() != never && !w.engine.closing.Load() {
		w.commands.run()
		if w.notices.pending() {
			w.engine.herald.wake()
		}
		sleep(int64(restTime))
	}
	return h.from.Load()
}

// Standstill is an engine between two turns: how far each seat has come, for the engine of another process to go on with.
type Standstill struct {
	Turn  uint64 // that comes next, four in a tick
	Seats []SeatProgress
}

// SeatProgress is how far a seat has come, beside what its owner has ordered.
type SeatProgress struct {
	Leg    media.LegProgress
	Slot   int    // of the tick
	Digits []byte // keys that its owner has not been told of

	Floor, Recent  float32 // of the detection of talk
	Hang           int16
	Active, Voiced bool
	Talked         uint32 // ticks

	Give, Hear, Music float32 // gains
	Limiter, Peaks    float32
	Gain              GainProgress
}

// GainProgress is that of the automatic gain.
type GainProgress struct {
	Level, Gain, Given float32
	Frames, Faint      int16
	Moving             bool
}

// Hush keeps events from the owners of seats; Tell has them told, also those that came meanwhile.
func (e *Engine) Hush() {
	e.herald.mute.Lock()
	e.herald.hushed = true
}

// Tell ends what Hush has begun, if anything.
func (e *Engine) Tell() {
	if e.herald.hushed {
		e.herald.hushed = false
		e.herald.mute.Unlock()
	}
	e.herald.wake()
}

// Halt stops all workers before one turn, the same for all, and tells how far everything has come by then; Hush came before it. No tick
// is run until GoOn.
func (e *Engine) Halt() Standstill {
	// Whoever sleeps wakes up once before that turn.
	turn := uint64(e.clock()/int64(slotTime)) + slots + 2
	e.halt.stop.Store(turn)
	for due := int64(turn) * int64(slotTime); e.clock() < due || e.halt.resting.Load() < int64(len(e.workers)); {
		sleep(max(due-e.clock(), int64(restTime/10)))
	}
	digits := e.untold()
	slot := make(map[*Conference]int)
	for _, c := range e.all() {
		slot[c] = c.slot
	}
	all := make([][]SeatProgress, len(e.workers))
	e.each(func(w *worker) {
		for _, parts := range w.slots {
			for _, p := range parts {
				for _, l := range p.lanes {
					if progress, ok := l.seat.progress(); ok {
						progress.Slot, progress.Digits = slot[p.conference], digits[l.seat]
						all[w.index] = append(all[w.index], progress)
					}
				}
			}
		}
	})
	return Standstill{Turn: turn, Seats: slices.Concat(all...)}
}

// each has all workers, which rest, do something at a time, and waits for them: without the scheduler, for nobody hears anything meanwhile.
func (e *Engine) each(do func(*worker)) {
	var working atomic.Int64
	working.Store(int64(len(e.workers)))
	for _, w := range e.workers {
		w.later(func() {
			defer working.Add(-1)
			do(w)
		})
	}
	for working.Load() > 0 {
		sleep(int64(restTime / 10))
	}
}

// Urgently does something on a thread that comes before others, as those of the workers do, and returns when it is done.
func (e *Engine) Urgently(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer e.faults.Survive("do something urgent")
		runtime.LockOSThread() // never unlocked: the thread ends with it
		prefer(e.log)
		do()
	}()
	<-done
}

// all are the conferences that there are, none of which comes or goes now.
func (e *Engine) all() []*Conference {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Collect(maps.Keys(e.conferences))
}

// untold are the keys that owners of seats have not been told of. Workers rest, and the herald is hushed.
func (e *Engine) untold() map[*Seat][]byte {
	digits := make(map[*Seat][]byte)
	for _, w := range e.workers {
		r := &w.events
		for at := r.read.Load(); at != r.written.Load(); at++ {
			if entry := &r.entries[at%uint64(len(r.entries))]; entry.event.Kind == EventDigit {
				digits[entry.seat] = append(digits[entry.seat], entry.event.Digit)
			}
		}
	}
	return digits
}

// GoOn ends a Halt. Where another engine may have sent in this one's place meanwhile, replaced, each leg leaves out what that could be.
func (e *Engine) GoOn(replaced bool) {
	turn := uint64(e.clock()/int64(slotTime)) + 1
	if replaced {
		ticks := (turn-e.halt.stop.Load())/slots + 2
		e.each(func(w *worker) {
			for _, parts := range w.slots {
				for _, p := range parts {
					for _, l := range p.lanes {
						l.leg.Skip(ticks)
					}
				}
			}
		})
	}
	e.release(turn)
}

func (e *Engine) release(turn uint64) {
	e.halt.from.Store(turn)
	e.halt.stop.Store(never)
}

// Continue goes on where another engine stands still. This one was made Halted, and the legs that it has seats for have the ports of those
// of before.
func (e *Engine) Continue(s Standstill) {
	seats := make(map[uint16]*SeatProgress, len(s.Seats))
	for i := range s.Seats {
		seats[s.Seats[i].Leg.Port] = &s.Seats[i]
	}
	for _, c := range e.all() {
		c.mu.Lock()
		for _, seat := range c.seats {
			if before := seats[seat.leg.Port()]; before != nil {
				e.move(c, before.Slot&(slots-1))
			}
		}
		c.mu.Unlock()
	}
	t := media.Time{Now: e.clock(), Tick: s.Turn / slots}
	e.each(func(w *worker) { w.proceed(seats, t) })
	e.release(s.Turn)
}

// move has a conference tick in another slot.
func (e *Engine) move(c *Conference, slot int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, n := range c.counts {
		e.load[i][c.slot] -= n
		e.load[i][slot] += n
	}
	c.slot = slot
}

// proceed brings a worker's parts into their slots, and its seats to where those of before are.
func (w *worker) proceed(seats map[uint16]*SeatProgress, t media.Time) {
	var parts []*part
	for i := range w.slots {
		parts = append(parts, w.slots[i]...)
		w.slots[i] = nil
	}
	for _, p := range parts {
		slot := p.conference.slot
		w.slots[slot] = append(w.slots[slot], p)
		for _, l := range p.lanes {
			if before := seats[l.leg.Port()]; before != nil {
				l.seat.proceed(before, t)
			}
		}
	}
}

// progress is how far the seat has come. It is false where its leg has not begun.
func (s *Seat) progress() (p SeatProgress, ok bool) {
	if p.Leg, ok = s.leg.Progress(); !ok {
		return p, false
	}
	a := &s.aside.agc
	p.Floor, p.Recent, p.Hang, p.Active, p.Voiced, p.Talked = s.talk.floor, s.talk.recent, s.talk.hang, s.talk.active, s.talk.voiced, s.talked
	p.Give, p.Hear, p.Music, p.Limiter, p.Peaks = s.give.gain, s.hear.gain, s.music.gain, s.limiter.gain, s.aside.peaks.gain
	p.Gain = GainProgress{Level: a.level, Gain: a.gain, Given: a.given.gain, Frames: a.frames, Faint: a.faint, Moving: a.moving}
	return p, true
}

// proceed goes on from there.
func (s *Seat) proceed(p *SeatProgress, t media.Time) {
	s.leg.Continue(p.Leg, t)
	if n := s.leg.Frame(); n != len(s.own) && n > 0 {
		s.tune(n)
	}
	s.talk.floor, s.talk.recent, s.talk.hang, s.talk.active, s.talk.voiced, s.talked = p.Floor, p.Recent, p.Hang, p.Active, p.Voiced, p.Talked
	s.give.gain, s.hear.gain, s.music.gain, s.limiter.gain, s.aside.peaks.gain = p.Give, p.Hear, p.Music, p.Limiter, p.Peaks
	a := &s.aside.agc
	a.level, a.gain, a.given.gain, a.frames, a.faint, a.moving = p.Gain.Level, p.Gain.Gain, p.Gain.Given, p.Gain.Frames, p.Gain.Faint, p.Gain.Moving
	for _, digit := range p.Digits {
		s.part.worker.events.put(s, Event{Kind: EventDigit, Digit: digit})
	}
}

// errStill is why an engine is not healthy that was to go on.
var errStill = errors.New("the mixer does not tick")

// Await waits until each worker that has anything to do has run a tick, for so long at most; the error tells that one has not.
func (e *Engine) Await(most time.Duration) error {
	for end := time.Now().Add(most); ; time.Sleep(restTime) {
		waiting := false
		for i, w := range e.workers {
			waiting = waiting || w.lateness.read(0).ticks == 0 && e.seated(i)
		}
		if !waiting {
			return nil
		}
		if time.Now().After(end) {
			return errStill
		}
	}
}

// seated tells whether a worker has a seat.
func (e *Engine) seated(worker int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return sum(e.load[worker]) > 0
}
