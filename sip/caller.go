package sip

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
)

// maxNameRunes bounds what is kept of a caller's number and name.
const maxNameRunes = 64

// maxLanguages bounds, in octets, what is read of the languages that a caller accepts: a browser sends a dozen of them.
const maxLanguages = 256

// callerOf reads who is calling from the From header. Nobody has proven anything, so the
// caller is a guest.
func callerOf(req *sipgo.Request, from netip.AddrPort) rooms.Caller {
	h := req.From()
	number := unescape(h.Address.User)
	if raw := h.Address.Raw(); raw != "" { // tel:+4930123;phone-context=…
		number, _, _ = strings.Cut(raw, ";")
	}
	return rooms.Caller{
		Number:   clean(number),
		Name:     clean(unquote(h.DisplayName)),
		Address:  from,
		Language: languagesOf(req),
		Guest:    true,
	}
}

// known is a caller, or a callee, with what we know of him. A phone that tells no name has the one that it was given here.
func (s *Server) known(caller rooms.Caller, who party) rooms.Caller {
	caller.Guest, caller.Phone, caller.Trunk = who.guest(), who.phone, who.trunk
	if phone, ok := s.registrar.phone(who.phone); ok && caller.Name == "" {
		caller.Name = phone.Name
	}
	return caller
}

// anonymous is the number of who does not want to be named (RFC 3323 4.1.1.3).
const anonymous = "anonymous"

// proven is a caller with what is proven of him. Over a trunk that is trusted his number and name are those that the peer has
// asserted (RFC 3325); from nobody else is that believed. Who wants to be private has neither, for nobody.
func (s *Server) proven(caller rooms.Caller, req *sipgo.Request, from party) rooms.Caller {
	caller = s.known(caller, from)
	if isPrivate(req) {
		caller.Number, caller.Name, caller.Private = anonymous, "", true
		return caller
	}
	if t := s.trunks.find(from.trunk); t == nil || t.untrusted {
		return caller
	}
	if number, name, ok := assertedIdentity(req); ok {
		caller.Number, caller.Name = number, name
	}
	return caller
}

// languagesOf reads the languages that a caller's phone accepts, which may be given in several headers (RFC 3261 7.3.1).
func languagesOf(msg sipgo.Message) string {
	var all []string
	for _, h := range msg.GetHeaders("Accept-Language") {
		all = append(all, h.Value())
	}
	languages := strings.Join(all, ", ")
	if len(languages) > maxLanguages {
		return ""
	}
	return languages
}

// unescape undoes the escaping of a user part, once (RFC 3261 19.1.2). What is escaped
// wrongly stays as it is.
func unescape(user string) string {
	if plain, err := url.PathUnescape(user); err == nil {
		return plain
	}
	return user
}

// unquote undoes the quoted pairs of a display name (RFC 3261 25.1).
func unquote(name string) string {
	if !strings.Contains(name, `\`) {
		return name
	}
	var b strings.Builder
	escaped := false
	for _, r := range name {
		if r == '\\' && !escaped {
			escaped = true
			continue
		}
		b.WriteRune(r)
		escaped = false
	}
	return b.String()
}

// clean drops control characters and what is beyond maxNameRunes: names come from the network
// and end up on terminals.
func clean(s string) string { return cleanUpTo(s, maxNameRunes) }

// cleanUpTo is clean with another length.
func cleanUpTo(s string, most int) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if !unicode.IsControl(r) {
			if n++; n > most {
				break
			}
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}
