package sip

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// ErrSequence tells that the CSeq of a request in a dialog is not higher than that of the one
// before (RFC 3261 12.2.2).
var ErrSequence = errors.New("CSeq is not higher than that of the request before")

// Dialog is the state of a dialog as RFC 3261 12 defines it. It is a value: its methods change
// nothing but return what the dialog is afterwards, so that a request that is refused leaves
// no trace.
type Dialog struct {
	ID        DialogID
	Local     sipgo.Uri // in From of our requests
	Remote    sipgo.Uri // in To of our requests
	LocalSeq  uint32    // CSeq of our last request, 0: none yet
	RemoteSeq uint32    // CSeq of the far end's last request
	Target    sipgo.Uri // where our requests are meant for
	Routes    []sipgo.Uri
}

// DialogID names a dialog, as seen from us (RFC 3261 12).
type DialogID struct {
	CallID string
	Local  string // our tag
	Remote string // the far end's tag; empty for phones of RFC 2543
}

// dialogOf is the dialog that a request of the far end belongs to. The local tag is empty
// outside of dialogs.
func dialogOf(req *sipgo.Request) DialogID {
	id := DialogID{CallID: req.CallID().Value()}
	id.Local, _ = req.To().Params.Get("tag")
	id.Remote, _ = req.From().Params.Get("tag")
	return id
}

// NewDialog is the dialog that our 2xx to invite, carrying tag in To, creates (RFC 3261
// 12.1.1). An INVITE without Contact, as phones of RFC 2543 send it, is answered at the
// address of From.
func NewDialog(invite *sipgo.Request, tag string) Dialog {
	id := dialogOf(invite)
	id.Local = tag
	d := Dialog{
		ID:        id,
		Local:     *invite.To().Address.Clone(),
		Remote:    *invite.From().Address.Clone(),
		RemoteSeq: invite.CSeq().SeqNo,
		Target:    *invite.From().Address.Clone(),
	}
	for _, h := range invite.GetHeaders("Record-Route") {
		if route, ok := h.(*sipgo.RecordRouteHeader); ok {
			d.Routes = append(d.Routes, *route.Address.Clone())
		}
	}
	return d.Refresh(invite)
}

// Confirm is the dialog that a 2xx to our INVITE creates (RFC 3261 12.1.2), of what the INVITE was built from. A route that
// it had then was the INVITE's alone.
func (d Dialog) Confirm(res *sipgo.Response) Dialog {
	d.ID.Remote, _ = res.To().Params.Get("tag")
	d.Routes = nil
	for _, h := range res.GetHeaders("Record-Route") {
		if route, ok := h.(*sipgo.RecordRouteHeader); ok {
			d.Routes = append(d.Routes, *route.Address.Clone())
		}
	}
	slices.Reverse(d.Routes)
	return d.Refresh(res)
}

// Receive takes the CSeq of a request of the far end (RFC 3261 12.2.2). ACK has that of its
// INVITE and is not for Receive. The error is ErrSequence with the numbers.
func (d Dialog) Receive(req *sipgo.Request) (Dialog, error) {
	seq := req.CSeq().SeqNo
	if seq <= d.RemoteSeq {
		return d, fmt.Errorf("%w: %d after %d", ErrSequence, seq, d.RemoteSeq)
	}
	d.RemoteSeq = seq
	return d, nil
}

// Refresh takes the Contact of a target refresh request (INVITE, UPDATE) that was answered
// with a 2xx (RFC 3261 12.2.2, RFC 6141 4); of others it must not be called.
func (d Dialog) Refresh(msg sipgo.Message) Dialog {
	for _, h := range msg.GetHeaders("Contact") {
		if contact, ok := h.(*sipgo.ContactHeader); ok && !contact.Address.Wildcard {
			d.Target = *contact.Address.Clone()
			break
		}
	}
	return d
}

// Request builds our next request in the dialog (RFC 3261 12.2.1.1).
func (d Dialog) Request(method sipgo.RequestMethod) (Dialog, *sipgo.Request) {
	d.LocalSeq++
	return d, d.request(method, d.LocalSeq)
}

// Ack builds the ACK to a 2xx that answered our INVITE with this CSeq (RFC 3261 13.2.2.4).
func (d Dialog) Ack(seq uint32) *sipgo.Request { return d.request(sipgo.ACK, seq) }

func (d Dialog) request(method sipgo.RequestMethod, seq uint32) *sipgo.Request {
	recipient, routes := d.Target, d.Routes
	if len(routes) > 0 && !loose(routes[0]) {
		// A strict router expects itself in the Request-URI, and the target at the end.
		recipient = strict(routes[0])
		routes = append(slices.Clone(routes[1:]), d.Target)
	}
	req := sipgo.NewRequest(method, *recipient.Clone())
	for _, route := range routes {
		req.AppendHeader(&sipgo.RouteHeader{Address: *route.Clone()})
	}
	hops := sipgo.MaxForwardsHeader(70)
	callID := sipgo.CallIDHeader(d.ID.CallID)
	req.AppendHeader(&hops)
	req.AppendHeader(&sipgo.FromHeader{Address: *d.Local.Clone(), Params: tagged(d.ID.Local)})
	req.AppendHeader(&sipgo.ToHeader{Address: *d.Remote.Clone(), Params: tagged(d.ID.Remote)})
	req.AppendHeader(&callID)
	req.AppendHeader(&sipgo.CSeqHeader{SeqNo: seq, MethodName: method})
	return req
}

func tagged(tag string) sipgo.HeaderParams {
	if tag == "" {
		return nil
	}
	return sipgo.HeaderParams{{K: "tag", V: tag}}
}

// loose tells whether a route is that of a loose router (RFC 3261 16.12.1.1).
func loose(route sipgo.Uri) bool {
	return slices.ContainsFunc(route.UriParams, func(p sipgo.HeaderKV) bool {
		return strings.EqualFold(p.K, "lr")
	})
}

// strict is the route without what a Request-URI must not hold (RFC 3261 19.1.1).
func strict(route sipgo.Uri) sipgo.Uri {
	route.Headers = nil
	route.UriParams = slices.DeleteFunc(slices.Clone(route.UriParams), func(p sipgo.HeaderKV) bool {
		return strings.EqualFold(p.K, "method")
	})
	return route
}
