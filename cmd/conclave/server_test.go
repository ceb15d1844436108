package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program builds the binary that the tests run, once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "conclave-test")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "conclave")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build conclave: %w\n%s", err, out)
	}
	return path, nil
})

// testServer is the real program, serving on loopback with a data folder of its own.
type testServer struct {
	t       *testing.T
	data    string
	sip     string // host:port of its UDP and TCP listeners
	command *exec.Cmd
	ended   chan struct{}
}

var listener = regexp.MustCompile(`udp://(\S+?),?\s`)

// startServer runs serve with further flags and waits until it is ready. It is ended with the test.
func startServer(t *testing.T, flags ...string) *testServer {
	t.Helper()
	return startServerOn(t, t.TempDir(), freeAddress(t, "127.0.0.1"), flags...)
}

// startServerOn is startServer with a data folder that is there, and an address for its listeners.
func startServerOn(t *testing.T, data, port string, flags ...string) *testServer {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{t: t, data: data, ended: make(chan struct{})}
	args := append([]string{"serve", "--data", s.data, "--sip", "udp://" + port, "--sip", "tcp://" + port, "--rtp-ports", "40000-42999",
		"--drain-time", "0s"}, flags...)
	s.command = exec.Command(path, args...)
	log, err := os.Create(filepath.Join(s.data, "log"))
	if err != nil {
		t.Fatal(err)
	}
	s.command.Stderr = log
	stdout, err := s.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stop()
		log.Close()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("server: %s", text)
		}
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "ready") {
			s.sip = listener.FindStringSubmatch(lines.Text() + " ")[1]
			go func() {
				for lines.Scan() {
				}
				_ = s.command.Wait()
				close(s.ended)
			}()
			return s
		}
	}
	_ = s.command.Wait()
	close(s.ended)
	text, _ := os.ReadFile(log.Name())
	t.Fatalf("the server ended before it was ready: %s", text)
	return nil
}

// stop ends the server as an operator would.
func (s *testServer) stop() {
	_ = s.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(15 * time.Second):
		_ = s.command.Process.Kill()
		<-s.ended
		s.t.Error("the server did not end within 15 s of SIGTERM")
	}
}

// run runs a command of the CLI on the server's data and returns what it prints.
func (s *testServer) run(args ...string) string {
	s.t.Helper()
	path, err := program()
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := exec.Command(path, append(args, "--data", s.data)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("conclave %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// wait polls until something holds.
func (s *testServer) wait(what string, most time.Duration, holds func() bool) {
	s.t.Helper()
	for end := time.Now().Add(most); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("no %s within %v", what, most)
		}
	}
}
