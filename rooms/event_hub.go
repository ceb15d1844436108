package rooms

import (
	"context"
	"sync"

	"conclave/media/fault"
)

// waitingEvents is how many events wait for a listener before he loses some: enough for a hundred people who all come at
// once and begin to talk, and little memory.
const waitingEvents = 512

// eventHub hands each event to all who listen. The zero value is ready for use.
type eventHub struct {
	mu        sync.Mutex
	listeners map[*eventListener]struct{}
}

// eventListener is one who listens: events wait in its queue until its goroutine has taken them.
type eventListener struct {
	room  string // extension; empty: all rooms
	ready chan struct{}

	// The hub's mutex guards the queue. It is never held while a listener is waited for.
	queue []Event
}

// listen returns the events of a room, or of all, until ctx ends.
func (h *eventHub) listen(ctx context.Context, room string, faults *fault.Log) <-chan Event {
	l := &eventListener{room: room, ready: make(chan struct{}, 1)}
	h.mu.Lock()
	if h.listeners == nil {
		h.listeners = make(map[*eventListener]struct{})
	}
	h.listeners[l] = struct{}{}
	h.mu.Unlock()
	events := make(chan Event)
	go func() {
		defer faults.Survive("tell a listener of events")
		h.deliver(ctx, l, events)
	}()
	return events
}

// deliver passes a listener's events on until ctx ends.
func (h *eventHub) deliver(ctx context.Context, l *eventListener, events chan<- Event) {
	defer close(events)
	defer h.forget(l)
	var batch []Event
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.ready:
		}
		h.mu.Lock()
		batch, l.queue = l.queue, batch[:0]
		h.mu.Unlock()
		for _, e := range batch {
			select {
			case <-ctx.Done():
				return
			case events <- e:
			}
		}
	}
}

func (h *eventHub) forget(l *eventListener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.listeners, l)
}

// emit leaves an event in the queues of those whom it concerns.
func (h *eventHub) emit(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.listeners {
		if l.room == "" || l.room == e.Room {
			l.add(e)
		}
	}
}

// add queues an event. Once as many wait as may, one more says how many followed them and are lost.
func (l *eventListener) add(e Event) {
	switch n := len(l.queue); {
	case n < waitingEvents:
		l.queue = append(l.queue, e)
	case n == waitingEvents:
		l.queue = append(l.queue, Event{Time: e.Time, Room: l.room, Kind: EventLost, Lost: 1})
	default:
		l.queue[waitingEvents].Lost++
	}
	select {
	case l.ready <- struct{}{}:
	default:
	}
}
