package sip

import (
	"errors"
	"fmt"
	"strings"
)

// infoTypes are the bodies of INFO that are understood.
const infoTypes = "application/dtmf-relay, application/dtmf"

// errInfoType tells that the body of an INFO is of another type than infoTypes.
var errInfoType = errors.New("INFO carries digits here: " + infoTypes)

// infoDigit reads the digit of an INFO request (RFC 2976). A body of application/dtmf-relay
// has the lines Signal=5 and Duration=160, one of application/dtmf is the digit alone; both
// stand in no RFC but are what phones send.
func infoDigit(contentType string, body []byte) (byte, error) {
	kind, _, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "application/dtmf":
		return signalDigit(string(body))
	case "application/dtmf-relay":
		for line := range strings.Lines(string(body)) {
			key, value, _ := strings.Cut(line, "=")
			if strings.EqualFold(strings.TrimSpace(key), "signal") {
				return signalDigit(value)
			}
		}
		return 0, errors.New("digit is missing: a line like Signal=5 is right")
	}
	return 0, errInfoType
}

// signalDigit reads one key: itself or, as some phones have it, its event number in
// RFC 4733 (10 is *, 11 is #, 12-15 are A-D).
func signalDigit(s string) (byte, error) {
	const keys = "0123456789*#ABCD"
	switch s = strings.ToUpper(strings.TrimSpace(s)); {
	case len(s) == 1 && strings.Contains(keys, s):
		return s[0], nil
	case len(s) == 2 && s >= "10" && s <= "15":
		return keys[10+s[1]-'0'], nil
	}
	if len(s) > 8 {
		s = s[:8]
	}
	return 0, fmt.Errorf("%q is not a digit: one of %s is right", s, keys)
}
