package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"conclave/sip/phone"
)

// clockMark tells a process that it runs in the machine whose clock is changed.
const clockMark = "CONCLAVE_FAULTS_CLOCK"

// The clock of the machine jumps by an hour, by a day, and back, under a conference and a registered phone: nothing expires, nothing is
// lost, and a call that comes is answered. No container and no namespace has a real-time clock of its own, so the machine is one: a kernel
// in user mode, which has this file system to read and whose first process is this test.
func TestClockThatJumps(t *testing.T) {
	if os.Getenv(clockMark) != "" {
		underJumps(t)
		return
	}
	t.Parallel()
	long(t)
	kernel, err := exec.LookPath("linux.uml")
	if err != nil {
		t.Skip("no user-mode Linux here: apt-get install user-mode-linux")
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// The race detector's memory does not fit into that machine.
	test := filepath.Join(dir, "faults.test")
	if out, err := exec.Command("go", "test", "-c", "-o", test, "conclave/cmd/faults").CombinedOutput(); err != nil {
		t.Fatalf("build the test: %v\n%s", err, out)
	}
	// /tmp is the machine's own, so that it writes nothing outside.
	first := filepath.Join(dir, "init")
	script := fmt.Sprintf(`#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmpfs /run; ip link set lo up
mkdir /run/tmp; cp %[1]s %[2]s /run/; mount --bind /run/tmp /tmp
cd /run; ulimit -n 4000
%[3]s=/run/conclave TMPDIR=/run/tmp /run/faults.test -test.v -test.run '^TestClockThatJumps$'
echo "exit code $?"
echo o >/proc/sysrq-trigger; sleep 9
`, test, path, clockMark)
	if err := os.WriteFile(first, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	machine := exec.CommandContext(ctx, kernel, "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "mem=768M", "quiet", "init="+first,
		"con=null", "con0=fd:0,fd:1", "uml_dir="+dir)
	out, err := machine.CombinedOutput()
	text := string(out)
	if !strings.Contains(text, "exit code 0") {
		t.Fatalf("in the machine: %v\n%s", err, text)
	}
	for line := range strings.Lines(text) {
		if _, what, ok := strings.Cut(line, "JUMP "); ok {
			reached(t, "clock jump", "no mass expiry: calls, audio and registrations go on", "%s", strings.TrimSpace(what))
		}
	}
}

// underJumps runs in the machine.
func underJumps(t *testing.T) {
	path := os.Getenv(clockMark)
	program = func() (string, error) { return path, nil }
	s := startServer(t, nil, "127.0.0.1", t.TempDir())
	s.room("1000", "--no-pin")
	_, password, _ := strings.Cut(strings.TrimSpace(s.run("phone", "add", "200", "--name", "Anna")), "password ")
	p := s.phone("127.0.0.1")
	if _, err := p.Register(t.Context(), s.sip, phone.Registration{User: "200", Password: password, CallID: "jump", Number: 1}); err != nil {
		t.Fatal(err)
	}
	const hz, level = 600, -15.0
	listener, talker := s.dial("127.0.0.1", "1000", phone.Options{From: "listener"}), s.dial("127.0.0.1", "1000", phone.Options{From: "talker"})
	talker.Say(phone.Tone(hz, level))
	time.Sleep(2 * time.Second)
	// That machine has one slow processor: audio is compared with what it was before.
	usual := shareHeard(listener.Listen(4*time.Second), hz, level)
	for _, by := range []time.Duration{time.Hour, 24 * time.Hour, -25 * time.Hour, -24 * time.Hour, 24 * time.Hour} {
		var now unix.Timeval
		if err := unix.Gettimeofday(&now); err != nil {
			t.Fatal(err)
		}
		now.Sec += int64(by / time.Second)
		if err := unix.Settimeofday(&now); err != nil {
			t.Fatalf("set the clock: %v", err)
		}
		time.Sleep(2 * time.Second)
		heard := shareHeard(listener.Listen(2*time.Second), hz, level)
		began := time.Now()
		err := s.dial("127.0.0.1", "1000", phone.Options{From: "visitor"}).Hangup()
		took := time.Since(began)
		st := s.status()
		registered := strings.Contains(s.run("phone", "list"), "udp:127.0.0.1")
		fmt.Printf("JUMP by %v: %d of 2 calls there, tone at its level for %.0f %% of 2 s, before for %.0f %%, registered: %t, a call answered after %.0f ms\n",
			by, st.Members, 100*heard, 100*usual, registered, float64(took)/1e6)
		if st.Members < 2 || heard < usual/4 || !registered || err != nil || st.Faults > 0 {
			t.Errorf("after a jump of %v: %+v, heard %v, registered %t, %v", by, st, heard, registered, err)
		}
	}
}
