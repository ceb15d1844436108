package wire

import (
	"errors"
	"net"
	"os"
	"time"
)

// A reader takes and handles one message at a time between enter and pass. While the wire is paused it waits before that, so that what
// comes stays in the kernel, for this process to read later or for another one that has the sockets by then.

// enter waits until messages may be taken.
func (w *Wire) enter() {
	for {
		if over := w.paused.Load(); over != nil {
			select {
			case <-*over:
			case <-w.done:
			}
		}
		w.reading.RLock()
		if w.paused.Load() == nil || w.isClosed() {
			return
		}
		w.reading.RUnlock()
	}
}

func (w *Wire) pass() { w.reading.RUnlock() }

// Pause keeps all readers from taking messages and connections until Resume. It is false where one has not come to rest for so long: then
// there is no pause.
func (w *Wire) Pause(most time.Duration) bool {
	over := make(chan struct{})
	w.paused.Store(&over)
	for end := time.Now().Add(most); ; time.Sleep(time.Millisecond) {
		w.interrupt()
		if w.reading.TryLock() {
			w.reading.Unlock()
			return true
		}
		if time.Now().After(end) {
			w.Resume()
			return false
		}
	}
}

// Resume ends a Pause.
func (w *Wire) Resume() {
	over := w.paused.Swap(nil)
	if over == nil {
		return
	}
	w.mu.Lock()
	for c := range w.open {
		if socket, ok := c.(interface{ SetReadDeadline(time.Time) error }); ok {
			_ = socket.SetReadDeadline(time.Time{})
		} else if l := acceptor(c); l != nil {
			_ = l.SetDeadline(time.Time{})
		}
	}
	w.mu.Unlock()
	close(*over)
}

// interrupt ends the reads that wait for something to come. A reader that sets a deadline of its own at this moment is interrupted the next
// time.
func (w *Wire) interrupt() {
	past := time.Unix(1, 0)
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		switch c := c.(type) {
		case *net.UDPConn:
			_ = c.SetReadDeadline(past)
		case *tcpConn:
			if c.stream.Load() != nil {
				_ = c.conn.SetReadDeadline(past)
			}
		default:
			if l := acceptor(c); l != nil {
				_ = l.SetDeadline(past)
			}
		}
	}
}

// acceptor is the socket of a listener for TCP or TLS; nil: it is none.
func acceptor(c closer) *net.TCPListener {
	if l, ok := c.(tlsListener); ok {
		c = l.Listener
	}
	l, _ := c.(*net.TCPListener)
	return l
}

// patientStream is a connection whose reader waits through a pause, in the midst of a message, too.
type patientStream struct {
	conn     *tcpConn
	framer   *framer // that reads it
	deadline time.Time
	whole    bool // a message was read, and is not handled yet
}

func (s *patientStream) SetReadDeadline(t time.Time) error {
	s.deadline = t
	return s.conn.conn.SetReadDeadline(t)
}

func (s *patientStream) Read(b []byte) (int, error) {
	w := s.conn.wire
	for {
		n, err := s.conn.conn.Read(b)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || w.paused.Load() == nil && !s.interrupted() {
			return n, err
		}
		s.wait()
	}
}

// interrupted tells that a read has ended before its deadline: the pause that was the reason is over already.
func (s *patientStream) interrupted() bool {
	return s.deadline.IsZero() || time.Now().Before(s.deadline)
}

// wait waits through a pause.
func (s *patientStream) wait() {
	s.conn.wire.pass()
	s.conn.wire.enter()
	_ = s.conn.conn.SetReadDeadline(s.deadline)
}

// unread is what was read of the connection and not handled. The wire is paused.
func (s *patientStream) unread() []byte {
	f := s.framer
	if s.whole {
		return f.buf
	}
	return f.buf[f.used:]
}
