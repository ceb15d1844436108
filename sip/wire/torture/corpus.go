// Package torture runs the SIP torture messages of RFC 4475 and RFC 5118 against a server and judges what comes back.
// It is for tests, and shares no parser with what it tests.
package torture

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Case is one message of a corpus, with its row of expect.tsv.
type Case struct {
	File    string // "wsinv.dat"
	Kind    string // the method, or "response"
	Valid   bool   // the message is valid, be it only just
	Must    string // the best answer, in words
	AlsoOK  string // codes that are allowed, too
	Data    []byte // the octets to send
	message message
}

// Load reads a corpus directory: expect.tsv and the files it names.
func Load(dir string) ([]Case, error) {
	table, err := os.ReadFile(filepath.Join(dir, "expect.tsv"))
	if err != nil {
		return nil, fmt.Errorf("load torture messages: %w", err)
	}
	var cases []Case
	for i, row := range strings.Split(strings.TrimSpace(string(table)), "\n") {
		columns := strings.Split(row, "\t")
		if i == 0 {
			continue
		}
		if len(columns) < 8 {
			return nil, fmt.Errorf("load torture messages: line %d of %s/expect.tsv has %d columns, want 9", i+1, dir, len(columns))
		}
		data, err := os.ReadFile(filepath.Join(dir, columns[0]))
		if err != nil {
			return nil, fmt.Errorf("load torture messages: %w", err)
		}
		cases = append(cases, Case{File: columns[0], Kind: columns[2], Valid: strings.HasPrefix(columns[5], "valid"),
			Must: columns[6], AlsoOK: columns[7], Data: data, message: read(data)})
	}
	return cases, nil
}

// Silent reports whether no answer at all is allowed.
func (c Case) Silent() bool { return strings.Contains(c.Must+c.AlsoOK, "drop") }

// Judge says what is wrong with the answers to a case, sent over network ("udp" or "tcp"). best reports whether they are
// what the table calls the best answer.
func (c Case) Judge(network string, answers []Answer) (best bool, err error) {
	var final []Answer
	for _, a := range answers {
		switch own := a.Header("Call-ID") == c.message.first("call-id"); {
		case !own && network == "udp":
			return false, fmt.Errorf("answer to another message: %s", a.StatusLine())
		case !own: // on a stream, octets behind the message are the next one
		case a.Status < 200 && !strings.Contains(c.AlsoOK, "1xx"):
			return false, fmt.Errorf("provisional answer: %s", a.StatusLine())
		case a.Status >= 200 && !(len(final) > 0 && c.Kind == "INVITE" && a.Raw == final[0].Raw):
			final = append(final, a) // an INVITE's final answer is repeated until its ACK
		}
	}
	switch {
	case len(final) > 1:
		return false, fmt.Errorf("%d answers: %s, then %s", len(final), final[0].StatusLine(), final[1].StatusLine())
	case len(final) == 0 && c.Silent():
		return strings.Contains(c.Must, "drop"), nil
	case len(final) == 0:
		return false, fmt.Errorf("no answer, want %s", c.Must)
	}
	a := final[0]
	outside := parenthesis.ReplaceAllString(c.Must, "")
	best = slices.Contains(codes(outside), a.Status)
	if !best && !slices.Contains(codes(c.Must+" "+c.AlsoOK), a.Status) {
		return false, fmt.Errorf("answer %s, want %s, or %s", a.StatusLine(), c.Must, c.AlsoOK)
	}
	if best {
		if err := carries(a, outside); err != nil {
			return false, err
		}
	}
	if got, want := sentBy(a.message), sentBy(c.message); c.Valid && !slices.Equal(got, want) {
		return false, fmt.Errorf("via came back as %q, want %q", got, want)
	}
	return best, nil
}

var (
	parenthesis = regexp.MustCompile(`\([^)]*\)`)
	code        = regexp.MustCompile(`\b[1-6][0-9][0-9]\b`)
	demand      = regexp.MustCompile(`\+ ([A-Za-z-]+):? ?(.*)$`)
)

// codes are the status codes that a column names.
func codes(column string) []int {
	var all []int
	for _, s := range code.FindAllString(column, -1) {
		n, _ := strconv.Atoi(s) // three digits
		all = append(all, n)
	}
	return all
}

// carries checks a demand such as "420 + Unsupported: one, two": the header is there, with all that is named.
func carries(a Answer, must string) error {
	m := demand.FindStringSubmatch(must)
	if m == nil {
		return nil
	}
	value := a.Header(m[1])
	if value == "" {
		return fmt.Errorf("answer %s without %s", a.StatusLine(), m[1])
	}
	for _, part := range strings.Split(m[2], ",") {
		if part = strings.TrimSpace(part); !strings.Contains(value, part) {
			return fmt.Errorf("answer %s with %s: %s, want %s in it", a.StatusLine(), m[1], value, part)
		}
	}
	return nil
}

// sentBy are the hosts and ports of all Via values, in order.
func sentBy(m message) []string {
	var all []string
	for _, line := range m.values("via") {
		for _, value := range strings.Split(line, ",") {
			value, _, _ = strings.Cut(value, ";")
			parts := strings.SplitN(value, "/", 3)
			words := strings.Fields(parts[len(parts)-1])
			all = append(all, strings.Join(words[min(1, len(words)):], ""))
		}
	}
	return all
}
