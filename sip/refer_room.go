package sip

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
	"conclave/sip/wire"
)

// referralLasts is how long it is told at most what comes of a REFER to a room: longer than anybody rings and is asked.
const referralLasts = 5 * time.Minute

// Why a REFER to a room is refused.
var (
	errReferCallee    = &referError{sipgo.StatusForbidden, "a room calls in phones and numbers outside, and no rooms"}
	errReferModerator = &referError{sipgo.StatusForbidden, "moderators of the conference may remove members, and no others"}
	errReferTalk      = &referError{sipgo.StatusForbidden, "in a call with somebody a REFER may ask for an INVITE and for nothing else"}
	errNoMember       = &referError{sipgo.StatusNotFound, "there is no such member"}
)

// referRoom serves a REFER outside of calls (RFC 4579 5.5 and 5.11): a phone has a room call somebody in, whom it may call itself
// and who counts for its own caps, or, as a moderator of the conference, remove a member.
func (s *Server) referRoom(req *sipgo.Request, tx *wire.ServerTx) error {
	if r := wire.Unacceptable(req, extensions); r != nil {
		return rejected{r}
	}
	who, err := s.subscriber(req, tx.Peer())
	if err != nil {
		return err
	}
	if who.phone == "" {
		return errReferGuest
	}
	room, ok := s.house.Room(s.number(req, who, s.exists))
	if !ok {
		return errReferOutside
	}
	order, err := readRefer(req)
	switch {
	case err != nil:
		return err
	case order.replaces != nil:
		return errReferOutside
	case !s.isHere(order.to, tx.Peer(), req.To().Address, who.phone):
		return errReferElsewhere
	}
	number := unescape(order.to.User)
	if order.removes {
		err := s.remove(who, room.Extension, number)
		if errors.Is(err, errReferModerator) {
			return err
		}
		return s.answerReferral(req, tx, who, room, order, func(func(status)) error { return err })
	}
	to, err := s.reach(number, who)
	switch {
	case err != nil:
		return err
	case to.room.ID != "":
		return errReferCallee
	}
	invitation := Invitation{Room: room.Extension, Callee: number, NoPIN: s.moderates(who, room.Extension), by: who}
	return s.answerReferral(req, tx, who, room, order, func(tell func(status)) error {
		return s.Invite(s.invitations.ctx, invitation, func(step InvitationStep) {
			if step == InvitationRinging {
				tell(status{sipgo.StatusRinging, "Ringing"})
			}
		})
	})
}

// answerReferral accepts a REFER, and tells by NOTIFY what comes of the work that it asks for.
func (s *Server) answerReferral(req *sipgo.Request, tx *wire.ServerTx, who party, room rooms.Room, order referOrder, work func(tell func(status)) error) error {
	done, ok := s.invitations.begin()
	if !ok {
		return errShutdown
	}
	told := &referNotices{latest: status{sipgo.StatusTrying, "Trying"}}
	tell := func(st status, over bool) { told.set(st, over) }
	if order.silent {
		if err := tx.Reply(sipgo.StatusAccepted, "Accepted", sipgo.NewHeader("Refer-Sub", "false")); err != nil {
			s.log.Debug("202 not sent", "error", err)
		}
	} else {
		n := newNotifier(s, req, tx, who, eventRefer, room.Extension)
		n.content = told
		tell = func(st status, over bool) {
			told.set(st, over)
			n.poke()
		}
		n.mail.post(subscribed{request: request{req, tx}, lasts: referralLasts, status: sipgo.StatusAccepted})
		if err := s.subscriptions.begin(n); err != nil {
			done()
			return err
		}
	}
	go func() {
		defer done()
		defer s.survive(nil)
		result := status{sipgo.StatusOK, "OK"}
		err := s.faults.Do("do what a phone refers to", func() error { return work(func(st status) { tell(st, false) }) })
		if err != nil {
			result = statusOfInvitation(err)
		}
		s.log.Info("referred by a phone", "phone", who.phone, "room", room.Extension, "to", clean(unescape(order.to.User)), "removes", order.removes,
			"status", result.code)
		tell(result, true)
	}()
	return nil
}

// statusOfInvitation is what is told of an order that has come to nothing.
func statusOfInvitation(err error) status {
	var notJoined *NotJoinedError
	switch {
	case !errors.As(err, &notJoined):
		return statusOf(err)
	case notJoined.err != nil:
		return statusOf(notJoined.err)
	}
	code := sipgo.StatusGlobalDecline // he has answered, and does not come in
	if notJoined.Result == rooms.ResultNoAnswer || notJoined.Result == rooms.ResultHangup {
		code = sipgo.StatusTemporarilyUnavailable
	}
	return status{code, wire.Phrase(code)}
}

// moderates tells whether a phone is in a room as a moderator.
func (s *Server) moderates(who party, extension string) bool {
	roster, _ := s.house.Roster(extension)
	for _, e := range roster.Entries {
		if e.Moderator && who.phone != "" && e.Caller.Phone == who.phone {
			return true
		}
	}
	return false
}

// remove takes a member out of a room at the order of a phone, by the address that the roster has for him: that of a phone,
// which may be there with several devices, or that of a member.
func (s *Server) remove(who party, extension, user string) error {
	if !s.moderates(who, extension) {
		return errReferModerator
	}
	roster, _ := s.house.Roster(extension)
	found := false
	for _, e := range roster.Entries {
		if e.Caller.Phone == user && user != "" || memberUser(e.Member) == user {
			_, err := s.house.Kick(extension, rooms.Selection{Member: e.Member})
			found = found || err == nil // else he has gone by himself
		}
	}
	if !found {
		return errNoMember
	}
	return nil
}

// referNotices tell what has come of a REFER (RFC 3515 2.4.5): of what has happened in between two NOTIFYs the latest.
type referNotices struct {
	mu     sync.Mutex
	latest status
	told   bool // the subscriber has been told of it
	over   bool // nothing more will come
}

func (r *referNotices) set(st status, over bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.latest, r.told, r.over = st, false, over
}

func (*referNotices) contentType() string { return "message/sipfrag;version=2.0" }

func (r *referNotices) next(full bool, _ int) (body []byte, more bool, over string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.told && !full {
		return nil, false, ""
	}
	r.told = true
	if r.over {
		over = overNoResource
	}
	return []byte(strings.Join([]string{"SIP/2.0", strconv.Itoa(r.latest.code), r.latest.phrase}, " ") + "\r\n"), false, over
}
