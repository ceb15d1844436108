package sip

import (
	"slices"
	"strconv"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
	"conclave/store"
)

// binding is a place where a phone can be reached (RFC 3261 10). It is a value.
type binding struct {
	id      string // equal for equal contacts
	contact sipgo.Uri
	paths   []sipgo.Uri // RFC 3327, the first hop first
	callID  string      // of the last REGISTER
	seq     uint32      // of the last REGISTER
	agent   string
	domain  string    // the host of To in the last REGISTER, in lower case: the name that the phone knows this server by
	expires time.Time // by the monotonic clock
	peer    wire.Peer // where the last REGISTER came from: what is sent goes there, whatever the contact says
	health  health
}

// contactID is equal for contacts that are equal by RFC 3261 19.1.4, with one simplification: a parameter that one of
// them lacks makes them differ. Phones repeat their contact as it was.
func contactID(uri sipgo.Uri) string {
	params := make([]string, 0, len(uri.UriParams))
	for _, p := range uri.UriParams {
		params = append(params, strings.ToLower(p.K+"="+p.V))
	}
	slices.Sort(params)
	return strings.ToLower(uri.Scheme) + ":" + unescape(uri.User) + "@" + strings.ToLower(uri.Host) + ":" +
		strconv.Itoa(uri.Port) + ";" + strings.Join(params, ";")
}

// lasts tells whether the way to the phone outlives this process.
func (b binding) lasts() bool { return b.peer.Transport == "UDP" }

func (b binding) stored(extension string) store.Binding {
	paths := make([]string, 0, len(b.paths))
	for _, path := range b.paths {
		paths = append(paths, path.String())
	}
	return store.Binding{
		Phone:     extension,
		ID:        b.id,
		Contact:   b.contact.String(),
		Paths:     paths,
		CallID:    b.callID,
		CSeq:      b.seq,
		Agent:     b.agent,
		Domain:    b.domain,
		Expires:   time.Now().Add(time.Until(b.expires)),
		Transport: b.peer.Transport,
		Local:     b.peer.Local,
		Remote:    b.peer.Remote,
	}
}

// restored is a binding as it was stored. ok is false where there is no way to the phone any more.
func (s *Server) restored(from store.Binding) (b binding, ok bool) {
	peer, ok := s.wire.UDPPeer(from.Local, from.Remote)
	if !ok || from.Transport != "UDP" {
		return binding{}, false
	}
	return bindingOf(from, peer)
}

// bindingOf is a binding as it was stored, of a phone that is reached by peer. ok is false where it cannot be read.
func bindingOf(from store.Binding, peer wire.Peer) (b binding, ok bool) {
	contact, err := wire.ParseURI(from.Contact)
	if err != nil {
		return binding{}, false
	}
	b = binding{
		id:      from.ID,
		contact: contact,
		callID:  from.CallID,
		seq:     from.CSeq,
		agent:   from.Agent,
		domain:  from.Domain,
		expires: time.Now().Add(time.Until(from.Expires)),
		peer:    peer,
	}
	for _, text := range from.Paths {
		path, err := wire.ParseURI(text)
		if err != nil {
			return binding{}, false
		}
		b.paths = append(b.paths, path)
	}
	return b, true
}
