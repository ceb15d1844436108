package sip

import (
	"slices"
	"strings"
	"time"

	"conclave/rooms"
)

// String is a pair of user and address as operators see it.
func (f failing) String() string { return f.user + " at " + f.from.String() }

// Bans are the users who have failed to authenticate too often from an address, so that they wait there.
func (s *Server) Bans() []rooms.Ban {
	d := s.digests
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	bans := []rooms.Ban{}
	for who, times := range d.failures {
		if left := d.failures.waits(who, now); left > 0 {
			bans = append(bans, rooms.Ban{Who: who.String(), What: "no password of his is right there", Failures: len(times), Until: now.Add(left).UTC()})
		}
	}
	slices.SortFunc(bans, func(a, b rooms.Ban) int { return strings.Compare(a.Who, b.Who) })
	return bans
}

// ClearBans forgets the failures of a user at an address, named as Bans does, or with an empty who all. It returns of how many.
func (s *Server) ClearBans(who string) int {
	d := s.digests
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for f := range d.failures {
		if who == "" || who == f.String() {
			delete(d.failures, f)
			n++
		}
	}
	return n
}
