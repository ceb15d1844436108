package sip

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
)

// errExpired is why a call ends whose session nobody has refreshed: the far end has vanished.
var errExpired = errors.New("the session was not refreshed in time")

// expiryMargin is how long before its end a session is ended, but no more than a third of it (RFC 4028 10).
const expiryMargin = 32 * time.Second

// maxTooSmall is how often an INVITE of ours is sent again with a longer interval.
const maxTooSmall = 3

// expiry is the time of an answered call's session (RFC 4028). Each 2xx to an INVITE or UPDATE in the dialog, whoever has sent
// it, begins another one.
type expiry struct {
	interval time.Duration
	ours     bool // we refresh
	proven   bool // credentials were sent with the refresh
	// When it ends, and when it is refreshed next; zero: it is not, by us.
	endAt, refreshAt time.Time
	refresh          func() // stops the timer of the next refresh; nil: there is none
	end              func() // stops that of the end
}

// The events of an expiry: it is time to refresh, the session is over, a response to our UPDATE came (res) or none will (err).
type (
	refreshDue   struct{ *expiry }
	sessionEnded struct{ *expiry }
	updateAnswer struct {
		*expiry
		res *sipgo.Response
		err error
	}
)

func (x *expiry) stop() {
	if x == nil {
		return
	}
	x.end()
	if x.refresh != nil {
		x.refresh()
	}
}

// expire begins the session's time anew. 0 is no end.
func (c *Call) expire(interval time.Duration, ours bool) {
	c.expiry.stop()
	c.expiry = nil
	if interval == 0 || c.leaving {
		return
	}
	lasts := interval - min(expiryMargin, interval/3)
	x := &expiry{interval: interval, ours: ours, endAt: time.Now().Add(lasts)}
	mail := c.mail
	x.end = c.server.after(lasts, func() { mail.post(sessionEnded{x}) })
	c.expiry = x
	c.refreshIn(x, interval/2)
}

// sessionEnded follows the end of the session's time.
func (c *Call) sessionEnded(x *expiry) {
	if c.expiry == x {
		c.hangUp(errExpired)
	}
}

// agreeOn settles the session's time in our 2xx to a request.
func (c *Call) agreeOn(req *sipgo.Request, res *sipgo.Response) {
	c.learnUpdate(req)
	asked, err := intervalIn(req)
	if err != nil {
		return // it was refused before
	}
	expires, by := c.server.sessions.answer(asked)
	if expires > 0 {
		setInterval(res, expires, by)
		if asked.supported {
			res.AppendHeader(sipgo.NewHeader("Require", optionTimer)) // RFC 4028 9
		}
	}
	c.expire(expires, by == refresherUAS)
}

// askInterval puts the session's time into an INVITE or UPDATE of ours.
func (c *Call) askInterval(req *sipgo.Request) {
	expires := c.asksFor()
	if expires == 0 {
		return
	}
	var by refresher // of the first INVITE the far end chooses
	if x := c.expiry; x != nil {
		by = refresherUAS
		if x.ours {
			by = refresherUAC
		}
	}
	setInterval(req, expires, by)
	if least := max(c.leastInterval, c.server.sessions.least); least > LeastSessionExpires {
		req.AppendHeader(sipgo.NewHeader("Min-SE", strconv.Itoa(inSeconds(least))))
	}
}

// asksFor is the interval that our next request asks for; 0: none.
func (c *Call) asksFor() time.Duration {
	expires := c.server.sessions.expires
	if c.expiry != nil {
		expires = c.expiry.interval
	}
	if expires == 0 {
		return 0
	}
	return max(expires, c.leastInterval)
}

// agreedOn takes the session's time from the 2xx to our INVITE or UPDATE.
func (c *Call) agreedOn(res *sipgo.Response) {
	c.learnUpdate(res)
	answer, err := intervalIn(res)
	if err != nil {
		c.log.Debug("session interval not read", "error", err)
	}
	expires, by := c.server.sessions.agreed(c.asksFor(), answer)
	c.expire(expires, by == refresherUAC)
}

// tooSmall takes the interval that a 422 wants, which is higher than the one before: our request is to be sent again.
func (c *Call) tooSmall(res *sipgo.Response) bool {
	if res.StatusCode != statusIntervalTooSmall {
		return false
	}
	wants, err := intervalIn(res)
	if err != nil || wants.least <= c.leastInterval || wants.least > MaxSessionExpires {
		return false
	}
	c.leastInterval = wants.least
	return true
}

// learnUpdate takes note of whether the far end takes UPDATE.
func (c *Call) learnUpdate(msg sipgo.Message) {
	if allow := wire.List(msg, "Allow"); len(allow) > 0 {
		c.takesUpdate = slices.ContainsFunc(allow, func(method string) bool { return strings.EqualFold(method, string(sipgo.UPDATE)) })
	}
}

// refreshDue refreshes the session: by an UPDATE without a description, which touches no audio, where the far end takes it, else
// by an INVITE with our description as it was (RFC 4028 7.4).
func (c *Call) refreshDue(x *expiry) {
	if c.expiry != x || c.leaving {
		return
	}
	if !c.takesUpdate {
		if c.reoffer == nil { // else it refreshes as well
			c.startReoffer(nil)
		}
		return
	}
	c.sendUpdate(x, nil)
}

// sendUpdate sends the UPDATE, with credentials where challenge asks for them.
func (c *Call) sendUpdate(x *expiry, challenge *sipgo.Response) {
	var req *sipgo.Request
	c.dialog, req = c.dialog.Request(sipgo.UPDATE)
	c.askInterval(req)
	c.describe(req, nil)
	if challenge != nil {
		if err := answerChallenge(req, challenge, c.credentials()); err != nil {
			c.log.Info("challenge not answered", "error", err)
			return // the session ends, unless the far end refreshes it
		}
		x.proven = true
	}
	mail := c.mail
	err := c.server.wire.Do(req, c.peer, func(res *sipgo.Response, err error) {
		if err != nil || !res.IsProvisional() {
			mail.post(updateAnswer{x, res, err})
		}
	})
	if err != nil {
		c.log.Debug("UPDATE not sent", "error", err)
		c.refreshLater(x)
	}
}

// updated takes the final response to our UPDATE, or that there is none.
func (c *Call) updated(e updateAnswer) {
	x := e.expiry
	if c.leaving {
		return
	}
	switch {
	case isGone(e.res, e.err):
		c.hangUp(errGone)
	case e.res.IsSuccess():
		c.dialog = c.dialog.Refresh(e.res)
		c.agreedOn(e.res)
	case c.expiry != x: // the far end has refreshed the session meanwhile
	case c.tooSmall(e.res):
		c.sendUpdate(x, nil)
	case challenges(e.res) && c.credentials().user != "" && !x.proven:
		c.sendUpdate(x, e.res)
	case e.res.StatusCode == sipgo.StatusMethodNotAllowed || e.res.StatusCode == sipgo.StatusNotImplemented:
		c.takesUpdate = false
		c.refreshDue(x)
	default:
		c.refreshLater(x)
	}
}

// refreshLater tries to refresh the session once more, if we are to.
func (c *Call) refreshLater(x *expiry) {
	if x != nil && c.expiry == x {
		c.refreshIn(x, x.interval/8)
	}
}

// refreshIn has the session refreshed after a time, if that is for us to do.
func (c *Call) refreshIn(x *expiry, pause time.Duration) {
	if x.ours {
		mail := c.mail
		x.refreshAt = time.Now().Add(pause)
		x.refresh = c.server.after(pause, func() { mail.post(refreshDue{x}) })
	}
}

// afterFunc is the clock of sessions: it calls f after a time, unless stop is called before.
func afterFunc(pause time.Duration, f func()) (stop func()) {
	timer := time.AfterFunc(pause, f)
	return func() { timer.Stop() }
}

// isGone tells that the response to a request in the dialog, or that there is none, means the end of it (RFC 3261 12.2.1.2).
func isGone(res *sipgo.Response, err error) bool {
	return err != nil || res.StatusCode == sipgo.StatusRequestTimeout || res.StatusCode == sipgo.StatusCallTransactionDoesNotExists
}

// credentials are those for the far end's challenges; it has none where it has called.
func (c *Call) credentials() credentials {
	if c.out == nil {
		return credentials{}
	}
	return c.out.credentials
}
