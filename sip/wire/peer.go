package wire

import (
	"net"
	"net/netip"

	sipgo "github.com/emiago/sipgo/sip"
)

// Peer is where a message came from and the way back. A dialog keeps the Peer of the request that made it, so that
// its own requests leave from the same socket. Over TCP and TLS, Conn.Ref(1) keeps the connection open while nothing is said;
// Conn.Ref(-1) lets go. Over UDP both do nothing.
type Peer struct {
	Transport string           // "UDP", "TCP" or "TLS"
	Local     netip.AddrPort   // the address of ours that the peer talks to, never a wildcard
	Remote    netip.AddrPort   // where the message came from
	Conn      sipgo.Connection // writes to Remote, whatever destination the message names
}

// UDPPeer is the way to remote that a Peer from before a restart was, whose Local is given: from the same address and
// port where they are still listened on, else from another UDP listener of remote's family. ok is false where there is
// none.
func (w *Wire) UDPPeer(local, remote netip.AddrPort) (peer Peer, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var best *udpSocket
	for _, s := range w.sockets {
		if s.local.Addr().Is4() != remote.Addr().Is4() {
			continue
		}
		if s.local == local || s.wildcard && s.local.Port() == local.Port() {
			best = s
			break
		}
		if best == nil {
			best = s
		}
	}
	if best == nil {
		return Peer{}, false
	}
	from := best.local
	if best.wildcard {
		from = netip.AddrPortFrom(local.Addr(), from.Port())
	}
	conn := &udpConn{socket: best, local: from, remote: remote}
	return Peer{Transport: "UDP", Local: from, Remote: remote, Conn: conn}, true
}

// LostPeer is the way to a far end whose connection has ended with the process that had it: nothing can be sent on it.
func LostPeer(transport string, local, remote netip.AddrPort) Peer {
	gone := make(chan struct{})
	close(gone)
	return Peer{Transport: transport, Local: local, Remote: remote, Conn: lostConn{local, gone}}
}

// lostConn implements sipgo.Connection: it is a connection of before.
type lostConn struct {
	local netip.AddrPort
	gone  <-chan struct{} // closed
}

func (c lostConn) LocalAddr() net.Addr          { return net.TCPAddrFromAddrPort(c.local) }
func (c lostConn) WriteMsg(sipgo.Message) error { return ErrClosed }
func (c lostConn) Ref(int) int                  { return 1 }
func (c lostConn) TryClose() (int, error)       { return 1, nil }
func (c lostConn) Close() error                 { return nil }

// Gone is closed when the connection is. Over UDP it is nil.
func (p Peer) Gone() <-chan struct{} {
	switch c := p.Conn.(type) {
	case *tcpConn:
		return c.closed
	case lostConn:
		return c.gone
	}
	return nil
}
