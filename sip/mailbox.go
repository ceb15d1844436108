package sip

import (
	"math"
	"sync"
	"sync/atomic"

	sipgo "github.com/emiago/sipgo/sip"
)

// mailboxSize bounds the requests that wait for a call. A call works one off in less than a
// millisecond, so only a flood comes near it.
const mailboxSize = 32

// mailbox holds what a call has to do, in the order in which it came.
type mailbox struct {
	mu     sync.Mutex
	queue  []any
	closed bool
	// ready has a token whenever the queue is not empty.
	ready chan struct{}
}

func newMailbox() *mailbox { return &mailbox{ready: make(chan struct{}, 1)} }

// offer puts something of the network into the mailbox. The error is errBusy where the mailbox
// is full, errNoDialog where the call is over.
func (m *mailbox) offer(event any) error { return m.put(event, mailboxSize) }

// post puts something of our own into the mailbox, which must not get lost: timers, the end
// of transactions. What posts does so a fixed number of times, so that there is no limit.
// After the call is over it has no effect.
func (m *mailbox) post(event any) { _ = m.put(event, math.MaxInt) }

// responses makes a handler that puts what an INVITE of ours gets into the mailbox, as event has it: the final response, or
// that there is none, in any case. Provisional responses and a repeated 2xx may come any number of times, and a flood of them
// is the network's matter.
func (m *mailbox) responses(event func(res *sipgo.Response, err error) any) func(*sipgo.Response, error) {
	var answered atomic.Bool
	return func(res *sipgo.Response, err error) {
		switch {
		case err == nil && res.IsProvisional(), answered.Swap(true):
			_ = m.offer(event(res, err))
		default:
			m.post(event(res, err))
		}
	}
}

func (m *mailbox) put(event any, limit int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return errNoDialog
	case len(m.queue) >= limit:
		return errBusy
	}
	m.queue = append(m.queue, event)
	select {
	case m.ready <- struct{}{}:
	default:
	}
	return nil
}

func (m *mailbox) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.queue)
}

// take empties the mailbox, after ready.
func (m *mailbox) take() []any {
	m.mu.Lock()
	defer m.mu.Unlock()
	queue := m.queue
	m.queue = nil
	return queue
}

// close refuses all that comes from now on and returns what was left.
func (m *mailbox) close() []any {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	queue := m.queue
	m.queue = nil
	return queue
}
