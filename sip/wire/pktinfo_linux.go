package wire

import (
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// On a socket bound to all addresses the kernel picks the source of a datagram by route. A machine with several
// addresses would then answer from another one than it was asked at, which phones and NATs drop. So the destination of
// each datagram is read from the kernel and set as the source of what is sent back; Contact and SDP name it, too.

// askForDestination makes the kernel tell it with every datagram.
func askForDestination(raw syscall.RawConn, v6 bool) error {
	return control(raw, func(fd int) error {
		if v6 {
			return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		}
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	})
}

// destination reads it from the control data of a datagram; invalid if it is not there.
func destination(oob []byte) netip.Addr {
	for len(oob) > 0 {
		header, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return netip.Addr{}
		}
		switch {
		case header.Level == unix.IPPROTO_IP && header.Type == unix.IP_PKTINFO && len(data) >= 12:
			return netip.AddrFrom4([4]byte(data[4:8])) // ipi_spec_dst: ours even if the datagram was broadcast
		case header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_PKTINFO && len(data) >= 16:
			return netip.AddrFrom16([16]byte(data[:16])).Unmap()
		}
		oob = rest
	}
	return netip.Addr{}
}

// sourceControl is the control data that sends from addr; nil leaves the choice to the kernel.
func sourceControl(addr netip.Addr) []byte {
	switch {
	case addr.IsUnspecified():
		return nil
	case addr.Is4():
		return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: addr.As4()})
	default:
		return unix.PktInfo6(&unix.Inet6Pktinfo{Addr: addr.As16()})
	}
}

// forceReceiveBuffer goes beyond net.core.rmem_max where the process may; where not, it leaves what was granted.
func forceReceiveBuffer(raw syscall.RawConn, size int) error {
	return control(raw, func(fd int) error {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size); err != unix.EPERM {
			return err
		}
		return nil
	})
}

func control(raw syscall.RawConn, set func(fd int) error) error {
	var err error
	if e := raw.Control(func(fd uintptr) { err = set(int(fd)) }); e != nil {
		return e
	}
	return err
}
