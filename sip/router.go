package sip

import (
	"errors"
	"fmt"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
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

// errNoRoom tells that the number that was called is no room's extension.
var errNoRoom = errors.New("no room has this number")

// guestError tells that guests may not reach a room, and why.
type guestError struct{ why string }

func (e *guestError) Error() string { return "guests may not call this room: " + e.why }

// route finds the room that a request is for. Its extension is the user part of the
// Request-URI, unescaped (RFC 3261 19.1.4), and nothing else. The error is errNoRoom or a
// guestError.
func (s *Server) route(req *sipgo.Request) (rooms.Room, error) {
	room, ok := s.house.Room(unescape(req.Recipient.User))
	switch {
	case !ok:
		return rooms.Room{}, errNoRoom
	case s.guests == GuestsNone:
		return rooms.Room{}, &guestError{"no room takes guests"}
	case s.guests == GuestsPIN && room.PIN == "":
		return rooms.Room{}, &guestError{"it has no PIN"}
	}
	return room, nil
}
