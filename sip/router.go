package sip

import (
	"errors"
	"fmt"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
	"conclave/rooms/dialplan"
)

// GuestPolicy says which rooms callers may reach who have not proven who they are.
type GuestPolicy string

// The policies. Guests with a PIN is what the zero value stands for, too.
const (
	GuestsNone GuestPolicy = "none" // no room
	GuestsPIN  GuestPolicy = "pin"  // rooms that ask for a PIN
	GuestsAll  GuestPolicy = "all"  // all rooms
)

func (p GuestPolicy) valid() error {
	switch p {
	case "", GuestsNone, GuestsPIN, GuestsAll:
		return nil
	}
	return fmt.Errorf("guest policy %q: none, pin or all is right", string(p))
}

// errNoRoom tells that the number that was called is neither a room's nor a phone's.
var errNoRoom = errors.New("no room has this number")

// guestError tells that guests may not call a number, and why.
type guestError struct{ why string }

func (e *guestError) Error() string { return "guests may not call " + e.why }

// destination is where a call goes to.
type destination struct {
	room    rooms.Room // where there is neither of the others
	phone   string     // extension of a phone; empty: none
	outside string     // number that is called over a trunk; empty: none
}

// exists tells whether a number is a room's or a phone's.
func (s *Server) exists(number string) bool {
	_, room := s.house.Room(number)
	_, phone := s.registrar.phone(number)
	return room || phone || s.house.Factory(number)
}

// route finds what a request is for, if from may call it. Its number is the user part of the Request-URI, unescaped
// (RFC 3261 19.1.4), and nothing else; over a trunk it may be behind the trunk's DID block. The error is that of reach.
func (s *Server) route(req *sipgo.Request, from party) (destination, error) {
	return s.reach(s.number(req, from, s.exists), from)
}

// reach is the one place that says what a number stands for and whether a party may reach it, be it by a call or by a
// transfer: from is who wants it, of a transfer who transfers. A number outside that is ours, by a trunk's DID block, is
// not called over the trunk. The error is errNoRoom, errTrunkRoom, a guestError or an outsideError.
func (s *Server) reach(number string, from party) (destination, error) {
	if room, ok := s.house.Room(number); ok {
		return destination{room: room}, s.mayEnter(room, from)
	}
	if s.house.Factory(number) {
		room := s.house.NewTemporary(from.phone)
		return destination{room: room}, s.mayEnter(room, from)
	}
	if _, ok := s.listed.find(number); ok {
		return destination{phone: number}, nil
	}
	if _, ok := s.registrar.phone(number); ok {
		if from.guest() {
			return destination{}, &guestError{"phones"}
		}
		return destination{phone: number}, nil
	}
	if from.phone != "" || from.room != "" {
		if extension, ok := s.ours(number); ok {
			return s.reach(extension, from)
		}
	}
	number = dialplan.Digits(number)
	return destination{outside: number}, s.mayCallOutside(number, from)
}

// decoy is a room in place of one that there is not: a guest is asked for a PIN there as everywhere, and none is right, so
// that he does not find out which rooms there are. The error is errNoRoom where no room could have the number, and for all
// others who call: phones, and trunks, whose networks have to know which numbers there are.
func (s *Server) decoy(req *sipgo.Request, from party) (rooms.Room, error) {
	if from.guest() && s.guests != GuestsNone {
		if room, ok := s.house.Decoy(unescape(req.Recipient.User)); ok {
			return room, nil
		}
	}
	return rooms.Room{}, errNoRoom
}

// ours is the extension of ours that a number stands for behind the DID block of a trunk.
func (s *Server) ours(number string) (extension string, ok bool) {
	for _, t := range s.trunks.all() {
		for _, extension := range extensionsBehind(number, t.dids) {
			if s.exists(extension) {
				return extension, true
			}
		}
	}
	return "", false
}

// mayEnter tells whether a party may call a room; a PIN may be asked of it there. The error is errTrunkRoom or a guestError.
func (s *Server) mayEnter(room rooms.Room, from party) error {
	switch {
	case from.trunk != "":
		return s.admits(from.trunk, room)
	case !from.guest():
		return nil
	case s.guests == GuestsNone:
		return &guestError{"this room: no room takes guests"}
	case s.guests == GuestsPIN && room.PIN == "":
		return &guestError{"this room: it has no PIN"}
	}
	return nil
}
