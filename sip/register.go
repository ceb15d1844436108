package sip

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
)

const (
	usualExpires  = time.Hour // where a REGISTER does not say
	longestURI    = 1024      // octets of a contact
	optionPath    = "path"    // RFC 3327
	longestCallID = 512       // octets
)

var (
	errContacts = fmt.Errorf("a phone may register at %d places", maxContacts)
	errNoPhone  = errors.New("there is no such phone any more")
)

// badRegister tells what is wrong with a REGISTER.
type badRegister struct{ why string }

func (e *badRegister) Error() string { return e.why }

// briefError tells that a registration or subscription would end sooner than is allowed.
type briefError struct{ least time.Duration }

func (e *briefError) Error() string { return "the time is too brief" }

// register serves a REGISTER (RFC 3261 10.3). It does not wait for the database.
func (s *Server) register(req *sipgo.Request, tx *wire.ServerTx) error {
	switch {
	case s.calls.isDraining():
		return errShutdown
	case s.registrar.empty():
		// 403 is what phones show as "not here" and stop at.
		return rejected{reject(sipgo.StatusForbidden, "No registrations here")}
	}
	if r := wire.Unacceptable(req, []string{optionPath}); r != nil {
		return rejected{r}
	}
	peer := tx.Peer()
	from, err := s.authenticate(req, peer)
	if err != nil {
		return err
	}
	if from.guest() {
		return s.digests.challenge(req, peer, errRegister)
	}
	tx.Trust()
	asked, err := s.registration(req, peer)
	if err != nil {
		return err
	}
	bindings, err := s.registrar.register(from.phone, asked)
	if err != nil {
		return err
	}
	now := time.Now()
	headers := []sipgo.Header{sipgo.NewHeader("Date", now.UTC().Format(http.TimeFormat))}
	for _, path := range req.GetHeaders("Path") {
		headers = append(headers, sipgo.NewHeader("Path", path.Value()))
	}
	for _, b := range bindings {
		left := int(b.expires.Sub(now).Round(time.Second) / time.Second)
		headers = append(headers, &sipgo.ContactHeader{
			Address: *b.contact.Clone(),
			Params:  sipgo.HeaderParams{{K: "expires", V: strconv.Itoa(left)}},
		})
	}
	return tx.Reply(sipgo.StatusOK, "OK", headers...)
}

// registration reads what a REGISTER asks for. The error is a *badRegister or a *briefError.
func (s *Server) registration(req *sipgo.Request, peer wire.Peer) (registerRequest, error) {
	asked := registerRequest{callID: req.CallID().Value(), seq: req.CSeq().SeqNo}
	if len(asked.callID) > longestCallID {
		return asked, &badRegister{"the Call-ID is too long"}
	}
	paths, err := wire.Routes(req, "Path")
	if err != nil {
		return asked, &badRegister{err.Error()}
	}
	agent := ""
	if h := req.GetHeader("User-Agent"); h != nil {
		agent = clean(h.Value())
	}
	usual := usualExpires
	if h := req.GetHeader("Expires"); h != nil {
		usual = seconds(h.Value())
	}
	now := time.Now()
	for _, h := range req.GetHeaders("Contact") {
		c, ok := h.(*sipgo.ContactHeader)
		switch {
		case !ok:
			return asked, &badRegister{"unreadable Contact"}
		case c.Address.Wildcard:
			asked.all = true
			continue
		}
		if err := checkContact(c.Address, peer); err != nil {
			return asked, err
		}
		lasts := usual
		if text, ok := c.Params.Get("expires"); ok {
			lasts = seconds(text)
		}
		if lasts > 0 && lasts < s.minExpires {
			return asked, &briefError{s.minExpires}
		}
		asked.contacts = append(asked.contacts, binding{
			id:      contactID(c.Address),
			contact: *c.Address.Clone(),
			paths:   paths,
			callID:  asked.callID,
			seq:     asked.seq,
			agent:   agent,
			domain:  strings.ToLower(req.To().Address.Host),
			expires: now.Add(min(lasts, s.maxExpires)),
			peer:    peer,
		})
	}
	switch {
	case len(asked.contacts) > maxContacts:
		return asked, errContacts
	case asked.all && (len(asked.contacts) > 0 || len(req.GetHeaders("Contact")) > 1 || req.GetHeader("Expires") == nil || usual != 0):
		// RFC 3261 10.2.2
		return asked, &badRegister{"Contact: * stands alone, with Expires: 0"}
	}
	return asked, nil
}

// checkContact refuses what no call could go to. Headers in the URI would be ours to send (RFC 3261 19.1.5).
// What goes over TLS alone (sips) has to be registered over TLS.
func checkContact(uri sipgo.Uri, peer wire.Peer) error {
	switch {
	case !strings.EqualFold(uri.Scheme, "sip") && !(strings.EqualFold(uri.Scheme, "sips") && peer.Transport == "TLS"):
		return &badRegister{"the Contact is no sip address"}
	case len(uri.Headers) > 0:
		return &badRegister{"the Contact has headers"}
	case len(uri.String()) > longestURI:
		return &badRegister{"the Contact is too long"}
	}
	return nil
}

// seconds reads a time in seconds; what is none counts as an hour (RFC 3261 10.2.1.1).
func seconds(text string) time.Duration {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	if err != nil {
		return usualExpires
	}
	return time.Duration(n) * time.Second
}
