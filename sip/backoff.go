package sip

import (
	"math/rand/v2"
	"time"
)

// backoff says how long to wait before what has failed is tried again: about first, then twice as long each time, up to
// most. Each is shortened at random by up to a quarter, so that not all who lost the same peer come back at once.
type backoff struct {
	first, most time.Duration
	pause       time.Duration // the last one, before it was shortened; 0: none yet
}

// next is the pause before the next try.
func (b *backoff) next() time.Duration {
	b.pause = min(max(2*b.pause, b.first), b.most)
	return b.pause - rand.N(b.pause/4+1)
}

// reset follows success.
func (b *backoff) reset() { b.pause = 0 }
