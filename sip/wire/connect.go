package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// dialWithin bounds the opening of a connection, whatever time its caller has.
const dialWithin = 5 * time.Second

// way is what a connection of ours leads to.
type way struct {
	remote netip.AddrPort
	secure Secure // zero: plain TCP
}

// Connect returns the way to remote for requests of ours that begin something. transport is "udp" or "tcp", in any case.
// Over UDP they leave from the socket of a listener, so that answers and later requests come to it. Over TCP there is
// one connection to each remote: Connect returns it as long as it is open, else it opens one, which takes at most 5 s
// and not longer than ctx. Its Peer's Local has the port of our own TCP listener, where there is one: that is where the
// far end may connect to (RFC 3261 18.1.1). Unless somebody holds it with Conn.Ref it is closed after some minutes.
func (w *Wire) Connect(ctx context.Context, transport string, remote netip.AddrPort) (Peer, error) {
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	var peer Peer
	var err error
	switch strings.ToUpper(transport) {
	case "UDP":
		peer, err = w.overUDP(remote)
	case "TCP":
		peer, err = w.overTCP(ctx, way{remote: remote})
	default:
		err = errors.New("udp and tcp are served")
	}
	if err != nil {
		return Peer{}, fmt.Errorf("reach %s over %s: %w", remote, strings.ToUpper(transport), err)
	}
	return peer, nil
}

func (w *Wire) overUDP(remote netip.AddrPort) (Peer, error) {
	local, err := AddrToward(remote.Addr())
	if err != nil {
		return Peer{}, err
	}
	w.mu.Lock()
	addrs := make([]netip.AddrPort, len(w.sockets))
	for i, s := range w.sockets {
		addrs[i] = s.local
	}
	best := nearest(addrs, local)
	var socket *udpSocket
	if best >= 0 && !w.closed {
		socket = w.sockets[best]
	}
	w.mu.Unlock()
	if socket == nil {
		return Peer{}, fmt.Errorf("no UDP listener has the way from %s", local)
	}
	from := socket.local
	if socket.wildcard {
		from = netip.AddrPortFrom(local, from.Port())
	}
	return Peer{Transport: "UDP", Local: from, Remote: remote, Conn: &udpConn{socket: socket, local: from, remote: remote}}, nil
}

func (w *Wire) overTCP(ctx context.Context, to way) (Peer, error) {
	remote := to.remote
	if c := w.connectedTo(to); c != nil {
		return c.peer(), nil
	}
	local, err := AddrToward(remote.Addr())
	if err != nil {
		return Peer{}, err
	}
	w.mu.Lock()
	listeners := slices.Clone(w.accepting)
	if to.secure != (Secure{}) {
		listeners = slices.Clone(w.acceptingTLS)
	}
	w.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	dialer := net.Dialer{}
	var listening netip.AddrPort
	if best := nearest(listeners, local); best >= 0 {
		listening = listeners[best]
		if !listening.Addr().IsUnspecified() {
			dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(listening.Addr(), 0))
		}
	}
	conn, err := dialer.DialContext(ctx, "tcp", remote.String())
	if err != nil {
		return Peer{}, err
	}
	if to.secure != (Secure{}) {
		if conn, err = to.secure.greet(ctx, conn); err != nil {
			return Peer{}, err
		}
	}
	c := &tcpConn{wire: w, conn: conn, local: addrPort(conn.LocalAddr()), remote: remote, ours: true, closed: make(chan struct{})}
	if listening.IsValid() {
		c.local = netip.AddrPortFrom(c.local.Addr(), listening.Port())
	}
	return w.keep(c, to)
}

// connectedTo is the connection that we opened on this way, nil if there is none any more.
func (w *Wire) connectedTo(to way) *tcpConn {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.opened[to]
	if c != nil && c.isClosed() {
		return nil
	}
	return c
}

// keep serves a connection that we opened. Where another goroutine was faster, its connection is taken.
func (w *Wire) keep(c *tcpConn, to way) (Peer, error) {
	w.mu.Lock()
	other := w.opened[to]
	taken := other != nil && !other.isClosed()
	if !taken {
		w.opened[to] = c
	}
	w.mu.Unlock()
	if taken {
		_ = c.Close() // nobody has used it
		return other.peer(), nil
	}
	forget := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.opened[to] == c {
			delete(w.opened, to)
		}
	}
	if err := w.start(c, func() { defer forget(); c.serve() }); err != nil {
		forget()
		return Peer{}, err
	}
	return c.peer(), nil
}

// nearest is the index of the listener that has the way from local: the one on that very address, else one on all
// addresses, else one on another address from which the same networks can be reached; -1 if there is none.
func nearest(listeners []netip.AddrPort, local netip.Addr) int {
	best, rank := -1, 0
	for i, l := range listeners {
		r := 0
		switch addr := l.Addr(); {
		case addr.Is4() != local.Is4():
		case addr == local:
			r = 3
		case addr.IsUnspecified():
			r = 2
		case addr.IsLoopback() == local.IsLoopback():
			r = 1
		}
		if r > rank {
			best, rank = i, r
		}
	}
	return best
}

// AddrToward is the address of this machine that the kernel would send to remote from.
func AddrToward(remote netip.Addr) (netip.Addr, error) {
	// Connecting a UDP socket sends nothing, it only looks up the route.
	toward := netip.AddrPortFrom(remote.Unmap(), 9)
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(toward))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("find own address on the way to %s: %w", remote, err)
	}
	defer conn.Close()
	return addrPort(conn.LocalAddr()).Addr(), nil
}
