package dialplan

import (
	"errors"
	"fmt"
	"strings"
)

// ParseCallee reads whom somebody wants to have called: the number of a phone or outside, with or without separators, or
// tel: before it, or a SIP address with nothing but a user and a host. It returns the form of Digits, or sip:user@host
// with the port if there is one. The error names it and says what would be right.
func ParseCallee(text string) (string, error) {
	const right = "+4930123456, 200 or sip:anna@example.com would be right"
	text = strings.TrimSpace(text)
	scheme, rest, ok := strings.Cut(text, ":")
	if ok && strings.EqualFold(scheme, "sip") {
		return parseURI(text, rest)
	}
	number := text
	if ok && strings.EqualFold(scheme, "tel") {
		number = rest
	}
	digits := Digits(number)
	if digits == "" || strings.Contains(number, ";") {
		return "", fmt.Errorf("%q is no number: %s", text, right)
	}
	if len(digits) > Longest {
		return "", fmt.Errorf("%q has %d digits, %d are the most", text, len(digits), Longest)
	}
	return digits, nil
}

func parseURI(text, rest string) (string, error) {
	const longest = 256
	user, host, ok := strings.Cut(rest, "@")
	var err error
	switch {
	case len(text) > longest:
		err = fmt.Errorf("it has more than %d characters", longest)
	case !ok || user == "" || host == "":
		err = errors.New("it lacks a user or a host")
	case strings.ContainsAny(host, "@;?") || strings.ContainsAny(user, ":;?"):
		err = errors.New("passwords, parameters and headers are not taken")
	case strings.ContainsFunc(rest, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`<>"\,`+"`", r) }):
		err = errors.New("it holds a character that cannot be in it")
	}
	if err != nil {
		return "", fmt.Errorf("SIP address %q: %w; sip:anna@example.com would be right", text, err)
	}
	return "sip:" + user + "@" + strings.ToLower(host), nil
}
