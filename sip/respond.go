package sip

import (
	"strings"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/sdp"
	"conclave/sip/wire"
)

// accept answers a target refresh request with 200 and a body if there is one. The 200 to an INVITE is
// repeated until its ACK comes, which must answer offer if that is not nil.
func (c *Call) accept(e request, body []byte, offer *sdp.Session) error {
	res := c.response(e.req, sipgo.StatusOK, "OK", body)
	c.agreeOn(e.req, res)
	if err := e.tx.Respond(res); err != nil {
		return err
	}
	if e.req.Method == sipgo.INVITE {
		c.unacked.stop()
		c.unacked = &unacked{
			response: res,
			seq:      e.req.CSeq().SeqNo,
			offer:    offer,
			pause:    c.server.t1,
			left:     64 * c.server.t1,
		}
		c.unacked.wait(c.mail)
	}
	return nil
}

// response makes a response that makes a dialog, or is in one: with the Contact of RFC 3261 12.1.1 and a body if there is one.
// NewResponseFromRequest copies Record-Route.
func (c *Call) response(req *sipgo.Request, status int, reason string, body []byte) *sipgo.Response {
	res := sipgo.NewResponseFromRequest(req, status, reason, nil)
	res.RemoveHeader("Content-Length") // to come after the other headers
	c.describe(res, body)
	return res
}

// describe gives a message the headers of one that makes or changes a session, and a session
// description if there is one.
func (c *Call) describe(msg sipgo.Message, body []byte) {
	contact := &sipgo.ContactHeader{Address: c.contact()}
	if c.isFocus() {
		contact.Params = sipgo.HeaderParams{{K: "isfocus"}}
	}
	msg.AppendHeader(contact)
	for _, h := range capabilities() {
		msg.AppendHeader(h)
	}
	if len(body) > 0 {
		kind := sipgo.ContentTypeHeader("application/sdp")
		msg.AppendHeader(&kind)
	}
	msg.SetBody(body)
}

// contact is where requests of the far end in this dialog are to go: to the listener that it
// has reached already.
func (c *Call) contact() sipgo.Uri {
	uri := c.server.contactAt(c.peer, c.number)
	if c.sips { // RFC 5630 5.1.1; that it is over TLS is said by the scheme
		uri.Scheme, uri.UriParams = "sips", nil
	}
	return uri
}

// contactAt is the address of a user of ours, at the listener that a peer has reached.
func (s *Server) contactAt(peer wire.Peer, user string) sipgo.Uri {
	uri := sipgo.Uri{Scheme: "sip", User: user, Host: s.shown(peer.Local.Addr().Unmap()).String(), Port: int(peer.Local.Port())}
	if !strings.EqualFold(peer.Transport, "UDP") {
		uri.UriParams = sipgo.HeaderParams{{K: "transport", V: strings.ToLower(peer.Transport)}}
	}
	return uri
}

// isFocus tells whether the far end is told that it is connected with a conference (RFC 4579 5.1).
func (c *Call) isFocus() bool {
	t := c.server.trunks.find(c.caller.Trunk)
	return c.room.ID != "" && (t == nil || !t.noFocus)
}
