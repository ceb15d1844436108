package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// result is what a command printed and how it ended.
type result struct {
	stdout, stderr string
	code           int
}

// conclave runs a command to its end, with further settings of the environment.
func conclave(t *testing.T, env []string, args ...string) result {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), env...)
	return finish(t, cmd)
}

func finish(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// A server that should have refused to start would serve for ever.
	cmd.WaitDelay = time.Second
	stuck := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer stuck.Stop()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", cmd, err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// refused fails the test unless the command ended with an error of one line that holds all the words, and printed
// nothing else.
func (r result) refused(t *testing.T, words ...string) {
	t.Helper()
	if r.code == 0 || r.stdout != "" {
		t.Errorf("exit code %d, output %q; an error is right", r.code, r.stdout)
	}
	for _, word := range words {
		if !strings.Contains(r.stderr, word) {
			t.Errorf("error %q does not say %q", r.stderr, word)
		}
	}
}

// done fails the test unless the command succeeded, and returns its output.
func (r result) done(t *testing.T) string {
	t.Helper()
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	return r.stdout
}

func TestUnknownCommandsAndFlagsAreNamed(t *testing.T) {
	for _, tt := range []struct {
		args  []string
		words []string
	}{
		{[]string{"rom", "list"}, []string{"rom", `did you mean "room"`}},
		{[]string{"room", "list", "--jsn"}, []string{"--jsn", "--json"}},
		{[]string{"room", "add", "1000"}, []string{"--name"}},
		{[]string{"kick", "1000"}, []string{"number of a member, or --all"}},
		{[]string{"kick", "1000", "1", "--all"}, []string{"number of a member, or --all"}},
		{[]string{"mute", "1000", "x"}, []string{"member", `"x"`}},
		{[]string{"lock", "1O00"}, []string{`extension "1O00"`, "digits only"}},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			conclave(t, nil, tt.args...).refused(t, tt.words...)
		})
	}
}
