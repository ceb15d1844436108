package wire

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// udpBuffer is the kernel's queue for a socket: some seconds of a busy server's messages, should the reader be held up.
const udpBuffer = 4 << 20

// udpSocket is one UDP listener. It keeps nothing about who writes to it.
type udpSocket struct {
	wire     *Wire
	conn     *net.UDPConn
	local    netip.AddrPort
	wildcard bool // bound to all addresses, so each datagram's own is asked for
}

func (s *udpSocket) prepare() error {
	if err := s.conn.SetReadBuffer(udpBuffer); err != nil {
		return fmt.Errorf("set the receive buffer: %w", err)
	}
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return err
	}
	if s.wildcard = s.local.Addr().IsUnspecified(); !s.wildcard {
		return forceReceiveBuffer(raw, udpBuffer)
	}
	if err := askForDestination(raw, s.local.Addr().Is6()); err != nil {
		return fmt.Errorf("ask for destination addresses: %w", err)
	}
	return forceReceiveBuffer(raw, udpBuffer)
}

// serve reads until the socket is closed.
func (s *udpSocket) serve() {
	buf := make([]byte, maxMessage)
	oob := make([]byte, 128)
	for s.read(buf, oob) {
	}
}

// read takes and handles one datagram. It is false once the socket is closed.
func (s *udpSocket) read(buf, oob []byte) (more bool) {
	s.wire.enter()
	defer s.wire.pass()
	n, oobn, _, remote, err := s.conn.ReadMsgUDPAddrPort(buf, oob)
	switch {
	case errors.Is(err, net.ErrClosed):
		return false
	case errors.Is(err, os.ErrDeadlineExceeded): // there is a pause
		return true
	case err != nil:
		s.wire.sparse.info("SIP read failed", "listener", s.local, "error", err)
		time.Sleep(10 * time.Millisecond) // a fault that stays must not spin
		return true
	case isKeepAlive(buf[:n]):
		return true
	}
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	if !s.wire.flood.admits(remote, kindOf(buf[:n])) {
		s.wire.counts.flooded.Add(1)
		s.wire.sparse.info("SIP datagrams dropped: too many from there", "from", remote)
		return true
	}
	local := s.local
	if s.wildcard {
		if to := destination(oob[:oobn]); to.IsValid() {
			local = netip.AddrPortFrom(to, local.Port())
		}
	}
	s.take(buf[:n], local, remote)
	return true
}

func (s *udpSocket) take(data []byte, local, remote netip.AddrPort) {
	conn := &udpConn{socket: s, local: local, remote: remote}
	peer := Peer{Transport: "UDP", Local: local, Remote: remote, Conn: conn}
	defer s.wire.survive(peer)
	s.wire.take(scanDatagram(data), peer, conn.send)
}

// isKeepAlive reports whether a datagram only keeps a NAT binding alive: empty lines or NULs, up to four.
func isKeepAlive(data []byte) bool {
	for _, c := range data {
		if c != '\r' && c != '\n' && c != 0 {
			return false
		}
	}
	return len(data) <= 4
}

// udpConn is one pair of addresses on a listener's socket: what is sent leaves from the address it was first spoken to.
type udpConn struct {
	socket        *udpSocket
	local, remote netip.AddrPort
}

// LocalAddr implements sipgo.Connection.
func (c *udpConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

// WriteMsg implements sipgo.Connection. There is no limit but UDP's own: responses cannot move to TCP.
func (c *udpConn) WriteMsg(msg sipgo.Message) error {
	b := c.socket.wire.buffer(msg)
	defer c.socket.wire.buffers.Put(b)
	return c.send(b.Bytes())
}

func (c *udpConn) send(data []byte) error {
	var oob []byte
	if c.socket.wildcard {
		oob = sourceControl(c.local.Addr())
	}
	if _, _, err := c.socket.conn.WriteMsgUDPAddrPort(data, oob, c.remote); err != nil {
		return fmt.Errorf("send to %s from %s: %w", c.remote, c.local, err)
	}
	return nil
}

// Ref implements sipgo.Connection; the socket belongs to the listener, whoever uses it.
func (c *udpConn) Ref(int) int { return 1 }

// TryClose implements sipgo.Connection.
func (c *udpConn) TryClose() (int, error) { return 1, nil }

// Close implements sipgo.Connection.
func (c *udpConn) Close() error { return nil }
