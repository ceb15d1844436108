package sip

import (
	"slices"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
)

// contact is where a request of ours that begins something may go, a call above all.
type contact struct {
	target sipgo.Uri   // the Request-URI
	peer   wire.Peer   // where requests are sent to, whatever the target says
	routes []sipgo.Uri // its Route header, in order (RFC 3327 5.1); nil: none
	server string      // that it is one of the addresses of, of which one is called after the other; empty: it is a phone
	trunk  *trunk      // over which it is reached; nil: none
}

// callee is whom a number stands for. Where he is reached over a trunk, who he is to us is that of his contact.
type callee struct {
	number string
	who    party // what he is to us
	// groups of contacts are rung one group after the other, each for ringTime; all of a group ring at once.
	groups   [][]contact
	ringTime time.Duration // 0: the server's
	// credentials are for a trunk that asks for them; without a user its challenge is a refusal.
	credentials credentials
	// payers are those, beside the trunk, whose calls outside a call to him is one of; nil: it is none.
	payers []payer
	// callerTransfers says whether the caller may transfer the callee by the transfer code: he has proven to be a phone of
	// ours. A callee that is one may do so in any case.
	callerTransfers bool
}

// directory finds the phone that has a number. It may be nil: no phone is in it.
type directory func(number string) (callee, bool)

func (d directory) find(number string) (callee, bool) {
	if d == nil {
		return callee{}, false
	}
	return d(number)
}

// callee is the phone that has a number, for a call from someone.
func (s *Server) callee(number string, from party) callee {
	if listed, ok := s.listed.find(number); ok {
		return listed
	}
	phone, _ := s.registrar.phone(number)
	return callee{
		number:          number,
		who:             party{phone: number},
		groups:          [][]contact{s.contacts(number)},
		ringTime:        phone.RingTime,
		callerTransfers: from.phone != "",
	}
}

// isOwn tells whether a contact is this server: calling it would never end.
func (s *Server) isOwn(to contact) bool {
	return slices.ContainsFunc(s.listeners, func(l wire.Listener) bool {
		at, remote := l.Addr(), to.peer.Remote
		if !strings.EqualFold(l.Transport(), to.peer.Transport) || at.Port() != remote.Port() {
			return false
		}
		return at.Addr() == remote.Addr() || at.Addr().IsUnspecified() && remote.Addr() == to.peer.Local.Addr()
	})
}
