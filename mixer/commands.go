package mixer

import "sync/atomic"

// command is something that a worker does between two ticks.
type command struct {
	do   func()
	next *command
}

// commands hands control over to a worker: many push, one takes, and nobody waits. A mutex
// would let whoever holds it stop the audio.
type commands struct {
	top atomic.Pointer[command]
}

func (c *commands) push(do func()) {
	n := &command{do: do}
	for {
		n.next = c.top.Load()
		if c.top.CompareAndSwap(n.next, n) {
			return
		}
	}
}

// run does everything pushed so far, in that order.
func (c *commands) run() {
	if c.top.Load() == nil {
		return
	}
	var first *command
	for n := c.top.Swap(nil); n != nil; {
		next := n.next
		n.next, first = first, n
		n = next
	}
	for ; first != nil; first = first.next {
		first.do()
	}
}
