package sip

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media"
	"conclave/rooms"
	"conclave/sip/sdp"
	"conclave/sip/wire"
)

var (
	errCancelled = errors.New("the caller gave up")
	errMerged    = errors.New("the same request came on another way")
	errNoDialog  = errors.New("no such call")
	errEarly     = errors.New("the call is not answered yet")
	errPending   = errors.New("an offer of ours has no answer yet")
	errShutdown  = errors.New("the server is shutting down")
	errFull      = errors.New("there are as many calls as this machine can carry")
	errBusy      = errors.New("too many requests at once")
	errInternal  = errors.New("internal error")
)

// statusIntervalTooBrief is that of RFC 3261 21.4.17.
const statusIntervalTooBrief = 423

// Seconds of Retry-After. Conferences that fill a machine last; who comes again may be sent elsewhere meanwhile. Ports rest 30 s before they are used again; a server that shuts
// down is usually being restarted.
const (
	retryPorts    = 30
	retryShutdown = 30
	retryFull     = 10
	retryBusy     = 2
	retryEarly    = 5 // RFC 3261 14.2: up to 10
)

// rejected is the error form of a refusal that the gate has worked out.
type rejected struct{ *wire.Rejection }

func (r rejected) Error() string { return r.Reason }

// rejection is the one place that says which response an error stands for. What the caller can
// do something about is told in a Warning (RFC 3261 20.43).
func rejection(err error) *wire.Rejection {
	var (
		gate    rejected
		refusal *sdp.Refusal
		guest   *guestError
		outside *outsideError
		asks    *challenge
		wait    *waitError
		brief   *briefError
		bad     *badRegister
		callee  *outcomeError
		refer   *referError
		session *intervalError
	)
	if r := subscribeRejection(err); r != nil {
		return r
	}
	switch {
	case errors.As(err, &gate):
		return gate.Rejection
	case errors.As(err, &refusal):
		return reject(refusal.Status, "", warning(refusal.Warning, refusal.Text))
	case errors.As(err, &guest):
		return reject(sipgo.StatusForbidden, "", warning(399, guest.Error()))
	case errors.As(err, &outside):
		return reject(sipgo.StatusForbidden, "", warning(399, outside.Error()))
	case errors.As(err, &asks):
		return reject(sipgo.StatusUnauthorized, "", asks.headers()...)
	case errors.As(err, &wait):
		return reject(sipgo.StatusForbidden, "", sipgo.NewHeader("Retry-After", strconv.Itoa(int(wait.left.Seconds())+1)),
			warning(399, wait.Error()))
	case errors.As(err, &brief):
		return reject(statusIntervalTooBrief, "Interval Too Brief",
			sipgo.NewHeader("Min-Expires", strconv.Itoa(int(brief.least.Seconds()))))
	case errors.As(err, &session):
		return reject(statusIntervalTooSmall, "Session Interval Too Small", sipgo.NewHeader("Min-SE", strconv.Itoa(inSeconds(session.least))))
	case errors.Is(err, errInterval):
		return reject(sipgo.StatusBadRequest, "", warning(399, err.Error()))
	case errors.As(err, &bad):
		return reject(sipgo.StatusBadRequest, "", warning(399, bad.Error()))
	case errors.Is(err, errIdentity), errors.Is(err, errContacts), errors.Is(err, errNoPhone):
		return reject(sipgo.StatusForbidden, "", warning(399, err.Error()))
	case errors.Is(err, errTrunkRoom):
		return reject(sipgo.StatusForbidden, "", warning(399, err.Error()))
	case errors.As(err, &callee):
		return reject(callee.status, "")
	case errors.As(err, &refer):
		return reject(refer.status, "", warning(399, refer.why))
	case errors.Is(err, rooms.ErrTalkOver):
		return reject(sipgo.StatusCallTransactionDoesNotExists, "")
	case errors.Is(err, rooms.ErrNotConnected):
		return reject(sipgo.StatusTemporarilyUnavailable, "")
	case errors.Is(err, rooms.ErrNotEncrypted):
		return reject(sipgo.StatusNotAcceptableHere, "", warning(302, err.Error()))
	case errors.Is(err, rooms.ErrToOneself):
		return reject(sipgo.StatusLoopDetected, "", warning(399, err.Error()))
	case errors.Is(err, errNoRoom):
		return reject(sipgo.StatusNotFound, "")
	case errors.Is(err, errInfoType):
		return reject(sipgo.StatusUnsupportedMediaType, "", sipgo.NewHeader("Accept", infoTypes))
	case errors.Is(err, errNoDialog):
		return reject(sipgo.StatusCallTransactionDoesNotExists, "")
	case errors.Is(err, errMerged):
		return reject(sipgo.StatusLoopDetected, "Merged Request") // RFC 3261 8.2.2.2
	case errors.Is(err, errCancelled):
		return reject(sipgo.StatusRequestTerminated, "")
	case errors.Is(err, errEarly):
		return reject(sipgo.StatusInternalServerError, "", retryAfter(retryEarly))
	case errors.Is(err, errNoPRACK):
		return reject(sipgo.StatusGatewayTimeout, "Server Time-out", warning(399, err.Error()))
	case errors.Is(err, errPending), errors.Is(err, rooms.ErrHandedOver):
		return reject(sipgo.StatusRequestPending, "")
	case errors.Is(err, ErrSequence):
		return reject(sipgo.StatusInternalServerError, "CSeq Out Of Order")
	case errors.Is(err, media.ErrPortsExhausted):
		return reject(sipgo.StatusServiceUnavailable, "", retryAfter(retryPorts), warning(399, "no media port is free"))
	case errors.Is(err, errFull):
		return reject(sipgo.StatusServiceUnavailable, "", retryAfter(retryFull), warning(399, errFull.Error()))
	case errors.Is(err, errShutdown):
		return reject(sipgo.StatusServiceUnavailable, "", retryAfter(retryShutdown))
	case errors.Is(err, errBusy):
		return reject(sipgo.StatusServiceUnavailable, "", retryAfter(retryBusy))
	}
	return reject(sipgo.StatusInternalServerError, "")
}

// reject builds a rejection; without a reason it has the usual phrase.
func reject(status int, reason string, headers ...sipgo.Header) *wire.Rejection {
	return &wire.Rejection{Status: status, Reason: reason, Headers: headers}
}

// warning is a Warning header. The text becomes a quoted string of printable ASCII.
func warning(code int, text string) sipgo.Header {
	return sipgo.NewHeader("Warning", strconv.Itoa(code)+` conclave "`+quotable(text)+`"`)
}

// quotable is a text that may stand between quotes as it is.
func quotable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, text)
}

// retryAfter asks to come back after some seconds, spread so that not all do so at once.
func retryAfter(seconds int) sipgo.Header {
	return sipgo.NewHeader("Retry-After", strconv.Itoa(seconds+rand.IntN(seconds+1)))
}
