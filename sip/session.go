package sip

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"conclave/media"
	"conclave/sip/sdp"
)

// session is our side of what offers and answers have settled in a dialog. It is a value: an
// exchange that comes to nothing is forgotten with the copy that it was tried on.
type session struct {
	local sdp.Local
	sent  []byte // our last description
	// networks are those that a trunk's audio may come from; nil for others.
	networks []netip.Prefix
	// security is what was agreed on last, if anything was; nil: plain audio. exposed tells that others can read what we send.
	security        *media.Security
	agreed, exposed bool
}

func newSession(address netip.Addr, port uint16) session {
	return session{local: sdp.Local{
		Address:   address,
		Port:      port,
		SessionID: rand.Uint64() >> 2, // fits into the signed numbers of all readers
		Codecs:    media.Codecs(),
		Direction: media.SendRecv,
	}}
}

// answer answers an offer that came from the address signalling. The error is a *sdp.Refusal.
func (s session) answer(offer *sdp.Session, signalling netip.Addr) (session, media.Remote, error) {
	answer, remote, err := sdp.Answer(offer, s.local, signalling)
	if err != nil {
		return s, remote, err
	}
	if s.rekeyed(remote) {
		s.local.Keys = sdp.NewKeys()
		if answer, remote, err = sdp.Answer(offer, s.local, signalling); err != nil {
			return s, remote, err
		}
	}
	if !bytes.Equal(answer.Bytes(), s.sent) {
		// The version tells the far end that something differs (RFC 3264 8).
		s.local.Version++
		answer, remote, err = sdp.Answer(offer, s.local, signalling)
		if err != nil {
			return s, remote, err
		}
		s.sent = answer.Bytes()
	}
	remote.Networks = s.networks
	return s, remote, nil
}

// offer makes an offer of the codecs.
func (s session) offer(codecs ...media.Codec) (session, *sdp.Session) {
	local := s.local
	local.Codecs = codecs
	if !s.offersKeys() {
		local.Keys = nil
	}
	offer := sdp.Offer(local)
	if !bytes.Equal(offer.Bytes(), s.sent) {
		local.Version++
		offer = sdp.Offer(local)
		s.local.Version = local.Version
		s.sent = offer.Bytes()
	}
	return s, offer
}

// again offers what our last description says: to the far end it is no other one (RFC 3264 8).
func (s session) again() (session, *sdp.Session) {
	said, err := sdp.Parse(s.sent)
	if err != nil { // there is none
		return s.offer(s.local.Codecs...)
	}
	return s, said
}

// accept settles the far end's answer to our offer.
func (s session) accept(offer, answer *sdp.Session, signalling netip.Addr) (media.Remote, error) {
	remote, err := sdp.Accept(offer, answer, s.local, signalling)
	remote.Networks = s.networks
	return remote, err
}

// leavesChoice tells whether an answer lists more than one of our codecs.
func (s session) leavesChoice(answer *sdp.Session) bool {
	n := 0
	for _, m := range answer.Media {
		if m.Port == 0 {
			continue
		}
		for _, f := range m.Formats {
			if slices.ContainsFunc(s.local.Codecs, func(c media.Codec) bool { return strings.EqualFold(c.Name(), f.Name) }) {
				n++
			}
		}
	}
	return n > 1
}
