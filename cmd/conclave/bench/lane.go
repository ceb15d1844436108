package bench

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// slots is into how many instants the 20 ms are divided at which callers send: one each 0.5 ms.
const slots = 40

// lane is one thread that is the media of many callers.
type lane struct {
	clock     clock
	slots     [slots][]*caller
	buffer    [2048]byte
	measuring *atomic.Bool
	silent    *atomic.Bool
	late      []int64 // how many slots were late, by 0.1 ms; the last holds all beyond
	missed    int64   // turns of 20 ms left out because the lane could not keep up
}

// crowd is all callers, on one lane for each of the client's CPUs.
type crowd struct {
	callers   []*caller
	lanes     []*lane
	measuring atomic.Bool
	silent    atomic.Bool
	stop      atomic.Bool
	threads   sync.WaitGroup
}

func newCrowd(clock clock, callers []*caller, cpus int) *crowd {
	w := &crowd{callers: callers}
	for range cpus {
		w.lanes = append(w.lanes, &lane{clock: clock, measuring: &w.measuring, silent: &w.silent, late: make([]int64, 1000)})
	}
	for i, c := range callers {
		// Neighbours (of one room, that is) are spread over lanes and slots.
		l := w.lanes[i%cpus]
		slot := i / cpus * 17 % slots
		l.slots[slot] = append(l.slots[slot], c)
		if c.ear != nil || c.continuity != nil {
			c.inbox = newMailbox(l.buffer[:])
		}
	}
	start := clock.now() + perTick
	for _, l := range w.lanes {
		w.threads.Go(func() { l.run(start, &w.stop) })
	}
	return w
}

// rest has the callers fall silent, within two turns, and wake has them speak again. Their RTP time goes on.
func (w *crowd) rest() { w.silent.Store(true) }
func (w *crowd) wake() { w.silent.Store(false) }

// finish stops the media. From then on the callers may be looked at.
func (w *crowd) finish() {
	w.stop.Store(true)
	w.threads.Wait()
}

// close stops the media and closes the sockets.
func (w *crowd) close() {
	w.finish()
	closeSockets(w.callers)
}

// run sends for each caller at its slot of each 20 ms, and takes what came
// for it. It makes no other system call than those and the sleep, and
// allocates nothing: 1500 callers are 150 000 packets a second.
func (l *lane) run(next int64, stop *atomic.Bool) {
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	prefer()
	for resting := false; !stop.Load(); {
		if behind := (l.clock.now() - next) / perTick; behind > 0 {
			// Telephones would not send all at once what they could not send in time.
			next += behind * perTick
			l.hold(behind)
			if l.measuring.Load() {
				l.missed += behind
			}
		}
		silent := l.silent.Load()
		if silent && resting {
			next += perTick
			l.hold(1)
			l.clock.sleep(next)
			continue
		}
		resting = silent
		for _, callers := range l.slots {
			if len(callers) > 0 {
				l.clock.sleep(next)
				measure := l.measuring.Load()
				if measure {
					late := int(max(0, l.clock.now()-next) / int64(100*time.Microsecond))
					l.late[min(late, len(l.late)-1)]++
				}
				for _, c := range callers {
					if !c.active.Load() {
						continue
					}
					if silent {
						c.fallSilent()
					} else {
						c.speak(measure)
					}
					c.listen(l.buffer[:], measure)
				}
			}
			next += perTick / slots
		}
	}
}

// hold lets so many turns of all callers pass.
func (l *lane) hold(turns int64) {
	for _, callers := range l.slots {
		for _, c := range callers {
			c.hold(turns)
		}
	}
}

// missed returns how many turns the lanes left out while they measured.
func (w *crowd) missed() (n int64) {
	for _, l := range w.lanes {
		n += l.missed
	}
	return n
}

// lateness returns how late the lanes sent while they measured, to 0.1 ms.
func (w *crowd) lateness() quantiles {
	var all int64
	sum := make([]int64, len(w.lanes[0].late))
	for _, l := range w.lanes {
		for i, n := range l.late {
			sum[i] += n
			all += n
		}
	}
	at := func(q float64) time.Duration {
		left := int64(q * float64(all))
		for i, n := range sum {
			if left < n {
				return time.Duration(i) * 100 * time.Microsecond
			}
			left -= n
		}
		return 0
	}
	q := quantiles{Median: at(0.5), P99: at(0.99), P999: at(0.999), Count: int(all)}
	for i, n := range sum {
		if n > 0 {
			q.Max = time.Duration(i) * 100 * time.Microsecond
		}
	}
	return q
}
