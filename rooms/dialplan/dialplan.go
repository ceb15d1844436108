// Package dialplan says which telephone numbers may be called, by patterns that an operator writes.
package dialplan

import (
	"errors"
	"fmt"
	"strings"
)

// Longest bounds a number and a pattern, in characters: E.164 numbers have 15 digits, some PBXs put more before them.
const Longest = 32

// Digits is a telephone number without the separators (RFC 3966 5.1.1) and parameters that may be in a user part, as in
// +49-30-1234;npdi. It is empty for what is no number: a number has digits alone, and perhaps a + at its beginning.
func Digits(user string) string {
	user, _, _ = strings.Cut(user, ";")
	var b strings.Builder
	for i, c := range user {
		switch {
		case '0' <= c && c <= '9', c == '+' && i == 0:
			b.WriteRune(c)
		case !strings.ContainsRune("-.() ", c):
			return ""
		}
	}
	if b.String() == "+" {
		return ""
	}
	return b.String()
}

// Canonical is a number of Digits in the form in which numbers are compared: 00 stands for +, so that a pattern for
// national numbers, as 0*, lets nobody call abroad.
func Canonical(number string) string {
	if rest, ok := strings.CutPrefix(number, "00"); ok {
		return "+" + rest
	}
	return number
}

// Pattern is what numbers, or SIP addresses, have in common: digits, and perhaps + or 00 before them, ? for any one digit,
// * at the end for any others or none, and ! at the beginning for numbers that other patterns are not to allow; or sip:, a
// user, @ and a host, of which either may be *.
type Pattern string

// ParsePattern reads a pattern as an operator writes it. The error names it and says what would be right.
func ParsePattern(text string) (Pattern, error) {
	const right = "it takes digits, + before them, ? for any digit, * at the end for any others and ! at the beginning to " +
		"exclude; '+49*' or '!+49900*' would be right"
	body, excludes := strings.CutPrefix(text, "!")
	switch {
	case len(text) > 8*Longest:
		return "", fmt.Errorf("pattern of %d characters: %d are the most", len(text), 8*Longest)
	case strings.HasPrefix(strings.ToLower(body), "sip:"):
		return parseAddress(text, body, excludes)
	case len(body) > Longest:
		return "", fmt.Errorf("pattern %q: it has %d characters, %d are the most", text, len(body), Longest)
	}
	body = Canonical(body)
	digits := strings.TrimSuffix(strings.TrimPrefix(body, "+"), "*")
	if body == "" || strings.Trim(digits, "0123456789?") != "" || digits == "" && body != "*" && body != "+*" {
		return "", fmt.Errorf("pattern %q: %s", text, right)
	}
	return made(body, excludes), nil
}

func parseAddress(text, body string, excludes bool) (Pattern, error) {
	user, host, ok := strings.Cut(body[len("sip:"):], "@")
	if !ok || user == "" || host == "" || strings.Contains(strings.TrimPrefix(user, "*"), "*") || len(user) > 1 && user[0] == '*' ||
		len(host) > 1 && strings.Contains(host, "*") || strings.ContainsAny(host, "@;?") || strings.ContainsAny(body, " \t\"<>") {
		return "", fmt.Errorf("pattern %q: it takes a user and a host, and * for any; sip:*@example.com would be right", text)
	}
	return made("sip:"+user+"@"+strings.ToLower(host), excludes), nil
}

func made(body string, excludes bool) Pattern {
	if excludes {
		return Pattern("!" + body)
	}
	return Pattern(body)
}

// Parse reads patterns, each of which the error names that is wrong. The same one twice counts once.
func Parse(texts ...string) ([]Pattern, error) {
	var patterns []Pattern
	var wrong []error
	seen := make(map[Pattern]bool)
	for _, text := range texts {
		p, err := ParsePattern(text)
		if err == nil && !seen[p] {
			seen[p] = true
			patterns = append(patterns, p)
		}
		wrong = append(wrong, err)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return patterns, nil
}

// Allow tells whether one of the patterns allows what is to be called and none excludes it: a number as Digits has it, or
// a SIP address without parameters, sip:anna@example.com.
func Allow(patterns []Pattern, callee string) bool {
	allowed := false
	for _, p := range patterns {
		body, excludes := strings.CutPrefix(string(p), "!")
		if !matches(body, callee) {
			continue
		}
		if excludes {
			return false
		}
		allowed = true
	}
	return allowed
}

// matches tells whether a pattern without its ! is that of a callee.
func matches(pattern, callee string) bool {
	wantUser, wantHost, address := strings.Cut(pattern, "@")
	if user, host, ok := strings.Cut(callee, "@"); ok || address {
		return ok && address && (wantUser == "sip:*" || wantUser == user) && (wantHost == "*" || wantHost == strings.ToLower(host))
	}
	number := Canonical(callee)
	prefix, open := strings.CutSuffix(pattern, "*")
	if len(number) < len(prefix) || !open && len(number) > len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if prefix[i] != number[i] && (prefix[i] != '?' || number[i] == '+') {
			return false
		}
	}
	return true
}
