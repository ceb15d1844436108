package wire

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"

	sipgo "github.com/emiago/sipgo/sip"
	"golang.org/x/sys/unix"
)

// Estate is what a paused Wire can leave to that of another process: its listeners, and connections over TCP. Those over TLS cannot be
// left, as their keys lie within the library.
type Estate struct {
	Listeners []ListenerEstate
	Streams   []StreamEstate
}

// ListenerEstate is a listener. File is its place among the descriptors that go with the Estate.
type ListenerEstate struct {
	Spec      string // as Listen was told
	Transport string
	Addr      netip.AddrPort
	File      int
}

// StreamEstate is a connection over TCP.
type StreamEstate struct {
	Local, Remote netip.AddrPort // as in Peer
	Ours          bool           // we have opened it
	Unread        []byte         // what was read of it, and not handled
	File          int
}

// Bequeath is what the wire has, which is paused, with copies of its descriptors, which are the caller's. place tells which of the streams
// a connection is.
func (w *Wire) Bequeath() (e Estate, files []int, place map[sipgo.Connection]int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() {
		if err != nil {
			CloseFiles(files)
		}
	}()
	place = make(map[sipgo.Connection]int)
	for _, l := range w.specs {
		fd, err := copyOf(l.socket)
		if err != nil {
			return e, files, nil, fmt.Errorf("hand over %s: %w", l.spec, err)
		}
		e.Listeners = append(e.Listeners, ListenerEstate{Spec: l.spec, Transport: l.transport, Addr: l.addr, File: len(files)})
		files = append(files, fd)
	}
	for c := range w.open {
		c, ok := c.(*tcpConn)
		if !ok || c.isClosed() {
			continue
		}
		stream := c.stream.Load()
		socket, plain := c.conn.(*net.TCPConn)
		if !plain || stream == nil {
			continue
		}
		fd, err := copyOf(socket)
		if err != nil {
			return e, files, nil, fmt.Errorf("hand over the connection with %s: %w", c.remote, err)
		}
		place[c] = len(e.Streams)
		e.Streams = append(e.Streams, StreamEstate{Local: c.local, Remote: c.remote, Ours: c.ours, Unread: slices.Clone(stream.unread()), File: len(files)})
		files = append(files, fd)
	}
	return e, files, place, nil
}

// copyOf is another descriptor of a socket. It leaves the socket as it is: os.File would make it one that blocks.
func copyOf(socket syscall.Conn) (fd int, err error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return -1, err
	}
	controlErr := raw.Control(func(original uintptr) { fd, err = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0) })
	return fd, errors.Join(controlErr, err)
}

// CloseFiles closes descriptors; those below 0 are left out.
func CloseFiles(files []int) {
	for _, fd := range files {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

// Inherit takes over what another process has left. The wire is paused: nothing is read before Resume. Listen then takes the listeners that
// it finds, and Disclaim what is left of them. The ways to the far ends of the streams are in their order; what cannot be taken over is
// lost to its far end. Descriptors that were used are -1 in files.
func (w *Wire) Inherit(e Estate, files []int) []Peer {
	for _, l := range e.Listeners {
		if fd := take(files, l.File); fd != nil {
			w.inherited = append(w.inherited, inherited{l, fd})
		}
	}
	peers := make([]Peer, len(e.Streams))
	for i, s := range e.Streams {
		peer, err := w.inheritStream(s, take(files, s.File))
		if err != nil {
			w.log.Error("connection not taken over", "remote", s.Remote, "error", err)
			peer = LostPeer("TCP", s.Local, s.Remote)
		}
		peers[i] = peer
	}
	return peers
}

// inherited is a listener of another process that nobody has asked for yet.
type inherited struct {
	ListenerEstate
	file *os.File
}

// take makes a file of a descriptor; nil: there is none.
func take(files []int, i int) *os.File {
	if i < 0 || i >= len(files) || files[i] < 0 {
		return nil
	}
	f := os.NewFile(uintptr(files[i]), "socket")
	files[i] = -1
	return f
}

var errNoFile = errors.New("its descriptor is missing")

func (w *Wire) inheritStream(s StreamEstate, file *os.File) (Peer, error) {
	if file == nil {
		return Peer{}, errNoFile
	}
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return Peer{}, err
	}
	c := &tcpConn{wire: w, conn: conn, local: s.Local, remote: s.Remote, ours: s.Ours, unread: s.Unread, greeted: true, closed: make(chan struct{})}
	if s.Ours {
		return w.keep(c, way{remote: s.Remote})
	}
	return c.peer(), w.admit(c)
}

// claim finds an inherited listener for what is to be listened on; nil: there is none.
func (w *Wire) claim(spec, transport string, addr netip.AddrPort) *os.File {
	for i, l := range w.inherited {
		if l.Spec == spec || addr.Port() != 0 && l.Addr == addr && strings.EqualFold(l.Transport, transport) {
			w.inherited = slices.Delete(w.inherited, i, i+1)
			return l.file
		}
	}
	return nil
}

// Disclaim closes the inherited listeners that are not listened on any more.
func (w *Wire) Disclaim() {
	for _, l := range w.inherited {
		_ = l.file.Close()
	}
	w.inherited = nil
}
