package rooms

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"conclave/media/fault"
	"conclave/store"
)

// How often PINs may be wrong.
const (
	callerFailures = 10  // of one caller in failureHour; then no PIN of his is right
	roomFailures   = 30  // of one room in failureHour
	roomFailDay    = 100 // and in failureDay; then each call has one try, and waits failureDelay for what it has come to

	failureHour  = time.Hour
	failureDay   = 24 * time.Hour
	failureDelay = 5 * time.Second

	mostFailing = 20_000           // callers and rooms that are counted
	anonymous   = "without number" // callers over a trunk who withhold theirs
)

// PINGuard counts PINs that were not right, by caller and by room, so that nobody finds one by trying. A room is never locked, for that would be in the hands of whoever tries. Its methods may be
// called from any goroutine.
type PINGuard struct {
	log    *slog.Logger
	faults *fault.Log
	db     *store.DB // nil: nothing outlives the process

	mu      sync.Mutex
	failed  map[string][]time.Time // by caller or room, oldest first, no more than count for it
	unsaved []store.PINFailure

	stop func()
	work sync.WaitGroup
}

// Ban is somebody who has failed too often, or a room for which that is so.
type Ban struct {
	Who      string    `json:"who"`
	What     string    `json:"what"`     // it means
	Failures int       `json:"failures"` // that count now
	Until    time.Time `json:"until"`    // UTC, if nothing more is wrong
}

// roomKey is a room as it is counted by, that there is or not: who tries must not find out which there are.
func roomKey(extension string) string { return "room " + extension }

// callerKey is a caller as he is counted by: the phone that he has proven to be, his number on a trunk, else his address, of
// IPv6 the /64.
func callerKey(c Caller) string {
	switch {
	case c.Phone != "":
		return "phone " + c.Phone
	case c.Trunk != "" && c.Number == "":
		return "trunk " + c.Trunk + " " + anonymous
	case c.Trunk != "":
		return "trunk " + c.Trunk + " " + c.Number
	}
	address := c.Address.Addr().Unmap().WithZone("")
	if address.Is6() {
		return netip.PrefixFrom(address, 64).Masked().String()
	}
	return address.String()
}

// pinDoor is the guard as one call meets it; nil: there is none, and each call has three tries.
type pinDoor struct {
	guard        *PINGuard
	caller, room string
	who          Caller
}

func (g *PINGuard) door(c Caller, room Room) *pinDoor {
	if g == nil {
		return nil
	}
	return &pinDoor{guard: g, caller: callerKey(c), room: roomKey(room.Extension), who: c}
}

// pinTerms are what an entry is taken on.
type pinTerms struct {
	tries  int           // of this call
	delay  time.Duration // until it is told what the entry has come to
	barred bool          // no PIN is right
}

// terms are those of now.
func (d *pinDoor) terms() pinTerms {
	if d == nil {
		return pinTerms{tries: pinTries}
	}
	d.guard.mu.Lock()
	defer d.guard.mu.Unlock()
	return d.termsAt(time.Now())
}

func (d *pinDoor) termsAt(now time.Time) pinTerms {
	g := d.guard
	over := g.since(d.caller, now.Add(-failureHour)) >= callerFailures
	barred := over && !strings.HasSuffix(d.caller, anonymous) // those who withhold their numbers are many
	if over || g.since(d.room, now.Add(-failureHour)) >= roomFailures || g.since(d.room, now.Add(-failureDay)) >= roomFailDay {
		return pinTerms{tries: 1, delay: failureDelay, barred: barred}
	}
	return pinTerms{tries: pinTries}
}

// judge counts what an entry with digits has come to, and tells whether it opens the door: nobody's does who has failed too
// often, however many calls he has at once.
func (d *pinDoor) judge(verdict pinVerdict) pinVerdict {
	if d == nil {
		return verdict
	}
	now, g := time.Now(), d.guard
	g.mu.Lock()
	defer g.mu.Unlock()
	barred := d.termsAt(now).barred
	if verdict.admits() && !barred {
		return verdict
	}
	if verdict.admits() {
		verdict = pinWrong
	}
	if barred {
		return verdict // it tells him nothing, and so is no try
	}
	g.add(d.caller, now)
	g.add(d.room, now)
	if g.since(d.caller, now.Add(-failureHour)) == callerFailures && d.termsAt(now).barred {
		g.report(d)
	}
	return verdict
}

// report writes the line that fail2ban looks for (docs/fail2ban), if it is an address that has failed: it is one that has
// had our answers, and stands before all that others can choose.
func (g *PINGuard) report(d *pinDoor) {
	args := []any{"event", "pin_barred"}
	if d.who.Phone == "" && d.who.Trunk == "" {
		args = append(args, "ip", d.who.Address.Addr().Unmap().WithZone("").String())
	} else {
		args = append(args, "caller", d.caller)
	}
	g.log.Warn("security", append(args, "room", strings.TrimPrefix(d.room, "room "))...)
}

// since is how many failures there were from a moment on. g.mu is held.
func (g *PINGuard) since(who string, moment time.Time) int {
	times := g.failed[who]
	i, _ := slices.BinarySearchFunc(times, moment, time.Time.Compare)
	return len(times) - i
}

// add counts a failure. g.mu is held.
func (g *PINGuard) add(who string, at time.Time) {
	g.count(who, at)
	if g.db != nil {
		g.unsaved = append(g.unsaved, store.PINFailure{Who: who, At: at})
	}
}

func (g *PINGuard) count(who string, at time.Time) {
	most := callerFailures
	if strings.HasPrefix(who, "room ") {
		most = roomFailDay
	}
	if len(g.failed) >= mostFailing && g.failed[who] == nil {
		g.sweep(at)
		for other := range g.failed {
			if len(g.failed) < mostFailing {
				break
			}
			if len(g.failed[other]) < callerFailures {
				delete(g.failed, other) // any that has no consequence yet
			}
		}
		if len(g.failed) >= mostFailing {
			return
		}
	}
	times := append(g.failed[who], at)
	g.failed[who] = times[max(0, len(times)-most):]
}

// sweep forgets what does not count any more. g.mu is held.
func (g *PINGuard) sweep(now time.Time) {
	for who, times := range g.failed {
		keep := failureHour
		if strings.HasPrefix(who, "room ") {
			keep = failureDay
		}
		if now.Sub(times[len(times)-1]) > keep {
			delete(g.failed, who)
		}
	}
}

// Bans are those that there are now, callers first.
func (g *PINGuard) Bans() []Ban {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	bans := []Ban{}
	for who, times := range g.failed {
		hour, day := g.since(who, now.Add(-failureHour)), g.since(who, now.Add(-failureDay))
		ban := Ban{Who: who, Failures: hour, What: "no PIN of his is right"}
		room := strings.HasPrefix(who, "room ")
		switch {
		case !room && hour >= callerFailures:
			ban.Until = times[len(times)-callerFailures].Add(failureHour)
			if strings.HasSuffix(who, anonymous) {
				ban.What = "one try in a call, answered after 5 s"
			}
		case room && (hour >= roomFailures || day >= roomFailDay):
			ban.What = "one try in a call, answered after 5 s"
			if hour >= roomFailures {
				ban.Until = times[len(times)-roomFailures].Add(failureHour)
			}
			if day >= roomFailDay {
				ban.Failures, ban.Until = day, times[len(times)-roomFailDay].Add(failureDay)
			}
		default:
			continue
		}
		ban.Until = ban.Until.UTC()
		bans = append(bans, ban)
	}
	slices.SortFunc(bans, func(a, b Ban) int { return strings.Compare(a.Who, b.Who) })
	return bans
}
