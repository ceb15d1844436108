package wire

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pieces is a stream that comes in given pieces and then ends.
type pieces struct{ left [][]byte }

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.left[0])
	if p.left[0] = p.left[0][n:]; len(p.left[0]) == 0 {
		p.left = p.left[1:]
	}
	return n, nil
}

func (p *pieces) SetReadDeadline(time.Time) error { return nil }

// frames is what comes out of a stream, one line per message.
func frames(stream ...[]byte) string {
	var out strings.Builder
	f := &framer{stream: &pieces{stream}, needed: func() bool { return false },
		pong: func() error { fmt.Fprintln(&out, "pong"); return nil }}
	for {
		m, err := f.next()
		if err != nil {
			return out.String()
		}
		fmt.Fprintf(&out, "%s %d fields %q", m.method, len(m.fields), m.body)
		if m.flaw != nil {
			fmt.Fprintf(&out, " %d %s", m.flaw.Status, m.flaw.Reason)
		}
		fmt.Fprintln(&out)
		if m.torn {
			return out.String()
		}
	}
}

func TestFramer(t *testing.T) {
	tests := []struct{ name, stream, want string }{
		{"messages in a row", "A a SIP/2.0\r\nl: 3\r\n\r\nxyzB b SIP/2.0\r\nl:0\r\nX: y\r\n\r\n", "A 1 fields \"xyz\"\nB 2 fields \"\"\n"},
		{"empty lines before a message", "\r\nA a SIP/2.0\r\nl: 0\r\n\r\n\r\nB b SIP/2.0\r\nl: 0\r\n\r\n", "A 1 fields \"\"\nB 1 fields \"\"\n"},
		{"keep-alives", "\r\n\r\nA a SIP/2.0\r\nl: 0\r\n\r\n\r\n\r\n\r\n\r\n", "pong\nA 1 fields \"\"\npong\npong\n"},
		{"no Content-Length", "A a SIP/2.0\r\nX: y\r\n\r\n", "A 1 fields \"\" 400 No Content-Length on a stream\n"},
		{"two Content-Length", "A a SIP/2.0\r\nl: 3\r\nl: 3\r\n\r\nxyz", "A 2 fields \"\" 400 Repeated Content-Length header\n"},
		{"huge Content-Length", "A a SIP/2.0\r\nl: 4294967296\r\n\r\nxyz", "A 1 fields \"\" 513 Message Too Large\n"},
		{"Content-Length a little too large", "A a SIP/2.0\r\nl: 65530\r\n\r\nxyz", "A 1 fields \"\" 513 Message Too Large\n"},
		{"negative Content-Length", "A a SIP/2.0\r\nl: -3\r\n\r\nxyz", "A 1 fields \"\" 400 Content-Length is not a number\n"},
		{"cut in the body", "A a SIP/2.0\r\nl: 9\r\n\r\nxyz", "A 1 fields \"\" 400 Body shorter than Content-Length\n"},
		{"cut in the head", "A a SIP/2.0\r\nl: 9\r\n", ""},
		{"bare LF", "A a SIP/2.0\nl: 0\n\n", "A 1 fields \"\" 400 Line ends with a bare LF\n"},
		{"line without colon", "A a SIP/2.0\r\nX\r\nl: 0\r\n\r\nB", "A 2 fields \"\" 400 Malformed header line\n"},
		{"broken start line, which says nothing about the end", "A\r\nl: 0\r\n\r\nB b SIP/2.0\r\nl: 0\r\n\r\n", "A 1 fields \"\" 400 Malformed request line\nB 1 fields \"\"\n"},
		{"head without end", "A a SIP/2.0\r\n" + strings.Repeat("X: y\r\n", 4000), "A 128 fields \"\" 513 Message Too Large\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := frames([]byte(test.stream)); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			// However it is cut, the same comes out.
			for i := range min(len(test.stream), 200) {
				if got := frames([]byte(test.stream[:i]), []byte(test.stream[i:])); got != test.want {
					t.Fatalf("cut at %d: got\n%s\nwant\n%s", i, got, test.want)
				}
			}
			octets := bytes.Split([]byte(test.stream), nil)
			if got := frames(octets...); got != test.want {
				t.Errorf("octet by octet: got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestFramerGivesUpOnSlowStreams(t *testing.T) {
	const message = "A a SIP/2.0\r\nl: 0\r\n\r\n"
	tests := []struct {
		name   string
		script string // octets sent one by one: '~' waits 4 s instead, '!' a minute
		needed bool
		ours   bool
		after  time.Duration // when the framer gives up, from the beginning
	}{
		{"nothing", "!", false, false, headWithin},
		{"empty lines for ever", "\r\n~\r\n~\r\n~\r\n!", false, false, headWithin},
		{"head octet by octet", "A~ a~ SIP/2.0!", false, false, headWithin},
		{"second head octet by octet", message + "~~~~A~ a~ SIP/2.0!", false, false, 16*time.Second + headWithin},
		{"body octet by octet", "A a SIP/2.0\r\nl: 99\r\n\r\n~x~x~x~x~x~x~x~x~x", false, false, bodyWithin},
		{"idle", message + "!!!!", false, false, idleFor},
		{"idle and kept alive", message + "!\r\n\r\n!!!!", false, false, time.Minute + idleFor},
		{"idle in a call", message + "!!!!!!!!!", true, false, 9 * time.Minute}, // the end of the stream
		{"a connection of ours, on which nothing comes", "!!!!", false, true, idleFor},
		{"a connection of ours that is needed", "!!!!!!!!!", true, true, 9 * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				begin := time.Now()
				written := make(chan struct{})
				go func() {
					defer close(written)
					defer there.Close()
					for _, c := range []byte(test.script) {
						switch c {
						case '~':
							time.Sleep(4 * time.Second)
						case '!':
							time.Sleep(time.Minute)
						default:
							if _, err := there.Write([]byte{c}); err != nil {
								return
							}
						}
					}
				}()
				f := &framer{stream: here, greeted: test.ours, needed: func() bool { return test.needed }, pong: func() error { return nil }}
				for {
					if m, err := f.next(); err != nil || m.torn {
						break
					}
				}
				if after := time.Since(begin); after != test.after {
					t.Errorf("gave up after %s, want %s", after, test.after)
				}
				here.Close()
				<-written
			})
		})
	}
}

// What is announced is not allocated.
func TestFramerAllocatesWhatCame(t *testing.T) {
	f := &framer{stream: &pieces{[][]byte{[]byte("A a SIP/2.0\r\nl: 60000\r\n\r\nxyz")}}}
	if _, err := f.next(); err != nil {
		t.Fatal(err)
	}
	if cap(f.buf) > 4096 {
		t.Errorf("buffer of %d octets for a message of which 30 came", cap(f.buf))
	}
}

// FuzzFramer: whatever comes on a stream, it is cut into the same messages however it arrives, and it ends.
func FuzzFramer(f *testing.F) {
	for _, c := range corpora(f) {
		f.Add(c.Data, uint16(len(c.Data)/2))
	}
	for _, seed := range []string{"\r\n\r\n\r\n", "A a SIP/2.0\r\nl: 3\r\n\r\nxyzB b SIP/2.0\r\nl:0\r\n\r\n", "A a SIP/2.0\r\nl: 99999999999\r\n\r\n",
		"A a SIP/2.0\nl: 0\n\n", "\r\n\r\rA", "A a SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\nxx"} {
		f.Add([]byte(seed), uint16(len(seed)-1))
	}
	f.Fuzz(func(t *testing.T, stream []byte, cut uint16) {
		at := min(int(cut), len(stream))
		if whole, parts := frames(stream), frames(stream[:at], stream[at:]); whole != parts {
			t.Errorf("%q cut at %d: got\n%s\nwant\n%s", stream, at, parts, whole)
		}
	})
}
