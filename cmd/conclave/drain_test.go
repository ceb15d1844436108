package main

import (
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"conclave/sip/phone"
)

// status asks the server how it is.
func (s *testServer) status() (status serverStatus) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.run("status", "--json")), &status); err != nil {
		s.t.Fatal(err)
	}
	return status
}

// refusal is what the server answers to a call that it does not take.
func (s *testServer) refusal(room string) string {
	s.t.Helper()
	p, err := phone.New("udp", "127.0.0.1")
	if err != nil {
		s.t.Fatal(err)
	}
	defer p.Close()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	call, err := p.Dial(ctx, s.sip, room, phone.Options{})
	if err == nil {
		_ = call.Hangup()
		return "200"
	}
	return err.Error()
}

func TestDrainRefusesNewCallsAndWaitsForThoseThereAre(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all")
	quiet(s, "1000")
	call := s.dial("1000", phone.Options{})
	if got := s.status(); got.State != stateServing || got.Calls != 1 {
		t.Errorf("status before: %+v; serving, with one call, is right", got)
	}
	if out := s.run("drain", "--wait", "0s"); !strings.Contains(out, "1 call left") {
		t.Errorf("drain says %q", out)
	}
	if got := s.refusal("1000"); !strings.Contains(got, "503") {
		t.Errorf("a new call is answered %s; 503 is right", got)
	}
	if got := s.status(); got.State != stateDraining || got.Calls != 1 || got.PID != s.command.Process.Pid {
		t.Errorf("status while draining: %+v", got)
	}
	conclave(t, nil, "--data", s.data, "drain", "--wait", "600ms").left(t)

	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	waiting := exec.Command(path, "--data", s.data, "drain")
	var out strings.Builder
	waiting.Stdout = &out
	if err := waiting.Start(); err != nil {
		t.Fatal(err)
	}
	if err := call.Hangup(); err != nil {
		t.Fatal(err)
	}
	if err := waiting.Wait(); err != nil {
		t.Errorf("drain: %v", err)
	}
	if n := s.status().Calls; n != 0 {
		t.Errorf("drain has ended with %d calls left: %s", n, out.String())
	}
	s.run("drain", "--off")
	if got := s.refusal("1000"); got != "200" {
		t.Errorf("after drain --off a call is answered %s", got)
	}
	if got := s.run("status"); !strings.Contains(got, "serving") {
		t.Errorf("status says %q", got)
	}
}

// left fails the test unless the command ended with the error that a call is left.
func (r result) left(t *testing.T) {
	t.Helper()
	if r.code == 0 || !strings.Contains(r.stderr, "1 call left") {
		t.Errorf("exit code %d, error %q; that 1 call is left is right", r.code, r.stderr)
	}
}

func TestServerThatIsToldToEndLetsCallsGoOnThenSaysSo(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all", "--drain-time", "3s")
	s.run("room", "add", "1000", "--name", "Room", "--no-pin", "-o", "announce_only_user=no", "-o", "music_on_hold_when_empty=no", "-o", "agc=no")
	p := &party{t: t, server: s, extension: "1000"}
	anna := p.participant("anna")
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.wait("log line of the end", 10*time.Second, func() bool { return s.logged("stopping") > 0 })
	if got := s.refusal("1000"); !strings.Contains(got, "503") {
		t.Errorf("a new call is answered %s; 503 is right", got)
	}
	anna.hears("conf-closing")
	anna.ends()
	<-s.ended
	if code := s.command.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestServerThatIsToldToEndWaitsNoLongerThanThereAreCalls(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all", "--drain-time", "24h")
	quiet(s, "1000")
	call := s.dial("1000", phone.Options{})
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.wait("log line of the end", 10*time.Second, func() bool { return s.logged("stopping") > 0 })
	select {
	case <-s.ended:
		t.Fatal("the server has ended while a call was there")
	case <-call.Done():
		t.Fatal("the call has ended")
	default:
	}
	if err := call.Hangup(); err != nil {
		t.Fatal(err)
	}
	<-s.ended
	if code := s.command.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestSecondSignalEndsTheServerAtOnce(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all", "--drain-time", "24h")
	quiet(s, "1000")
	call := s.dial("1000", phone.Options{})
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.wait("log line of the end", 10*time.Second, func() bool { return s.logged("stopping") > 0 })
	s.wait("end of the server", 10*time.Second, func() bool {
		_ = s.command.Process.Signal(syscall.SIGTERM) // it may be gone
		select {
		case <-s.ended:
			return true
		default:
			return false
		}
	})
	call.Forget() // nobody would answer its BYE
	if status := s.command.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGTERM {
		t.Errorf("the server ended with %v", s.command.ProcessState)
	}
}
