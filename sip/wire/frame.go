package wire

import (
	"bytes"
	"errors"
	"os"
	"time"
)

// How long a stream may take. Somebody who sends one octet now and then holds a connection for so long and no longer.
const (
	headWithin = 10 * time.Second // from the first octet of a message, or from the beginning, to its empty line
	bodyWithin = 30 * time.Second // from there to the end of the body
	idleFor    = 3 * time.Minute  // between messages, if nobody needs the connection; keep-alives come every two (RFC 5626 4.4.1)
)

// stream is what a framer needs of a connection.
type stream interface {
	Read([]byte) (int, error)
	SetReadDeadline(time.Time) error
}

// framer cuts a stream into messages (RFC 3261 18.3).
type framer struct {
	stream stream
	pong   func() error // answers a keep-alive
	needed func() bool  // reports whether the connection stays though nothing comes

	buf     []byte // what was read
	used    int    // of it, by the message returned last
	greeted bool   // a message has come, or need not: we opened the connection
}

// next returns the next message, which is valid until the following call. If that is torn, nothing after it can be
// read. An error means that the stream ended or was too slow.
func (f *framer) next() (*message, error) {
	f.consume(f.used)
	if err := f.awaitStart(); err != nil {
		return nil, err
	}
	end, err := f.head()
	if err != nil {
		return nil, err
	}
	m := scan(f.buf[:end])
	n, given := 0, false
	if !m.torn {
		if n, given = m.length(); !given {
			m.tear(400, "No Content-Length on a stream")
		}
	}
	if m.torn {
		return m, nil
	}
	if end+n > maxMessage {
		m.tear(513, "Message Too Large")
		return m, nil
	}
	if err := f.stream.SetReadDeadline(time.Now().Add(bodyWithin)); err != nil {
		return nil, err
	}
	for len(f.buf) < end+n {
		if err := f.fill(); err != nil {
			m.tear(400, "Body shorter than Content-Length")
			return m, nil
		}
	}
	m.body = f.buf[end : end+n]
	f.used, f.greeted = end+n, true
	return m, nil
}

// awaitStart reads up to the first octet of a message. Empty lines before it are ignored (RFC 3261 7.5); two of them
// are a keep-alive that wants one back (RFC 5626 3.5.1).
func (f *framer) awaitStart() error {
	ping := []byte("\r\n\r\n")
	deadline := time.Now().Add(headWithin)
	for {
		switch {
		case bytes.HasPrefix(f.buf, ping):
			f.consume(len(ping))
			if err := f.pong(); err != nil {
				return err
			}
		case bytes.HasPrefix(ping, f.buf):
			if f.greeted {
				deadline = time.Now().Add(idleFor)
			}
			if err := f.stream.SetReadDeadline(deadline); err != nil {
				return err
			}
			err := f.fill()
			if f.greeted && errors.Is(err, os.ErrDeadlineExceeded) && f.needed() {
				continue
			}
			if err != nil {
				return err
			}
		case bytes.HasPrefix(f.buf, ping[:2]):
			f.consume(2)
		default:
			if f.greeted { // the first message's time runs from the beginning
				deadline = time.Now().Add(headWithin)
			}
			return f.stream.SetReadDeadline(deadline)
		}
	}
}

// head reads up to the empty line and returns where it ends, or a length beyond the limit.
func (f *framer) head() (end int, err error) {
	searched := 0
	for {
		if end = headEnd(f.buf, searched); end >= 0 {
			return end, nil
		}
		if len(f.buf) > maxHead {
			return len(f.buf), nil
		}
		searched = max(0, len(f.buf)-2) // the line end before a line end may have been read already
		if err := f.fill(); err != nil {
			return 0, err
		}
	}
}

// fill reads once. The buffer grows with what has come, never with what was announced.
func (f *framer) fill() error {
	if len(f.buf) == cap(f.buf) {
		f.buf = append(make([]byte, 0, max(4096, 2*cap(f.buf))), f.buf...)
	}
	n, err := f.stream.Read(f.buf[len(f.buf):cap(f.buf)])
	f.buf = f.buf[:len(f.buf)+n]
	if n > 0 {
		return nil // an error comes again
	}
	return err
}

// consume drops n octets from the front, and a buffer that a large message left behind.
func (f *framer) consume(n int) {
	rest := f.buf[n:]
	if cap(f.buf) > maxHead && len(rest) < 4096 {
		f.buf = make([]byte, 0, 4096)
	}
	f.buf = append(f.buf[:0], rest...)
	f.used = 0
}
