package sip

import (
	"cmp"
	"fmt"
	"sync"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
	"conclave/sip/confinfo"
)

// sheets are what there is to be told of rooms at the moment. Each is made once for all who have subscribed to a room, as there
// may be as many as there are members, and each of these would be written for each of those. The zero value is ready for use.
type sheets struct {
	mu      sync.Mutex
	changes map[string]uint64 // of each room, how often something has happened there
	all     uint64            // how often something may have happened everywhere
	made    map[sheetKey]*sheet
}

// sheetKey is a room, and the address of ours by which those are told of it who read the sheet.
type sheetKey struct{ extension, at string }

// sheet is what there is to be told of a room.
type sheet struct {
	confinfo.Conference
	changes, all uint64
	closed       bool           // only members are told who is there
	members      map[party]bool // phones and trunks by which somebody is
}

// mayList tells whether a subscriber is told who is in the room. What a PIN keeps to those who know it is not told to others.
func (s *sheet) mayList(who party) bool { return !s.closed || s.members[who] }

// outdate says that something has happened in a room.
func (l *sheets) outdate(extension string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changes == nil {
		l.changes = make(map[string]uint64)
	}
	l.changes[extension]++
}

// outdateAll says so of all rooms.
func (l *sheets) outdateAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all++
}

// forget is for a room that nobody subscribes to any more.
func (l *sheets) forget(extension string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key := range l.made {
		if key.extension == extension {
			delete(l.made, key)
		}
	}
	delete(l.changes, extension)
}

// sheet is that of a room, which is not changed by anybody, with addresses as at is one. It is false where there is no such room.
func (s *Server) sheet(extension string, at sipgo.Uri) (*sheet, bool) {
	at.User = ""
	l, key := &s.sheets, sheetKey{extension, at.String()}
	l.mu.Lock()
	made, changes, all := l.made[key], l.changes[extension], l.all
	l.mu.Unlock()
	if made != nil && made.changes == changes && made.all == all {
		return made, true
	}
	roster, ok := s.house.Roster(extension)
	if !ok {
		return nil, false
	}
	made = newSheet(roster, at)
	made.changes, made.all = changes, all
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made == nil {
		l.made = make(map[sheetKey]*sheet)
	}
	l.made[key] = made
	return made, true
}

func newSheet(r rooms.Roster, at sipgo.Uri) *sheet {
	uri := func(user string) string {
		at.User = user
		return at.String()
	}
	s := &sheet{closed: r.Room.PIN != "", members: make(map[party]bool)}
	s.Conference = confinfo.Conference{Name: r.Room.Name, URI: uri(r.Room.Extension), Most: r.Room.Options.MaxMembers,
		Count: len(r.Entries), Active: isActive(r), Locked: r.Locked}
	var users []sheetUser // a phone is one user, with however many devices it is there
	place := make(map[string]int)
	for _, e := range r.Entries {
		s.members[party{phone: e.Caller.Phone, trunk: e.Caller.Trunk}] = true
		member := uri(memberUser(e.Member))
		u := sheetUser{entity: member, name: cmp.Or(Mask(e.Caller.Name), Mask(e.Caller.Number), "Anonymous")}
		if e.Caller.Phone != "" && !e.Caller.Private {
			u = sheetUser{entity: uri(e.Caller.Phone), name: cmp.Or(e.Caller.Name, e.Caller.Phone)}
		}
		i, known := place[u.entity]
		if !known {
			i = len(users)
			place[u.entity] = i
			users = append(users, u)
		}
		users[i].moderates = users[i].moderates || e.Moderator
		users[i].endpoints = append(users[i].endpoints, confinfo.Endpoint{Entity: member, Status: statusIn(e), DialedOut: e.Invited,
			Joined: e.Since, SSRC: e.SSRC})
	}
	for _, u := range users {
		role := confinfo.Participant
		if u.moderates {
			role = confinfo.Moderator
		}
		s.Users = append(s.Users, confinfo.NewUser(u.entity, u.name, role, u.endpoints...))
	}
	return s
}

type sheetUser struct {
	entity, name string
	moderates    bool
	endpoints    []confinfo.Endpoint
}

// statusIn is how a member takes part.
func statusIn(e rooms.RosterEntry) confinfo.Status {
	switch {
	case e.Held, e.Waiting: // either is neither heard nor hears
		return confinfo.OnHold
	case e.Muted:
		return confinfo.MutedViaFocus
	}
	return confinfo.Connected
}

// memberUser is the user part of a member's address: who is no phone of ours has no other, so that his number is not told.
func memberUser(number int) string { return fmt.Sprintf("member-%d", number) }
