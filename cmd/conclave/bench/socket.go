package bench

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socket is a UDP socket on the loopback interface, read and written without
// blocking and past the Go scheduler: an asynchronous system call has nothing to gain from it.
type socket int

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func openSocket() (socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("open socket", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: loopback.As4()}); err != nil {
		unix.Close(fd)
		return 0, os.NewSyscallError("bind socket", err)
	}
	return socket(fd), nil
}

func (s socket) address() (netip.AddrPort, error) {
	addr, err := unix.Getsockname(int(s))
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("read the port of a socket", err)
	}
	return netip.AddrPortFrom(loopback, uint16(addr.(*unix.SockaddrInet4).Port)), nil
}

func (s socket) connect(to netip.AddrPort) error {
	if err := unix.Connect(int(s), &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}); err != nil {
		return fmt.Errorf("connect to %s: %w", to, err)
	}
	return nil
}

func (s socket) close() { unix.Close(int(s)) }

// stampArrivals asks for the kernel's time of each packet, for receiveStamped.
func (s socket) stampArrivals() error {
	return os.NewSyscallError("ask for receive time stamps", unix.SetsockoptInt(int(s), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
}

// send sends packet, unless the buffer is full or nobody is there.
func (s socket) send(packet []byte) bool {
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s),
		uintptr(unsafe.Pointer(&packet[0])), uintptr(len(packet)), 0, 0, 0)
	return errno == 0
}

// receive reads a packet into buffer and returns its size, or -1 if there is none.
func (s socket) receive(buffer []byte) int {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(s),
			uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)), 0, 0, 0)
		if errno == 0 {
			return int(n)
		}
		// A port that was not open yet reports once; packets may lie behind that.
		if errno != unix.ECONNREFUSED {
			return -1
		}
	}
}

// mailbox is what the kernel fills when a packet is wanted with its time stamp. It must not be
// copied: it points into itself.
type mailbox struct {
	header  unix.Msghdr
	vector  unix.Iovec
	control [64]byte
}

func newMailbox(buffer []byte) *mailbox {
	m := new(mailbox)
	m.vector.Base = &buffer[0]
	m.vector.SetLen(len(buffer))
	m.header.Iov = &m.vector
	m.header.SetIovlen(1)
	m.header.Control = &m.control[0]
	return m
}

// receiveStamped reads a packet into the mailbox's buffer and returns its size, or -1 if
// there is none, and when the kernel got it, in ns since 1970.
func (s socket) receiveStamped(m *mailbox) (n int, arrived int64) {
	for {
		m.header.SetControllen(len(m.control))
		n, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(s), uintptr(unsafe.Pointer(&m.header)), 0)
		if errno == 0 {
			// One struct cmsghdr (16 octets), then a struct timespec.
			const at = unix.SizeofCmsghdr
			seconds := binary.NativeEndian.Uint64(m.control[at:])
			return int(n), int64(seconds)*second + int64(binary.NativeEndian.Uint64(m.control[at+8:]))
		}
		if errno != unix.ECONNREFUSED {
			return -1, 0
		}
	}
}

// fileLimit returns how many files this process and its children may open. The soft limit
// is at the hard one: package os raises it at the start.
func fileLimit() (int, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, os.NewSyscallError("read the limit of open files", err)
	}
	return int(min(limit.Cur, math.MaxInt32)), nil
}
