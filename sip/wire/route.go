package wire

import (
	"fmt"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// Routes are the URIs of all headers of this name, in order: Path (RFC 3327) and others that are lists of addresses and
// that the gate leaves as text.
func Routes(msg sipgo.Message, name string) ([]sipgo.Uri, error) {
	var routes []sipgo.Uri
	for _, h := range msg.GetHeaders(name) {
		for _, value := range splitList(h.Value()) {
			a, err := parseAddress(value)
			if err != nil {
				return nil, fmt.Errorf("malformed %s: %w", strings.ToLower(name), err)
			}
			if !isSIP(strings.ToLower(a.uri.Scheme)) {
				return nil, fmt.Errorf("malformed %s: no SIP address", strings.ToLower(name))
			}
			routes = append(routes, a.uri)
		}
	}
	return routes, nil
}

// ParseURI reads a SIP URI, as strictly as those of requests.
func ParseURI(text string) (sipgo.Uri, error) {
	uri, err := parseURI(text)
	if err == nil && !isSIP(strings.ToLower(uri.Scheme)) {
		err = fmt.Errorf("scheme %s", uri.Scheme)
	}
	if err != nil {
		return sipgo.Uri{}, fmt.Errorf("read URI: %w", err)
	}
	return uri, nil
}
