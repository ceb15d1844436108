package faults

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"conclave/rooms"
	"conclave/sip/phone"
)

// program builds the binary that the tests run, once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "conclave-faults")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "conclave")
	if out, err := exec.Command("go", "build", "-o", path, "conclave/cmd/conclave").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build conclave: %w\n%s", err, out)
	}
	return path, nil
})

// server is the real program, serving in a namespace.
type server struct {
	t       *testing.T
	data    string
	sip     string // host:port of its UDP listener
	rtp     string // its range of ports
	command *exec.Cmd
	log     string
	ended   chan struct{}
	control http.Client
}

const rtpPorts = "20000-20999"

// startServer serves at an address in ns, or in the namespace of the tests, with a data folder; ready or not it is ended with the test.
func startServer(t *testing.T, ns *namespace, address, data string, flags ...string) *server {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	rtp := rtpPorts
	if len(flags) > 1 && flags[0] == "--rtp-ports" {
		rtp, flags = flags[1], flags[2:]
	}
	s := &server{t: t, data: data, rtp: rtp, ended: make(chan struct{}), log: filepath.Join(t.TempDir(), "log")}
	log, err := os.Create(s.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.command = exec.Command(path, append([]string{"serve", "--data", data, "--sip", "udp://" + address + ":0", "--sip", "tcp://" + address + ":0",
		"--rtp-ports", s.rtp, "--guests", "all", "--drain-time", "0s"}, flags...)...)
	s.command.Stderr = log
	s.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := s.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	// A process dies with the thread that has started it, so that thread waits for it.
	started := make(chan error)
	go func() {
		_ = elsewhereOrHere(ns, func() error {
			err := s.command.Start()
			started <- err
			if err == nil {
				_, _ = s.command.Process.Wait()
				close(s.ended)
			}
			return err
		})
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	listener := regexp.MustCompile(`ready.*udp://([^\s,]+)`).FindStringSubmatch(line)
	if err != nil || listener == nil {
		t.Fatalf("the server is not ready: %v, %s", err, s.logged())
	}
	s.sip = listener[1]
	s.control.Timeout = 20 * time.Second
	s.control.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", filepath.Join(s.data, "run", "conclave.sock"))
	}}
	return s
}

func elsewhereOrHere(ns *namespace, f func() error) error {
	if ns == nil {
		return elsewhere(f)
	}
	return ns.do(f)
}

// stop ends the server as an operator would.
func (s *server) stop() {
	_ = s.command.Process.Signal(syscall.SIGCONT)
	_ = s.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		_ = s.command.Process.Kill()
		<-s.ended
		s.t.Error("the server did not end within 20 s of SIGTERM")
	}
	if s.t.Failed() {
		s.t.Logf("server: %s", s.logged())
	}
}

func (s *server) logged() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	const most = 8000
	return string(text[max(0, len(text)-most):])
}

// try runs a command of the CLI on the server's data and returns what it prints.
func (s *server) try(args ...string) (string, error) {
	path, err := program()
	if err != nil {
		return "", err
	}
	out, err := exec.Command(path, append(args, "--data", s.data)...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("conclave %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// run is try for what must succeed.
func (s *server) run(args ...string) string {
	s.t.Helper()
	out, err := s.try(args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// room adds a room that is quiet but for the mix, in which tones are heard as loud as they are said.
func (s *server) room(extension string, flags ...string) {
	s.t.Helper()
	s.run(append([]string{"room", "add", extension, "--name", "Room " + extension, "-o", "quiet=yes", "-o", "announce_only_user=no",
		"-o", "music_on_hold_when_empty=no", "-o", "agc=no", "-o", "record_notice=no"}, flags...)...)
}

// status is what of the server's status the tests look at.
type status struct {
	Calls       int    `json:"calls"`
	Members     int    `json:"members"`
	Goroutines  int    `json:"goroutines"`
	Descriptors int    `json:"descriptors"`
	Faults      uint64 `json:"faults"`
	Heap        int64  `json:"heap_bytes"`
	Clockwork   struct {
		Ticks   uint64        `json:"ticks"`
		Missed  uint64        `json:"missed_ticks"`
		Late999 time.Duration `json:"late_p999_ns"`
	} `json:"clockwork"`
}

func (s *server) ask(method, path string, v any) error {
	req, err := http.NewRequest(method, "http://conclave"+path, nil)
	if err != nil {
		return err
	}
	res, err := s.control.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, res.Status)
	}
	if v == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(v)
}

func (s *server) status() (st status) {
	s.t.Helper()
	if err := s.ask("GET", "/v1/status", &st); err != nil {
		s.t.Fatalf("status: %v; %s", err, s.logged())
	}
	return st
}

func (s *server) members(extension string) []rooms.Member {
	s.t.Helper()
	var live []rooms.Conference
	if err := s.ask("GET", "/v1/live?room="+extension, &live); err != nil {
		s.t.Fatal(err)
	}
	if len(live) == 0 {
		return nil
	}
	return live[0].Members
}

// wait polls until something holds.
func (s *server) wait(what string, most time.Duration, holds func() bool) {
	s.t.Helper()
	if _, ok := within(most, holds); !ok {
		s.t.Fatalf("no %s within %v", what, most)
	}
}

// within polls until something holds, and tells how long it took.
func within(most time.Duration, holds func() bool) (took time.Duration, ok bool) {
	began := time.Now()
	for !holds() {
		if time.Since(began) > most {
			return time.Since(began), false
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(began), true
}

// phone is one at an address of this namespace.
func (s *server) phone(address string) *phone.Phone {
	s.t.Helper()
	p, err := phone.New("udp", address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = p.Close() })
	return p
}

// dial has a phone of its own call, which hangs up with the test.
func (s *server) dial(address, number string, o phone.Options) *phone.Call {
	s.t.Helper()
	p := s.phone(address)
	ctx, cancel := context.WithTimeout(s.t.Context(), 32*time.Second)
	defer cancel()
	call, err := p.Dial(ctx, s.sip, number, o)
	if err != nil {
		s.t.Fatalf("call %s: %v", number, err)
	}
	s.t.Cleanup(func() { _ = call.Hangup() })
	return call
}

// statusOf is the final status of a call that was refused, 0 of one that was answered.
func statusOf(err error) int {
	var refused *phone.Refused
	if errors.As(err, &refused) {
		return refused.Status()
	}
	return 0
}

// site is a server in a namespace of its own, at the other end of a link.
type site struct {
	*server
	ns   namespace
	link *link
}

// newSite starts a server behind a clean link.
func newSite(t *testing.T, seed uint64, flags ...string) *site {
	t.Helper()
	sandboxed(t)
	ns := newNamespace(t)
	l := newLink(t, nil, ns, seed)
	return &site{startServer(t, &ns, l.there.String(), t.TempDir(), flags...), ns, l}
}

// call has a phone of its own call over the link.
func (s *site) call(number string, o phone.Options) *phone.Call {
	s.t.Helper()
	return s.dial(s.link.here.String(), number, o)
}
