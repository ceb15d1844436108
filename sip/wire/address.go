package wire

import (
	"errors"
	"fmt"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// address is a name-addr or addr-spec with header parameters (RFC 3261 20.10).
type address struct {
	display string // as inside its quotes: escapes are kept, so that it can be sent back
	uri     sipgo.Uri
	params  sipgo.HeaderParams
}

// parseAddress reads one value of From, To, Contact, Route or Record-Route.
func parseAddress(text string) (address, error) {
	var a address
	if strings.HasPrefix(text, `"`) {
		end := quoteEnd(text)
		if end < 0 {
			return a, errors.New("unbalanced quotes")
		}
		a.display, text = text[1:end-1], trim(text[end:])
		if !strings.HasPrefix(text, "<") {
			return a, errors.New("no address after the display name")
		}
	}
	name, rest, bracketed := strings.Cut(text, "<")
	var spec string
	if bracketed {
		if name = trim(name); name != "" {
			// A comma would need quotes, and so would what becomes an escape once quotes are added.
			if strings.ContainsAny(name, ",;>\"\\") || hasControl(name) {
				return a, errors.New("display name needs quotes")
			}
			a.display = name
		}
		var closed bool
		if spec, rest, closed = strings.Cut(rest, ">"); !closed {
			return a, errors.New("no >")
		}
		rest = trim(rest)
		if rest != "" && rest[0] != ';' {
			return a, errors.New("garbage behind the address")
		}
	} else {
		// Without brackets parameters belong to the header, and a question mark or a comma is not allowed at all:
		// what follows it would otherwise turn into headers of later requests (RFC 3261 20).
		end := strings.IndexByte(text, ';')
		if end < 0 {
			end = len(text)
		}
		spec, rest = trim(text[:end]), text[end:]
		if strings.ContainsAny(spec, "?,") {
			return a, errors.New("address needs angle brackets")
		}
	}
	var err error
	if a.uri, err = parseURI(spec); err != nil {
		return a, err
	}
	a.params, err = parseParams(rest)
	return a, err
}

// Address is one value of a header that names somebody, as From or P-Asserted-Identity do.
type Address struct {
	Display string // as inside its quotes, with its escapes; empty: none
	URI     sipgo.Uri
}

// ParseAddresses reads the addresses of a header that is not among those which the gate reads, separated by commas. The
// error says what is malformed and holds nothing of the text.
func ParseAddresses(text string) ([]Address, error) {
	var addresses []Address
	for _, value := range splitList(text) {
		a, err := parseAddress(value)
		if err != nil {
			return nil, fmt.Errorf("read an address: %w", err)
		}
		addresses = append(addresses, Address{a.display, a.uri})
	}
	return addresses, nil
}

// Value is one value of a header that is a word, or several, with parameters behind it, as Session-Expires and Reason are.
type Value struct {
	Text   string
	Params sipgo.HeaderParams // names that are asked for here are in lower case
}

// Param is a parameter without the quotes it may stand in; empty: there is none.
func (v Value) Param(name string) string {
	text, _ := v.Params.Get(name)
	if len(text) >= 2 && text[0] == '"' {
		text = text[1 : len(text)-1]
	}
	return text
}

// ParseValue reads one value. The error says what is malformed and holds nothing of the text.
func ParseValue(text string) (Value, error) {
	head, rest := text, ""
	if i := strings.IndexByte(text, ';'); i >= 0 {
		head, rest = text[:i], text[i:]
	}
	params, err := parseParams(rest)
	if err != nil {
		return Value{}, fmt.Errorf("read a value: %w", err)
	}
	return Value{trim(head), params}, nil
}

// parseVia reads one Via value (RFC 3261 20.42). The brackets of an IPv6 host are kept: sipgo, which would add them
// itself, forgets those of an IPv4-mapped one.
func parseVia(text string) (*sipgo.ViaHeader, error) {
	via := &sipgo.ViaHeader{}
	sent, params := text, ""
	if i := strings.IndexByte(text, ';'); i >= 0 {
		sent, params = text[:i], text[i:]
	}
	protocol := strings.SplitN(sent, "/", 3)
	if len(protocol) != 3 {
		return nil, errors.New("no protocol/version/transport")
	}
	via.ProtocolName, via.ProtocolVersion = trim(protocol[0]), trim(protocol[1])
	transport := strings.TrimLeft(protocol[2], " \t")
	i := strings.IndexAny(transport, " \t")
	if i < 0 {
		return nil, errors.New("no sent-by")
	}
	via.Transport = transport[:i]
	for _, token := range []string{via.ProtocolName, via.ProtocolVersion, via.Transport} {
		if !isToken([]byte(token)) {
			return nil, errors.New("protocol")
		}
	}
	hostPort := trim(transport[i:])
	if strings.ContainsAny(hostPort, " \t") { // allowed around the colon of the port (RFC 3261 25.1)
		colon := strings.LastIndexByte(hostPort, ':')
		if colon < 0 {
			return nil, errors.New("sent-by")
		}
		hostPort = trim(hostPort[:colon]) + ":" + trim(hostPort[colon+1:])
	}
	var err error
	if via.Host, via.Port, err = splitHostPort(hostPort); err != nil {
		return nil, err
	}
	via.Params, err = parseParams(params)
	return via, err
}

// parseParams reads ";name=value;name". White space may stand around ; and = and nowhere else.
func parseParams(text string) (sipgo.HeaderParams, error) {
	if text == "" {
		return nil, nil
	}
	var params sipgo.HeaderParams
	for _, param := range splitOutsideQuotes(text[1:], ';') {
		name, value, assigned := strings.Cut(param, "=")
		name, value = trim(name), trim(value)
		if !isToken([]byte(name)) {
			return nil, errors.New("malformed parameter")
		}
		// Names are case-insensitive, sipgo's look-up is not; unknown ones are sent back as they came.
		if lower := strings.ToLower(name); lowerParams[lower] {
			name = lower
		}
		if params.Has(name) {
			return nil, errors.New("repeated parameter")
		}
		if strings.HasPrefix(value, `"`) {
			if quoteEnd(value) != len(value) {
				return nil, errors.New("unbalanced quotes")
			}
			// sipgo writes a value with white space in quotes of its own.
			if strings.ContainsAny(value, " \t") {
				value = value[1 : len(value)-1]
			}
		} else if assigned && value == "" || strings.ContainsAny(value, " \t\"<>,;?") || hasControl(value) {
			return nil, fmt.Errorf("malformed value of parameter %s", name)
		}
		params = append(params, sipgo.HeaderKV{K: name, V: value})
	}
	return params, nil
}

// lowerParams are the parameters that somebody here or in sipgo asks for.
var lowerParams = map[string]bool{"tag": true, "branch": true, "received": true, "rport": true, "maddr": true,
	"ttl": true, "expires": true, "q": true, "lr": true, "transport": true,
	"cause": true, "text": true, "refresher": true}

// splitList splits a header's value at the commas that separate values: not those in quotes or angle brackets.
func splitList(text string) []string { return splitOutsideQuotes(text, ',') }

func splitOutsideQuotes(text string, separator byte) []string {
	var parts []string
	start, bracket := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' && !bracket:
			end := quoteEnd(text[i:])
			if end < 0 {
				return append(parts, trim(text[start:]))
			}
			i += end - 1
		case c == '<':
			bracket = true
		case c == '>':
			bracket = false
		case c == separator && !bracket:
			parts = append(parts, trim(text[start:i]))
			start = i + 1
		}
	}
	return append(parts, trim(text[start:]))
}

// quoteEnd is the index behind the closing quote of text, which begins with a quote; -1 without one.
func quoteEnd(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

func hasControl(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

func trim(s string) string { return strings.Trim(s, " \t") }
