package sip

import (
	"slices"

	"conclave/rooms"
	"conclave/sip/dialoginfo"
)

// dialogNotices tell whether a phone or a room is in use, for the lamp of a key (RFC 4235). They name nobody: neither who a
// phone talks with, nor the dialog, by which others could take it over.
type dialogNotices struct {
	server    *Server
	who       party
	extension string
	entity    string
	told      dialoginfo.Told
}

func (*dialogNotices) contentType() string { return dialoginfo.ContentType }

func (d *dialogNotices) next(full bool, _ int) (body []byte, more bool, over string) {
	if over := d.server.watchOver(d.who, eventDialog, d.extension); over != "" {
		return nil, false, over
	}
	now := d.server.lamps.of(d.extension)
	if roster, ok := d.server.house.Roster(d.extension); ok {
		now = roomDialogs(roster)
	}
	return d.told.Next(d.entity, now, full), false, ""
}

// roomDialogs is a room as one dialog: confirmed while a conference goes on, early while all who are there wait for a leader.
// Who has not come past the PIN is nobody yet.
func roomDialogs(r rooms.Roster) []dialoginfo.Dialog {
	if len(r.Entries) == 0 {
		return nil
	}
	d := dialoginfo.Dialog{ID: r.Room.Extension, State: dialoginfo.Early, Direction: dialoginfo.Recipient}
	if isActive(r) {
		d.State = dialoginfo.Confirmed
	}
	return []dialoginfo.Dialog{d}
}

// isActive tells whether a conference goes on: somebody is there who does not wait.
func isActive(r rooms.Roster) bool {
	return slices.ContainsFunc(r.Entries, func(e rooms.RosterEntry) bool { return !e.Waiting })
}

// watchOver is why a subscription has to end that there is: rooms, phones and rights may have changed. Empty: it has not.
func (s *Server) watchOver(who party, event, number string) string {
	switch err := s.mayWatch(who, event, number); err {
	case nil:
		return ""
	case errSubscribedTo:
		return overNoResource
	default:
		return overRejected
	}
}
