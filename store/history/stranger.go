package history

import (
	"sync"
	"time"

	"conclave/store"
)

// Anybody can make calls that are refused, or never key in a PIN. Of those a day's first thousand or so are worth keeping;
// a scanner's million would cost the disk, and hide the others.
const (
	strangersAtOnce = 1000
	strangerEvery   = time.Minute // one more
)

// stranger tells whether a call came from somebody who has proven nothing and did not get in.
func stranger(call store.Call) bool {
	return call.Direction == store.CallIn && call.Phone == "" && call.Trunk == "" && call.Entered.IsZero()
}

// allowance is a token bucket that begins full. The zero value is one.
type allowance struct {
	mu    sync.Mutex
	taken int
	since time.Time // of the last token that came back
}

// take takes a token, if there is one.
func (a *allowance) take(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if back := int(now.Sub(a.since) / strangerEvery); back >= a.taken {
		a.taken, a.since = 0, now
	} else if back > 0 {
		a.taken -= back
		a.since = a.since.Add(time.Duration(back) * strangerEvery)
	}
	if a.taken >= strangersAtOnce {
		return false
	}
	a.taken++
	return true
}
