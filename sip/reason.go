package sip

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
	"conclave/sip/sdp"
	"conclave/sip/wire"
)

// cause is one value of a Reason header (RFC 3326 2): why a call ends, in the terms of a protocol.
type cause struct {
	protocol string // "SIP", "Q.850" or another
	code     int    // a status of SIP, or a cause of the telephone network; 0: not given
	text     string // for people, empty: none
}

// The protocols of causes that are spoken here.
const (
	protocolSIP  = "SIP"
	protocolQ850 = "Q.850"
)

// The causes of ITU-T Q.850 that calls of ours end with.
const (
	q850Normal       = 16  // normal call clearing
	q850NoAnswer     = 19  // no answer from the user, who was alerted
	q850Temporary    = 41  // temporary failure
	q850Incompatible = 65  // bearer capability not implemented
	q850Timer        = 102 // recovery on timer expiry
)

// maxCauses bounds what is read of a message: there is one value for each protocol.
const maxCauses = 4

// String is the cause as the history of calls has it.
func (c cause) String() string {
	text := c.protocol
	if c.code != 0 {
		text += " " + strconv.Itoa(c.code)
	}
	if c.text != "" {
		text += ", " + c.text
	}
	return text
}

// causesIn reads the Reason headers of a message. What is malformed is left out: it takes nothing from what the message does.
func causesIn(msg sipgo.Message) []cause {
	var causes []cause
	for _, text := range wire.List(msg, "Reason") {
		if c, ok := parseCause(text); ok && len(causes) < maxCauses {
			causes = append(causes, c)
		}
	}
	return causes
}

// parseCause reads one value of a Reason header. It is false where that is malformed.
func parseCause(text string) (cause, bool) {
	value, err := wire.ParseValue(text)
	if err != nil || value.Text == "" || strings.ContainsAny(value.Text, " \t\"<>") {
		return cause{}, false
	}
	c := cause{protocol: clean(value.Text), text: clean(unquote(value.Param("text")))}
	if number := value.Param("cause"); number != "" {
		code, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return cause{}, false
		}
		c.code = int(code)
	}
	return c, true
}

// withCauses is a text with what the causes tell beside it, of which a normal end tells nothing.
func withCauses(text string, causes []cause) string {
	said := ": "
	for _, c := range causes {
		if strings.EqualFold(c.protocol, protocolQ850) && c.code == q850Normal {
			continue
		}
		text += said + c.String()
		said = "; "
	}
	return text
}

// hungUpError is why a call is over that the far end has ended by a BYE.
type hungUpError struct {
	who    string
	causes []cause // that the BYE names
}

func (e *hungUpError) Error() string { return withCauses(e.who+" hung up", e.causes) }

// cancelledError is an errCancelled with the causes that the CANCEL names.
type cancelledError struct{ causes []cause }

func (e *cancelledError) Error() string { return withCauses(errCancelled.Error(), e.causes) }
func (e *cancelledError) Unwrap() error { return errCancelled }

// addCauses tells in our BYE or CANCEL why the call ends.
func addCauses(req *sipgo.Request, why error) {
	for _, c := range causesOf(why) {
		req.AppendHeader(sipgo.NewHeader("Reason", fmt.Sprintf(`%s;cause=%d;text="%s"`, c.protocol, c.code, quotable(c.text))))
	}
}

// causesOf is the one place that says which causes the end of a call has for the far end. A phone does not show a call as
// missed that was completed elsewhere, be it at another phone of ours or of whoever has called us.
func causesOf(why error) []cause {
	var (
		refusal   *sdp.Refusal
		hungUp    *hungUpError
		cancelled *cancelledError
	)
	q850 := func(code int) []cause { return []cause{{protocolQ850, code, why.Error()}} }
	switch {
	case errors.As(why, &cancelled):
		for _, c := range cancelled.causes {
			if strings.EqualFold(c.protocol, protocolSIP) && c.code == sipgo.StatusOK {
				return causesOf(errElsewhere)
			}
		}
		return nil
	case errors.Is(why, errCancelled):
		return nil
	case errors.Is(why, errElsewhere):
		return []cause{{protocolSIP, sipgo.StatusOK, "Call completed elsewhere"}}
	case errors.Is(why, errDeclinedElsewhere):
		return []cause{{protocolSIP, sipgo.StatusGlobalDecline, why.Error()}}
	case errors.Is(why, errNotAnswered):
		return q850(q850NoAnswer)
	case errors.Is(why, errShutdown), errors.Is(why, errTakenOver), errors.Is(why, errInternal):
		return q850(q850Temporary)
	case errors.Is(why, rooms.ErrRTPTimeout), errors.Is(why, errNoACK), errors.Is(why, errGone), errors.Is(why, errUnreachable):
		return q850(q850Timer)
	case errors.Is(why, errExpired):
		return append([]cause{{protocolSIP, sipgo.StatusRequestTimeout, why.Error()}}, q850(q850Timer)...)
	case errors.As(why, &refusal), errors.Is(why, errNoAnswer):
		return append([]cause{{protocolSIP, sipgo.StatusNotAcceptableHere, why.Error()}}, q850(q850Incompatible)...)
	case errors.As(why, &hungUp): // what one party says of it is not for the other's eyes
		return []cause{{protocolQ850, q850Normal, hungUp.who + " hung up"}}
	}
	return q850(q850Normal)
}
