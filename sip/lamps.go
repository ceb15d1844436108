package sip

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"conclave/sip/dialoginfo"
)

// lamps is which calls phones have now, for those who watch them. It is kept by the calls themselves. The zero value is ready
// for use.
type lamps struct {
	mu    sync.Mutex
	calls map[string]map[string]dialoginfo.Dialog // by phone and call
}

// set says how a call of a phone is now; an empty state: it is over.
func (l *lamps) set(phone string, d dialoginfo.Dialog) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d.State == "" {
		if delete(l.calls[phone], d.ID); len(l.calls[phone]) == 0 {
			delete(l.calls, phone)
		}
		return
	}
	if l.calls == nil {
		l.calls = make(map[string]map[string]dialoginfo.Dialog)
	}
	if l.calls[phone] == nil {
		l.calls[phone] = make(map[string]dialoginfo.Dialog)
	}
	l.calls[phone][d.ID] = d
}

// of is which calls a phone has, in a steady order.
func (l *lamps) of(phone string) []dialoginfo.Dialog {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.SortedFunc(maps.Values(l.calls[phone]), func(a, b dialoginfo.Dialog) int { return strings.Compare(a.ID, b.ID) })
}

// light tells those who watch the far end's phone of what has become of the call, if anything has.
func (c *Call) light() {
	phone, now := c.caller.Phone, c.lampNow()
	if phone == "" || now == c.lamp {
		return
	}
	c.lamp = now
	direction := dialoginfo.Initiator
	if c.out != nil {
		direction = dialoginfo.Recipient
	}
	c.server.lamps.set(phone, dialoginfo.Dialog{ID: c.id.Local, State: now, Direction: direction})
	c.server.subscriptions.poke(phone)
}

// lampNow is the state of the call to those who watch its phone; empty: it is over, or does not ring yet.
func (c *Call) lampNow() dialoginfo.State {
	switch {
	case c.leaving:
	case c.state == answered, c.state == confirmed:
		return dialoginfo.Confirmed
	case c.state == calling && c.out.rings, c.state == invited && c.fork != nil && c.fork.rang:
		return dialoginfo.Early
	}
	return ""
}
