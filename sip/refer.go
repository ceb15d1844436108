package sip

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
	"conclave/sip/wire"
)

// The option tags of what is understood beside RFC 3261: RFC 3891 and RFC 4488.
const (
	optionReplaces   = "replaces"
	optionNoReferSub = "norefersub"
)

// extensions are the option tags, as Supported tells them and Require may name them.
var extensions = []string{optionReplaces, optionNoReferSub, optionTimer, optionReliable}

// referError tells why a REFER, or a call that is to take another one's place, is refused.
type referError struct {
	status int
	why    string
}

func (e *referError) Error() string { return e.why }

// Why nobody is transferred.
var (
	errReferOutside   = &referError{sipgo.StatusForbidden, "who is to be transferred has to be in a call: outside of calls REFER is for rooms"}
	errReferRoom      = &referError{sipgo.StatusForbidden, "a call to a room can be transferred to a call only, with Replaces; outside of the call REFER has the room call somebody in"}
	errReferGuest     = &referError{sipgo.StatusForbidden, "phones that have authenticated may transfer calls, and no others"}
	errReferElsewhere = &referError{sipgo.StatusForbidden, "calls are transferred to numbers of this server only"}
	errReferRooms     = &referError{sipgo.StatusForbidden, "two calls to rooms cannot be joined"}
)

// referOrder is what a REFER asks for (RFC 3515 2.1).
type referOrder struct {
	to       sipgo.Uri
	replaces *replaces // the call whose place is taken; nil: to is a number
	removes  bool      // a BYE is wanted: to is a member of a room
	silent   bool      // no NOTIFY is wanted (RFC 4488)
}

// readRefer reads a REFER. Of the headers that the URI has for the request which it stands for Replaces alone counts, and
// who it says that it comes from (Referred-By) does not: what is allowed follows from who the caller has proven to be. The
// error is a *referError.
func readRefer(req *sipgo.Request) (referOrder, error) {
	bad := func(why string) (referOrder, error) {
		return referOrder{}, &referError{sipgo.StatusBadRequest, why}
	}
	headers := req.GetHeaders("Refer-To")
	if len(headers) != 1 {
		return bad("a REFER has one Refer-To (RFC 3515 2.4.1)")
	}
	addresses, err := wire.ParseAddresses(headers[0].Value())
	if err != nil || len(addresses) != 1 {
		return bad("malformed Refer-To: one address is right, in angle brackets where it has parameters or headers")
	}
	order := referOrder{to: addresses[0].URI}
	if !strings.EqualFold(order.to.Scheme, "sip") {
		return referOrder{}, &referError{416, "calls are transferred to sip: addresses"}
	}
	for _, p := range order.to.UriParams {
		if !strings.EqualFold(p.K, "method") || p.V == string(sipgo.INVITE) {
			continue
		}
		if p.V != string(sipgo.BYE) {
			return referOrder{}, &referError{sipgo.StatusForbidden, "a REFER may ask for an INVITE, or for a BYE to a member of a room"}
		}
		order.removes = true
	}
	for _, h := range order.to.Headers {
		if !strings.EqualFold(h.K, "Replaces") {
			continue
		}
		text, err := url.PathUnescape(h.V)
		if err != nil || order.replaces != nil {
			return bad("malformed Replaces in Refer-To")
		}
		r, err := parseReplaces(text)
		if err != nil {
			return bad(err.Error())
		}
		order.replaces = &r
	}
	if h := req.GetHeader("Refer-Sub"); h != nil {
		value, _, _ := strings.Cut(h.Value(), ";")
		order.silent = strings.EqualFold(strings.TrimSpace(value), "false")
	}
	return order, nil
}

// refer serves a REFER in the dialog: the other party of the talk is sent to a room, connected with another phone or a number
// outside, or takes the place of another call of whoever refers. What is wrong with the order or the right to give it is the response; what comes of it is told by NOTIFY, also
// a number or a call that there is not, because a 481 in a dialog would mean this one (RFC 3261 12.2.1.2).
func (c *Call) refer(e request) error {
	order, err := readRefer(e.req)
	if err != nil {
		return err
	}
	if c.referral != nil {
		return errPending
	}
	if err := c.mayRefer(order); err != nil {
		return err
	}
	c.referral = newReferral(e, order, c.refers)
	c.refers++
	if order.removes {
		c.referred(false, c.server.remove(c.party(), c.room.Extension, unescape(order.to.User)))
		return nil
	}
	if order.replaces != nil {
		c.seek(order.replaces)
		return nil
	}
	c.referred(c.send(unescape(order.to.User)))
	return nil
}

// mayRefer tells whether the far end may give an order.
func (c *Call) mayRefer(order referOrder) error {
	switch own := c.stay.(type) {
	case *rooms.Party:
		switch {
		case !own.Transfers():
			return errReferGuest
		case order.removes:
			return errReferTalk
		}
	case *rooms.Visit:
		switch {
		case order.removes && !c.server.moderates(c.party(), c.room.Extension):
			return errReferModerator
		case order.replaces == nil && !order.removes:
			return errReferRoom
		case c.caller.Phone == "":
			return errReferGuest
		}
	default:
		return errEarly
	}
	if !c.isHere(order.to) {
		return errReferElsewhere
	}
	return nil
}

// send transfers the other party of the talk to a number, if whoever refers may call that himself. It is pending where somebody
// is rung there first.
func (c *Call) send(number string) (pending bool, err error) {
	from := c.party()
	to, err := c.server.reach(number, from)
	switch {
	case err != nil:
		return false, err
	case to.phone != "":
		return true, c.connect(c.server.callee(to.phone, from))
	case to.outside != "":
		callee, err := c.server.outsideCallee(to.outside, from)
		if err != nil {
			return false, err
		}
		return true, c.connect(callee)
	}
	return false, c.stay.(*rooms.Party).Transfer(rooms.Destination{Room: to.room})
}

// join has the other party of a talk take the place of another call of whoever refers. In a call to a room that is the room's
// other way round: the other party of that call takes the place in the room.
func (c *Call) join(e placeFound) error {
	if e.err != nil {
		return e.err
	}
	party, talks := c.stay.(*rooms.Party)
	switch place := e.place.(type) {
	case *rooms.Visit:
		if !talks {
			return errReferRooms
		}
		return party.Transfer(rooms.Destination{Visit: place})
	case *rooms.Party:
		if talks {
			return party.Transfer(rooms.Destination{Party: place})
		}
		if visit, ok := c.stay.(*rooms.Visit); ok && place.Transfers() {
			return place.Transfer(rooms.Destination{Visit: visit})
		}
	}
	return errNoDialog
}

// found takes the place that another call has given, or has not, for the INVITE or the REFER that wanted it.
func (c *Call) found(e placeFound) {
	switch {
	case c.state == invited:
		c.replace(e)
	case c.referral == nil || c.referral.accepted:
	case c.leaving: // it is refused when the call is released
	default:
		c.referred(false, c.join(e))
	}
}

// referred answers the REFER, now that it is known what has come of it, or that it rings. Until here the transferrer is in his
// call: if he hangs up on the 202, the others are on their way.
func (c *Call) referred(pending bool, err error) {
	r := c.referral
	r.accepted = true
	res := c.response(r.req, sipgo.StatusAccepted, "Accepted", nil)
	if r.silent {
		res.AppendHeader(sipgo.NewHeader("Refer-Sub", "false"))
	}
	if sendErr := r.tx.Respond(res); sendErr != nil {
		c.log.Debug("202 not sent", "error", sendErr)
	}
	trying := status{sipgo.StatusTrying, "Trying"}
	number := clean(unescape(r.to.to.User))
	switch {
	case err != nil:
		result := statusOf(err)
		c.log.Info("not transferred", "to", number, "attended", r.to.replaces != nil, "status", result.code, "reason", err)
		c.server.reportOutside(c.peer, number, err)
		if party, ok := c.stay.(*rooms.Party); ok && isWrongNumber(err) {
			party.Unavailable()
		}
		c.tell(true, trying, result)
	case pending:
		c.log.Info("transfer rings", "to", number)
		c.tell(false, trying)
	default:
		c.log.Info("transferred", "to", number, "attended", r.to.replaces != nil)
		c.tell(true, trying, status{sipgo.StatusOK, "OK"})
	}
}

// isWrongNumber tells whether a number was dialled that does not exist, or is not for whoever has dialled it.
func isWrongNumber(err error) bool {
	var outside *outsideError
	return errors.Is(err, errNoRoom) || errors.Is(err, errTrunkRoom) || errors.As(err, &outside)
}

// isHere tells whether an address is at this server.
func (c *Call) isHere(uri sipgo.Uri) bool {
	return c.server.isHere(uri, c.peer, c.dialog.Local, c.caller.Phone)
}

// isHere tells whether an address is at this server: by one of its addresses, or by a name that the far end knows it by, local
// being how it calls us and phone who it is.
func (s *Server) isHere(uri sipgo.Uri, peer wire.Peer, local sipgo.Uri, phone string) bool {
	host := strings.ToLower(uri.Host)
	if port := uri.Port; port != 0 && port != int(peer.Local.Port()) && port != local.Port &&
		!slices.ContainsFunc(s.listeners, func(l wire.Listener) bool { return int(l.Addr().Port()) == port }) {
		return false
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		return host == strings.ToLower(local.Host) || s.registrar.isKnownAs(phone, host)
	}
	address = address.Unmap()
	return address == s.shown(peer.Local.Addr().Unmap()) || address == peer.Local.Addr().Unmap() ||
		slices.ContainsFunc(s.listeners, func(l wire.Listener) bool { return l.Addr().Addr().Unmap() == address })
}

// statusOf is the status that an error stands for, as a NOTIFY tells it.
func statusOf(err error) status {
	r := rejection(err)
	if r.Reason != "" {
		return status{r.Status, r.Reason}
	}
	return status{r.Status, wire.Phrase(r.Status)}
}
