package sip

import (
	"slices"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms/dialplan"
	"conclave/sip/wire"
)

// outsideError tells that a number outside may not be called, and why.
type outsideError struct {
	from party // who wants it
	why  string
}

func (e *outsideError) Error() string { return e.why }

// carriers are the trunks over which a number may be called, in the order of their names.
func (s *Server) carriers(number string) []*trunk {
	var carriers []*trunk
	for _, t := range s.trunks.all() {
		if dialplan.Allow(t.outside, number) {
			carriers = append(carriers, t)
		}
	}
	slices.SortFunc(carriers, func(a, b *trunk) int { return strings.Compare(a.name, b.name) })
	return carriers
}

// mayCallOutside tells whether a party may call what is neither a room's number nor a phone's. A trunk may not, so that
// nobody comes in over one and goes out over another at our cost; nor may a guest. The error is errNoRoom where no trunk
// carries the number, else a guestError or an outsideError.
func (s *Server) mayCallOutside(number string, from party) error {
	if number == "" || len(number) > dialplan.Longest || len(s.carriers(number)) == 0 {
		return errNoRoom
	}
	switch {
	case from.guest():
		return &guestError{"numbers outside"}
	case from.trunk != "":
		return &outsideError{from, "a call that came over a trunk does not go out over one"}
	}
	if !dialplan.Allow(s.allowedOutside(from), number) {
		return &outsideError{from, from.String() + " may not call this number outside"}
	}
	return nil
}

// allowedOutside is what a phone or a room may call outside.
func (s *Server) allowedOutside(from party) []dialplan.Pattern {
	if from.room != "" {
		room, _ := s.house.Room(from.room)
		return room.Options.CallOutAllow
	}
	phone, _ := s.registrar.phone(from.phone)
	patterns := make([]dialplan.Pattern, len(phone.Outside.Allow))
	for i, text := range phone.Outside.Allow {
		patterns[i] = dialplan.Pattern(text)
	}
	return patterns
}

// outsideCallee is whom a number outside stands for, for a call from someone who may call it.
func (s *Server) outsideCallee(number string, from party) (callee, error) {
	to := callee{number: number, callerTransfers: from.phone != "", payers: []payer{s.payer(from)}}
	var offline error
	for _, t := range s.carriers(number) {
		contacts, err := t.contacts(number)
		if err != nil {
			offline = err
			continue
		}
		for _, c := range contacts {
			to.groups = append(to.groups, []contact{c})
		}
	}
	if len(to.groups) == 0 && offline != nil {
		s.log.Warn("no trunk that carries the number can be reached", "number", number, "error", offline)
		return callee{}, errUnreachable
	}
	return to, nil
}

// payer is who pays for the calls outside of a phone or a room.
func (s *Server) payer(from party) payer {
	if from.room != "" {
		room, _ := s.house.Room(from.room)
		return payer{from, room.Options.MaxOutCalls, room.Options.MaxOutPerDay}
	}
	phone, _ := s.registrar.phone(from.phone)
	return payer{from, phone.Outside.AtOnce, phone.Outside.PerDay}
}

// payer is the trunk as one that pays for the calls over it.
func (t *trunk) payer() payer { return payer{party{trunk: t.name}, t.atOnce, t.perDay} }

// caller is the address of who calls over the trunk, which callees are shown: the number that is configured, or his own
// behind the trunk's first DID block in international form.
func (t *trunk) caller(number string, peer wire.Peer) sipgo.Uri {
	uri := t.us(peer)
	switch {
	case t.callerID != "":
		number = t.callerID
	case number != "" && strings.Trim(number, "0123456789") == "":
		for _, block := range t.dids {
			if strings.HasPrefix(string(block), "+") {
				number = string(block) + number
				break
			}
		}
	}
	if number != "" {
		uri.User = escape(number)
	}
	return uri
}
