package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// passwordSource says where the password of a phone comes from: never from the command line, which all users of the
// machine can see.
type passwordSource string

const (
	generated passwordSource = "generated"
	fromInput passwordSource = "-"
)

// UnmarshalText takes - and generated. The error does not repeat what else was given: it may be a password.
func (p *passwordSource) UnmarshalText(text []byte) error {
	*p = passwordSource(text)
	if *p != generated && *p != fromInput {
		return errors.New("a password on the command line can be seen by all users of this machine; it takes - to read it from " +
			"standard input, or generated")
	}
	return nil
}

// What passwords of phones may be. Those of 8 characters and more are not found by trying, at 5 tries in 10 minutes.
const (
	shortestPassword = 8
	longestPassword  = 128
)

// read generates a password, or reads one: the first line of in.
func (p passwordSource) read(in io.Reader) (string, error) {
	if p == generated {
		return strings.ToLower(rand.Text()[:16]), nil // 80 bits, to be typed into a phone
	}
	lines := bufio.NewScanner(io.LimitReader(in, 4*longestPassword+2))
	lines.Scan()
	if err := lines.Err(); err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	password := lines.Text()
	switch n := utf8.RuneCountInString(password); {
	case n < shortestPassword:
		return "", fmt.Errorf("the password has %d characters, %d are the least", n, shortestPassword)
	case n > longestPassword:
		return "", fmt.Errorf("the password has more than %d characters", longestPassword)
	case strings.ContainsFunc(password, unicode.IsControl), !utf8.ValidString(password):
		return "", errors.New("the password holds a character that cannot be typed")
	}
	return password, nil
}

// ringTime is how long a phone rings, in seconds.
type ringTime int

// UnmarshalText takes 5 to 300, or default, which is 0: as long as the server says.
func (r *ringTime) UnmarshalText(text []byte) error {
	const least, most = 5, 300
	if string(text) == "default" {
		*r = 0
		return nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < least || n > most {
		return fmt.Errorf("%q: it takes %d to %d seconds, or default for what serve --ring-time says", text, least, most)
	}
	*r = ringTime(n)
	return nil
}

func (r ringTime) duration() time.Duration { return time.Duration(r) * time.Second }
