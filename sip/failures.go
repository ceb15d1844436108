package sip

import (
	"net/netip"
	"time"
)

// How often an address may fail to prove that it is a user.
const (
	mostFailures  = 5
	failuresCount = 10 * time.Minute // for so long
	mostFailing   = 10_000           // pairs of user and address that are kept
)

// failures counts what went wrong, by user and address: another address of the user is not affected, nor another user
// behind the address. Its methods take the time and are to be called with a lock held.
type failures map[failing][]time.Time

type failing struct {
	user string
	from netip.Addr // an IPv4 address, or the first of an IPv6 /64
}

func failingOf(user string, from netip.Addr) failing {
	if from.Is6() {
		if prefix, err := from.WithZone("").Prefix(64); err == nil {
			from = prefix.Addr()
		}
	}
	return failing{user: clean(user), from: from}
}

// waits is how long nothing of this pair is looked at.
func (f failures) waits(who failing, now time.Time) time.Duration {
	times := f[who]
	if len(times) < mostFailures {
		return 0
	}
	return max(0, failuresCount-now.Sub(times[len(times)-mostFailures]))
}

func (f failures) add(who failing, now time.Time) {
	times := append(f[who], now)
	if len(times) > mostFailures {
		times = times[1:]
	}
	if len(f) >= mostFailing && f[who] == nil {
		f.sweep(now)
		for other := range f {
			if len(f) < mostFailing {
				break
			}
			delete(f, other) // any: a flood of names must not fill the memory
		}
	}
	f[who] = times
}

// sweep forgets what does not count any more.
func (f failures) sweep(now time.Time) {
	for who, times := range f {
		if now.Sub(times[len(times)-1]) >= failuresCount {
			delete(f, who)
		}
	}
}
