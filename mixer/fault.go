package mixer

import (
	"runtime/debug"
	"slices"
	"time"
)

// A fault in the work for one leg costs that leg: it is taken out of the mix, its owner is told by EventFault, and all others
// go on. It is counted, and the herald logs it, for a worker does not wait.

// giveUp notes that the work for a lane has failed.
func (p *part) giveUp(lane int, fault any) {
	s := p.lanes[lane].seat
	if s.aside.faulty {
		return // in both halves of the tick
	}
	s.aside.faulty, p.faulty = true, true
	clear(s.own) // half of a frame, perhaps
	if s.taped {
		clear(*s.taken())
	}
	s.leaveTape()
	e, stack := p.worker.engine, debug.Stack()
	p.worker.notices.push(func() { e.faults.Tell("a leg was given up", fault, stack) })
	p.worker.events.put(s, Event{Kind: EventFault})
}

// dropFaulty takes out the lanes of those that were given up. Nobody is recorded or heard of them any more.
func (p *part) dropFaulty() {
	if !p.faulty {
		return
	}
	p.faulty = false
	p.lanes = unharmed(p.lanes)
	p.count()
}

// unharmed are the lanes whose work has not failed.
func unharmed(lanes []lane) []lane {
	return slices.DeleteFunc(lanes, func(l lane) bool { return l.seat.aside.faulty })
}

// A fault in anything else that a worker does costs the tick of one part of a conference, or one command.

// survive, deferred, ends a panic of a worker in the function that has deferred it.
func (w *worker) survive() {
	if fault := recover(); fault != nil {
		w.failed(fault)
	}
}

// failed has the herald log what has failed; what fails again and again is logged once a second.
func (w *worker) failed(fault any) {
	faults, now := w.engine.faults, w.engine.clock()
	if w.toldFault != 0 && now-w.toldFault < int64(time.Second) {
		faults.Tally()
		return
	}
	w.toldFault = now
	stack := debug.Stack()
	w.notices.push(func() { faults.Tell("a worker has failed", fault, stack) })
}
