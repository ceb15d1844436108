package media

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Sockets are the descriptors of the leg's sockets, of RTP and RTCP. They stay the leg's.
func (l *Leg) Sockets() (rtp, rtcp int) { return l.rtp.fd, l.rtcp.fd }

// Security is what the leg is encrypted with, nil where it is not. It has the keys: it is for the process that takes the leg over, and for
// nobody else.
func (l *Leg) Security() *Security {
	l.wish.mu.Lock()
	defer l.wish.mu.Unlock()
	g := l.wish.guard
	if !g.on() {
		return nil
	}
	return &Security{Suite: g.in.suite, Local: g.out.master, Remote: g.in.master, RemoteMKI: g.in.mki}
}

// Inherit makes the leg of a state from sockets that another process has had, which are the leg's from now on. The keys are those of an
// encrypted one. It is like the leg of before once Continue tells how far that had come. The error names a state that cannot be; the
// sockets are closed then.
func (p *Ports) Inherit(state LegState, security *Security, rtp, rtcp int) (*Leg, error) {
	r, err := state.Remote.remote()
	if err == nil && (r.PTime < 0 || r.PTime > 1000 || state.Remote.Encrypted != (security != nil)) {
		err = fmt.Errorf("leg on port %d: its state cannot be", state.Port)
	}
	v6 := state.Local.Is6()
	for _, fd := range []int{rtp, rtcp} {
		if err == nil {
			err = isSocket(fd, v6)
		}
	}
	if err != nil {
		_ = unix.Close(rtp)
		_ = unix.Close(rtcp)
		return nil, err
	}
	l := &Leg{rtp: socket{fd: rtp, v6: v6}, rtcp: socket{fd: rtcp, v6: v6}, port: state.Port, local: state.Local}
	l.out.resume(state.Stream)
	l.origin.tell(&l.out, 0)
	// A port outside of the range, for that is another one now, just goes with its call.
	if pair, ok := p.claim(state.Port); ok {
		l.closed = func() { p.rest(pair) }
	}
	r.Security = security
	l.Apply(r)
	return l, nil
}

// isSocket tells what a descriptor is that is no socket of a leg.
func isSocket(fd int, v6 bool) error {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return fmt.Errorf("take over the socket of a leg: %w", err)
	}
	family, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return fmt.Errorf("take over the socket of a leg: %w", err)
	}
	if kind != unix.SOCK_DGRAM || v6 != (family == unix.AF_INET6) {
		return fmt.Errorf("take over the socket of a leg: it is of type %d and family %d", kind, family)
	}
	return nil
}
