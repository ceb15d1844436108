package mixer

import (
	"sync"
	"sync/atomic"
	"time"

	"conclave/media"
)

// Room on a reel: how long its reader may be away, a disk that takes seconds to write for example, before frames are lost.
const (
	reelTime    = 10 * time.Second
	reelTalkers = 16 // who talk at once all that time, where each seat has a track
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

// Frame is 20 ms of a Tape.
type Frame struct {
	Tick uint64 // 50 a second
	Seat *Seat  // whose track it is; nil: the mix
	PCM  []int16
	// Crossed tells that the frame is in the mix later by the delay of a media.Converter, because its rate is another one.
	Crossed bool
}

// Rate is the frame's sampling rate in Hz. It may change from one frame to the next.
func (f Frame) Rate() int { return len(f.PCM) * media.FramesPerSecond }

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
	r := newReel(t)
	r.mixed = p == (*t.conference.parts.Load())[0]
	t.mu.Lock()
	t.reels = append(t.reels, r)
	t.mu.Unlock()
	p.worker.later(func() { p.load(r) })
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
		if r.mixed {
			last = r.last.Load()
			return r.first.Load(), last
		}
	}
	return 0, 0
}

// Read takes what is on the tape, the frames of a seat and those of the mix each in their order. A frame's samples are take's
// until it returns. One goroutine may read at a time.
func (t *Tape) Read(take func(Frame)) {
	for _, r := range t.all() {
		r.drain(take)
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

// reel carries frames out of a worker. It has one writer and one reader, and no lock: what does not fit is dropped and
// counted.
type reel struct {
	tape  *Tape
	mixed bool // the mix is put on it
	band  int  // of the mix; the worker's

	written, read atomic.Uint64 // frames
	freed         atomic.Uint64 // samples given back by the reader
	first, last   atomic.Uint64 // ticks recorded
	lost          atomic.Uint64
	used          uint64 // samples taken so far, those skipped at the end of samples too; the worker's
	frames        []reelFrame
	samples       []int16
}

type reelFrame struct {
	Frame
	end uint64 // what is used once it has been put
}

func newReel(t *Tape) *reel {
	frames := int(reelTime / tickTime)
	if t.tracks {
		frames *= 1 + reelTalkers
	}
	return &reel{tape: t, frames: make([]reelFrame, frames), samples: make([]int16, frames*frameOf(wideBand))}
}

// put copies a frame. A frame lies in one piece: where the end of the memory is too near it goes to its beginning.
func (r *reel) put(f Frame) {
	size, room, at := uint64(len(f.PCM)), uint64(len(r.samples)), r.used
	if rest := room - at%room; rest < size {
		at += rest
	}
	end, n := at+size, r.written.Load()
	if n-r.read.Load() == uint64(len(r.frames)) || end-r.freed.Load() > room {
		r.lost.Add(1)
		return
	}
	to := r.samples[at%room:][:size]
	copy(to, f.PCM)
	f.PCM = to
	r.frames[n%uint64(len(r.frames))] = reelFrame{f, end}
	r.used = end
	r.written.Store(n + 1)
}

// drain takes all that was put.
func (r *reel) drain(take func(Frame)) {
	for n := r.read.Load(); n != r.written.Load(); n++ {
		f := &r.frames[n%uint64(len(r.frames))]
		take(f.Frame)
		f.Seat = nil
		r.freed.Store(f.end)
		r.read.Store(n + 1)
	}
}

// load changes the part's reel, nil for none. Whoever hears the mix from it counts as a seat of its band.
func (p *part) load(r *reel) {
	p.reel = r
	p.count()
}

// record puts the tick that is under way on the part's reel. The mix is taken from the wide band once there is anybody in it.
func (p *part) record() {
	r, tick := p.reel, p.time.Tick
	if r.mixed {
		m := &p.bands[r.band].mix
		if m.bus.Contributors() > 0 || m.announced {
			r.put(Frame{Tick: tick, PCM: m.listen()})
		}
	}
	if r.tape.tracks {
		for i := range p.lanes {
			if s := p.lanes[i].seat; s.contributes {
				r.put(Frame{Tick: tick, Seat: s, PCM: s.own, Crossed: int(s.band) != r.band})
			}
		}
	}
	if wide := &p.bands[wideBand]; r.band == narrowBand && (wide.seats > 0 || wide.bus.contributors > 0) {
		r.band = wideBand
		p.count()
	}
	if r.first.Load() == 0 {
		r.first.Store(tick)
	}
	r.last.Store(tick)
}
