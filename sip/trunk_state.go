package sip

import (
	"net/netip"
	"slices"
	"time"
)

// TrunkState is what is known of a trunk now.
type TrunkState struct {
	Name string `json:"name"`
	// Unresolved says why the peer's host has no address, or why what is known of it is from earlier; empty: it has.
	Unresolved string `json:"unresolved,omitempty"`
	// Targets are the peer's addresses, in the order in which they are tried.
	Targets []TargetState `json:"targets"`
	// Registration is nil for a trunk that does not register.
	Registration *RegistrationState `json:"registration,omitempty"`
}

// TargetState is what is known of one address of a peer.
type TargetState struct {
	Address netip.AddrPort `json:"address"`
	// Reachable: it has answered, and not been silent three times in a row since.
	Reachable bool `json:"reachable"`
	// RoundTrip is that of the last OPTIONS which was answered, in ms; 0: none was.
	RoundTrip float64 `json:"round_trip_ms,omitempty"`
	// Since is when it was asked first without an answer, Failure what came of it; empty: it has answered last.
	Since   time.Time `json:"since,omitzero"`
	Failure string    `json:"failure,omitempty"`
}

// RegistrationState is what is known of our registration with a peer. An earlier registration may last on although the
// last try to refresh it has failed.
type RegistrationState struct {
	Registered bool           `json:"registered"`
	Address    netip.AddrPort `json:"address,omitzero"` // where
	Until      time.Time      `json:"until,omitzero"`
	Failure    string         `json:"failure,omitempty"` // of the last try
	Since      time.Time      `json:"since,omitzero"`    // it fails
	Retry      time.Time      `json:"retry,omitzero"`    // when it is tried again
}

// state is what Trunks tells.
func (t *trunk) state() TrunkState {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := TrunkState{Name: t.name, Unresolved: t.unresolved, Targets: []TargetState{}}
	for _, target := range t.targets {
		s.Targets = append(s.Targets, TargetState{
			Address:   target.address,
			Reachable: target.answered && !target.dead(),
			RoundTrip: float64(target.roundTrip.Microseconds()) / 1000,
			Since:     target.since.UTC(),
			Failure:   target.failure,
		})
	}
	if t.register {
		registered := t.registered
		s.Registration = &registered
	}
	return s
}

// report takes what has become of our registration.
func (t *trunk) report(s RegistrationState) {
	t.mu.Lock()
	before := t.registered
	t.registered = s
	t.mu.Unlock()
	switch {
	case s.Failure != "" && s.Failure != before.Failure:
		t.server.log.Warn("trunk not registered", "trunk", t.name, "reason", s.Failure)
	case s.Registered && (!before.Registered || before.Failure != "" || before.Address != s.Address):
		t.server.log.Info("trunk registered", "trunk", t.name, "address", s.Address)
	}
}

// addresses are where requests are to be sent to, dead ones last: they may only seem so.
func (t *trunk) addresses() []netip.AddrPort {
	var addresses []netip.AddrPort
	for _, target := range t.inOrder() {
		addresses = append(addresses, target.address)
	}
	return addresses
}

// usable tells whether an address is the peer's, and not dead.
func (t *trunk) usable(address netip.AddrPort) bool {
	return slices.ContainsFunc(t.inOrder(), func(target target) bool { return target.address == address && !target.dead() })
}

// healthy tells whether an address is the peer's, and answered when it was asked last.
func (t *trunk) healthy(address netip.AddrPort) bool {
	return slices.ContainsFunc(t.inOrder(), func(target target) bool {
		return target.address == address && target.answered && target.failures == 0
	})
}

// inOrder is a copy of the targets as they are to be tried.
func (t *trunk) inOrder() []target {
	t.mu.Lock()
	defer t.mu.Unlock()
	var alive, dead []target
	for _, target := range t.targets {
		if target.dead() {
			dead = append(dead, *target)
		} else {
			alive = append(alive, *target)
		}
	}
	return append(alive, dead...)
}

// knows tells whether an address is one that calls over this trunk come from.
func (t *trunk) knows(address netip.Addr) bool {
	return t.isAt(address) || slices.ContainsFunc(t.allow, func(n netip.Prefix) bool { return n.Contains(address) })
}

// isAt tells whether an address is one of the peer's.
func (t *trunk) isAt(address netip.Addr) bool {
	if address == t.fixed {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.targets, func(target *target) bool { return target.address.Addr() == address })
}
