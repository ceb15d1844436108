package phone

import (
	"context"
	"errors"
	"fmt"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Change is what a re-INVITE or UPDATE asks for; the zero value asks for a plain
// two-way call as Options had it.
type Change struct {
	Direction string  // "sendrecv", "sendonly", "recvonly" or "inactive"; empty is sendrecv
	ZeroHold  bool    // hold as RFC 2543 had it: c=0.0.0.0
	Move      bool    // receive and send RTP on a new port from now on
	Offerless bool    // leave the offer to the far end; re-INVITE only
	Codecs    []Codec // are offered from now on; empty: those as before
	Rekey     bool    // encrypt by a new key from now on
}

// Hold asks the far end not to send: sendonly.
func (c *Call) Hold(ctx context.Context) error {
	return c.Reinvite(ctx, Change{Direction: "sendonly"})
}

// Resume takes a call back from hold.
func (c *Call) Resume(ctx context.Context) error { return c.Reinvite(ctx, Change{}) }

// Reinvite sends an INVITE within the call and acknowledges its 2xx. Another
// final response is returned as *Refused and leaves the call as it was.
func (c *Call) Reinvite(ctx context.Context, change Change) error {
	return c.change(ctx, sipgo.INVITE, change)
}

// Update does the same by UPDATE (RFC 3311).
func (c *Call) Update(ctx context.Context, change Change) error {
	if change.Offerless {
		return errors.New("an UPDATE without an offer changes nothing")
	}
	return c.change(ctx, sipgo.UPDATE, change)
}

func (c *Call) change(ctx context.Context, method sipgo.RequestMethod, change Change) error {
	c.mu.Lock()
	before := c.local
	c.local.change(change)
	if change.Move && c.stream != nil {
		if err := c.stream.move(); err != nil {
			c.local = before
			c.mu.Unlock()
			return fmt.Errorf("%s: %w", method, err)
		}
		c.local.address = c.stream.address()
	}
	req := c.dialog.request(method)
	if !change.Offerless {
		c.attach(req)
	}
	c.mu.Unlock()

	res, err := c.phone.transact(ctx, req, c.server, nil)
	if err == nil && res.StatusCode >= 300 {
		err = &Refused{method, res}
	}
	if err != nil {
		c.mu.Lock()
		address := c.local.address // a socket that moved stays moved
		c.local = before
		c.local.address = address
		c.mu.Unlock()
		return err
	}
	if method == sipgo.INVITE {
		return c.accept(req, res, 0)
	}
	remote, err := ParseDescription(res.Body())
	if err != nil {
		return fmt.Errorf("description in the %d to %s: %w", res.StatusCode, method, err)
	}
	c.mu.Lock()
	c.dialog.confirm(res)
	c.remote = remote
	c.mu.Unlock()
	c.apply()
	return nil
}

// Request sends a request within the call, INFO or OPTIONS for example, with
// a body unless contentType is empty, and returns its 2xx. Another final
// response is returned as *Refused, together with the response itself.
func (c *Call) Request(ctx context.Context, method sipgo.RequestMethod, contentType, body string) (*sipgo.Response, error) {
	c.mu.Lock()
	req := c.dialog.request(method)
	c.mu.Unlock()
	if contentType != "" {
		header := sipgo.ContentTypeHeader(contentType)
		req.AppendHeader(&header)
		req.SetBody([]byte(body))
	}
	res, err := c.phone.transact(ctx, req, c.server, nil)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 300 {
		return res, &Refused{method, res}
	}
	return res, nil
}

// The ways to send a digit by SIP INFO.
const (
	DTMFRelay = "application/dtmf-relay" // Signal= and Duration= lines
	DTMF      = "application/dtmf"       // the digit alone
)

// PressInfo sends digits by SIP INFO, one request each, with the content type DTMFRelay or DTMF.
func (c *Call) PressInfo(ctx context.Context, digits, contentType string) error {
	for _, digit := range digits {
		body := string(digit)
		if contentType == DTMFRelay {
			body = fmt.Sprintf("Signal=%c\r\nDuration=160\r\n", digit)
		}
		if _, err := c.Request(ctx, sipgo.INFO, contentType, body); err != nil {
			return fmt.Errorf("press %c: %w", digit, err)
		}
	}
	return nil
}

// serve answers a request from the far end.
func (p *Phone) serve(req *sipgo.Request, from string) {
	if req.CallID() == nil || req.CSeq() == nil {
		return
	}
	key := keyOf(req)
	if p.ring(req, key, from) {
		return
	}
	p.mu.Lock()
	c, watch, ended := p.calls[key], p.watches[key], p.ended[key]
	p.mu.Unlock()
	var res *sipgo.Response
	switch {
	case watch != nil && req.Method == sipgo.NOTIFY:
		res = watch.notified(req)
	case c != nil:
		res = c.serve(req)
	case ended && req.Method == sipgo.BYE:
		res = sipgo.NewResponseFromRequest(req, 200, "OK", nil)
	case req.Method == sipgo.OPTIONS:
		res = sipgo.NewResponseFromRequest(req, 200, "OK", nil)
	default:
		res = sipgo.NewResponseFromRequest(req, 481, "Call/Transaction Does Not Exist", nil)
	}
	if res == nil {
		return
	}
	p.send(outgoing{server: from, bytes: []byte(res.String())}) // a lost response is asked for again
}

// serve answers a request within the call. New descriptions are accepted as they are.
func (c *Call) serve(req *sipgo.Request) *sipgo.Response {
	c.mu.Lock()
	c.request = req
	repeated := req.CSeq().SeqNo <= c.sequence
	c.sequence = max(c.sequence, req.CSeq().SeqNo)
	c.mu.Unlock()
	switch req.Method {
	case sipgo.BYE:
		why := "BYE received"
		if reason := req.GetHeader("Reason"); reason != nil {
			why += ": " + reason.Value()
		}
		c.finish(why)
		return sipgo.NewResponseFromRequest(req, 200, "OK", nil)
	case sipgo.INVITE, sipgo.UPDATE:
		remote, err := ParseDescription(req.Body())
		if err != nil && len(req.Body()) > 0 {
			return sipgo.NewResponseFromRequest(req, 488, "Not Acceptable Here", nil)
		}
		c.mu.Lock()
		if err == nil && !repeated {
			c.remote = remote
			c.local.follow(remote)
		}
		res := sipgo.NewResponseFromRequest(req, 200, "OK", nil)
		res.AppendHeader(c.dialog.contact())
		if len(req.Body()) > 0 || req.Method == sipgo.INVITE {
			c.attach(res)
		}
		c.mu.Unlock()
		c.apply()
		return res
	case sipgo.NOTIFY:
		return c.notified(req, repeated)
	case sipgo.OPTIONS, sipgo.INFO:
		return sipgo.NewResponseFromRequest(req, 200, "OK", nil)
	default:
		return sipgo.NewResponseFromRequest(req, 405, "Method Not Allowed", nil)
	}
}

// Listen waits for d and returns what was heard in that time.
func (c *Call) Listen(d time.Duration) []int16 {
	since := time.Now()
	select {
	case <-time.After(d):
	case <-c.done:
	}
	return Assemble(after(c.Packets(), since))
}
