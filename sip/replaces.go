package sip

import (
	"errors"
	"fmt"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
)

// replaces is a Replaces header (RFC 3891 6.1): the dialog of which a call is to take the place.
type replaces struct {
	id        DialogID
	earlyOnly bool
}

// errReplaces tells that a Replaces header cannot be read.
var errReplaces = errors.New("malformed Replaces: a Call-ID;to-tag=TAG;from-tag=TAG is right")

// parseReplaces reads the value of a Replaces header. The error is errReplaces.
func parseReplaces(text string) (replaces, error) {
	callID, params, _ := strings.Cut(text, ";")
	r := replaces{id: DialogID{CallID: strings.TrimSpace(callID)}}
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		var tag *string
		switch name {
		case "to-tag":
			tag = &r.id.Local
		case "from-tag":
			tag = &r.id.Remote
		case "early-only":
			r.earlyOnly = true
			continue
		default:
			continue
		}
		if *tag != "" || value == "" {
			return replaces{}, errReplaces
		}
		*tag = value
	}
	if r.id.CallID == "" || strings.ContainsAny(r.id.CallID, " \t,") || r.id.Local == "" || r.id.Remote == "" {
		return replaces{}, errReplaces
	}
	return r, nil
}

// replacesIn reads the Replaces header of an INVITE; nil: it has none. The error is a *referError.
func replacesIn(req *sipgo.Request) (*replaces, error) {
	headers := req.GetHeaders("Replaces")
	switch len(headers) {
	case 0:
		return nil, nil
	case 1:
	default:
		return nil, &referError{sipgo.StatusBadRequest, "there is more than one Replaces"} // RFC 3891 3
	}
	r, err := parseReplaces(headers[0].Value())
	if err != nil {
		return nil, &referError{sipgo.StatusBadRequest, err.Error()}
	}
	return &r, nil
}

// Why a call does not give its place to another one (RFC 3891 3).
var (
	errNotOwn    = &referError{sipgo.StatusForbidden, "a call may be replaced only by who it belongs to"}
	errConfirmed = &referError{sipgo.StatusBusyHere, "the call to be replaced is answered"}
	errOver      = &referError{sipgo.StatusGlobalDecline, "the call to be replaced is over"}
	errItself    = &referError{sipgo.StatusLoopDetected, "a call cannot take its own place"}
)

// The events of a takeover: a call is asked for its place in the house, and another one is told of it.
type (
	placeWanted struct {
		by        party
		earlyOnly bool
		answer    func(place stay, err error) // does not wait
	}
	placeFound struct {
		place stay
		err   error // there is none for this call
	}
)

// seek asks the call of a dialog for its place. The answer is a placeFound, in any case.
func (c *Call) seek(r *replaces) {
	mail := c.mail
	answer := func(place stay, err error) { mail.post(placeFound{place, err}) }
	call := c.server.calls.find(r.id)
	switch {
	case call == nil:
		answer(nil, errNoDialog)
	case call == c:
		answer(nil, errItself)
	default:
		if err := call.mail.offer(placeWanted{c.party(), r.earlyOnly, answer}); err != nil {
			answer(nil, err)
		}
	}
}

// party is who the far end has proven to be.
func (c *Call) party() party { return party{phone: c.caller.Phone, trunk: c.caller.Trunk} }

// place is what the call has in the house, if it may be taken over. Dialogs that are not confirmed are not: those that we have
// not initiated must not be (RFC 3891 3), and phones that ring for a call are for that call to silence.
func (c *Call) place(e placeWanted) (stay, error) {
	switch own := c.party(); {
	case own.guest() || own != e.by:
		return nil, errNotOwn
	case c.leaving:
		return nil, errOver
	case c.state != answered && c.state != confirmed:
		return nil, errNoDialog
	case e.earlyOnly:
		return nil, errConfirmed
	case c.stay == nil:
		return nil, errNoDialog
	}
	return c.stay, nil
}

// replace answers the INVITE of a call that is to take another one's place.
func (c *Call) replace(e placeFound) {
	if c.leaving {
		return
	}
	err := e.err
	if visit, ok := e.place.(*rooms.Visit); ok && err == nil {
		err = visit.Room().Takes(c.opening.encrypted)
	}
	if err == nil {
		c.enter = func() (stay, error) { return c.takeOver(e.place) }
		err = c.pickUp()
	}
	if err != nil {
		c.decline(err)
	}
}

// takeOver gives the call the place of another one, which is hung up.
func (c *Call) takeOver(place stay) (stay, error) {
	switch place := place.(type) {
	case *rooms.Visit:
		if err := c.visit(place.Room()); err != nil {
			return nil, err
		}
		return place.TakeOver(c.ctx, c), nil
	case *rooms.Party:
		party, err := place.TakeOver(c.ctx, c, c.caller.Phone != "")
		if err != nil {
			return nil, fmt.Errorf("take over: %w", err)
		}
		return party, nil
	}
	return nil, errNoDialog
}
