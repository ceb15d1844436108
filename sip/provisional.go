package sip

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media"
)

// errNoPRACK is why a call is refused whose far end asks for reliable provisional responses and acknowledges none.
var errNoPRACK = errors.New("no PRACK came for a provisional response")

// errRAck tells that a PRACK cannot be read.
var errRAck = errors.New("malformed RAck: numbers of the response and of the request and its method are right, as in 776656 1 INVITE")

// rack is what a PRACK acknowledges (RFC 3262 7.2).
type rack struct {
	seq    uint32 // RSeq of the response
	cseq   uint32 // of the request that it answers
	method sipgo.RequestMethod
}

func (r rack) String() string { return fmt.Sprintf("%d %d %s", r.seq, r.cseq, r.method) }

// parseRAck reads the value of a RAck header. The error is errRAck.
func parseRAck(text string) (rack, error) {
	parts := strings.Fields(text)
	if len(parts) != 3 {
		return rack{}, errRAck
	}
	seq, err := strconv.ParseUint(parts[0], 10, 32)
	if err != nil {
		return rack{}, errRAck
	}
	cseq, err := strconv.ParseUint(parts[1], 10, 31)
	if err != nil {
		return rack{}, errRAck
	}
	return rack{uint32(seq), uint32(cseq), sipgo.RequestMethod(parts[2])}, nil
}

// provisionals are what the far end's INVITE is answered with before the final response. Where the far end insists on it, or
// where a response has a description and the far end can do it, a response is sent until its PRACK comes (RFC 3262 3), and the
// next one, the 200 above all, waits for that.
type provisionals struct {
	able, insists bool // the far end knows reliable responses, or wants all to be
	seq           uint32
	waiting       []*sipgo.Response
	sent          *unconfirmed // nil: all have their PRACK
	described     bool         // the session was described in a reliable response
	picksUp       bool         // the 200 waits
}

// unconfirmed is a reliable provisional response without a PRACK.
type unconfirmed struct {
	response *sipgo.Response
	pause    time.Duration
	left     time.Duration // until the call is given up
	timer    *time.Timer
}

// repeatProvisional is the event that the pause is over.
type repeatProvisional struct{ *unconfirmed }

func newProvisionals(invite *sipgo.Request) provisionals {
	insists := hasTag(invite, "Require", optionReliable)
	return provisionals{able: insists || hasTag(invite, "Supported", optionReliable), insists: insists,
		seq: 1 + rand.Uint32N(1<<31-1)} // RFC 3262 3
}

// answerProvisionally answers the INVITE provisionally.
func (c *Call) answerProvisionally(status int, reason string, body []byte) {
	p := &c.provisionals
	res := c.response(c.opening.req, status, reason, body)
	if !p.insists && !(p.able && body != nil) {
		if err := c.invite.Respond(res); err != nil {
			c.log.Debug("provisional response not sent", "error", err)
		}
		return
	}
	p.described = p.described || body != nil
	res.AppendHeader(sipgo.NewHeader("Require", optionReliable))
	res.AppendHeader(sipgo.NewHeader("RSeq", strconv.FormatUint(uint64(p.seq), 10)))
	p.seq++
	p.waiting = append(p.waiting, res)
	c.sendProvisional()
}

// sendProvisional sends the next reliable response once the one before has its PRACK.
func (c *Call) sendProvisional() {
	p := &c.provisionals
	if p.sent != nil || len(p.waiting) == 0 {
		return
	}
	u := &unconfirmed{response: p.waiting[0], pause: c.server.t1, left: 64 * c.server.t1}
	p.waiting = p.waiting[1:]
	p.sent = u
	if err := c.invite.Respond(u.response); err != nil {
		c.log.Debug("provisional response not sent", "error", err)
	}
	mail := c.mail
	u.timer = time.AfterFunc(u.pause, func() { mail.post(repeatProvisional{u}) })
}

// repeatProvisional sends a reliable response again, after twice as long each time, or gives up.
func (c *Call) repeatProvisional(u *unconfirmed) {
	if c.provisionals.sent != u || c.state != invited {
		return
	}
	if u.left -= u.pause; u.left <= 0 {
		c.decline(errNoPRACK)
		return
	}
	if err := c.server.wire.Write(u.response, c.peer); err != nil {
		c.log.Debug("provisional response not sent again", "error", err)
	}
	u.pause = min(2*u.pause, u.left)
	u.timer.Reset(u.pause)
}

func (p *provisionals) stop() {
	if p.sent != nil {
		p.sent.timer.Stop()
		p.sent = nil
	}
	p.waiting = nil
}

// prack serves a PRACK (RFC 3262 3). It may carry the answer to our offer, or another offer (RFC 3262 5).
func (c *Call) prack(e request) error {
	h := e.req.GetHeader("RAck")
	if h == nil {
		return rejected{reject(sipgo.StatusBadRequest, "", warning(399, errRAck.Error()))}
	}
	r, err := parseRAck(h.Value())
	if err != nil {
		return rejected{reject(sipgo.StatusBadRequest, "", warning(399, err.Error()))}
	}
	p := &c.provisionals
	u := p.sent
	if u == nil || r.method != sipgo.INVITE || r.cseq != c.opening.req.CSeq().SeqNo || header(u.response, "RSeq") != strconv.FormatUint(uint64(r.seq), 10) {
		return errNoDialog // RFC 3262 3
	}
	body, err := c.describedIn(e, len(u.response.Body()) > 0)
	if err != nil {
		return err
	}
	u.timer.Stop()
	p.sent = nil
	if err := e.tx.Respond(c.response(e.req, sipgo.StatusOK, "OK", body)); err != nil {
		return err
	}
	c.sendProvisional()
	if p.picksUp && p.sent == nil {
		if err := c.pickUp(); err != nil {
			c.decline(err)
		}
	}
	return nil
}

// describedIn takes the session description of a PRACK, and returns the one for its response. answers tells that the response
// which the PRACK acknowledges has one.
func (c *Call) describedIn(e request, answers bool) ([]byte, error) {
	o := &c.opening
	if o.ours != nil && answers {
		_, remote, err := c.answerIn(e.req, o.ours)
		if err != nil {
			return nil, err
		}
		o.remote, o.offered, o.ours = remote, true, nil
		c.hear()
		return nil, nil
	}
	offer, err := description(e.req)
	if err != nil || offer == nil {
		return nil, err
	}
	if o.ours != nil || !c.provisionals.described {
		return nil, errPending
	}
	session, remote, err := c.session.answer(offer, c.signalling())
	if err != nil {
		return nil, err
	}
	c.session, o.remote = session, remote
	c.hear()
	return session.sent, nil
}

// listen lets the far end hear what the callee plays before he answers.
func (c *Call) listen(place preview) {
	if place == nil || c.preview != nil {
		return
	}
	c.preview = place
	c.hear()
	c.fork.rang = true
	c.answerProvisionally(183, "Session Progress", c.session.sent)
}

// hear has the leg know the far end, where that is to hear something before the answer.
func (c *Call) hear() {
	if c.preview != nil && c.opening.offered {
		remote := c.opening.remote
		if remote.Direction == media.Inactive {
			return
		}
		c.leg.Apply(remote)
	}
}

// header is the value of the first header of this name; empty: there is none.
func header(msg sipgo.Message, name string) string {
	for _, h := range msg.GetHeaders(name) {
		return h.Value()
	}
	return ""
}
