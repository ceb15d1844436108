package wire

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

const (
	maxPerSource = 32                    // connections from one IPv4 address or one IPv6 /64
	writeWithin  = 10 * time.Second      // then a peer that does not read has lost its connection
	lingerFor    = time.Second           // for what a refused peer still sends
	turnPause    = 50 * time.Millisecond // between looks whether a source that has sent too much may send again
)

// accept takes connections until the listener is closed. What fails for want of descriptors is tried again.
func (w *Wire) accept(l net.Listener) {
	var pause time.Duration
	for {
		w.enter()
		conn, err := l.Accept()
		w.pass()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if errors.Is(err, os.ErrDeadlineExceeded) { // there is a pause
			continue
		}
		if err != nil {
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			w.sparse.info("SIP connection not accepted", "listener", l.Addr(), "error", err, "retry_in", pause)
			select {
			case <-w.done:
				return
			case <-time.After(pause):
			}
			continue
		}
		pause = 0
		w.connected(conn)
	}
}

// connected serves a new connection.
func (w *Wire) connected(conn net.Conn) {
	_ = w.admit(&tcpConn{wire: w, conn: conn, local: addrPort(conn.LocalAddr()), remote: addrPort(conn.RemoteAddr()), closed: make(chan struct{})})
}

// admit serves a connection of others, if its source does not have too many. The error is errTooMany or ErrClosed.
func (w *Wire) admit(c *tcpConn) error {
	source := sourceOf(c.remote.Addr())
	w.mu.Lock()
	full := w.perSource[source] >= maxPerSource
	if !full {
		w.perSource[source]++
	}
	w.mu.Unlock()
	if full {
		w.sparse.info("SIP connection refused: too many from there", "from", c.remote)
		_ = c.conn.Close()
		return errTooMany
	}
	release := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.perSource[source]--; w.perSource[source] == 0 {
			delete(w.perSource, source)
		}
	}
	err := w.start(c, func() { defer release(); c.serve() })
	if err != nil {
		release()
	}
	return err
}

var errTooMany = errors.New("its source has too many connections")

// sourceOf is what connections are counted by: whoever has one IPv6 address has its /64.
func sourceOf(addr netip.Addr) netip.Addr {
	if addr.Is6() {
		if prefix, err := addr.Prefix(64); err == nil {
			return prefix.Addr()
		}
	}
	return addr
}

// tcpConn is one connection, over TCP or over TLS.
type tcpConn struct {
	wire          *Wire
	conn          net.Conn
	local, remote netip.AddrPort                // as in Peer
	ours          bool                          // we opened it
	users         atomic.Int32                  // transactions and dialogs, see Ref
	stream        atomic.Pointer[patientStream] // nil until it is read
	// Of a connection that another process has had: what that has read and not handled, and that messages have come.
	unread  []byte
	greeted bool

	writing sync.Mutex // a message goes out in one piece

	closing sync.Once
	closed  chan struct{}
}

func (c *tcpConn) peer() Peer {
	return Peer{Transport: c.transport(), Local: c.local, Remote: c.remote, Conn: c}
}

func (c *tcpConn) transport() string {
	if _, secure := c.conn.(*tls.Conn); secure {
		return "TLS"
	}
	return "TCP"
}

func (c *tcpConn) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// serve reads until the connection ends, one way or the other.
func (c *tcpConn) serve() {
	peer := c.peer()
	defer func() {
		defer c.wire.survive(peer)
		_ = c.Close() // what it says when it goes does not matter any more
		c.wire.lost(c)
	}()
	if err := c.handshake(); err != nil {
		c.wire.sparse.info("SIP connection refused", "from", c.remote, "error", printable(err.Error()))
		return
	}
	stream := &patientStream{conn: c}
	f := &framer{stream: stream, buf: c.unread, greeted: c.ours || c.greeted, needed: func() bool { return c.users.Load() > 0 },
		pong: func() error { return c.send([]byte("\r\n")) }}
	stream.framer = f
	c.stream.Store(stream)
	for c.take(f, peer) {
	}
}

// take reads and handles one message and reports whether another may follow.
func (c *tcpConn) take(f *framer, peer Peer) (more bool) {
	c.wire.enter()
	defer c.wire.pass()
	defer c.wire.survive(peer)
	m, err := f.next()
	if err != nil {
		return false
	}
	if !c.awaitTurn(m.kind(), f.stream.(*patientStream)) {
		return false
	}
	more = !m.torn
	c.wire.take(m, peer, c.send)
	if m.torn {
		c.linger()
	}
	return more
}

// awaitTurn waits until the source may send another message, which keeps it from sending more: what is read slowly is sent
// slowly. It is false where the connection has ended meanwhile.
func (c *tcpConn) awaitTurn(k kind, s *patientStream) bool {
	s.whole = true
	defer func() { s.whole = false }()
	for !c.ours && !c.wire.flood.admits(c.remote, k) {
		select {
		case <-c.closed:
			return false
		case <-time.After(turnPause):
			s.wait()
		}
	}
	return true
}

// linger lets the peer read the refusal: closing with octets unread would take it back.
func (c *tcpConn) linger() {
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil &&
		c.conn.SetReadDeadline(time.Now().Add(lingerFor)) == nil {
		_, _ = io.CopyN(io.Discard, c.conn, 4*maxMessage)
	}
}

// LocalAddr implements sipgo.Connection.
func (c *tcpConn) LocalAddr() net.Addr { return c.conn.LocalAddr() }

// WriteMsg implements sipgo.Connection. It blocks for at most writeWithin; a failure ends the connection, because part
// of the message may be out.
func (c *tcpConn) WriteMsg(msg sipgo.Message) error {
	b := c.wire.buffer(msg)
	defer c.wire.buffers.Put(b)
	return c.send(b.Bytes())
}

func (c *tcpConn) send(data []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	err := c.conn.SetWriteDeadline(time.Now().Add(writeWithin))
	if err == nil {
		_, err = c.conn.Write(data)
	}
	if errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("send to %s over %s: %w", c.remote, c.transport(), ErrClosed)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("send to %s over %s: %w", c.remote, c.transport(), err), c.Close())
	}
	return nil
}

// Ref implements sipgo.Connection: it adds n users, who keep the connection open while nothing is said, and returns
// how many there are.
func (c *tcpConn) Ref(n int) int { return int(c.users.Add(int32(n))) }

// TryClose implements sipgo.Connection: one user less. An unneeded connection stays for a while, because the peer may
// have more to say.
func (c *tcpConn) TryClose() (int, error) { return c.Ref(-1), nil }

// Close implements sipgo.Connection.
func (c *tcpConn) Close() error {
	var err error
	c.closing.Do(func() {
		close(c.closed)
		err = c.conn.Close()
	})
	return err
}
