package sip

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
)

const (
	// LeastSessionExpires is the shortest session interval that may be agreed on (RFC 4028 4).
	LeastSessionExpires = 90 * time.Second
	// MaxSessionExpires is the longest one that makes sense: whoever has vanished stays for so long.
	MaxSessionExpires = 24 * time.Hour
)

// statusIntervalTooSmall is that of RFC 4028 6.
const statusIntervalTooSmall = 422

// optionTimer is the option tag of session timers (RFC 4028).
const optionTimer = "timer"

// refresher is the side that refreshes a session, as Session-Expires has it: by its role in the transaction.
type refresher string

// The sides. Without a name the one that answers may choose.
const (
	refresherUAC refresher = "uac" // who has sent the request
	refresherUAS refresher = "uas" // who answers it
)

// interval is what a message says of the session's time (RFC 4028 4 and 5).
type interval struct {
	expires   time.Duration // Session-Expires; 0: not given
	by        refresher
	least     time.Duration // Min-SE; 0: not given
	supported bool          // the sender knows session timers
}

// errInterval tells that Session-Expires or Min-SE cannot be read.
var errInterval = errors.New("malformed Session-Expires or Min-SE: seconds are right, as in 1800;refresher=uac")

// intervalError tells that a session interval is shorter than we take (RFC 4028 6).
type intervalError struct{ least time.Duration }

func (e *intervalError) Error() string {
	return fmt.Sprintf("the session would expire too soon: after %d s at the least", inSeconds(e.least))
}

// intervalIn reads what a message says of the session's time. The error is errInterval.
func intervalIn(msg sipgo.Message) (interval, error) {
	var i interval
	for _, name := range []string{"Supported", "Require"} {
		for _, tag := range wire.List(msg, name) {
			i.supported = i.supported || strings.EqualFold(tag, optionTimer)
		}
	}
	expires, err := deltaSeconds(msg, "Session-Expires")
	if err != nil {
		return interval{}, err
	}
	least, err := deltaSeconds(msg, "Min-SE")
	if err != nil {
		return interval{}, err
	}
	i.expires, i.least = expires.time, least.time
	switch by := refresher(strings.ToLower(expires.Param("refresher"))); by {
	case refresherUAC, refresherUAS:
		i.by = by
	}
	return i, nil
}

// timeValue is a header's value that is a number of seconds.
type timeValue struct {
	wire.Value
	time time.Duration
}

// deltaSeconds reads the header of this name, which may be there once. What is longer than MaxSessionExpires is read as that.
// The error is errInterval.
func deltaSeconds(msg sipgo.Message, name string) (timeValue, error) {
	headers := msg.GetHeaders(name)
	if len(headers) == 0 {
		return timeValue{}, nil
	}
	value, err := wire.ParseValue(headers[0].Value())
	if err != nil || len(headers) > 1 || strings.Trim(value.Text, "0123456789") != "" || value.Text == "" {
		return timeValue{}, errInterval
	}
	n, err := strconv.ParseUint(value.Text, 10, 32)
	if err != nil || time.Duration(n) > MaxSessionExpires/time.Second {
		return timeValue{value, MaxSessionExpires}, nil
	}
	return timeValue{value, time.Duration(n) * time.Second}, nil
}

// sessionRules are what this server wants of session timers.
type sessionRules struct {
	expires time.Duration // that is asked for; 0: nothing is
	least   time.Duration // that is taken
}

// check tells whether the interval that a request asks for is taken. The error is an *intervalError. Who does not know
// session timers is not refused: it is a proxy that has asked (RFC 4028 9).
func (r sessionRules) check(asked interval) error {
	if asked.supported && asked.expires > 0 && asked.expires < r.least {
		return &intervalError{r.least}
	}
	return nil
}

// checkInterval tells whether the session's time that a request asks for is taken. The error is errInterval or an
// *intervalError.
func (s *Server) checkInterval(req *sipgo.Request) error {
	asked, err := intervalIn(req)
	if err != nil {
		return err
	}
	return s.sessions.check(asked)
}

// answer is what the answer to a request agrees to: 0 where the session does not expire. An interval is never made longer,
// nor shorter than the far end takes; whoever does not know session timers is refreshed by us (RFC 4028 9, table 2).
func (r sessionRules) answer(asked interval) (expires time.Duration, by refresher) {
	expires = asked.expires
	switch {
	case r.expires > 0 && (expires < r.least || expires > r.expires):
		expires = max(r.expires, asked.least)
		if asked.expires >= r.least {
			expires = min(expires, asked.expires)
		}
	case expires < r.least:
		return 0, ""
	}
	if asked.supported && asked.by == refresherUAC {
		return expires, refresherUAC
	}
	return expires, refresherUAS
}

// agreed is what the 2xx to a request of ours agrees to that asked for an interval: 0 where the session does not expire. Where
// the far end does not know session timers we refresh it all the same (RFC 4028 7.2).
func (r sessionRules) agreed(asked time.Duration, answer interval) (expires time.Duration, by refresher) {
	if answer.expires == 0 {
		return asked, refresherUAC
	}
	if answer.by == "" {
		answer.by = refresherUAC
	}
	return max(answer.expires, r.least), answer.by
}

// inSeconds is a time as headers have it.
func inSeconds(d time.Duration) int { return int(d / time.Second) }

// setInterval says in a message when the session expires and who refreshes it.
func setInterval(msg sipgo.Message, expires time.Duration, by refresher) {
	text := strconv.Itoa(inSeconds(expires))
	if by != "" {
		text += ";refresher=" + string(by)
	}
	msg.AppendHeader(sipgo.NewHeader("Session-Expires", text))
}
