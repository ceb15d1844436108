package media

import "unsafe"

// ApproachSteps is the number of steps of Leg.Approach.
const ApproachSteps = 3

// Approach brings what a tick needs of a leg near to the processor. Between two ticks of a leg
// all the others have their turn and the kernel has used the caches; to wait for each line of
// memory when it is touched would take longer than the work itself. So the mixer calls the
// steps ahead of a leg's turn, each one leg's turn apart: a step follows the pointers that the
// one before has brought.
func (l *Leg) Approach(step int) {
	switch step {
	case 0:
		Prefetch(unsafe.Pointer(l), unsafe.Offsetof(l.events))
	case 1:
		Prefetch(unsafe.Pointer(l.settled), 64)
		Prefetch(unsafe.Pointer(l.jitter), unsafe.Offsetof(l.jitter.conceal))
	case 2:
		if l.jitter != nil {
			l.jitter.approach()
		}
	}
}

// approach brings the places near that the next packet will lie in.
func (j *Jitter) approach() {
	q, t := &j.queue, &j.tape
	if q.free != none {
		Prefetch(unsafe.Pointer(&q.packets[q.free]), 1)
		Prefetch(unsafe.Pointer(&q.data[int(q.free)*q.slot]), uintptr(j.frame))
	}
	if t.end < len(t.buf) {
		Prefetch(unsafe.Pointer(&t.buf[t.end]), uintptr(2*j.frame))
	}
}
