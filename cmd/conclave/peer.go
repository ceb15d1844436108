package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// peer is the process at the other end of a Unix socket, as the kernel knows it.
type peer struct {
	uid, gid uint32
	pid      int32
}

// name is the peer's login name where there is one, else its user id.
func (p peer) name() string { return cmp.Or(loginName(p.uid), strconv.FormatUint(uint64(p.uid), 10)) }

// loginName is the login name of a user; empty: he has none.
func loginName(uid uint32) string {
	account, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return ""
	}
	return account.Username
}

// operates tells whether the peer may operate this server: its own user, root, and members of its group.
func (p peer) operates() bool {
	if p.uid == 0 || p.uid == uint32(os.Geteuid()) || p.gid == uint32(os.Getegid()) {
		return true
	}
	account, err := user.LookupId(strconv.FormatUint(uint64(p.uid), 10))
	if err != nil {
		return false
	}
	groups, err := account.GroupIds()
	return err == nil && slices.Contains(groups, strconv.Itoa(os.Getegid()))
}

// peerOf asks the kernel who connected (unix(7), SO_PEERCRED).
func peerOf(conn *net.UnixConn) (peer, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return peer{}, fmt.Errorf("ask who connected: %w", err)
	}
	var found *unix.Ucred
	var sockErr error
	err = raw.Control(func(fd uintptr) {
		found, sockErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err == nil {
		err = sockErr
	}
	if err != nil {
		return peer{}, fmt.Errorf("ask who connected: %w", err)
	}
	return peer{uid: found.Uid, gid: found.Gid, pid: found.Pid}, nil
}

type peerKey struct{}

// withPeer keeps the peer of a connection for its requests; nobody, whom nothing is allowed, where it is not known.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return ctx
	}
	p, err := peerOf(unixConn)
	if err != nil {
		return ctx
	}
	return context.WithValue(ctx, peerKey{}, p)
}
