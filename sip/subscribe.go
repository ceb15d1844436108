package sip

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/confinfo"
	"conclave/sip/dialoginfo"
	"conclave/sip/wire"
)

// The event packages (RFC 6665 7.2): that of REFER is begun by a REFER alone.
const (
	eventConference = "conference" // RFC 4575
	eventDialog     = "dialog"     // RFC 4235
	eventRefer      = "refer"      // RFC 3515
)

// allowedEvents is the Allow-Events header.
const allowedEvents = eventConference + ", " + eventDialog + ", " + eventRefer

// documentTypes are the types of what the packages tell.
var documentTypes = map[string]string{eventConference: confinfo.ContentType, eventDialog: dialoginfo.ContentType}

const (
	statusBadEvent = 489 // RFC 6665 8.3.2

	// usualSubscription is how long one lasts where a SUBSCRIBE does not say (RFC 4575 3.4, RFC 4235 3.4).
	usualSubscription = time.Hour
)

// Why somebody may not subscribe.
var (
	errSubscribe      = errors.New("who subscribes has to prove to be a phone")
	errSubscriber     = errors.New("phones and trunks may subscribe, and no others")
	errOtherParty     = errors.New("a subscription is refreshed by who has it")
	errInCall         = errors.New("a subscription has a dialog of its own")
	errWatchedPhone   = errors.New("phones may watch phones, and no others")
	errSubscriptions  = errors.New("too many subscriptions")
	errSubscribedTo   = errors.New("no room and no phone has this number")
	errNotAcceptable  = errors.New("the subscriber takes no type of what is told")
	errNoContact      = errors.New("a SUBSCRIBE has one Contact, a SIP address without headers")
	errEvent          = errors.New("unknown event")
	errConferenceless = errors.New("a phone is no conference")
)

// subscribeRequest is what a SUBSCRIBE asks for (RFC 6665 4.1.2).
type subscribeRequest struct {
	event  string // of the packages
	header string // the Event header, for NOTIFYs
	lasts  time.Duration
}

// readSubscribe reads a SUBSCRIBE. The error is errEvent, errNotAcceptable, errNoContact or a *briefError.
func (s *Server) readSubscribe(req *sipgo.Request) (subscribeRequest, error) {
	events := req.GetHeaders("Event")
	if len(events) != 1 {
		return subscribeRequest{}, errEvent
	}
	asked := subscribeRequest{lasts: usualSubscription}
	var err error
	if asked.event, asked.header, err = readEvent(events[0].Value()); err != nil {
		return subscribeRequest{}, err
	}
	if !wire.Accepts(req, documentTypes[asked.event]) {
		return subscribeRequest{}, errNotAcceptable
	}
	contacts := req.GetHeaders("Contact")
	if len(contacts) != 1 {
		return subscribeRequest{}, errNoContact
	}
	contact, ok := contacts[0].(*sipgo.ContactHeader)
	if !ok || !strings.HasPrefix(strings.ToLower(contact.Address.Scheme), "sip") || len(contact.Address.Headers) > 0 ||
		len(contact.Address.String()) > longestURI {
		return subscribeRequest{}, errNoContact
	}
	if h := req.GetHeader("Expires"); h != nil {
		asked.lasts = seconds(h.Value())
	}
	asked.lasts = min(asked.lasts, s.maxExpires)
	if asked.lasts > 0 && asked.lasts < s.minExpires {
		return subscribeRequest{}, &briefError{s.minExpires}
	}
	return asked, nil
}

// longestEventID bounds the id of a subscription, in octets.
const longestEventID = 64

// readEvent reads an Event header (RFC 6665 8.2.1): the package and, as the header of NOTIFYs, it with its id; other parameters
// (sla of some phones, RFC 4235's call-id) ask for what is not told. The error is errEvent.
func readEvent(value string) (event, header string, err error) {
	name, params, _ := strings.Cut(value, ";")
	event = strings.ToLower(strings.TrimSpace(name))
	if _, ok := documentTypes[event]; !ok {
		return "", "", errEvent
	}
	header = event
	for param := range strings.SplitSeq(params, ";") {
		key, id, _ := strings.Cut(param, "=")
		if !strings.EqualFold(strings.TrimSpace(key), "id") {
			continue
		}
		id = strings.TrimSpace(id)
		if id == "" || len(id) > longestEventID || strings.Trim(id, tokenCharacters) != "" || header != event {
			return "", "", errEvent
		}
		header += ";id=" + id
	}
	return event, header, nil
}

// tokenCharacters are those of a token (RFC 3261 25.1).
const tokenCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~"

// subscribe serves a SUBSCRIBE that begins a subscription, or only asks once (Expires: 0).
func (s *Server) subscribe(req *sipgo.Request, tx *wire.ServerTx) error {
	if r := wire.Unacceptable(req, extensions); r != nil {
		return rejected{r}
	}
	who, err := s.subscriber(req, tx.Peer())
	if err != nil {
		return err
	}
	asked, err := s.readSubscribe(req)
	if err != nil {
		return err
	}
	number := s.number(req, who, s.exists)
	if err := s.mayWatch(who, asked.event, number); err != nil {
		return err
	}
	n := newNotifier(s, req, tx, who, asked.header, number)
	switch asked.event {
	case eventConference:
		n.content = &conferenceNotices{server: s, who: who, extension: number, entity: n.entity(), at: n.local}
	case eventDialog:
		n.content = &dialogNotices{server: s, who: who, extension: number, entity: n.entity()}
	}
	n.mail.post(subscribed{request{req, tx}, asked.lasts, sipgo.StatusOK})
	return s.subscriptions.begin(n)
}

// subscriber finds out who a SUBSCRIBE, or a REFER outside of calls, comes from: a phone or a trunk. The error is a challenge,
// or errSubscriber where nobody could answer one.
func (s *Server) subscriber(req *sipgo.Request, peer wire.Peer) (party, error) {
	who, err := s.authenticate(req, peer)
	if err != nil || !who.guest() {
		return who, err
	}
	if trunk, ok := s.trunkOf(req, peer); ok {
		return party{trunk: trunk}, nil
	}
	if s.registrar.empty() {
		return party{}, errSubscriber
	}
	return party{}, s.digests.challenge(req, peer, errSubscribe)
}

// mayWatch tells whether a party may be told of a number's events, now: phones of all rooms and phones, trunks of the rooms
// that they may enter. The error is errSubscribedTo, errSubscriber, errTrunkRoom, errWatchedPhone, errNoPhone or errConferenceless.
func (s *Server) mayWatch(who party, event, number string) error {
	if who.phone != "" {
		if _, ok := s.registrar.phone(who.phone); !ok {
			return errNoPhone
		}
	}
	if who.trunk != "" && s.trunks.find(who.trunk) == nil {
		return errSubscriber // not any more
	}
	if room, ok := s.house.Room(number); ok {
		return s.mayEnter(room, who)
	}
	if _, ok := s.registrar.phone(number); !ok {
		return errSubscribedTo
	}
	switch {
	case who.phone == "":
		return errWatchedPhone
	case event == eventConference:
		return errConferenceless
	}
	return nil
}

// subscribeRejection is the response to a SUBSCRIBE that err stands for; nil: it is none of these errors.
func subscribeRejection(err error) *wire.Rejection {
	switch {
	case errors.Is(err, errEvent):
		return reject(statusBadEvent, "Bad Event", sipgo.NewHeader("Allow-Events", allowedEvents))
	case errors.Is(err, errNotAcceptable):
		types := []string{confinfo.ContentType, dialoginfo.ContentType}
		return reject(sipgo.StatusNotAcceptable, "", sipgo.NewHeader("Accept", strings.Join(types, ", ")))
	case errors.Is(err, errNoContact):
		return reject(sipgo.StatusBadRequest, "", warning(399, err.Error()))
	case errors.Is(err, errSubscribedTo), errors.Is(err, errConferenceless):
		return reject(sipgo.StatusNotFound, "", warning(399, err.Error()))
	case errors.Is(err, errSubscriptions):
		return reject(sipgo.StatusForbidden, "", warning(399, err.Error()))
	case slices.ContainsFunc([]error{errSubscriber, errOtherParty, errInCall, errWatchedPhone}, func(one error) bool { return errors.Is(err, one) }):
		return reject(sipgo.StatusForbidden, "", warning(399, err.Error()))
	}
	return nil
}

// expires is an Expires header.
func expires(lasts time.Duration) sipgo.Header {
	return sipgo.NewHeader("Expires", strconv.Itoa(int(lasts/time.Second)))
}

// subscriptionState is the value of a Subscription-State header (RFC 6665 8.2.3): active for so long, or why it is over.
func subscriptionState(left time.Duration, over string) string {
	if over != "" {
		return "terminated;reason=" + over
	}
	return fmt.Sprintf("active;expires=%d", max(left, 0)/time.Second)
}
