package wire

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// gate decides what goes on to the application. It turns a scanned message into sipgo's, field by field, and judges
// by what came out: there is one parse, so nobody behind it can read a message differently.
type gate struct {
	methods  []string
	software string // that Server tells
	tags     tagger
}

// knownMethods are those that earn a 405 instead of a 501 where they are not served.
var knownMethods = []string{"ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH",
	"REFER", "REGISTER", "SUBSCRIBE", "UPDATE"}

// singular are the fields that may come once (RFC 3261 7.3.1); mandatory those that must (8.1.1). Max-Forwards is not
// among the latter: RFC 2543 did not have it.
var (
	singular  = []string{"from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type"}
	mandatory = []string{"via", "from", "to", "call-id", "cseq"}
)

// request lets a request pass or says how it is refused. The order is that of RFC 3261 8.2, as far as it can go
// without knowing the application's users.
func (g *gate) request(m *message) (*sipgo.Request, *Rejection) {
	if m.flaw != nil {
		return nil, m.flaw
	}
	if m.version != "SIP/2.0" {
		return nil, &Rejection{Status: 505, Reason: "Version Not Supported"}
	}
	if err := m.complete(); err != nil {
		return nil, bad(err)
	}
	cseq, err := parseCSeq(m.first("cseq"))
	if err != nil {
		return nil, bad(err)
	}
	if r := g.method(m.method); r != nil {
		return nil, r
	}
	if string(cseq.MethodName) != m.method {
		return nil, bad(errors.New("CSeq names another method"))
	}
	switch s := scheme(m.uri); {
	case s == "":
		return nil, bad(errors.New("malformed Request-URI"))
	case !isSIP(s):
		return nil, &Rejection{Status: 416, Reason: "Unsupported URI Scheme"}
	}
	uri, err := parseURI(m.uri)
	if err != nil || uri.Headers != nil {
		return nil, bad(errors.New("malformed Request-URI"))
	}
	req := sipgo.NewRequest(sipgo.RequestMethod(m.method), uri)
	if err := m.fill(req); err != nil {
		return nil, bad(err)
	}
	if err := plausible(req); err != nil {
		return nil, bad(err)
	}
	// A plain 405 would be the letter of RFC 3261 8.2.1, but phones register before anything else, and 403 is what they
	// show as "not here" and stop at.
	if req.Method == sipgo.REGISTER && !slices.Contains(g.methods, "REGISTER") {
		return nil, &Rejection{Status: 403, Reason: "No registrations here"}
	}
	return req, nil
}

// method refuses methods that are not served. CANCEL and ACK belong to the transactions and always pass.
func (g *gate) method(name string) *Rejection {
	if name == "ACK" || name == "CANCEL" || name == "REGISTER" || slices.Contains(g.methods, name) {
		return nil
	}
	allow := []sipgo.Header{sipgo.NewHeader("Allow", strings.Join(g.methods, ", "))}
	if slices.Contains(knownMethods, name) {
		return &Rejection{Status: 405, Reason: "Method Not Allowed", Headers: allow}
	}
	return &Rejection{Status: 501, Reason: "Not Implemented", Headers: allow}
}

// response is nil for what no transaction may see (RFC 3261 8.1.3.3, 18.1.2): broken, or not for us alone.
func (g *gate) response(m *message) *sipgo.Response {
	if m.flaw != nil || m.version != "SIP/2.0" || m.complete() != nil {
		return nil
	}
	res := sipgo.NewResponse(m.status, m.reason)
	if m.fill(res) != nil || len(res.GetHeaders("via")) != 1 {
		return nil
	}
	return res
}

// complete checks that the fields are there which every message has, and are there once.
func (m *message) complete() error {
	for _, name := range mandatory {
		if m.first(name) == "" {
			return fmt.Errorf("missing or empty %s", name)
		}
	}
	for _, name := range singular {
		if m.count(name) > 1 {
			return fmt.Errorf("repeated %s", name)
		}
	}
	return nil
}

// fill puts fields and body into msg. Fields that sipgo knows by type get it from the parsers here, the rest stay text.
func (m *message) fill(msg sipgo.Message) error {
	vias := 0
	for _, f := range m.fields {
		values := []string{f.value}
		if listed[f.lower] {
			values = splitList(f.value)
		}
		if f.lower == "via" {
			if vias += len(values); vias > maxVias {
				return errors.New("too many via values")
			}
		}
		for _, value := range values {
			h, err := parseField(f, value)
			if err != nil {
				return fmt.Errorf("malformed %s: %w", f.lower, err)
			}
			msg.AppendHeader(h)
		}
	}
	msg.SetBody(slices.Clone(m.body))
	return nil
}

// listed are the fields whose values may stand in one line, separated by commas, and are told apart here.
var listed = map[string]bool{"via": true, "contact": true, "route": true, "record-route": true}

func parseField(f field, value string) (sipgo.Header, error) {
	switch f.lower {
	case "via":
		return parseVia(value)
	case "from", "to", "contact", "route", "record-route":
		return parseAddressField(f.lower, value)
	case "call-id":
		if strings.ContainsAny(value, " \t") || hasControl(value) {
			return nil, errors.New("white space or control character")
		}
	case "cseq":
		return parseCSeq(value)
	case "max-forwards", "content-length":
		if !isDigits(value) {
			return nil, errors.New("not a number")
		}
	}
	if parse, ok := sipgo.DefaultHeadersParser()[f.lower]; ok && f.lower != "refer-to" && f.lower != "referred-by" {
		h, err := parse([]byte(f.lower), value)
		if err != nil {
			return nil, errors.New("unreadable")
		}
		return h, nil
	}
	return sipgo.NewHeader(f.name, value), nil
}

func parseAddressField(lower, value string) (sipgo.Header, error) {
	if lower == "contact" && value == "*" {
		return &sipgo.ContactHeader{Address: sipgo.Uri{Wildcard: true, Host: "*"}}, nil
	}
	a, err := parseAddress(value)
	if err != nil {
		return nil, err
	}
	switch lower {
	case "from":
		return &sipgo.FromHeader{DisplayName: a.display, Address: a.uri, Params: a.params}, nil
	case "to":
		return &sipgo.ToHeader{DisplayName: a.display, Address: a.uri, Params: a.params}, nil
	case "contact":
		return &sipgo.ContactHeader{DisplayName: a.display, Address: a.uri, Params: a.params}, nil
	case "route":
		return &sipgo.RouteHeader{Address: a.uri}, nil
	default:
		return &sipgo.RecordRouteHeader{Address: a.uri}, nil
	}
}

// parseCSeq reads a number below 2**31 and a method (RFC 3261 8.1.1.5).
func parseCSeq(value string) (*sipgo.CSeqHeader, error) {
	parts := strings.Fields(value)
	if len(parts) != 2 || !isDigits(parts[0]) || !isToken([]byte(parts[1])) {
		return nil, errors.New("malformed cseq")
	}
	number, err := strconv.ParseUint(parts[0], 10, 31)
	if err != nil {
		return nil, errors.New("cseq beyond 2**31 - 1")
	}
	return &sipgo.CSeqHeader{SeqNo: uint32(number), MethodName: sipgo.RequestMethod(parts[1])}, nil
}

// plausible makes the checks that take more than one field.
func plausible(req *sipgo.Request) error {
	via := req.Via()
	if !strings.EqualFold(via.ProtocolName, "SIP") || via.ProtocolVersion != "2.0" {
		return errors.New("via names another protocol")
	}
	// The magic cookie alone promises a unique branch and gives none; matching by it would let calls share a
	// transaction (RFC 4475 3.2.1).
	if branch, _ := via.Params.Get("branch"); branch == sipgo.RFC3261BranchMagicCookie {
		return errors.New("via branch is empty behind its cookie")
	}
	if req.Method == sipgo.REGISTER {
		// RFC 3261 10.2: an address of record is a SIP or SIPS URI.
		if !isSIP(req.To().Address.Scheme) {
			return errors.New("to is no SIP address")
		}
		return nil
	}
	for _, h := range req.GetHeaders("contact") {
		if c, ok := h.(*sipgo.ContactHeader); ok && c.Address.Wildcard {
			return errors.New("contact * outside REGISTER")
		}
	}
	return nil
}

func bad(err error) *Rejection {
	return &Rejection{Status: 400, Reason: "Bad Request, " + err.Error()}
}
