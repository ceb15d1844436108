// Package mixer is the clockwork: workers that tick each 20 ms, take what every leg gives, and
// send every leg what it hears. It knows nothing of SIP, of databases or of a room's rules,
// and does no I/O but through the legs.
//
// Control reaches a worker as commands that it runs between two ticks; what leaves it goes
// through a ring that drops rather than blocks. A tick allocates nothing, takes no lock and
// waits for nobody.
package mixer

import (
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"conclave/media"
	"conclave/media/fault"
)

// Config sets an Engine up. The zero value is a good one.
type Config struct {
	// Workers is the number of threads that tick; 0 is one for each CPU of the process.
	Workers int
	// PartSize is how many legs of one conference a worker takes before others share it;
	// 0 is 600.
	PartSize int
	// MaxLoad is the share of its time, up to 1, that a worker may spend in ticks before Full tells that it is enough; 0 is
	// MaxLoad of this package.
	MaxLoad float64
	// RTPTimeout is the silence after which a far end counts as gone; 0 is 30 s.
	RTPTimeout time.Duration
	// Halted has the engine stand still until Continue.
	Halted bool
	// Log is where what an operator should know goes; nil is nowhere.
	Log *slog.Logger
}

// Engine owns the workers and spreads conferences over them.
type Engine struct {
	log      *slog.Logger
	timeout  time.Duration
	partSize int
	epoch    time.Time // zero of media.Monotonic: the engine of a process that follows counts the same ticks
	workers  []*worker
	closing  atomic.Bool
	halt     halt
	faults   *fault.Log
	herald   *herald
	gauge    *gauge
	comfort  *Music // what is heard in place of silence

	mu          sync.Mutex
	conferences map[*Conference]struct{}
	seats       int
	load        [][slots]int // seats by worker and slot
	loops       map[*media.Sound]*Music
	feeder      *feeder // reads playlists
}

// New starts the workers.
//
// A worker holds a P of the Go scheduler while it ticks: set GOMAXPROCS to the number of CPUs
// plus the number of workers, so that the rest of the program never waits for one.
func New(c Config) (*Engine, error) {
	if c.Workers < 0 || c.Workers > 256 {
		return nil, errors.New("mixer workers: want 1 to 256, or 0 for one a CPU")
	}
	if c.Workers == 0 {
		c.Workers = runtime.NumCPU()
	}
	if c.PartSize <= 0 {
		c.PartSize = 600
	}
	if c.RTPTimeout <= 0 {
		c.RTPTimeout = 30 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	e := newEngine(c)
	var err error
	if e.herald, err = newHerald(); err != nil {
		return nil, err
	}
	for _, w := range e.workers {
		go w.run()
	}
	go e.herald.run(e)
	go e.feeder.run(e.tick)
	go e.gauge.run(e)
	go func() {
		defer e.faults.Survive("calm the monitor thread")
		calmMonitor()
	}()
	return e, nil
}

// newEngine returns an engine whose clockwork stands still.
func newEngine(c Config) *Engine {
	e := &Engine{log: c.Log, faults: fault.NewLog(c.Log), timeout: c.RTPTimeout, partSize: c.PartSize, epoch: time.Now().Add(-time.Duration(media.Monotonic())),
		conferences: map[*Conference]struct{}{}, load: make([][slots]int, c.Workers), loops: map[*media.Sound]*Music{},
		gauge: newGauge(c.MaxLoad), comfort: newComfort(c.Workers)}
	e.feeder = newFeeder(c.Log, e.faults)
	e.halt.stop.Store(never)
	if c.Halted {
		e.halt.stop.Store(0)
	}
	for i := range c.Workers {
		e.workers = append(e.workers, newWorker(e, i))
	}
	return e
}

// Close ends the workers and waits for them. All seats should have been released before.
func (e *Engine) Close() {
	e.closing.Store(true)
	for _, w := range e.workers {
		<-w.done
	}
	e.Tell()
	<-e.herald.done
	e.feeder.close()
	close(e.gauge.closing)
	<-e.gauge.done
}

// tick is the number of the tick that is due.
func (e *Engine) tick() uint64 { return uint64(e.clock() / int64(tickTime)) }

// clock is the time of media.Monotonic.
func (e *Engine) clock() int64 { return int64(time.Since(e.epoch)) }

// Loop returns the music that plays a sound again and again, the same for the same sound. It stays for the
// life of the engine.
func (e *Engine) Loop(sound *media.Sound) *Music {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.loops[sound]
	if l == nil {
		l = newLoop(sound, len(e.workers))
		e.loops[sound] = l
	}
	return l
}

// place chooses where the next leg of a conference goes: with the others of its room, unless
// these are a worker's share already; else where there is least to do. All parts of a room tick
// in the same slot. The caller holds e.mu.
func (e *Engine) place(c *Conference) (worker, slot int) {
	parts := *c.parts.Load()
	if len(parts) > 0 {
		home := parts[0].worker.index
		if c.counts[home] < e.partSize || len(e.workers) == 1 {
			return home, c.slot
		}
	}
	for i := range e.workers {
		if sum(e.load[i]) < sum(e.load[worker]) {
			worker = i
		}
	}
	if len(parts) > 0 {
		return worker, c.slot
	}
	for i, n := range e.load[worker] {
		if n < e.load[worker][slot] {
			slot = i
		}
	}
	return worker, slot
}

func sum(loads [slots]int) int {
	n := 0
	for _, l := range loads {
		n += l
	}
	return n
}

// do runs a function on a worker between two ticks and returns when it has run. When the
// worker has ended it runs here: nobody else touches its legs any more.
func (w *worker) do(f func()) {
	ran := make(chan struct{})
	w.commands.push(func() {
		defer close(ran)
		f()
	})
	select {
	case <-ran:
	case <-w.done:
		w.engine.mu.Lock()
		defer w.engine.mu.Unlock()
		w.commands.run()
	}
}

// later runs a function on a worker between two ticks, in the order of the calls.
func (w *worker) later(f func()) { w.commands.push(f) }
