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
}

func (p party) guest() bool { return p == party{} }

// errIdentity tells that who has authenticated speaks in another's name.
var errIdentity = errors.New("the caller's address is not that of who has authenticated")

// identify finds out who a request outside of dialogs comes from. The error is what it is refused with: a challenge
// (401) where its destination is not for guests, or its From is that of a phone that has registered from there; else
// who shows no credentials is a guest. Where there is no phone nobody could answer a challenge, so that none is made.
func (s *Server) identify(req *sipgo.Request, tx *wire.ServerTx) (party, error) {
	peer := tx.Peer()
	extension, err := s.authenticate(req, peer)
	if err != nil {
		return party{}, err
	}
	if extension != "" {
		return party{phone: extension}, nil
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

// errClaim is why a caller is challenged who says that he is a phone which we know to be at his address.
var errClaim = errors.New("this phone has registered, and has to authenticate")

// authenticate returns the extension of the phone whose credentials a request shows: empty without any. Who has
// authenticated speaks for himself only: From is his address and, in a REGISTER, To (RFC 3261 10.3).
func (s *Server) authenticate(req *sipgo.Request, peer wire.Peer) (extension string, err error) {
	credentials := credentialsOf(req)
	if credentials == nil {
		return "", nil
	}
	extension = credentials.Username
	if err := s.digests.verify(req, credentials, peer, s.registrar.digestsOf); err != nil {
		return "", err
	}
	if unescape(req.From().Address.User) != extension ||
		req.Method == sipgo.REGISTER && unescape(req.To().Address.User) != extension {
		s.digests.report(peer, extension, "identity")
		return "", errIdentity
	}
	return extension, nil
}
