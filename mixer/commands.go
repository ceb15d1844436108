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
	top    atomic.Pointer[command]
	failed func(fault any) // is told of a command that has failed, which costs no other
}

func (c *commands) push(do func()) { c.add(&command{do: do}) }

// add pushes a command that was made before: this allocates nothing.
func (c *commands) add(n *command) {
	for {
		n.next = c.top.Load()
		if c.top.CompareAndSwap(n.next, n) {
			return
		}
	}
}

// pending tells that something was pushed and has not been run.
func (c *commands) pending() bool { return c.top.Load() != nil }

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
		c.attempt(first)
	}
}

func (c *commands) attempt(n *command) {
	defer func() {
		if fault := recover(); fault != nil {
			c.failed(fault)
		}
	}()
	n.do()
}
