package mixer

import (
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"conclave/media"
)

const (
	tickTime = time.Second / media.FramesPerSecond
	// slots spread the rooms of a worker over the tick: no burst of packets each 20 ms, and
	// the parts of a split room meet a slot after they were summed.
	slots    = 4
	slotTime = tickTime / slots
)

// worker runs the ticks of its parts on an operating system thread of its own.
type worker struct {
	engine *Engine
	index  int

	commands commands
	events   eventRing
	notices  commands // run by the herald: ends that somebody waits for, which are never dropped
	lateness lateness
	done     chan struct{} // closed when it has ended

	// Below belongs to the worker.
	slots  [slots][]*part
	in     *media.Inbox
	out    *media.Outbox
	frame  []int16 // as long as the longest
	said   []int16 // a frame as it was before noise was taken out of it
	sum    []int32
	packet []byte
	rates  [bands]scratches

	toldFault int64 // when the log was last told of a fault; 0: never

	returns  int // legs that may be heard again in this slot
	prospect prospect
}

// scratches is what a worker has for the legs of one band.
type scratches struct {
	scratch *scratch
	risen   []int32 // what crosses to it from below, and from above
	fallen  []int32
	silent  []int16
	silence shared
	streams streams // of silence
}

func newWorker(e *Engine, index int) *worker {
	longest := frameOf(bands - 1)
	w := &worker{engine: e, index: index, done: make(chan struct{}), in: media.NewInbox(), out: media.NewOutbox(),
		frame: make([]int16, longest), said: make([]int16, longest), sum: make([]int32, longest), packet: make([]byte, packetRoom)}
	for i := range w.rates {
		w.rates[i] = scratches{scratch: newScratch(i), risen: make([]int32, frameOf(i)), fallen: make([]int32, frameOf(i)),
			silent: make([]int16, frameOf(i)), silence: newShared(i)}
	}
	w.commands.failed = w.failed
	w.notices.failed = func(fault any) { e.faults.Add(nil, "a notice of a worker was not told", fault) }
	return w
}

// run ticks until the engine closes. Deadlines are absolute: a late tick does not shift those
// that follow, and where whole ticks were missed their numbers are left out, so that RTP time
// jumps by the real gap and nothing is sent in a burst.
func (w *worker) run() {
	defer close(w.done)
	runtime.LockOSThread() // never unlocked: the thread's scheduling ends with it
	prefer(w.engine.log)
	for !w.engine.closing.Load() {
		w.turns()
	}
	w.commands.run()
}

// turns ticks until the engine closes, or something fails beside the parts' own work.
func (w *worker) turns() {
	defer w.survive()
	for turn := uint64(w.engine.clock()/int64(slotTime)) + 1; !w.engine.closing.Load(); turn = min(w.next(turn), w.engine.halt.stop.Load()) {
		if turn >= w.engine.halt.stop.Load() {
			if turn = w.rest(turn); w.engine.closing.Load() {
				break
			}
		}
		due := int64(turn) * int64(slotTime)
		now := w.engine.clock()
		for due > now {
			sleep(due - now)
			now = w.engine.clock()
		}
		w.commands.run()
		if missed := (now - due) / int64(tickTime); missed > 0 {
			w.lateness.missed.Add(uint64(missed))
			turn += uint64(missed) * slots
		}
		w.slot(turn, now-due)
		if w.events.pending() || w.notices.pending() {
			w.engine.herald.wake()
		}
	}
}

// next is the next slot in which there is something to do, a tick from now at the latest. The
// others are slept through: waking a core that sleeps costs as much as ten legs.
func (w *worker) next(turn uint64) uint64 {
	for i := turn + 1; i < turn+slots; i++ {
		if len(w.slots[i%slots]) > 0 || w.unsent((i-1)%slots) {
			return i
		}
	}
	return turn + slots
}

// unsent tells that a slot has parts that wait for their second half.
func (w *worker) unsent(slot uint64) bool {
	for _, p := range w.slots[slot] {
		if p.unsent {
			return true
		}
	}
	return false
}

// slot runs what is due in one slot and counts how late that was and how long it took.
func (w *worker) slot(turn uint64, late int64) {
	if len(w.slots[turn%slots]) == 0 && !w.unsent((turn-1)%slots) {
		return
	}
	w.lateness.add(late)
	now := time.Now()
	w.tick(turn, media.Time{Now: int64(now.Sub(w.engine.epoch)), Wall: now.UnixNano(), Tick: turn / slots})
	w.lateness.busy.Add(uint64(time.Since(now)))
}

// tick runs the second half of the split parts of the slot before, then the parts of this one.
func (w *worker) tick(turn uint64, t media.Time) {
	for _, p := range w.slots[(turn-1)%slots] {
		if p.unsent {
			w.send(p)
		}
	}
	parts := w.slots[turn%slots]
	w.prospect.begin(parts)
	w.returns = mostReturns
	for _, p := range parts {
		w.receive(p, t)
		if !p.unsent {
			w.send(p)
		}
	}
}

// receive and send are the halves of a part's tick. A fault in what is not for one leg costs the part that tick.
func (w *worker) receive(p *part, t media.Time) {
	defer w.survive()
	p.receive(t)
}

func (w *worker) send(p *part) {
	defer w.survive()
	p.send()
}

// sleep waits for ns, or less, on the worker's own thread: later by 0.1 ms at most times, where
// time.Sleep is by 0.6.
//
// The scheduler is not told. A thread with real-time priority that comes back from a call it was
// told of may have to wait for another thread of ours, and spin for as long as the kernel lets it,
// while that one cannot run: the ticks would stop for a second. Where the scheduler wants the
// worker to stop, a signal ends the sleep, and the caller's loop is where it stops.
func sleep(ns int64) {
	ts := unix.NsecToTimespec(ns)
	_, _, _ = unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, 0, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
}
