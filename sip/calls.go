package sip

import (
	"maps"
	"slices"
	"sync"

	sipgo "github.com/emiago/sipgo/sip"
)

// birth names the INVITE that a call came from: what a request without a To tag is compared
// with to find merged requests (RFC 3261 8.2.2.2).
type birth struct {
	callID string
	from   string // tag
	seq    uint32
}

func birthOf(invite *sipgo.Request) birth {
	d := dialogOf(invite)
	return birth{callID: d.CallID, from: d.Remote, seq: invite.CSeq().SeqNo}
}

// calls is every call there is, from its INVITE until nothing of it is left.
type calls struct {
	mu       sync.Mutex
	dialogs  map[DialogID]*Call
	births   map[birth]*Call
	refusing bool          // no call is taken in, until that is taken back
	idle     chan struct{} // closed when refusing and no call is left; nil while not refusing
	draining bool          // no call is taken in any more
	empty    chan struct{} // closed when draining and no call is left
}

func newCalls() *calls {
	return &calls{
		dialogs: make(map[DialogID]*Call),
		births:  make(map[birth]*Call),
		empty:   make(chan struct{}),
	}
}

// add takes in a new call. The error is errMerged where its INVITE came before, or errShutdown.
func (l *calls) add(c *Call) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.draining || l.refusing {
		return errShutdown
	}
	if l.births[c.birth] != nil {
		return errMerged
	}
	l.dialogs[c.id] = c
	l.births[c.birth] = c
	return nil
}

// call takes in a new call of ours. The error is errShutdown.
func (l *calls) call(c *Call) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.draining || l.refusing {
		return errShutdown
	}
	l.dialogs[c.id] = c
	return nil
}

// adopt takes in a call that another process has had, before there is anything to refuse.
func (l *calls) adopt(c *Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dialogs[c.id] = c
}

// confirm makes requests in the dialog reach a call of ours whose far end has given it this tag.
func (l *calls) confirm(c *Call, tag string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.dialogs, c.id)
	c.id.Remote = tag
	l.dialogs[c.id] = c
}

func (l *calls) remove(c *Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.dialogs, c.id)
	delete(l.births, c.birth)
	if len(l.dialogs) > 0 {
		return
	}
	if l.draining {
		close(l.empty)
	}
	if l.refusing {
		close(l.idle)
	}
}

func (l *calls) find(id DialogID) *Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	if call := l.dialogs[id]; call != nil {
		return call
	}
	id.Remote = "" // early dialogs of one INVITE are one call
	return l.dialogs[id]
}

func (l *calls) born(b birth) *Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.births[b]
}

func (l *calls) isDraining() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.draining
}

// refuses tells whether no new calls are taken in now.
func (l *calls) refuses() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.draining || l.refusing
}

// refuse takes in no new calls, or takes them in again. The channel is closed when none is left; nil where on is false.
func (l *calls) refuse(on bool) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case on && !l.refusing:
		l.idle = make(chan struct{})
		if len(l.dialogs) == 0 {
			close(l.idle)
		}
	case !on:
		l.idle = nil
	}
	l.refusing = on
	return l.idle
}

// all are the calls that there are.
func (l *calls) all() []*Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.dialogs))
}

func (l *calls) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.dialogs)
}

// drain takes in no more calls and returns those there are.
func (l *calls) drain() []*Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.draining {
		l.draining = true
		if len(l.dialogs) == 0 {
			close(l.empty)
		}
	}
	rest := make([]*Call, 0, len(l.dialogs))
	for _, c := range l.dialogs {
		rest = append(rest, c)
	}
	return rest
}
