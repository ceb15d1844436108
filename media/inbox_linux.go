package media

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"github.com/pion/rtp"
	"golang.org/x/sys/unix"
)

// packetSize is the largest datagram that is read: more than 60 ms of any codec.
const packetSize = 2048

// Inbox is what a worker needs to receive for its legs, one after another: the buffers that
// the kernel writes to and the header that is parsed into. It serves one goroutine.
type Inbox struct {
	// Digits are the keys that the last Leg.Receive found, in their order.
	Digits []byte

	buf     *[packetSize]byte // of the two that which is read into
	other   *[packetSize]byte
	control [64]byte
	from    unix.RawSockaddrInet6
	vector  unix.Iovec
	message unix.Msghdr
	header  rtp.Header
	work    *workspace
}

// NewInbox returns an Inbox, which must not be copied.
func NewInbox() *Inbox {
	in := &Inbox{Digits: make([]byte, 0, 64), buf: new([packetSize]byte), other: new([packetSize]byte),
		work: newWorkspace()}
	in.header.CSRC = make([]uint32, 0, 15)
	in.vector.SetLen(packetSize)
	in.message.Iov = &in.vector
	in.message.SetIovlen(1)
	return in
}

// turn leaves the packet that was read last as it is: the next one goes to the other buffer.
func (in *Inbox) turn() { in.buf, in.other = in.other, in.buf }

// receive reads one packet of s. It tells the packet's size, below 0 where there was none, and
// with stamped when the kernel got it, in ns of the wall clock (0: unknown). Without stamped
// the socket must be sealed: its source is not asked for either.
func (in *Inbox) receive(s *socket, stamped bool) (size int, arrived int64) {
	for range 2 {
		n, errno := uintptr(0), unix.Errno(0)
		if stamped {
			n, errno = in.receiveMessage(s)
			arrived = in.stamp()
		} else {
			n, _, errno = unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), uintptr(unsafe.Pointer(in.buf)), packetSize, unix.MSG_DONTWAIT, 0, 0)
		}
		if errno == 0 {
			return int(n), arrived
		}
		// A far end that closed its port shows as an error once; what waits behind it counts.
		if errno != unix.ECONNREFUSED && errno != unix.EINTR {
			break
		}
	}
	return -1, 0
}

// receiveMessage reads one packet with its time stamp and, unless the socket is sealed, its
// source.
func (in *Inbox) receiveMessage(s *socket) (size uintptr, errno unix.Errno) {
	in.vector.Base = &in.buf[0]
	in.message.Control = &in.control[0]
	in.message.SetControllen(len(in.control))
	if s.sealed {
		in.message.Name, in.message.Namelen = nil, 0
	} else {
		in.message.Name, in.message.Namelen = (*byte)(unsafe.Pointer(&in.from)), unix.SizeofSockaddrInet6
	}
	size, _, errno = unix.RawSyscall(unix.SYS_RECVMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&in.message)), unix.MSG_DONTWAIT)
	return size, errno
}

// stamp finds SCM_TIMESTAMPNS, the only control message that was asked for.
func (in *Inbox) stamp() int64 {
	const header = unix.SizeofCmsghdr
	if in.message.Controllen < header+16 {
		return 0
	}
	cmsg := (*unix.Cmsghdr)(unsafe.Pointer(&in.control[0]))
	if cmsg.Level != unix.SOL_SOCKET || cmsg.Type != unix.SCM_TIMESTAMPNS {
		return 0
	}
	at := (*unix.Timespec)(unsafe.Pointer(&in.control[header]))
	return at.Sec*1e9 + at.Nsec
}

// source is where the last packet came from, unless the socket was sealed.
func (in *Inbox) source() netip.AddrPort {
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&in.from.Port))[:])
	if in.from.Family == unix.AF_INET {
		four := (*unix.RawSockaddrInet4)(unsafe.Pointer(&in.from))
		return netip.AddrPortFrom(netip.AddrFrom4(four.Addr), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(in.from.Addr).Unmap(), port)
}
