package sip

import (
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
)

// Directory lists phones that have not registered, and that anybody may call.
type Directory struct {
	mu      sync.Mutex
	callees map[string]callee
}

// Place is a contact of a phone.
type Place struct {
	Target string // URI
	Peer   wire.Peer
	Routes []string // URIs
}

// Attach has servers of this configuration look phones up here.
func (d *Directory) Attach(c *Config) {
	c.listed = func(number string) (callee, bool) {
		d.mu.Lock()
		defer d.mu.Unlock()
		callee, ok := d.callees[number]
		return callee, ok
	}
}

// Listing is how a number is called.
type Listing struct {
	Groups         [][]Place
	User, Password string
	// Stranger tells that the caller is taken for a guest.
	Stranger bool
}

// List has a number stand for a phone.
func (d *Directory) List(number string, l Listing) {
	to := callee{number: number, who: party{phone: number}, credentials: credentials{l.User, l.Password}, callerTransfers: !l.Stranger}
	uri := func(text string) (uri sipgo.Uri) {
		if err := sipgo.ParseUri(text, &uri); err != nil {
			panic(err)
		}
		return uri
	}
	for _, places := range l.Groups {
		var group []contact
		for _, p := range places {
			c := contact{target: uri(p.Target), peer: p.Peer}
			for _, route := range p.Routes {
				c.routes = append(c.routes, uri(route))
			}
			group = append(group, c)
		}
		to.groups = append(to.groups, group)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.callees == nil {
		d.callees = make(map[string]callee)
	}
	d.callees[number] = to
}

// PeerOf is who a call came from, by its Call-ID; false if there is no such call.
func (s *Server) PeerOf(callID string) (wire.Peer, bool) {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	for id, call := range s.calls.dialogs {
		if id.CallID == callID && call.invite != nil {
			return call.invite.Peer(), true
		}
	}
	return wire.Peer{}, false
}

// AnyPeer is who the one call that there is came from.
func (s *Server) AnyPeer() (wire.Peer, bool) {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	for _, call := range s.calls.dialogs {
		return call.invite.Peer(), len(s.calls.dialogs) == 1
	}
	return wire.Peer{}, false
}

// Known looks up what a user's answer to a challenge is checked against.
func (s *Server) Known(user string) (Digests, bool) { return s.digestsOf(user) }

// Quote and Escape write what callerOf reads.
func Quote(name string) string  { return quote(name) }
func Escape(user string) string { return escape(user) }

// Probes lets tests say what came of OPTIONS.
type Probes struct{ *registrar }

// Registrar is that of the server.
func (s *Server) Registrar() Probes { return Probes{s.registrar} }

// LoseProbe is as if the binding at this place of a phone's had not answered.
func (p Probes) LoseProbe(extension string, at int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bindings[extension][at].health.lost++
}

// ParseReplaces reads a Replaces header.
func ParseReplaces(text string) (id DialogID, earlyOnly bool, err error) {
	r, err := parseReplaces(text)
	return r.id, r.earlyOnly, err
}

// ParseReferTo reads a REFER with this Refer-To.
func ParseReferTo(text string) (sipgo.Uri, error) {
	req := sipgo.NewRequest(sipgo.REFER, sipgo.Uri{Scheme: "sip", Host: "example.com"})
	req.AppendHeader(sipgo.NewHeader("Refer-To", text))
	order, err := readRefer(req)
	return order.to, err
}

// CausesIn reads what the Reason headers of a message say, as the history of calls has it.
func CausesIn(msg sipgo.Message) (texts []string) {
	for _, c := range causesIn(msg) {
		texts = append(texts, c.String())
	}
	return texts
}

// IntervalIn reads what a message says of the session's time.
func IntervalIn(msg sipgo.Message) (expires, least time.Duration, err error) {
	i, err := intervalIn(msg)
	return i.expires, i.least, err
}

// ParseRAck reads a RAck header, and writes it.
func ParseRAck(text string) (string, error) {
	r, err := parseRAck(text)
	return r.String(), err
}
