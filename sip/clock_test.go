package sip

import (
	"slices"
	"sync"
	"time"
)

// Clock is one for the sessions of calls that tests turn on.
type Clock struct {
	mu      sync.Mutex
	now     time.Duration
	waiting []*alarm
}

type alarm struct {
	due time.Duration
	f   func()
}

// Attach has servers of this configuration use it.
func (k *Clock) Attach(c *Config) {
	c.after = func(pause time.Duration, f func()) (stop func()) {
		k.mu.Lock()
		defer k.mu.Unlock()
		a := &alarm{k.now + pause, f}
		k.waiting = append(k.waiting, a)
		return func() {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.waiting = slices.DeleteFunc(k.waiting, func(other *alarm) bool { return other == a })
		}
	}
}

// Waits tells how long each alarm that is set has to wait still, the first one first.
func (k *Clock) Waits() (waits []time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, a := range k.waiting {
		waits = append(waits, a.due-k.now)
	}
	slices.Sort(waits)
	return waits
}

// Turn lets time pass, and what is due then happen.
func (k *Clock) Turn(by time.Duration) {
	k.mu.Lock()
	k.now += by
	var due []*alarm
	k.waiting = slices.DeleteFunc(k.waiting, func(a *alarm) bool {
		if a.due <= k.now {
			due = append(due, a)
			return true
		}
		return false
	})
	k.mu.Unlock()
	slices.SortFunc(due, func(a, b *alarm) int { return int(a.due - b.due) })
	for _, a := range due {
		a.f()
	}
}
