package sdp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrLimit is what errors.Is finds in the refusal of a description over the limits.
var ErrLimit = errors.New("session description over the limits")

// The warn-codes of RFC 3261 20.43 that are used here.
const (
	warnAddressFormat = 301 // incompatible network address formats
	warnTransport     = 302 // incompatible transport protocol
	warnMediaType     = 304 // media type not available
	warnMediaFormat   = 305 // incompatible media format
	warnMulticast     = 330 // multicast not available
	warnMiscellaneous = 399
)

// Refusal says why a description cannot be taken, for the response that refuses it. It is
// an error whose message is Text.
type Refusal struct {
	// Status is the SIP status: 400 unreadable, 488 not acceptable here, 513 over the limits.
	Status int
	// Warning is the warn-code of RFC 3261 20.43, 301-399.
	Warning int
	// Text names what was wrong and what would be right. It is printable ASCII without
	// quotes and backslashes, to be put into a quoted string as it is, at most 300 octets.
	Text string

	cause error
}

func (r *Refusal) Error() string { return r.Text }

// Unwrap gives ErrLimit where that is the reason.
func (r *Refusal) Unwrap() error { return r.cause }

func refuse(status, warning int, format string, args ...any) *Refusal {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, fmt.Sprintf(format, args...))
	return &Refusal{Status: status, Warning: warning, Text: text}
}

func overLimit(format string, args ...any) *Refusal {
	r := refuse(513, warnMiscellaneous, format, args...)
	r.cause = ErrLimit
	return r
}

// clip keeps a word of the far end from filling the text.
func clip(s string) string {
	const most = 24
	if len(s) <= most {
		return s
	}
	return s[:most-3] + "..."
}

// list names each word once, as many as fit into a text.
func list(words []string) string {
	const most = 6
	var names []string
	more := 0
	for _, w := range words {
		switch w = clip(w); {
		case slices.Contains(names, w):
		case len(names) == most:
			more++
		default:
			names = append(names, w)
		}
	}
	switch {
	case len(names) == 0:
		return "none"
	case more > 0:
		return fmt.Sprintf("%s and %d more", strings.Join(names, ", "), more)
	}
	return strings.Join(names, ", ")
}
