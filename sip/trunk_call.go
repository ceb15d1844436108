package sip

import (
	"errors"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
)

// dialled is what a request over the trunk asks for behind its DID blocks, nil where the number is in none of them. A
// carrier that calls the address which we registered has the number that was dialled in To (RFC 3261 16.5).
func (t *trunk) dialled(req *sipgo.Request) []string {
	number := unescape(req.Recipient.User)
	if t.secret.user != "" && number == t.secret.user {
		number = unescape(req.To().Address.User)
	}
	return extensionsBehind(number, t.dids)
}

// number is the extension that a request is for: the user part of the Request-URI, unescaped (RFC 3261 19.1.4). Over a
// trunk an extension is dialled as it is or behind the trunk's DID block; known tells which extensions there are.
func (s *Server) number(req *sipgo.Request, from party, known func(string) bool) string {
	user := unescape(req.Recipient.User)
	t := s.trunks.find(from.trunk)
	if t == nil || known(user) {
		return user
	}
	for _, extension := range t.dialled(req) {
		if known(extension) {
			return extension
		}
	}
	return user
}

// errTrunkRoom tells that a room without a PIN is not for callers over a trunk.
var errTrunkRoom = errors.New("calls over this trunk reach rooms with a PIN only")

// admits tells whether callers over a trunk may reach a room: all with a PIN, and without one where the trunk is
// configured so. The error is errTrunkRoom.
func (s *Server) admits(trunk string, room rooms.Room) error {
	t := s.trunks.find(trunk)
	if room.PIN == "" && (t == nil || !t.openRooms) {
		return errTrunkRoom
	}
	return nil
}
