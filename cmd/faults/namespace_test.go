package faults

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// namespace is a network namespace. It lasts as long as somebody has it open or is in it.
type namespace struct{ file *os.File }

// newNamespace makes an empty one, with loopback up. It is closed with the test.
func newNamespace(t *testing.T) namespace {
	t.Helper()
	var ns namespace
	err := elsewhere(func() (err error) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("new network namespace: %w", err)
		}
		if ns, err = here(); err != nil {
			return err
		}
		return ip("link set lo up")
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.file.Close() })
	return ns
}

// here is the namespace of the calling thread.
func here() (namespace, error) {
	file, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
	return namespace{file}, err
}

// do runs f in the namespace: its sockets and its processes belong there, wherever they are used.
func (ns namespace) do(f func() error) error {
	return elsewhere(func() error {
		if err := unix.Setns(int(ns.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter the namespace: %w", err)
		}
		return f()
	})
}

// elsewhere runs f on a thread of its own, which ends with it: what f does to its thread happens to nothing else.
func elsewhere(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	return <-done
}

// ip runs ip(8) in the namespace of the calling thread, a command in a line.
func ip(lines ...string) error {
	command := exec.Command("ip", "-batch", "-")
	command.Stdin = strings.NewReader(strings.Join(lines, "\n"))
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("ip %q: %w: %s", lines, err, out)
	}
	return nil
}
