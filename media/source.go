package media

import (
	"net/netip"
	"time"
)

// The rules by which a leg learns where its audio comes from. A server that believed any
// source would let a stranger who sprays packets over the port range take a call over; one
// that believed the session description alone would be deaf behind NAT.
const (
	qualifyPackets = 3                      // of one SSRC, in sequence
	qualifyWithin  = 250 * time.Millisecond // from the first to the last of them
	relearnAfter   = 1500 * time.Millisecond
	// streamRest is the silence of a stream after which another SSRC from the same address and port takes its place: longer than the
	// longest packets are apart. Who forges the phone's address is not heard beside it then.
	// streamBegins is for how long there has to be nothing but that other stream: a burst is no stream, also where the phone or this
	// machine stands still for a moment. After relearnAfter it need not be.
	streamRest   = 100 * time.Millisecond
	streamBegins = 60 * time.Millisecond
	rebindGap    = 500 // sequence numbers that may pass while a NAT rebinds: 10 s of packets
)

// trust says how far a source is believed before any of its packets was heard.
type trust uint8

const (
	trustNone       trust = iota
	trustNetwork          // a network of the trunk that the call came over
	trustSignalling       // the address that the SIP messages came from
	trustHost             // the address of the session description, another port
	trustExact            // address and port of the session description
)

// source decides whose packets are this leg's audio. It is a plain value: the leg tells it
// each packet that might count and when the locked source was silent.
type source struct {
	heard int64  // when the locked source was heard last, ns
	ssrc  uint32 // of that packet
	seq   uint16
	rival uint32 // another stream from the locked source
	// rivalSince is when the first packet of rival came after one of the stream that is heard, ns; 0: none has.
	rivalSince int64
	locked     netip.AddrPort // zero until one has qualified

	described  netip.AddrPort // of the session description
	signalling netip.Addr
	networks   []netip.Prefix // of a trunk

	candidate      netip.AddrPort
	candidateSSRC  uint32
	candidateSeq   uint16
	candidateCount int
	candidateSince int64
}

// describe starts anew for an address of the session description. The same one changes
// nothing: a hold must not make the leg deaf for a while.
func (s *source) describe(described netip.AddrPort, signalling netip.Addr, networks []netip.Prefix) (changed bool) {
	s.networks = networks // a call's trunk stays the same
	described = netip.AddrPortFrom(described.Addr().Unmap(), described.Port())
	signalling = signalling.Unmap()
	if described == s.described && signalling == s.signalling {
		return false
	}
	if described.Addr().IsValid() && described.Addr().IsUnspecified() && s.described.IsValid() {
		return false // hold by c=0.0.0.0 names no new source
	}
	*s = source{described: described, signalling: signalling, networks: networks}
	return true
}

// trust weighs an address that a packet came from.
func (s *source) trust(from netip.AddrPort) trust {
	host := s.described.Addr()
	switch {
	case from == s.described:
		return trustExact
	case from.Addr() == host:
		return trustHost
	case from.Addr() == s.signalling && (isPrivate(host) || host != s.signalling):
		return trustSignalling
	}
	for _, network := range s.networks {
		if network.Contains(from.Addr()) {
			return trustNetwork
		}
	}
	return trustNone
}

// isPrivate tells addresses that say nothing about where packets will come from: behind NAT.
func isPrivate(a netip.Addr) bool {
	carrierGrade := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10)
	return !a.IsValid() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() || carrierGrade.Contains(a)
}

// admit tells whether a valid RTP packet of the negotiated payload type is this leg's. Its
// source is the locked one from then on.
func (s *source) admit(from netip.AddrPort, ssrc uint32, seq uint16, now int64) bool {
	if from == s.locked && s.locked.IsValid() {
		return s.follow(ssrc, seq, now)
	}
	level := s.trust(from)
	if level == trustNone {
		return false
	}
	if s.locked.IsValid() {
		// A NAT that rebinds shows the same stream from another port, and only that.
		if !s.silent(now) || ssrc != s.ssrc || seq-s.seq == 0 || seq-s.seq > rebindGap {
			return false
		}
	}
	if exact := level == trustExact && !s.locked.IsValid(); !exact && !s.qualifies(from, ssrc, seq, now) {
		return false
	}
	s.locked, s.candidate, s.candidateCount = from, netip.AddrPort{}, 0
	s.ssrc, s.seq, s.heard = ssrc, seq, now
	return true
}

// follow takes note of a packet from the locked source, and tells whether it is of the stream that is heard or, where that has ended,
// of the next one.
func (s *source) follow(ssrc uint32, seq uint16, now int64) bool {
	if ssrc != s.ssrc {
		if s.rival != ssrc || s.rivalSince == 0 {
			s.rival, s.rivalSince = ssrc, now
		}
		if rest := now - s.heard; rest < int64(streamRest) || rest < int64(relearnAfter) && now-s.rivalSince < int64(streamBegins) {
			return false
		}
	}
	if s.rivalSince != 0 {
		s.rivalSince = 0
	}
	s.ssrc, s.seq, s.heard = ssrc, seq, now
	return true
}

// qualifies counts the packets of one rival in a row.
func (s *source) qualifies(from netip.AddrPort, ssrc uint32, seq uint16, now int64) bool {
	follows := from == s.candidate && ssrc == s.candidateSSRC && seq == s.candidateSeq+1 &&
		now-s.candidateSince <= int64(qualifyWithin)
	s.candidateSeq = seq
	if !follows {
		s.candidate, s.candidateSSRC = from, ssrc
		s.candidateCount, s.candidateSince = 1, now
		return false
	}
	s.candidateCount++
	return s.candidateCount >= qualifyPackets
}

// silent tells that the locked source has said nothing for so long that another port of it
// may take its place.
func (s *source) silent(now int64) bool { return now-s.heard > int64(relearnAfter) }
