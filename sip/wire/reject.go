package wire

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// Rejection is a final response that refuses a request.
type Rejection struct {
	Status  int
	Reason  string // of the status line: fixed words, nothing out of the request
	Headers []sipgo.Header
}

// Unacceptable makes the checks of RFC 3261 8.2.2.3 and 8.2.3, which come after the user has been looked up: Require,
// then, for INVITE and UPDATE, the type of the body, its coding, and whether an SDP answer would be taken at all.
// supported are the option tags that are understood. nil: there is nothing against the request.
func Unacceptable(req *sipgo.Request, supported []string) *Rejection {
	var unsupported []string
	for _, tag := range List(req, "require") {
		if !slices.ContainsFunc(supported, func(s string) bool { return strings.EqualFold(s, tag) }) {
			unsupported = append(unsupported, tag)
		}
	}
	if len(unsupported) > 0 {
		return &Rejection{420, "Bad Extension", []sipgo.Header{
			sipgo.NewHeader("Unsupported", strings.Join(unsupported, ", "))}}
	}
	if req.Method != sipgo.INVITE && req.Method != sipgo.UPDATE {
		return nil
	}
	if len(req.Body()) > 0 {
		if mediaType(contentType(req)) != "application/sdp" {
			return &Rejection{415, "Unsupported Media Type", []sipgo.Header{sipgo.NewHeader("Accept", "application/sdp")}}
		}
		for _, coding := range List(req, "content-encoding") {
			if !strings.EqualFold(coding, "identity") {
				return &Rejection{415, "Unsupported Media Type", []sipgo.Header{
					sipgo.NewHeader("Accept-Encoding", "identity")}}
			}
		}
	}
	if !Accepts(req, "application/sdp") {
		return &Rejection{406, "Not Acceptable", []sipgo.Header{
			sipgo.NewHeader("Warning", `399 conclave "only application/sdp is spoken here"`)}}
	}
	return nil
}

func contentType(req *sipgo.Request) string {
	if h := req.ContentType(); h != nil {
		return h.Value()
	}
	return ""
}

// mediaType is the type/subtype of a Content-Type or of one Accept range, in lower case.
func mediaType(value string) string {
	value, _, _ = strings.Cut(value, ";")
	return strings.ToLower(trim(value))
}

// Accepts tells whether whoever has sent a request takes a type of body, in lower case, in what answers it: by its Accept
// headers, or as it has none (RFC 3261 20.1).
func Accepts(req *sipgo.Request, kind string) bool {
	if len(req.GetHeaders("accept")) == 0 {
		return true
	}
	family, _, _ := strings.Cut(kind, "/")
	return slices.ContainsFunc(List(req, "accept"), func(accept string) bool {
		accept = mediaType(accept)
		return accept == kind || accept == family+"/*" || accept == "*/*"
	})
}

// List are the comma-separated values of all headers of this name; empty ones are left out.
func List(msg sipgo.Message, name string) []string {
	var all []string
	for _, h := range msg.GetHeaders(name) {
		for _, value := range splitList(h.Value()) {
			if value != "" {
				all = append(all, value)
			}
		}
	}
	return all
}

// maxRefusal is the longest refusal sent, in octets. Longer ones would come from requests made of nothing but Via.
const maxRefusal = 4096

// refusal is the answer to a request that did not get as far as a transaction, from the lines of the request as they
// came: it works for what no parser takes. It keeps no state (RFC 3261 8.2.7). nil: there is no way to answer.
func (g *gate) refusal(m *message, r *Rejection, source netip.AddrPort) []byte {
	vias := m.values("via")
	// Never a response to a response or to an ACK, even to a broken one.
	if m.response || m.method == "ACK" || strings.HasSuffix(m.first("cseq"), "ACK") || len(vias) == 0 {
		return nil
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", r.Status, r.Reason)
	for i, via := range vias {
		if i == 0 {
			values := splitList(via)
			if top, err := parseVia(values[0]); err == nil {
				stamp(top, source)
				values[0] = top.Value()
			}
			via = strings.Join(values, ", ")
		}
		fmt.Fprintf(&b, "Via: %s\r\n", via)
	}
	for _, f := range m.fields {
		switch f.lower {
		case "from", "call-id", "cseq":
			fmt.Fprintf(&b, "%s: %s\r\n", f.name, f.value)
		case "to":
			if a, err := parseAddress(f.value); err != nil || !a.params.Has("tag") {
				f.value += ";tag=" + g.tags.tag(m.first("call-id"), m.first("cseq"))
			}
			fmt.Fprintf(&b, "%s: %s\r\n", f.name, f.value)
		}
	}
	for _, h := range r.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h.Name(), h.Value())
	}
	if g.software != "" {
		fmt.Fprintf(&b, "Server: %s\r\n", g.software)
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	if b.Len() > maxRefusal {
		return nil
	}
	return b.Bytes()
}

// tagger computes To tags for answers without a transaction, so that a retransmitted request gets the same one and
// the ACK is recognised (RFC 3261 8.2.7).
type tagger struct{ secret [32]byte }

func newTagger() tagger {
	var t tagger
	rand.Read(t.secret[:])
	return t
}

// tag depends on the call and on the CSeq number, which INVITE, CANCEL and ACK have in common.
func (t *tagger) tag(callID, cseq string) string {
	number, _, _ := strings.Cut(strings.TrimLeft(cseq, "0"), " ")
	mac := hmac.New(sha256.New, t.secret[:])
	fmt.Fprintf(mac, "%s\n%s", callID, number)
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// stamp notes in the top Via where the request really came from (RFC 3261 18.2.1, RFC 3581 4).
func stamp(via *sipgo.ViaHeader, source netip.AddrPort) {
	address := source.Addr().WithZone("")
	_, rport := via.Params.Get("rport")
	sentBy, err := netip.ParseAddr(strings.Trim(via.Host, "[]"))
	via.Params.Remove("received") // whoever sent one does not know better
	if err != nil || sentBy.Unmap() != address || rport {
		via.Params.Add("received", address.String())
	}
	if rport {
		via.Params.Add("rport", fmt.Sprint(source.Port()))
	}
}
