package wire

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
)

// Listener is a socket that messages come in on.
type Listener struct {
	transport string
	addr      netip.AddrPort
}

// Transport is "UDP", "TCP" or "TLS".
func (l Listener) Transport() string { return l.transport }

// Addr is the address that is listened on, with the real port where 0 was asked for.
func (l Listener) Addr() netip.AddrPort { return l.addr }

// String is the form that Listen takes.
func (l Listener) String() string { return strings.ToLower(l.transport) + "://" + l.addr.String() }

// Listen opens a listener: "udp://0.0.0.0:5060", "tcp://[::]:5060", "tls://0.0.0.0:5061". The host is an IP address; 0.0.0.0
// means all of IPv4, [::] all of IPv6 and nothing of IPv4. The port is 5060 if left out, 5061 for TLS, any free one if 0. TLS
// takes Config.Certify.
func (w *Wire) Listen(spec string) (Listener, error) {
	transport, addr, err := parseSpec(spec)
	if err != nil {
		return Listener{}, err
	}
	family := "4"
	if addr.Addr().Is6() {
		family = "6"
	}
	file := w.claim(spec, transport, addr)
	if file != nil {
		defer file.Close()
	}
	var socket syscall.Conn
	var actual net.Addr
	switch transport {
	case "udp":
		socket, actual, err = w.listenUDP("udp"+family, addr, file)
	case "tcp":
		socket, actual, err = w.listenTCP("tcp"+family, addr, nil, file)
	case "tls":
		if w.certify == nil {
			return Listener{}, fmt.Errorf("listen on %s: TLS takes a certificate and its key", spec)
		}
		socket, actual, err = w.listenTCP("tcp"+family, addr, serverTLS(w.certify), file)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return Listener{}, fmt.Errorf("listen on %s: port %d is in use by another program: %w", spec, addr.Port(), err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return Listener{}, fmt.Errorf("listen on %s: %s is not an address of this machine: %w", spec, addr.Addr(), err)
	case err != nil:
		return Listener{}, fmt.Errorf("listen on %s: %w", spec, err)
	}
	l := Listener{strings.ToUpper(transport), addrPort(actual)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.specs = append(w.specs, listening{l, spec, socket})
	return l, nil
}

// listening is a listener that there is.
type listening struct {
	Listener
	spec   string
	socket syscall.Conn
}

func parseSpec(spec string) (transport string, addr netip.AddrPort, err error) {
	transport, rest, _ := strings.Cut(spec, "://")
	if transport != "udp" && transport != "tcp" && transport != "tls" {
		return "", addr, fmt.Errorf("listen on %q: want udp://ADDRESS:PORT, tcp://ADDRESS:PORT or tls://ADDRESS:PORT", spec)
	}
	if addr, err = netip.ParseAddrPort(rest); err != nil {
		ip, ipErr := netip.ParseAddr(strings.Trim(rest, "[]"))
		if ipErr != nil {
			return "", addr, fmt.Errorf("listen on %q: want an IP address and a port, as in %s://0.0.0.0:5060", spec, transport)
		}
		addr = netip.AddrPortFrom(ip, usualPort(transport))
	}
	return transport, addr, nil
}

// usualPort is that of SIP over a transport (RFC 3261 19.1.2).
func usualPort(transport string) uint16 {
	if transport == "tls" {
		return 5061
	}
	return 5060
}

// listenUDP opens a socket, or takes the one of a file.
func (w *Wire) listenUDP(network string, addr netip.AddrPort, file *os.File) (syscall.Conn, net.Addr, error) {
	conn, err := openUDP(network, addr, file)
	if err != nil {
		return nil, nil, err
	}
	s := &udpSocket{wire: w, conn: conn, local: addrPort(conn.LocalAddr())}
	if err := s.prepare(); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	w.mu.Lock()
	w.sockets = append(w.sockets, s)
	w.mu.Unlock()
	return conn, conn.LocalAddr(), w.start(conn, func() { w.faults.Keep(w.done, "read SIP over UDP", s.serve) })
}

func openUDP(network string, addr netip.AddrPort, file *os.File) (*net.UDPConn, error) {
	if file == nil {
		return net.ListenUDP(network, net.UDPAddrFromAddrPort(addr))
	}
	conn, err := net.FilePacketConn(file)
	if err != nil {
		return nil, err
	}
	udp, ok := conn.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(errors.New("what was taken over is no UDP socket"), conn.Close())
	}
	return udp, nil
}

func openTCP(network string, addr netip.AddrPort, file *os.File) (*net.TCPListener, error) {
	if file == nil {
		return net.ListenTCP(network, net.TCPAddrFromAddrPort(addr))
	}
	l, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(errors.New("what was taken over is no TCP socket"), l.Close())
	}
	return tcp, nil
}

// listenTCP listens for TCP, and for TLS on it where secure is not nil, on a new socket or on the one of a file.
func (w *Wire) listenTCP(network string, addr netip.AddrPort, secure *tls.Config, file *os.File) (syscall.Conn, net.Addr, error) {
	socket, err := openTCP(network, addr, file)
	if err != nil {
		return nil, nil, err
	}
	var l net.Listener = socket
	if secure != nil {
		l = tlsListener{l, secure}
	}
	if err := w.start(l, func() { w.faults.Keep(w.done, "accept SIP connections", func() { w.accept(l) }) }); err != nil {
		return nil, nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if secure != nil {
		w.acceptingTLS = append(w.acceptingTLS, addrPort(l.Addr()))
	} else {
		w.accepting = append(w.accepting, addrPort(l.Addr()))
	}
	return socket, l.Addr(), nil
}

// start runs serve on a goroutine that Close ends by closing socket, and waits for.
func (w *Wire) start(socket closer, serve func()) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return errors.Join(ErrClosed, socket.Close())
	}
	w.open[socket] = true
	w.running.Go(func() {
		defer w.leave(socket)
		defer w.faults.Survive("serve a SIP connection")
		serve()
	})
	return nil
}

// leave forgets a socket that is served no more.
func (w *Wire) leave(socket closer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, socket)
}

// addrPort is the address of a UDP or TCP socket, IPv4-mapped IPv6 as IPv4.
func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
