package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"conclave/media/fault"
)

func TestControlSocketIsForOperatorsOnly(t *testing.T) {
	s := startServer(t)
	socket := dataDir(s.data).socket()
	for path, mode := range map[string]os.FileMode{filepath.Dir(socket): os.ModeDir | 0o750, socket: os.ModeSocket | 0o660} {
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("%s has mode %v, want %v (%v)", path, info.Mode(), mode, err)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("that other users are refused can only be tried as root")
	}
	for _, dir := range []string{filepath.Dir(s.data), s.data} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	finish(t, unprivileged(t, "live", "--data", s.data)).refused(t, "permission denied")
	// Even where the modes let everybody in, the server asks the kernel who it is.
	if err := os.Chmod(filepath.Dir(socket), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(socket, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"live"}, {"lock", "1000"}, {"kick", "1000", "--all"}} {
		finish(t, unprivileged(t, append(args, "--data", s.data)...)).refused(t, "may not operate")
	}
	log, err := os.ReadFile(filepath.Join(s.data, "log"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(log), `msg="operator refused" uid=65534`); n != 3 {
		t.Errorf("%d refusals in the log, want 3:\n%s", n, log)
	}
}

func TestRunningServerLearnsOfRoomsAtOnce(t *testing.T) {
	s := startServer(t, "--guests", "all")
	live := func() result { return conclave(t, nil, "live", "1000", "--data", s.data) }
	live().refused(t, "no room 1000")
	s.run("room", "add", "1000", "--name", "n", "--no-pin")
	if out := live().done(t); out != "no conference\n" {
		t.Errorf("live of a new room: %q", out)
	}
	s.run("room", "rm", "1000")
	live().refused(t, "no room 1000")
}

// A fault in the work on an order costs that order, is counted, and is told to the operator.
func TestFaultCostsOneOrder(t *testing.T) {
	c := &control{faults: fault.NewLog(nil)}
	failing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a mistake") })
	w := httptest.NewRecorder()
	c.attempt(failing, w, httptest.NewRequest(http.MethodPost, "/v1/drain", nil))
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "its log tells where") || c.faults.Count() != 1 {
		t.Errorf("%d %s, %d faults", w.Code, w.Body, c.faults.Count())
	}
}
