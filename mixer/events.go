package mixer

import (
	"runtime/debug"
	"sync/atomic"
)

// EventKind says what happened at a seat.
type EventKind uint8

const (
	// EventDigit is a key of the caller's phone, by RFC 4733, or as a tone where that was not negotiated.
	EventDigit EventKind = iota + 1
	// EventTalking and EventSilent come when a member begins and ends to talk.
	EventTalking
	EventSilent
	// EventPlayed comes when a prompt has been played, or was stopped.
	EventPlayed
	// EventTimeout comes once when nothing was heard of the far end for the RTP timeout.
	EventTimeout
	// EventFault comes once when the work for the leg has failed and was given up: it hears and gives nothing any more.
	EventFault
)

// Event is what a seat's owner is told.
type Event struct {
	Kind  EventKind
	Digit byte   // of EventDigit: 0-9, *, #, A-D
	Play  uint64 // of EventPlayed: the id given to Seat.Play
	// Tick is that of EventTalking, 50 a second, and the one after the last in which there was talk of EventSilent, which comes
	// when talk has paused for long: that of a Tape's Stretch. It is right to within 0.1 s.
	Tick uint64
}

// eventRing carries events out of a worker. It has one writer and one reader, and no lock: a
// full ring drops what comes and counts it.
type eventRing struct {
	dropped atomic.Uint64
	written atomic.Uint64
	read    atomic.Uint64
	entries [1 << 12]struct {
		seat  *Seat
		event Event
	}
}

func (r *eventRing) put(s *Seat, e Event) {
	at := r.written.Load()
	if at-r.read.Load() == uint64(len(r.entries)) {
		r.dropped.Add(1)
		return
	}
	entry := &r.entries[at%uint64(len(r.entries))]
	entry.seat, entry.event = s, e
	r.written.Store(at + 1)
}

// pending tells that events wait to be told.
func (r *eventRing) pending() bool { return r.written.Load() != r.read.Load() }

// drain tells all that has come to its owners.
func (r *eventRing) drain() {
	for at := r.read.Load(); at != r.written.Load(); at++ {
		entry := &r.entries[at%uint64(len(r.entries))]
		seat, event := entry.seat, entry.event
		entry.seat = nil
		r.read.Store(at + 1)
		seat.tell(event)
	}
}

// tell tells the seat's owner; a fault of his costs that event.
func (s *Seat) tell(event Event) {
	defer func() {
		if fault := recover(); fault != nil {
			s.part.worker.engine.faults.Tell("an event of a seat was not taken", fault, debug.Stack())
		}
	}()
	if s.notify != nil {
		s.notify(event)
	}
}
