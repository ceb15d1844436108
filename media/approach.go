package media

import "unsafe"

// Approach brings what a tick needs of a leg near to the processor. Between two ticks of a leg
// all the others have their turn and the kernel has used the caches; to wait for each line of
// memory when it is touched would take longer than the work itself. So the mixer calls it some
// legs' turns ahead.
func (l *Leg) Approach() {
	Prefetch(unsafe.Pointer(l), unsafe.Offsetof(l.source)+unsafe.Offsetof(l.source.locked))
	Prefetch(unsafe.Pointer(&l.own.settled), unsafe.Offsetof(l.own.settled.RTP))
}

// ApproachJitter brings the jitter buffer near. It is apart from Approach because the processor fetches a dozen lines at
// a time, and waits where it is told of more.
func (l *Leg) ApproachJitter() {
	Prefetch(unsafe.Pointer(&l.own.jitter), unsafe.Offsetof(l.own.jitter.queue)+unsafe.Offsetof(l.own.jitter.queue.packets))
}

// ApproachSend brings near what Send needs.
func (l *Leg) ApproachSend() {
	Prefetch(unsafe.Pointer(l), unsafe.Offsetof(l.pending))
	Prefetch(unsafe.Pointer(&l.out), unsafe.Sizeof(l.out))
	Prefetch(unsafe.Pointer(&l.own.settled), unsafe.Offsetof(l.own.settled.RTP))
}

// ApproachKeys brings near what an encrypted leg needs beside that. It follows what ApproachSend has brought, a turn before
// the leg's own.
func (l *Leg) ApproachKeys() { l.own.settled.guard.approachOut() }

// ApproachHistory brings the place near that the next payload will be kept in, and the keys of an encrypted leg. It follows
// what Approach has brought, a turn before the leg's own.
func (l *Leg) ApproachHistory() {
	l.own.settled.guard.approachIn()
	if h := &l.own.jitter.history; len(h.coded) > 0 {
		Prefetch(unsafe.Pointer(&h.coded[h.at]), uintptr(len(h.coded)/2))
	}
}
