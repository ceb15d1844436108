package phone

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// Notice is a NOTIFY about a REFER (RFC 3515 2.4.4).
type Notice struct {
	Event  string // header
	State  string // Subscription-State
	Status string // first line of its body, without the SIP/2.0
}

// Refer sends a REFER within the call, with headers beside the usual ones, Refer-To among them, and returns its 2xx. Another final
// response is returned as *Refused.
func (c *Call) Refer(ctx context.Context, headers ...sipgo.Header) (*sipgo.Response, error) {
	c.mu.Lock()
	req := c.dialog.request(sipgo.REFER)
	c.mu.Unlock()
	for _, h := range headers {
		req.AppendHeader(h)
	}
	res, err := c.phone.transact(ctx, req, c.server, nil)
	if err == nil && res.StatusCode >= 300 {
		err = &Refused{sipgo.REFER, res}
	}
	return res, err
}

// Notices are the NOTIFYs so far.
func (c *Call) Notices() []Notice {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.notices)
}

// Replaces is the value of a Replaces header that names this call to the far end (RFC 3891 6.1).
func (c *Call) Replaces() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	ours, _ := c.dialog.from.Params.Get("tag")
	theirs, _ := c.dialog.to.Params.Get("tag")
	return fmt.Sprintf("%s;to-tag=%s;from-tag=%s", c.dialog.callID, theirs, ours)
}

// ReferTo is the address of this call's far end, as a Refer-To has it who is to take this call's place.
func (c *Call) ReferTo() string {
	c.mu.Lock()
	target := c.dialog.target
	c.mu.Unlock()
	return "<" + target.String() + "?Replaces=" + url.QueryEscape(c.Replaces()) + ">"
}

// notified takes a NOTIFY.
func (c *Call) notified(req *sipgo.Request, repeated bool) *sipgo.Response {
	value := func(name string) string {
		if h := req.GetHeader(name); h != nil {
			return h.Value()
		}
		return ""
	}
	line, _, _ := strings.Cut(string(req.Body()), "\r\n")
	c.mu.Lock()
	defer c.mu.Unlock()
	if !repeated {
		c.notices = append(c.notices, Notice{value("Event"), value("Subscription-State"), strings.TrimPrefix(line, "SIP/2.0 ")})
	}
	switch c.options.Notify {
	case NoAnswer:
		return nil
	case 0:
		return sipgo.NewResponseFromRequest(req, 200, "OK", nil)
	}
	return sipgo.NewResponseFromRequest(req, c.options.Notify, "No", nil)
}
