package sip

import (
	"slices"
	"strings"
	"time"
)

// Registration is a place where a phone has registered, as operators see it.
type Registration struct {
	Extension string     `json:"extension"`
	Contact   string     `json:"contact"`    // URI
	Transport string     `json:"transport"`  // udp or tcp
	Address   string     `json:"address"`    // where it registered from, and is called
	Agent     string     `json:"user_agent"` // as it says
	Expires   time.Time  `json:"expires"`
	Seen      *time.Time `json:"last_seen,omitempty"`     // the last sign of life; none since the server has started
	RoundTrip float64    `json:"round_trip_ms,omitempty"` // of the last OPTIONS that was answered
	Lost      int        `json:"unanswered"`              // OPTIONS since the last sign of life
}

// Registrations is where phones have registered now, sorted by extension.
func (s *Server) Registrations() []Registration {
	r := s.registrar
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	list := []Registration{}
	for extension, bindings := range r.bindings {
		for _, b := range bindings {
			if !b.expires.After(now) {
				continue
			}
			entry := Registration{
				Extension: extension,
				Contact:   b.contact.String(),
				Transport: strings.ToLower(b.peer.Transport),
				Address:   b.peer.Remote.String(),
				Agent:     b.agent,
				Expires:   now.Add(b.expires.Sub(now)).UTC().Truncate(time.Second),
				RoundTrip: float64(b.health.trip.Microseconds()) / 1000,
				Lost:      b.health.lost,
			}
			if !b.health.seen.IsZero() {
				seen := b.health.seen.UTC().Truncate(time.Second)
				entry.Seen = &seen
			}
			list = append(list, entry)
		}
	}
	slices.SortStableFunc(list, func(a, b Registration) int { return strings.Compare(a.Extension, b.Extension) })
	return list
}
