package wire

import (
	"errors"
	"strconv"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// scheme is the scheme of a URI in lower case, "" if there is none.
func scheme(uri string) string {
	name, _, colon := strings.Cut(uri, ":")
	if !colon || name == "" || !isAlphanumeric(name[0]) || isDigits(name[:1]) {
		return ""
	}
	for _, c := range []byte(name) {
		if !isAlphanumeric(c) && strings.IndexByte("+-.", c) < 0 {
			return ""
		}
	}
	return strings.ToLower(name)
}

// isSIP reports whether a scheme is one that calls come to.
func isSIP(scheme string) bool { return scheme == "sip" || scheme == "sips" }

// parseURI reads a URI of any scheme. sipgo's parser takes much that is no URI, such as an IPv6 address without brackets
// or white space anywhere, so the syntax of RFC 3261 19.1.1 is checked first.
func parseURI(text string) (sipgo.Uri, error) {
	var uri sipgo.Uri
	s := scheme(text)
	if s == "" {
		return uri, errors.New("no scheme")
	}
	for _, c := range []byte(text) {
		if c <= ' ' || c == 0x7f || strings.IndexByte("<>\"", c) >= 0 {
			return uri, errors.New("white space, control character, quote or angle bracket")
		}
	}
	var parameters, headers string
	if isSIP(s) {
		if err := checkSIPURI(text[len(s)+1:]); err != nil {
			return uri, err
		}
		text, parameters, headers = splitURI(text)
	}
	if err := sipgo.ParseUri(text, &uri); err != nil {
		return uri, errors.New("unreadable") // sipgo's error would carry the text
	}
	var err error
	if uri.UriParams, err = uriParameters(parameters, ";"); err != nil {
		return uri, err
	}
	uri.Headers, err = uriParameters(headers, "&")
	return uri, err
}

// splitURI cuts the parameters and headers off a SIP URI. sipgo takes what follows a parameter without a value for headers twice.
func splitURI(text string) (address, parameters, headers string) {
	at := strings.IndexByte(text, '@') + 1 // a user part may have semicolons and question marks
	address, headers, _ = strings.Cut(text[at:], "?")
	address, parameters, _ = strings.Cut(address, ";")
	return text[:at] + address, parameters, headers
}

// uriParameters reads names with or without values.
func uriParameters(text, separator string) (params sipgo.HeaderParams, err error) {
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, separator) {
		name, value, _ := strings.Cut(part, "=")
		if name == "" {
			return nil, errors.New("parameter without a name")
		}
		params = append(params, sipgo.HeaderKV{K: name, V: value})
	}
	return params, nil
}

// checkSIPURI checks what follows "sip:": [user[:password]@]host[:port][;parameters][?headers].
func checkSIPURI(rest string) error {
	user, host, at := strings.Cut(rest, "@")
	if !at {
		user, host = "", rest
	} else if user = strings.TrimPrefix(user, "//"); user == "" || user[0] == ':' || strings.Count(user, ":") > 1 || strings.ContainsAny(user, "[]") {
		return errors.New("user")
	}
	if strings.Contains(host, "@") {
		return errors.New("more than one @")
	}
	for i := range rest {
		if rest[i] == '%' && (i+2 >= len(rest) || !isHex(rest[i+1]) || !isHex(rest[i+2])) {
			return errors.New("% without two hexadecimal digits")
		}
	}
	if end := strings.IndexAny(host, ";?"); end >= 0 {
		host = host[:end]
	}
	_, _, err := splitHostPort(host)
	return err
}

// splitHostPort reads host[:port]. The brackets of an IPv6 address stay; what is inside is not looked at closely,
// because RFC 5118 4.10 wants three colons tolerated. port is 0 without one.
func splitHostPort(s string) (host string, port int, err error) {
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 3 || strings.Trim(s[1:end], "0123456789abcdefABCDEF:.") != "" {
			return "", 0, errors.New("IPv6 address")
		}
		host, s = s[:end+1], s[end+1:]
	} else {
		end := strings.IndexByte(s, ':')
		if end < 0 {
			end = len(s)
		}
		host, s = s[:end], s[end:]
		for _, c := range []byte(host) {
			if !isAlphanumeric(c) && strings.IndexByte("-._", c) < 0 {
				return "", 0, errors.New("host")
			}
		}
	}
	if host == "" {
		return "", 0, errors.New("no host")
	}
	if s == "" {
		return host, 0, nil
	}
	digits, colon := strings.CutPrefix(s, ":")
	port, err = strconv.Atoi(digits)
	if !colon || !isDigits(digits) || err != nil || port > 65535 {
		return "", 0, errors.New("port")
	}
	return host, port, nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
