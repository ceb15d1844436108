package sip

import (
	"errors"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
)

// party is who a request or a call comes from, as far as it has been proven. The zero value is a guest.
type party struct {
	phone string // extension of the phone that authenticated; empty: none
	trunk string // name of the trunk that it came over; empty: none
	room  string // extension of the room that calls somebody in, by an operator's order; empty: none
}

func (p party) guest() bool { return p == party{} }

// String is the party in words, for people and as the name that its calls outside are counted by.
func (p party) String() string {
	switch {
	case p.phone != "":
		return "phone " + p.phone
	case p.trunk != "":
		return "trunk " + p.trunk
	case p.room != "":
		return "room " + p.room
	}
	return "a guest"
}

// errIdentity tells that who has authenticated speaks in another's name.
var errIdentity = errors.New("the caller's address is not that of who has authenticated")

// identify finds out who a request outside of dialogs comes from. The error is what it is refused with: a challenge
// (401) where its destination is not for guests, or its From is that of a phone that has registered from there; else
// who shows no credentials is the trunk whose address he has, or a guest. Where there is no phone nobody could answer a challenge, so that none is made.
func (s *Server) identify(req *sipgo.Request, tx *wire.ServerTx) (party, error) {
	peer := tx.Peer()
	from, err := s.authenticate(req, peer)
	if err != nil {
		return from, err
	}
	if !from.guest() {
		tx.Trust()
		return from, nil
	}
	if trunk, ok := s.trunkOf(req, peer); ok {
		tx.Trust()
		return party{trunk: trunk}, nil
	}
	if s.accountDialled(req) {
		return party{}, s.digests.challenge(req, peer, errTrunkUnknown)
	}
	if s.registrar.empty() {
		return party{}, nil
	}
	var guest *guestError
	if _, err := s.route(req, party{}); errors.As(err, &guest) {
		return party{}, s.digests.challenge(req, peer, guest)
	}
	if s.registrar.registeredAt(unescape(req.From().Address.User), peer.Remote.Addr()) {
		return party{}, s.digests.challenge(req, peer, errClaim)
	}
	return party{}, nil
}

// errTrunkUnknown is why a caller is challenged who dials a number of a trunk that has a password.
var errTrunkUnknown = errors.New("this number is a trunk's, and the address is not known as the trunk's")

// errClaim is why a caller is challenged who says that he is a phone which we know to be at his address.
var errClaim = errors.New("this phone has registered, and has to authenticate")

// authenticate finds out whose credentials a request shows: a guest's without any. A phone that has authenticated speaks
// for itself only: From is its address and, in a REGISTER, To (RFC 3261 10.3). A trunk speaks for whoever calls over it.
func (s *Server) authenticate(req *sipgo.Request, peer wire.Peer) (party, error) {
	credentials := credentialsOf(req)
	if credentials == nil {
		return party{}, nil
	}
	user, known := credentials.Username, s.digestsOf
	if req.Method == sipgo.REGISTER {
		known = s.registrar.digestsOf
	}
	if err := s.digests.verify(req, credentials, peer, known); err != nil {
		return party{}, err
	}
	if _, phone := s.registrar.phone(user); !phone {
		trunk, _, _ := s.trunkAccount(user)
		return party{trunk: trunk}, nil
	}
	if unescape(req.From().Address.User) != user || req.Method == sipgo.REGISTER && unescape(req.To().Address.User) != user {
		s.digests.report(peer, user, "identity")
		return party{}, errIdentity
	}
	return party{phone: user}, nil
}

// digestsOf are those of a phone's password or a trunk's. For a trunk's they have to be computed, and so that the time which
// that takes tells nobody what there is, they are for everybody.
func (s *Server) digestsOf(user string) (Digests, bool) {
	_, account, ok := s.trunkAccount(user)
	digests := DigestsOf(user, account.password)
	if of, phone := s.registrar.digestsOf(user); phone {
		return of, true
	}
	return digests, ok
}
