package torture

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Answer is a response that a server sent.
type Answer struct {
	Status  int
	Raw     string
	message message
}

// StatusLine is the first line, for error messages.
func (a Answer) StatusLine() string { return a.message.start }

// Header is the first value of a header, "" without one.
func (a Answer) Header(name string) string { return a.message.first(strings.ToLower(name)) }

// parse takes the next response off data; ok is false if there is no whole one.
func parse(data []byte) (a Answer, rest []byte, ok bool) {
	data = bytes.TrimLeft(data, "\r\n")
	head, _, found := bytes.Cut(data, []byte("\r\n\r\n"))
	if !found {
		return a, data, false
	}
	a.message = read(data)
	length, _ := strconv.Atoi(a.message.first("content-length")) // none: no body
	end := len(head) + 4 + length
	if end > len(data) {
		return a, data, false
	}
	a.Raw = string(data[:end])
	if status, ok := strings.CutPrefix(a.message.start, "SIP/2.0 "); ok {
		status, _, _ = strings.Cut(status, " ")
		a.Status, _ = strconv.Atoi(status)
	}
	return a, data[end:], true
}

// acknowledge is the ACK to a final answer to an INVITE, and behind that of a 2xx a BYE.
func (c Case) acknowledge(a Answer) [][]byte {
	number, _, _ := strings.Cut(c.message.first("cseq"), " ")
	n, _ := strconv.Atoi(number)
	build := func(method, via string, number int) []byte {
		return fmt.Appendf(nil, "%s sip:user@example.com SIP/2.0\r\nVia: %s\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\n"+
			"Call-ID: %s\r\nCSeq: %d %s\r\nContent-Length: 0\r\n\r\n",
			method, via, c.message.first("from"), a.Header("To"), a.Header("Call-ID"), number, method)
	}
	if a.Status >= 300 {
		return [][]byte{build("ACK", c.message.first("via"), n)}
	}
	via := "SIP/2.0/UDP torture.invalid;rport;branch=" + ownBranch
	return [][]byte{build("ACK", via+"ack-"+c.File, n), build("BYE", via+"bye-"+c.File, n+1)}
}

// message is the least that can be read out of a message: unfolded lines by lower-case long name.
type message struct {
	start  string
	fields [][2]string
}

func read(data []byte) message {
	var m message
	head, _, _ := bytes.Cut(data, []byte("\r\n\r\n"))
	for i, line := range strings.Split(string(head), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		switch {
		case i == 0:
			m.start = line
		case line == "":
		case (line[0] == ' ' || line[0] == '\t') && len(m.fields) > 0:
			last := &m.fields[len(m.fields)-1]
			last[1] = strings.TrimSpace(last[1] + " " + strings.TrimSpace(line))
		default:
			name = strings.ToLower(strings.TrimSpace(name))
			if long, ok := compact[name]; ok {
				name = long
			}
			m.fields = append(m.fields, [2]string{name, strings.TrimSpace(value)})
		}
	}
	return m
}

var compact = map[string]string{"v": "via", "f": "from", "t": "to", "i": "call-id", "l": "content-length"}

func (m message) values(name string) []string {
	var all []string
	for _, f := range m.fields {
		if f[0] == name {
			all = append(all, f[1])
		}
	}
	return all
}

func (m message) first(name string) string {
	if all := m.values(name); len(all) > 0 {
		return all[0]
	}
	return ""
}
