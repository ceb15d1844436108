package media

import (
	"fmt"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socket is a non-blocking UDP socket that is read and written by plain system calls on
// the worker's thread: without the poller, without a goroutine to wake.
//
// RawSyscall leaves the scheduler alone. That is right here because none of these calls can
// block, and the longest (a send through loopback) takes some microseconds.
type socket struct {
	fd        int
	v6        bool
	connected bool
	// sealed tells that the queue has been empty since the socket was connected: what comes
	// is from the connected source. What others had sent before is in the queue until then.
	sealed bool
}

// socketBuffer holds 20 ms ticks of packets for some seconds, should the process stall.
const socketBuffer = 256 << 10

// openSocket binds a socket to local and asks the kernel for receive time stamps.
func openSocket(local netip.AddrPort) (socket, error) {
	s := socket{v6: local.Addr().Is6()}
	family := unix.AF_INET
	if s.v6 {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return socket{}, os.NewSyscallError("socket", err)
	}
	s.fd = fd
	if err := s.configure(local); err != nil {
		_ = unix.Close(fd)
		return socket{}, err
	}
	return s, nil
}

func (s *socket) configure(local netip.AddrPort) error {
	if s.v6 {
		if err := unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return os.NewSyscallError("setsockopt IPV6_V6ONLY", err)
		}
		// Expedited forwarding, the class of voice (RFC 4594 4.1). A network that does not
		// allow it loses nothing but the mark.
		_ = unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 0xb8)
	} else {
		_ = unix.SetsockoptInt(s.fd, unix.IPPROTO_IP, unix.IP_TOS, 0xb8)
	}
	if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return os.NewSyscallError("setsockopt SO_TIMESTAMPNS", err)
	}
	_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer)
	if err := unix.Bind(s.fd, sockaddr(local)); err != nil {
		return fmt.Errorf("bind udp %s: %w", local, err)
	}
	return nil
}

// connect makes the kernel drop whatever comes from elsewhere, and spares it the look-up of
// a route for each packet.
func (s *socket) connect(to netip.AddrPort) error {
	err := unix.Connect(s.fd, sockaddr(to))
	s.connected = err == nil
	return err
}

// disconnect lets packets of any source in again (connect(2), AF_UNSPEC).
func (s *socket) disconnect() {
	if !s.connected {
		return
	}
	unspec := [16]byte{}
	_, _, _ = unix.RawSyscall(unix.SYS_CONNECT, uintptr(s.fd), uintptr(unsafe.Pointer(&unspec)), uintptr(len(unspec)))
	s.connected, s.sealed = false, false
}

func (s *socket) close() error { return unix.Close(s.fd) }

// send writes a packet to the connected far end.
func (s *socket) send(packet []byte) bool {
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(packet))), uintptr(len(packet)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	return errno == 0
}

// sendTo writes a packet to an address while the socket is not connected.
func (s *socket) sendTo(packet []byte, to *target) bool {
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(packet))), uintptr(len(packet)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL,
		uintptr(unsafe.Pointer(&to.raw)), uintptr(to.size))
	return errno == 0
}

// target is a destination in the form that the kernel reads.
type target struct {
	raw  unix.RawSockaddrInet6 // an IPv4 address lies over its beginning
	size uint32
}

func newTarget(to netip.AddrPort, v6 bool) target {
	var t target
	if v6 {
		t.raw.Family = unix.AF_INET6
		t.raw.Addr = to.Addr().As16()
		t.size = unix.SizeofSockaddrInet6
	} else {
		four := (*unix.RawSockaddrInet4)(unsafe.Pointer(&t.raw))
		four.Family = unix.AF_INET
		four.Addr = to.Addr().Unmap().As4()
		t.size = unix.SizeofSockaddrInet4
	}
	// The port stands at the same place in both, in network order.
	port := (*[2]byte)(unsafe.Pointer(&t.raw.Port))
	port[0], port[1] = byte(to.Port()>>8), byte(to.Port())
	return t
}

// address is what newTarget was made of.
func (t *target) address(v6 bool) netip.AddrPort {
	port := (*[2]byte)(unsafe.Pointer(&t.raw.Port))
	number := uint16(port[0])<<8 | uint16(port[1])
	if v6 {
		return netip.AddrPortFrom(netip.AddrFrom16(t.raw.Addr), number)
	}
	return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(&t.raw)).Addr), number)
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is6() && !a.Addr().Is4In6() {
		return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	}
	return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().Unmap().As4()}
}
