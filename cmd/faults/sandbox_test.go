package faults

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// full runs each test at its whole length.
var full = flag.Bool("full", false, "run everything at its whole length, and print the table of figures")

// insideMark tells a process that it is in the namespaces that were made for it.
const insideMark = "CONCLAVE_FAULTS_INSIDE"

// outside is why the tests cannot run; empty: they can.
var outside string

// TestMain runs the tests in a network and a mount namespace of their own.
func TestMain(m *testing.M) {
	flag.Parse()
	// These tests wait for most of their time, whatever the number of CPUs.
	_ = flag.Set("test.parallel", "6")
	switch {
	case os.Getenv(clockMark) != "": // in the machine of clock_test.go
		os.Exit(m.Run())
	case os.Getenv(insideMark) == "":
		if code, err := reenter(); err == nil {
			os.Exit(code)
		} else {
			outside = fmt.Sprintf("no namespaces here: %v", err)
		}
	default:
		if err := furnish(); err != nil {
			outside = fmt.Sprintf("the namespaces cannot be furnished: %v", err)
		}
	}
	code := m.Run()
	if *full {
		printFigures(os.Stdout)
	}
	os.Exit(code)
}

// reenter runs this program again in namespaces of its own, and returns its exit code.
func reenter() (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	command := exec.Command(self, os.Args[1:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Env = append(os.Environ(), insideMark+"=1")
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		command.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		command.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		command.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	if err := command.Start(); err != nil {
		return 0, err
	}
	_ = command.Wait()
	return command.ProcessState.ExitCode(), nil
}

// furnish makes what is mounted here invisible outside, and brings loopback up.
func furnish() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	return ip("link set lo up")
}

// sandboxed skips a test that cannot run here.
func sandboxed(t *testing.T) {
	t.Helper()
	if outside != "" {
		t.Skip(outside)
	}
}

// long skips a test that is not part of the short form.
func long(t *testing.T) {
	t.Helper()
	if !*full {
		t.Skip("part of make faults, not of the short form")
	}
	sandboxed(t)
}
