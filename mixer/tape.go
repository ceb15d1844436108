package mixer

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"conclave/media"
)

// Room on a reel: how long its reader may be away, a disk that takes seconds to write for example, before frames are lost.
const (
	reelTime    = 10 * time.Second
	reelTalkers = 16 // who talk at once all that time, where each seat has a track
	seatSpools  = 3  // for each seat with a track beside that: all may talk at once for a while
)

// Tape is what is recorded of a conference: the mix as those hear it who say nothing, and, where tracks were asked for, what
// each seat gives to it. Workers put frames on it and wait for nobody: what its reader leaves lying for too long is lost and
// counted. Frames of silence are not put on it; each frame says in which tick it belongs, by a clock that all parts of the
// conference and all tracks share.
type Tape struct {
	conference *Conference
	tracks     bool

	mu    sync.Mutex
	reels []*reel // one a part
}

// Stretch is some sound of a Tape without a gap.
type Stretch struct {
	Tick uint64  // in which it begins, 50 a second
	Seat *Seat   // whose track it is; nil: the mix
	Rate int     // Hz; it may change from one stretch to the next
	PCM  []int16 // whole ticks
	// Crossed tells that it is in the mix later by the delay of a media.Converter, because its rate is another one.
	Crossed bool
}

// Record begins to record the conference, from the next tick on and until Stop. A tape that was recorded before gets
// nothing more.
func (c *Conference) Record(tracks bool) *Tape {
	t := &Tape{conference: c, tracks: tracks}
	c.engine.mu.Lock()
	defer c.engine.mu.Unlock()
	c.tape = t
	for _, p := range *c.parts.Load() {
		t.thread(p)
	}
	return t
}

// thread gives a part its reel. The first part, which is there as long as the conference, has the mix. The engine's mutex is
// held.
func (t *Tape) thread(p *part) {
	r := &reel{tape: t, part: p, tracks: t.tracks, mixes: p == (*t.conference.parts.Load())[0]}
	t.mu.Lock()
	t.reels = append(t.reels, r)
	t.mu.Unlock()
	r.grow(t.conference.counts[p.worker.index])
	p.worker.later(func() { p.load(r) })
}

// seated makes room for one more seat in a part. The engine's mutex is held.
func (t *Tape) seated(p *part, seats int) {
	for _, r := range t.all() {
		if r.part == p {
			r.grow(seats)
		}
	}
}

// grow makes room for a part that has so many seats. The engine's mutex is held.
func (r *reel) grow(seats int) {
	var wanted int
	if r.mixes {
		wanted = spoolsFor(1)
	}
	if r.tracks {
		wanted += spoolsFor(reelTalkers) + seats*seatSpools
	}
	if more := wanted - r.spools; more > 0 {
		r.spools = wanted
		r.empty.push(newSpools(more))
	}
}

// Stop ends the recording. When it returns nothing more is put on the tape; what is on it can still be read.
func (t *Tape) Stop() {
	c := t.conference
	c.engine.mu.Lock()
	if c.tape == t {
		c.tape = nil
	}
	parts := *c.parts.Load()
	c.engine.mu.Unlock()
	for _, p := range parts {
		p.worker.do(func() {
			if p.reel != nil && p.reel.tape == t {
				p.load(nil)
			}
		})
	}
}

// Span returns the ticks that were recorded first and last, 0 if there was none yet. What the mix has of them is found by
// the next Read; a track of another part may come a moment later, and may have frames from before the first.
func (t *Tape) Span() (first, last uint64) {
	for _, r := range t.all() {
		if r.mixes {
			last = r.last.Load()
			return r.first.Load(), last
		}
	}
	return 0, 0
}

// Read takes what is on the tape, what there is of a seat and of the mix each in its order. The samples are the reader's
// until it calls Return. One goroutine may read at a time.
func (t *Tape) Read(take func(Stretch)) {
	for _, r := range t.all() {
		r.drain(take)
	}
}

// Return gives back what was read.
func (t *Tape) Return() {
	for _, r := range t.all() {
		r.giveBack()
	}
}

func (t *Tape) all() []*reel {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.reels
}

// Lost is the number of frames that were lost because they were not read in time.
func (t *Tape) Lost() (n uint64) {
	for _, r := range t.all() {
		n += r.lost.Load()
	}
	return n
}

// reel carries what is recorded out of a worker, on spools. It has one writer and one reader, and no lock: what there is no
// spool for is dropped and counted.
type reel struct {
	tape   *Tape
	part   *part
	tracks bool
	mixes  bool // the mix is put on it

	empty, begun spoolStack    // spools go from empty to the worker, to begun, and to the reader, who returns them
	first, last  atomic.Uint64 // ticks recorded
	lost         atomic.Uint64 // frames

	// These belong to the worker.
	band  int     // of the mix
	mix   *spool  // nil: none is begun
	mixed []int16 // the frame of the mix that was put on it last

	spools int      // that there are; belongs to the engine's mutex
	read   []*spool // the reader's
}

// follows tells that a tick's frame of so many samples can be put behind the last one on the same spool.
func (r *reel) follows(last []int16, tick uint64, samples int) bool {
	return r.last.Load()+1 == tick && len(last) == samples && cap(last) >= 2*samples
}

// begin begins a spool for a track, nil where there is none left. The frame of the tick is to be put at its begin.
func (r *reel) begin(seat *Seat, tick uint64, samples int, crossed bool) *spool {
	s := r.empty.pop()
	if s == nil {
		r.lost.Add(1)
		return nil
	}
	s.begin(seat, tick, samples, crossed)
	r.begun.push(s)
	return s
}

// put puts the mix of a tick on its spool, or on another one where that is full or the tick does not follow.
func (r *reel) put(tick uint64, pcm []int16) {
	n := len(pcm)
	if r.mix != nil && r.follows(r.mixed, tick, n) {
		r.mixed = r.mixed[n : 2*n]
	} else {
		r.pause()
		if r.mix = r.begin(nil, tick, n, false); r.mix == nil {
			return
		}
		r.mixed = r.mix.pcm[:n]
	}
	copy(r.mixed, pcm)
}

// pause ends the spool of the mix, if there is one.
func (r *reel) pause() {
	if r.mix != nil {
		r.mix.end(r.mixed)
		r.mix, r.mixed = nil, nil
	}
}

// end ends all spools of a part's lanes.
func (r *reel) end(lanes []lane) {
	r.pause()
	leaveTape(lanes)
}

func leaveTape(lanes []lane) {
	for _, l := range lanes {
		l.seat.leaveTape()
	}
}

// leaveTape ends the spool of the seat, if it has one. What it has given in this tick lies in its own place again.
func (s *Seat) leaveTape() {
	if !s.taped {
		return
	}
	a := s.aside
	a.spool.end(*s.taken())
	if s.band != fullBand {
		n := len(s.own)
		copy(a.home[:n], s.own)
		s.own = a.home[:n]
	}
	a.spool, s.taped = nil, false
}

// drain takes all that was put.
func (r *reel) drain(take func(Stretch)) {
	last := r.last.Load() // asked before: what is found now is all
	known := len(r.read)
	for s := r.begun.take(); s != nil; s = s.next {
		r.read = append(r.read, s)
	}
	slices.Reverse(r.read[known:])
	for _, s := range r.read {
		s.drain(last, take)
	}
}

// giveBack returns the spools that were read to their ends.
func (r *reel) giveBack() {
	r.read = slices.DeleteFunc(r.read, func(s *spool) bool {
		over := s.over // once it is pushed the worker may have begun it anew
		if over {
			s.seat, s.next = nil, nil
			r.empty.push(s)
		}
		return over
	})
}

// load changes the part's reel, nil for none. Whoever hears the mix from it counts as a seat of its band.
func (p *part) load(r *reel) {
	if p.reel != nil {
		p.reel.end(p.lanes)
	}
	p.reel = r
	p.count()
}

// record puts the mix of the tick that is under way on the part's reel. It is taken from the wide band once there is anybody
// in it, or in the full one. What each seat gives to it was put there when it was summed.
func (p *part) record() {
	r, tick := p.reel, p.time.Tick
	if r.mixes {
		if m := &p.bands[r.band].mix; m.bus.Contributors() > 0 || m.announced {
			r.put(tick, m.listen())
		} else {
			r.pause()
		}
	}
	if r.band == narrowBand && p.reach > 1 {
		r.band = wideBand
		leaveTape(p.lanes) // who had crossed has not any more, and the other way round
		p.count()
	}
	if r.first.Load() == 0 {
		r.first.Store(tick)
	}
	r.last.Store(tick)
}

// tape has what the seat gives in a tick lie on its track from the start: nothing is copied, and no memory touched beside it.
func (s *Seat) tape(r *reel, tick uint64) {
	band := min(int(s.band), wideBand)
	n, on := frameOf(band), s.taken()
	switch {
	case !s.contributes:
		s.leaveTape()
	case s.taped && r.follows(*on, tick, n):
		*on = (*on)[n : 2*n]
	default:
		s.leaveTape()
		if spool := r.begin(s, tick, n, band != r.band); spool != nil {
			*on, s.aside.spool, s.taped = spool.pcm[:n], spool, true
		}
	}
}

// approachTape brings the place near where the seat's next frame lies on its track. It follows what approach has brought.
func (s *Seat) approachTape() {
	if !s.taped {
		return
	}
	on := *s.taken()
	if n := len(on); cap(on) >= 2*n {
		media.Prefetch(unsafe.Pointer(&on[n : 2*n][0]), uintptr(n)*unsafe.Sizeof(on[0]))
	}
}
