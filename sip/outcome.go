package sip

import (
	"errors"
	"fmt"
	"slices"

	sipgo "github.com/emiago/sipgo/sip"
)

// outcomeError tells that a callee was asked and has not answered.
type outcomeError struct {
	status int    // for the caller
	result string // of the call, for its record
	why    string // for the record and the log
	global bool   // it is for all phones of the callee
	full   bool   // whoever was asked is overloaded; another server of his may not be (RFC 3261 21.5.4)
}

func (e *outcomeError) Error() string { return e.why }

// The outcomes that are no response of the callee.
var (
	errAbsent = &outcomeError{status: sipgo.StatusTemporarilyUnavailable, result: ResultRefused,
		why: "480 the phone is not registered"}
	errUnreachable = &outcomeError{status: sipgo.StatusRequestTimeout, result: ResultNoAnswer, why: "the phone does not respond"}
	errNotAnswered = &outcomeError{status: sipgo.StatusTemporarilyUnavailable, result: ResultNoAnswer, why: "nobody has answered"}
	errElsewhere   = &outcomeError{status: sipgo.StatusTemporarilyUnavailable, result: ResultCancelled, why: "answered elsewhere"}
	// errDeclinedElsewhere: a phone has declined for all.
	errDeclinedElsewhere = &outcomeError{status: sipgo.StatusTemporarilyUnavailable, result: ResultCancelled, why: "declined elsewhere"}

	errOwnLoop = &outcomeError{status: sipgo.StatusLoopDetected, result: ResultRefused, why: "482 the contact is this server"}
)

// outcome is what a callee's final response means for the caller. A redirection is a refusal: where a call goes to is for
// this server to say, not for who is called.
func outcome(res *sipgo.Response) error {
	code := res.StatusCode
	e := &outcomeError{
		status: sipgo.StatusTemporarilyUnavailable,
		result: ResultRefused,
		why:    withCauses(fmt.Sprintf("%d %s", code, clean(res.Reason)), causesIn(res)), // RFC 6432
		global: code >= 600,
		full:   code == sipgo.StatusServiceUnavailable,
	}
	switch code {
	case sipgo.StatusBusyHere, sipgo.StatusGlobalBusyEverywhere:
		e.status, e.result = sipgo.StatusBusyHere, ResultBusy
	case sipgo.StatusNotAcceptableHere, sipgo.StatusUnsupportedMediaType, sipgo.StatusGlobalNotAcceptable:
		e.status = sipgo.StatusNotAcceptableHere
	case sipgo.StatusRequestTimeout:
		e.status, e.result = code, ResultNoAnswer
	case sipgo.StatusTemporarilyUnavailable:
		e.result = ResultNoAnswer
	case sipgo.StatusLoopDetected, sipgo.StatusTooManyHops:
		e.status = code
	case sipgo.StatusGlobalDecline:
		e.status, e.result = code, ResultDeclined
	default:
		if e.global {
			e.status = sipgo.StatusGlobalDecline
		}
	}
	return e
}

// isGlobal tells whether a callee has spoken for all his phones.
func isGlobal(err error) bool {
	var callee *outcomeError
	return errors.As(err, &callee) && callee.global
}

// tells ranks why a contact has not answered by how much it tells the caller.
func tells(err error) int {
	return slices.Index([]int{sipgo.StatusRequestTimeout, sipgo.StatusLoopDetected, sipgo.StatusTooManyHops,
		sipgo.StatusServiceUnavailable, sipgo.StatusTemporarilyUnavailable, sipgo.StatusNotAcceptableHere,
		sipgo.StatusBusyHere, sipgo.StatusGlobalDecline}, rejection(err).Status)
}
