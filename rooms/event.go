package rooms

import (
	"context"
	"time"
)

// EventKind says what happened in a conference.
type EventKind string

// What happens in a conference.
const (
	EventJoin     EventKind = "join"
	EventLeave    EventKind = "leave"
	EventWaiting  EventKind = "waiting" // came, and waits for a leader
	EventBegin    EventKind = "begin"   // the first leader is there
	EventTalking  EventKind = "talking"
	EventSilent   EventKind = "silent"
	EventMute     EventKind = "mute"
	EventUnmute   EventKind = "unmute"
	EventHold     EventKind = "hold"     // his phone has put the conference on hold
	EventResume   EventKind = "resume"   // it has taken that back
	EventEnd      EventKind = "end"      // a temporary room is gone
	EventTakeover EventKind = "takeover" // another call has the member's place now
	EventLock     EventKind = "lock"
	EventUnlock   EventKind = "unlock"
	EventRecord   EventKind = "record"     // a recording has begun
	EventUnrecord EventKind = "stoprecord" // it has ended

	// EventLost tells a listener how many events he has missed here, because he did not keep up.
	EventLost EventKind = "lost"
)

// Event is one of them. What was dialled into a call is never in it.
type Event struct {
	Time   time.Time `json:"time"`
	Room   string    `json:"room"` // extension
	Kind   EventKind `json:"event"`
	Member int       `json:"member,omitempty"`
	Call   string    `json:"call,omitempty"`
	Caller string    `json:"caller,omitempty"`
	Name   string    `json:"name,omitempty"`
	Role   string    `json:"role,omitempty"` // participant or moderator
	// Encryption is of join: the suite of SRTP that the member's audio is encrypted by; empty: it is not.
	Encryption string `json:"encryption,omitempty"`
	Result     string `json:"result,omitempty"` // of leave: as in Visit.Result; of stoprecord: why it has ended
	File       string `json:"file,omitempty"`   // of record and stoprecord, in the directory of recordings
	Lost       int    `json:"lost,omitempty"`   // of lost: how many
}

// Events tells what happens in the room of an extension, in all rooms if it is empty, from now until ctx ends; then the
// channel is closed. Who takes events more slowly than they come loses some once 512 are waiting for him; an event of kind
// lost then stands in their place.
func (h *House) Events(ctx context.Context, extension string) <-chan Event {
	return h.events.listen(ctx, extension, h.faults)
}

// emit hands an event to those who listen, with the time of now if it has none. It never waits, whatever they do.
func (h *House) emit(e Event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	h.events.emit(e)
}
