package wire

import (
	"bytes"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// The sizes of a message that is read. Longer ones are answered 513, or 400 where a count is exceeded.
const (
	maxHead    = 16 << 10 // octets of start line and headers
	maxMessage = 64 << 10 // octets of head and body
	maxFields  = 128
	maxVias    = 64
)

// field is one header field, unfolded.
type field struct {
	name  string // the long form where a compact one was sent
	lower string // name in lower case
	value string // without white space around it; never holds CR or LF
}

// message is a SIP message cut into lines, before anything in it is understood. It is what a refusal is built from:
// that works on messages which no parser accepts.
type message struct {
	response bool
	method   string // of a request, as sent: methods are case-sensitive (RFC 3261 7.1)
	uri      string
	version  string
	status   int // of a response
	reason   string
	fields   []field
	body     []byte
	size     int // octets of the datagram; 0 on a stream

	flaw *Rejection // the first thing wrong with the shape; nil: none
	torn bool       // where the message ends is in doubt: a stream cannot go on behind it
}

// refuse notes what is wrong; only the first counts.
func (m *message) refuse(status int, reason string) {
	if m.flaw == nil {
		m.flaw = &Rejection{Status: status, Reason: reason}
	}
}

// tear notes a flaw that leaves the end of the message in doubt.
func (m *message) tear(status int, reason string) {
	m.refuse(status, reason)
	m.torn = true
}

// values are the values of all fields of this name (lower case, long form), in order.
func (m *message) values(lower string) []string {
	var all []string
	for _, f := range m.fields {
		if f.lower == lower {
			all = append(all, f.value)
		}
	}
	return all
}

// count is how many fields of this name there are.
func (m *message) count(lower string) int {
	n := 0
	for i := range m.fields {
		if m.fields[i].lower == lower {
			n++
		}
	}
	return n
}

// first is the first value of this name, "" without one.
func (m *message) first(lower string) string {
	for i := range m.fields {
		if m.fields[i].lower == lower {
			return m.fields[i].value
		}
	}
	return ""
}

// length reads Content-Length (RFC 3261 20.14). given is false without one. Two of them, even equal ones, and signs
// are refused: on a stream each is a way to smuggle a request past whoever reads it differently.
func (m *message) length() (n int, given bool) {
	switch m.count("content-length") {
	case 0:
		return 0, false
	case 1:
	default:
		m.tear(400, "Repeated Content-Length header")
		return 0, true
	}
	value := m.first("content-length")
	if !isDigits(value) {
		m.tear(400, "Content-Length is not a number")
		return 0, true
	}
	for _, c := range []byte(value) {
		if n = n*10 + int(c-'0'); n > maxMessage {
			m.tear(513, "Message Too Large")
			return 0, true
		}
	}
	return n, true
}

// headEnd is the index behind the empty line that ends the headers, or -1. A bare LF counts as a line end here, so
// that a message made of them is found, and refused, instead of waited for.
func headEnd(data []byte, from int) int {
	for i := from; i < len(data); {
		lf := bytes.IndexByte(data[i:], '\n')
		if lf < 0 {
			return -1
		}
		i += lf + 1
		if bytes.HasPrefix(data[i:], []byte("\n")) {
			return i + 1
		}
		if bytes.HasPrefix(data[i:], []byte("\r\n")) {
			return i + 2
		}
	}
	return -1
}

// scanDatagram cuts a datagram into head and body: without Content-Length the body runs to its end, with one the rest
// is ignored, and a datagram that is shorter is refused (RFC 3261 18.3).
func scanDatagram(data []byte) *message {
	size := len(data)
	data = bytes.TrimLeft(data, "\r\n")
	end := headEnd(data, 0)
	if end < 0 {
		m := scan(data)
		m.size = size
		return m
	}
	m := scan(data[:end])
	m.size = size
	m.body = data[end:]
	if n, given := m.length(); given && n > len(m.body) {
		m.refuse(400, "Body shorter than Content-Length")
	} else if given {
		m.body = m.body[:n]
	}
	return m
}

// scan cuts the head of a message, up to and with the empty line, into fields (RFC 3261 7.3.1).
func scan(head []byte) *message {
	m := &message{fields: make([]field, 0, 16)}
	if len(head) > maxHead {
		m.tear(513, "Message Too Large")
		head = head[:maxHead]
	}
	line, head := m.line(head)
	m.startLine(line)
	var value []byte // of the last field, which may go on in the next line
	flush := func() {
		if len(m.fields) > 0 {
			m.fields[len(m.fields)-1].value = strings.Trim(string(value), " \t")
		}
	}
	for ended := false; !ended; {
		if len(head) == 0 {
			m.tear(400, "No empty line after the headers")
			break
		}
		line, head = m.line(head)
		switch {
		case len(line) == 0:
			ended = true
		case line[0] == ' ' || line[0] == '\t':
			if len(m.fields) == 0 {
				m.tear(400, "Folded start line")
				continue
			}
			if more := bytes.Trim(line, " \t"); len(more) > 0 {
				value = append(append(bytes.TrimRight(value, " \t"), ' '), more...)
			}
		case len(m.fields) == maxFields:
			m.refuse(400, "Too many headers")
			ended = true
		default:
			flush()
			value = value[:0]
			name, v, colon := bytes.Cut(line, []byte(":"))
			name = bytes.TrimRight(name, " \t")
			if !colon || !isToken(name) {
				m.tear(400, "Malformed header line")
				name = nil // nobody asks for a nameless field, but its continuation lines go with it
			}
			m.fields = append(m.fields, newField(string(name)))
			value = append(value, bytes.Trim(v, " \t")...)
		}
	}
	flush()
	return m
}

// line takes the next line off head. Lines end with CRLF and nothing else (RFC 3261 7).
func (m *message) line(head []byte) (line, rest []byte) {
	line, rest, found := bytes.Cut(head, []byte("\n"))
	line, cr := bytes.CutSuffix(line, []byte("\r"))
	if found && !cr {
		m.tear(400, "Line ends with a bare LF")
	}
	if bytes.IndexByte(line, '\r') >= 0 {
		m.tear(400, "Bare CR in a header")
		line = bytes.ReplaceAll(line, []byte("\r"), []byte(" "))
	}
	return line, rest
}

// startLine reads "METHOD URI SIP/2.0" or "SIP/2.0 CODE REASON": single spaces, and none at the end (RFC 3261 7.1, 7.2).
func (m *message) startLine(line []byte) {
	if len(line) >= 4 && strings.EqualFold(string(line[:4]), "SIP/") {
		m.response = true
		m.statusLine(string(line))
		return
	}
	parts := strings.Split(string(line), " ")
	m.method = parts[0]
	if len(parts) != 3 || parts[1] == "" || !isToken([]byte(parts[0])) {
		m.refuse(400, "Malformed request line")
		return
	}
	m.uri, m.version = parts[1], strings.ToUpper(parts[2])
	if !isVersion(m.version) {
		m.refuse(400, "Malformed request line")
	}
}

func (m *message) statusLine(line string) {
	version, rest, _ := strings.Cut(line, " ")
	code, reason, _ := strings.Cut(rest, " ")
	m.version, m.reason = strings.ToUpper(version), reason
	// Exactly three digits: a longer number must not wrap to a valid code.
	if len(code) != 3 || code < "100" || code > "699" || !isDigits(code) || !isVersion(m.version) {
		m.refuse(400, "Malformed status line")
		return
	}
	m.status = int(code[0]-'0')*100 + int(code[1]-'0')*10 + int(code[2]-'0')
}

// isVersion reports whether s looks like SIP/1.0 or any other version.
func isVersion(s string) bool {
	number, ok := strings.CutPrefix(s, "SIP/")
	major, minor, dot := strings.Cut(number, ".")
	return ok && dot && isDigits(major) && isDigits(minor)
}

func isDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

// isToken reports whether s is a token of RFC 3261 25.1.
func isToken(s []byte) bool {
	for _, c := range s {
		if !isAlphanumeric(c) && strings.IndexByte("-.!%*_+`'~", c) < 0 {
			return false
		}
	}
	return len(s) > 0
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func newField(name string) field {
	if len(name) == 1 {
		if long, ok := compactForms[strings.ToLower(name)]; ok {
			name = long
		}
	}
	return field{name: name, lower: sipgo.HeaderToLower(name)}
}

// compactForms are the registered one-letter names.
var compactForms = map[string]string{
	"a": "Accept-Contact",
	"b": "Referred-By",
	"c": "Content-Type",
	"d": "Request-Disposition",
	"e": "Content-Encoding",
	"f": "From",
	"i": "Call-ID",
	"j": "Reject-Contact",
	"k": "Supported",
	"l": "Content-Length",
	"m": "Contact",
	"n": "Identity-Info",
	"o": "Event",
	"r": "Refer-To",
	"s": "Subject",
	"t": "To",
	"u": "Allow-Events",
	"v": "Via",
	"x": "Session-Expires",
	"y": "Identity",
}
