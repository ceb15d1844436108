package sip

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"conclave/rooms"
)

// There are no more subscriptions than these: of all, and of one phone or trunk.
const (
	maxSubscriptions      = 10_000
	maxSubscriptionsOfOne = 500
)

// Subscription is one that there is, for operators.
type Subscription struct {
	Subscriber string    `json:"subscriber"` // phone 200, or trunk pbx
	Event      string    `json:"event"`      // conference, dialog or refer
	Number     string    `json:"number"`     // of the room or phone
	Transport  string    `json:"transport"`  // udp, tcp or tls
	Address    string    `json:"address"`    // where NOTIFYs are sent to
	Since      time.Time `json:"since"`
	Expires    time.Time `json:"expires"`  // unless it is refreshed
	Notified   int       `json:"notified"` // how many NOTIFYs were sent
}

// subscriptions are those that there are.
type subscriptions struct {
	closing chan struct{} // closed when all are to end
	over    string        // why they do, once closing is closed
	running sync.WaitGroup

	mu     sync.Mutex
	closed bool
	byID   map[DialogID]*notifier
	topics map[string]map[*notifier]bool // by number
	owners map[party]int
}

func newSubscriptions() *subscriptions {
	return &subscriptions{
		closing: make(chan struct{}),
		byID:    make(map[DialogID]*notifier),
		topics:  make(map[string]map[*notifier]bool),
		owners:  make(map[party]int),
	}
}

// begin takes a subscription in and has it run.
func (l *subscriptions) begin(n *notifier) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return errShutdown
	case len(l.byID) >= maxSubscriptions:
		return errBusy
	case l.byID[n.id] != nil:
		return errMerged
	case l.owners[n.who] >= maxSubscriptionsOfOne:
		return fmt.Errorf("%w: %s has %d, which is the most", errSubscriptions, n.who, maxSubscriptionsOfOne)
	}
	l.byID[n.id] = n
	l.owners[n.who]++
	for other := range l.topics[n.topic] {
		if other.replaces(n) {
			other.mail.post(superseded{})
		}
	}
	if n.topic != "" {
		if l.topics[n.topic] == nil {
			l.topics[n.topic] = make(map[*notifier]bool)
		}
		l.topics[n.topic][n] = true
	}
	l.running.Go(func() { n.run(l.closing) })
	return nil
}

// remove forgets a subscription that is over; what has come for it meanwhile is refused.
func (l *subscriptions) remove(n *notifier) {
	l.mu.Lock()
	delete(l.byID, n.id)
	if l.owners[n.who]--; l.owners[n.who] == 0 {
		delete(l.owners, n.who)
	}
	if delete(l.topics[n.topic], n); len(l.topics[n.topic]) == 0 {
		delete(l.topics, n.topic)
		n.server.sheets.forget(n.topic)
	}
	l.mu.Unlock()
	for _, event := range n.mail.close() {
		switch e := event.(type) {
		case request:
			n.server.refuse(e.tx, errNoDialog)
		case subscribed:
			n.server.refuse(e.tx, errShutdown)
		}
	}
}

// find is the subscription of a dialog; nil: there is none.
func (l *subscriptions) find(id DialogID) *notifier {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byID[id]
}

// len is how many there are.
func (l *subscriptions) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.byID)
}

// poke says that something may have happened to a number. It waits for nobody.
func (l *subscriptions) poke(number string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n := range l.topics[number] {
		n.server.sheets.outdate(number) // of others there are none
		n.poke()
	}
}

// pokeAll says so of all numbers: they may be others, or for others, now.
func (l *subscriptions) pokeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.byID {
		n.poke()
	}
}

// close ends all subscriptions with a last word, for one of the reasons of RFC 6665 4.2.2, and waits until they are gone.
func (l *subscriptions) close(reason string) {
	l.mu.Lock()
	if !l.closed {
		l.closed, l.over = true, reason
		close(l.closing)
	}
	l.mu.Unlock()
	l.running.Wait()
}

// Subscriptions are those that there are, by number, event and subscriber.
func (s *Server) Subscriptions() []Subscription {
	l := s.subscriptions
	l.mu.Lock()
	list := make([]Subscription, 0, len(l.byID))
	for _, n := range l.byID {
		list = append(list, n.show())
	}
	l.mu.Unlock()
	slices.SortFunc(list, func(a, b Subscription) int {
		return cmp.Or(strings.Compare(a.Number, b.Number), strings.Compare(a.Event, b.Event),
			strings.Compare(a.Subscriber, b.Subscriber), a.Since.Compare(b.Since))
	})
	return list
}

// watchRooms has subscribers be told of what happens in rooms until ctx ends. An event says no more than that something has:
// what is told follows from how the room is when it is told, so that an event which is lost loses nothing.
func (s *Server) watchRooms(ctx context.Context) {
	for e := range s.house.Events(ctx, "") {
		if e.Kind == rooms.EventLost {
			s.changed()
			continue
		}
		s.subscriptions.poke(e.Room)
	}
}

// changed has all subscribers be told what is new: rooms, phones and rights may be others now.
func (s *Server) changed() {
	s.sheets.outdateAll()
	s.subscriptions.pokeAll()
}
