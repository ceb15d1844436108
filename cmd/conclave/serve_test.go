package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"conclave/sip/phone"
)

// loopback are flags of a server that is in nobody's way.
var loopback = []string{"--sip", "udp://127.0.0.1:0", "--sip", "tcp://127.0.0.1:0", "--rtp-ports", "43000-43099"}

// serving is a server whose whole standard output is kept. Not like testServer it can be started with any flags, and
// its end is the test's business.
type serving struct {
	command *exec.Cmd
	stdout  *os.File
	stderr  bytes.Buffer
}

func serve(t *testing.T, args ...string) *serving {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	s := &serving{command: exec.Command(path, append([]string{"serve"}, args...)...)}
	if s.stdout, err = os.Create(filepath.Join(t.TempDir(), "stdout")); err != nil {
		t.Fatal(err)
	}
	s.command.Stdout, s.command.Stderr = s.stdout, &s.stderr
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.command.Process.Kill()
		s.command.Wait() // both fail where the test has ended the server itself
		s.stdout.Close()
	})
	for end := time.Now().Add(20 * time.Second); !strings.Contains(s.printed(t), "ready"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.command.Process.Kill()
			s.command.Wait()
			t.Fatalf("not ready within 20 s: %s", s.stderr.String())
		}
	}
	return s
}

func (s *serving) printed(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(s.stdout.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// end sends a signal and returns the exit code.
func (s *serving) end(t *testing.T, signal os.Signal) int {
	t.Helper()
	if err := s.command.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	err := s.command.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return s.command.ProcessState.ExitCode()
}

func TestServerSaysReadyOnceAndEndsCleanly(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			data := t.TempDir()
			systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(data, "notify"), Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			defer systemd.Close()
			t.Setenv("NOTIFY_SOCKET", systemd.LocalAddr().String())
			s := serve(t, append(loopback, "--data", data)...)
			told := func() string {
				message := make([]byte, 100)
				systemd.SetReadDeadline(time.Now().Add(10 * time.Second))
				n, err := systemd.Read(message)
				if err != nil {
					t.Error(err)
				}
				return string(message[:n])
			}
			if got := told(); got != "READY=1" {
				t.Errorf("systemd is told %q", got)
			}
			if code := s.end(t, signal); code != 0 {
				t.Errorf("exit code %d: %s", code, s.stderr.String())
			}
			if got := told(); got != "STOPPING=1" {
				t.Errorf("systemd is told %q", got)
			}
			line := regexp.MustCompile(`^conclave ready: udp://127\.0\.0\.1:[1-9]\d* tcp://127\.0\.0\.1:[1-9]\d*, rtp 43000-43099, data .*\n$`)
			if out := s.printed(t); !line.MatchString(out) {
				t.Errorf("standard output is %q", out)
			}
			if _, err := os.Stat(dataDir(data).socket()); err == nil {
				t.Error("the control socket is left behind")
			}
		})
	}
}

func TestEndingServerHangsUp(t *testing.T) {
	s := startServer(t, "--guests", "all")
	s.run("room", "add", "1000", "--name", "n", "--no-pin")
	calls := []*phone.Call{s.dial("1000", phone.Options{}), s.dial("1000", phone.Options{}), s.dial("1000", phone.Options{})}
	s.stop()
	for i, call := range calls {
		select {
		case <-call.Done():
		case <-time.After(5 * time.Second):
			t.Fatalf("call %d goes on", i+1)
		}
		if !strings.HasPrefix(call.Ending(), "BYE received") {
			t.Errorf("call %d: %s, want a BYE", i+1, call.Ending())
		}
	}
	if code := s.command.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestFirstRoomIsMadeOnceAndItsPINPrintedOnce(t *testing.T) {
	data := t.TempDir()
	// The lines follow the one with "ready".
	start := func(pattern string) []string {
		t.Helper()
		s := serve(t, append(loopback, "--data", data, "--first-room")...)
		var found []string
		for end := time.Now().Add(5 * time.Second); found == nil && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			found = regexp.MustCompile(pattern).FindStringSubmatch(s.printed(t))
		}
		if code := s.end(t, syscall.SIGTERM); code != 0 || found == nil {
			t.Fatalf("exit code %d, output %q", code, s.printed(t))
		}
		if n := strings.Count(s.printed(t), "ready"); n != 1 {
			t.Errorf("%d times ready in %q", n, s.printed(t))
		}
		return found
	}
	generated := start(`\ndial sip:1000@127\.0\.0\.1:\d+ from a softphone and key in PIN (\d{6})\n`)[1]
	again := start(`\ndial sip:1000@127\.0\.0\.1:\d+ from a softphone: First room, PIN: \S+ --data \S+ room show 1000 --show-pin\n`)[0]
	if strings.Contains(again, generated) {
		t.Errorf("the PIN is printed again: %s", again)
	}
	if out := conclave(t, nil, "--data", data, "room", "show", "1000", "--show-pin").done(t); !strings.Contains(out, generated) {
		t.Errorf("PIN %s is not the one of\n%s", generated, out)
	}
}

func TestOneServerForOneDataDirectory(t *testing.T) {
	data := t.TempDir()
	first := serve(t, append(loopback, "--data", data)...)
	conclave(t, nil, append([]string{"serve", "--data", data}, loopback...)...).refused(t, "a server runs on "+data, "--data")
	// One that was killed leaves its socket and its lock file behind, and is in nobody's way.
	first.end(t, syscall.SIGKILL)
	if _, err := os.Stat(dataDir(data).socket()); err != nil {
		t.Fatal(err)
	}
	conclave(t, nil, "live", "--data", data).refused(t, "no server is running", data)
	second := serve(t, append(loopback, "--data", data)...)
	if out := conclave(t, nil, "live", "--data", data).done(t); out != "no conference\n" {
		t.Errorf("live printed %q", out)
	}
	second.end(t, syscall.SIGTERM)
}

func TestServeNamesWhatIsWrong(t *testing.T) {
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	usedUDP, usedTCP := "udp://"+udp.LocalAddr().String(), "tcp://"+tcp.Addr().String()
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args  []string
		words []string
	}{
		"UDP port in use":        {[]string{"--sip", usedUDP}, []string{usedUDP, "in use", "--sip"}},
		"TCP port in use":        {[]string{"--sip", "udp://127.0.0.1:0", "--sip", usedTCP}, []string{usedTCP, "in use", "--sip"}},
		"unknown transport":      {[]string{"--sip", "udb://127.0.0.1:0"}, []string{"udb", "udp"}},
		"port that is none":      {[]string{"--sip", "udp://127.0.0.1:sip"}, []string{"udp://127.0.0.1:sip"}},
		"no listener":            {[]string{"--sip", ""}, []string{"--sip", "udp://0.0.0.0:5060"}},
		"no RTP range":           {[]string{"--rtp-ports", "10000"}, []string{"--rtp-ports", `"10000"`, "10000-20000"}},
		"RTP range backwards":    {[]string{"--rtp-ports", "20000-10000"}, []string{"--rtp-ports", "10000-20000"}},
		"RTP port beyond all":    {[]string{"--rtp-ports", "10000-70000"}, []string{"--rtp-ports", "10000-20000"}},
		"RTP range too small":    {[]string{"--rtp-ports", "10001-10002"}, []string{"--rtp-ports", "10001-10002", "too small"}},
		"RTP range reserved":     {[]string{"--rtp-ports", "80-90"}, []string{"--rtp-ports", "80-90", "1024"}},
		"advertise a name":       {[]string{"--advertise", "pbx"}, []string{"--advertise", `"pbx"`, "203.0.113.5"}},
		"advertise any":          {[]string{"--advertise", "0.0.0.0"}, []string{"--advertise", "0.0.0.0", "203.0.113.5"}},
		"unknown guests":         {[]string{"--guests", "some"}, []string{"--guests", "none", "pin", "all", "some"}},
		"unknown log format":     {[]string{"--log", "xml"}, []string{"--log", "text", "json", "xml"}},
		"unknown level":          {[]string{"--log-level", "loud"}, []string{"--log-level", "warn", "loud"}},
		"code of digits":         {[]string{"--transfer-code", "77"}, []string{"--transfer-code", `"77"`, "**"}},
		"code of letters":        {[]string{"--transfer-code", "*x"}, []string{"--transfer-code", `"*x"`, "0-9, *, #"}},
		"a session without end":  {[]string{"--session-expires", "48h"}, []string{"--session-expires", "48h", "24h"}},
		"a session too short":    {[]string{"--session-expires", "80s"}, []string{"--session-expires", "1m20s", "1m30s"}},
		"sessions too short":     {[]string{"--session-least", "10s"}, []string{"--session-least", "10s", "1m30s", "RFC 4028"}},
		"endless ringing":        {[]string{"--ring-time", "1h"}, []string{"--ring-time", "1h", "2m0s"}},
		"no ringing":             {[]string{"--ring-time", "0s"}, []string{"--ring-time", "0s", "30s"}},
		"workers not a number":   {[]string{"--workers", "all"}, []string{"--workers", "all"}},
		"workers below nothing":  {[]string{"--workers=-1"}, []string{"--workers", "-1"}},
		"history of no time":     {[]string{"--history-days=-1"}, []string{"--history-days", "-1", "0 to keep none"}},
		"history without end":    {[]string{"--history-days", "36501"}, []string{"--history-days", "36501", "36500"}},
		"data below a file":      {[]string{"--data", filepath.Join(plain, "data")}, []string{plain, "--data"}},
		"data path far too long": {[]string{"--data", filepath.Join(t.TempDir(), strings.Repeat("d", 100))}, []string{"control socket", "103", "--data"}},
	} {
		t.Run(name, func(t *testing.T) {
			// Later flags win over earlier ones, but listeners add up.
			args := []string{"serve", "--data", t.TempDir(), "--log-level", "error"}
			if tt.args[0] != "--sip" {
				args = append(args, "--sip", "udp://127.0.0.1:0")
			}
			conclave(t, nil, append(args, tt.args...)...).refused(t, tt.words...)
		})
	}
}

// unprivileged is a command of the program that runs as a user who may not read or write files of the test.
func unprivileged(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	if os.Getuid() != 0 {
		return cmd
	}
	if err := os.Chmod(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd.Dir = "/"
	const nobody = 65534
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return cmd
}

func TestDataThatCannotBeWrittenIsNamed(t *testing.T) {
	base := t.TempDir()
	for _, dir := range []string{filepath.Dir(base), base} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	locked := filepath.Join(base, "locked")
	if err := os.Mkdir(locked, 0o555); err != nil {
		t.Fatal(err)
	}
	readOnly := filepath.Join(base, "readonly")
	if err := os.Mkdir(readOnly, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(readOnly, "conclave.db"), nil, 0o444); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(readOnly, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, data, want string }{
		{"directory that cannot be made", filepath.Join(locked, "data"), filepath.Join(locked, "data")},
		{"directory that cannot be written", locked, locked},
		{"file that cannot be written", readOnly, filepath.Join(readOnly, "conclave.db")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			finish(t, unprivileged(t, "room", "add", "1000", "--name", "n", "--data", tt.data)).refused(t, tt.want, "permission denied")
			finish(t, unprivileged(t, append([]string{"serve", "--data", tt.data}, loopback...)...)).refused(t, tt.want)
		})
	}
}
