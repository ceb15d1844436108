package sip

import (
	"strings"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms/dialplan"
	"conclave/sip/wire"
)

// assertedIdentity reads P-Asserted-Identity (RFC 3325 9.1), which counts only where the sender is trusted: the caller's
// number and name. It may have a SIP and a tel URI; a telephone number is preferred to other users.
func assertedIdentity(req *sipgo.Request) (number, name string, ok bool) {
	for _, h := range req.GetHeaders("P-Asserted-Identity") {
		addresses, err := wire.ParseAddresses(h.Value())
		if err != nil {
			return "", "", false
		}
		for _, a := range addresses {
			user := identityOf(a.URI)
			if user == "" {
				continue
			}
			if name == "" {
				name = clean(unquote(a.Display))
			}
			if !ok || dialplan.Digits(number) == "" && dialplan.Digits(user) != "" {
				number, ok = clean(user), true
			}
		}
	}
	return number, name, ok
}

// identityOf is the number or name of a SIP or tel URI.
func identityOf(uri sipgo.Uri) string {
	switch raw := uri.Raw(); {
	case raw == "":
		return unescape(uri.User)
	case strings.EqualFold(uri.Scheme, "tel"): // tel:+4930123;phone-context=…
		number, _, _ := strings.Cut(raw, ";")
		return unescape(number)
	}
	return ""
}

// isPrivate tells that a caller does not want to be named to others (RFC 3323 4.2, RFC 3325 9.3).
func isPrivate(req *sipgo.Request) bool {
	for _, h := range req.GetHeaders("Privacy") {
		for kind := range strings.FieldsFuncSeq(h.Value(), func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
			switch strings.ToLower(kind) {
			case "id", "user", "header":
				return true
			}
		}
	}
	return false
}
