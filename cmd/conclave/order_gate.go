package main

import (
	"sync"
	"sync/atomic"
	"time"
)

// orderGate is passed by orders of operators, which change something. While another process takes the server over they wait, and are then for that one.
type orderGate struct {
	mu   sync.RWMutex // held by each order while it is carried out
	gone atomic.Bool  // this process has nothing to order any more
}

// restTime is how long orders have to come to their end when there is to be a takeover.
const restTime = 500 * time.Millisecond

// begin waits until an order may be carried out, which end follows. It is false where this is not the server any more.
func (o *orderGate) begin() bool {
	o.mu.RLock()
	if o.gone.Load() {
		o.mu.RUnlock()
		return false
	}
	return true
}

func (o *orderGate) end() { o.mu.RUnlock() }

// stop has orders wait. It is false where one takes longer than that.
func (o *orderGate) stop(most time.Duration) bool {
	for end := time.Now().Add(most); !o.mu.TryLock(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// resume has them carried out.
func (o *orderGate) resume() { o.mu.Unlock() }

// leave has them refused: another process is the server now.
func (o *orderGate) leave() {
	o.gone.Store(true)
	o.mu.Unlock()
}
