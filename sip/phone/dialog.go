package phone

import (
	"crypto/rand"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// dialogKey names a dialog among those of a phone: several phones behind one contact answer one INVITE with tags of
// their own.
type dialogKey struct{ callID, tag string }

// keyOf is the dialog that a request of the far end belongs to; without a tag in To it belongs to none.
func keyOf(req *sipgo.Request) dialogKey {
	key := dialogKey{callID: string(*req.CallID())}
	if to := req.To(); to != nil {
		key.tag, _ = to.Params.Get("tag")
	}
	return key
}

func (d *dialog) key() dialogKey {
	tag, _ := d.from.Params.Get("tag")
	return dialogKey{string(d.callID), tag}
}

// dialog is what the requests of one call have in common (RFC 3261 12).
type dialog struct {
	transport string
	via       netip.AddrPort // ours
	from      sipgo.FromHeader
	to        sipgo.ToHeader
	callID    sipgo.CallIDHeader
	target    sipgo.Uri
	routes    []sipgo.Uri
	number    uint32 // CSeq of our latest request
}

func newDialog(transport string, via netip.AddrPort, server, number, from string) *dialog {
	host, port := server, 0
	if h, p, err := net.SplitHostPort(server); err == nil {
		host = h
		port, _ = strconv.Atoi(p)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	callee := sipgo.Uri{Scheme: "sip", User: number, Host: host, Port: port}
	target := *callee.Clone()
	if transport != "udp" {
		target.UriParams = sipgo.NewParams()
		target.UriParams.Add("transport", transport)
	}
	d := &dialog{
		transport: transport,
		via:       via,
		from:      sipgo.FromHeader{Address: sipgo.Uri{Scheme: "sip", User: from, Host: bracketed(via.Addr()), Port: int(via.Port())}},
		to:        sipgo.ToHeader{Address: callee},
		callID:    sipgo.CallIDHeader(rand.Text()),
		target:    target,
	}
	d.from.Params = sipgo.NewParams()
	d.from.Params.Add("tag", rand.Text()[:10])
	return d
}

// bracketed is addr as it stands in a URI or Via.
func bracketed(addr netip.Addr) string {
	if addr.Is6() {
		return "[" + addr.String() + "]"
	}
	return addr.String()
}

// request builds the next request of the dialog.
func (d *dialog) request(method sipgo.RequestMethod) *sipgo.Request {
	d.number++
	return d.numbered(method, d.number)
}

// numbered builds a request with a CSeq of its own: the ACK to a 2xx has its INVITE's.
func (d *dialog) numbered(method sipgo.RequestMethod, number uint32) *sipgo.Request {
	req := sipgo.NewRequest(method, d.target)
	via := &sipgo.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: strings.ToUpper(d.transport),
		Host: bracketed(d.via.Addr()), Port: int(d.via.Port()), Params: sipgo.NewParams(),
	}
	via.Params.Add("branch", sipgo.RFC3261BranchMagicCookie+rand.Text()[:16])
	via.Params.Add("rport", "")
	req.AppendHeader(via)
	for _, route := range d.routes {
		req.AppendHeader(&sipgo.RouteHeader{Address: route})
	}
	hops := sipgo.MaxForwardsHeader(70)
	req.AppendHeader(&hops)
	from, to, callID := d.from, d.to, d.callID
	req.AppendHeader(&from)
	req.AppendHeader(&to)
	req.AppendHeader(&callID)
	req.AppendHeader(&sipgo.CSeqHeader{SeqNo: number, MethodName: method})
	if method != sipgo.BYE && method != sipgo.CANCEL {
		req.AppendHeader(d.contact())
	}
	req.AppendHeader(sipgo.NewHeader("User-Agent", "conclave phone"))
	req.SetBody(nil)
	return req
}

func (d *dialog) contact() *sipgo.ContactHeader {
	address := sipgo.Uri{Scheme: "sip", User: d.from.Address.User, Host: bracketed(d.via.Addr()), Port: int(d.via.Port())}
	if d.transport != "udp" {
		address.UriParams = sipgo.NewParams()
		address.UriParams.Add("transport", d.transport)
	}
	return &sipgo.ContactHeader{Address: address}
}

// answering is the dialog that our 2xx to an INVITE makes (RFC 3261 12.1.1), under a tag of its own.
func answering(transport string, via netip.AddrPort, invite *sipgo.Request) *dialog {
	d := &dialog{
		transport: transport,
		via:       via,
		from:      sipgo.FromHeader{Address: invite.To().Address, Params: sipgo.NewParams()},
		to:        sipgo.ToHeader{Address: invite.From().Address, Params: invite.From().Params.Clone()},
		callID:    *invite.CallID(),
		target:    invite.From().Address,
	}
	d.from.Params.Add("tag", rand.Text()[:10])
	if contact := invite.Contact(); contact != nil {
		d.target = contact.Address
	}
	for _, h := range invite.GetHeaders("Record-Route") {
		d.routes = append(d.routes, h.(*sipgo.RecordRouteHeader).Address)
	}
	return d
}

// confirm takes the far end's tag, target and route set from a 2xx to the
// INVITE (RFC 3261 12.1.2), and later the new target from one to a re-INVITE.
func (d *dialog) confirm(res *sipgo.Response) {
	if d.to.Params.Length() == 0 {
		d.to.Params = res.To().Params.Clone()
		for _, h := range res.GetHeaders("Record-Route") {
			d.routes = append(d.routes, h.(*sipgo.RecordRouteHeader).Address)
		}
		slices.Reverse(d.routes)
	}
	if contact := res.Contact(); contact != nil {
		d.target = contact.Address
	}
}
