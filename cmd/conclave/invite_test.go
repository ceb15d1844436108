package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// running is `conclave invite --json` under way.
type running struct {
	t       *testing.T
	command *exec.Cmd
	lines   *bufio.Scanner
	errors  strings.Builder
}

func (s *testServer) invites(args ...string) *running {
	s.t.Helper()
	path, err := program()
	if err != nil {
		s.t.Fatal(err)
	}
	r := &running{t: s.t, command: exec.Command(path, append([]string{"invite", "--json", "--data", s.data}, args...)...)}
	out, err := r.command.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	r.lines = bufio.NewScanner(out)
	r.command.Stderr = &r.errors
	if err := r.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if r.command.ProcessState == nil {
			_ = r.command.Process.Kill()
			_ = r.command.Wait()
		}
	})
	return r
}

// reaches reads lines until an event.
func (r *running) reaches(event string) {
	r.t.Helper()
	var seen []string
	for r.lines.Scan() {
		var line invitationLine
		if err := json.Unmarshal(r.lines.Bytes(), &line); err != nil {
			r.t.Fatal(err)
		}
		if seen = append(seen, line.Event); line.Event == event {
			return
		}
	}
	r.t.Fatalf("the invitation was %v and not %s", seen, event)
}

// ends waits for the end of the command and returns its exit code and what it says.
func (r *running) ends() (code int, words string) {
	r.t.Helper()
	for r.lines.Scan() {
	}
	stuck := time.AfterFunc(time.Minute, func() { _ = r.command.Process.Kill() })
	defer stuck.Stop()
	_ = r.command.Wait()
	return r.command.ProcessState.ExitCode(), r.errors.String()
}

// Two real phones are called in. One presses 1 and is in; the other has answered, as a voicemail does, and is not.
func TestRealPhonesAreCalledIn(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "none")
	s.run("room", "add", "1000", "--name", "Weekly", "--pin", "1234")
	var phones []*baresip
	for i := range 2 {
		password := generatedPassword(t, s.run("phone", "add", fmt.Sprint(200+i), "--name", fmt.Sprintf("Phone %d", i)))
		account := fmt.Sprintf("<sip:%d@%s;transport=udp>;auth_pass=%s;regint=60;answermode=auto", 200+i, s.sip, password)
		phones = append(phones, startBaresipAs(t, 20+i, 437, -20, account))
	}
	s.wait("registrations that answer", 30*time.Second, func() bool { return strings.Count(s.run("phone", "list"), " ms ") == 2 })

	mailbox := s.invites("1000", "201")
	mailbox.reaches("answered")
	comes := s.invites("1000", "200", "--moderator", "--no-pin-needed")
	comes.reaches("answered")
	phones[0].recorded(s, 2) // he listens for a while
	phones[0].press("1")
	comes.reaches("joined")
	if code, words := comes.ends(); code != 0 || words != "" {
		t.Errorf("exit code %d, %s", code, words)
	}
	members := s.live("1000").Members
	if len(members) != 1 || members[0].Caller != "200" || members[0].Role != "moderator" {
		t.Errorf("members are %+v", members)
	}
	if code, words := mailbox.ends(); code != exitFailure || !strings.Contains(words, "201 has not joined room 1000: NOANSWER: it was answered, and nobody has pressed 1") {
		t.Errorf("exit code %d, %s", code, words)
	}
	if members := s.live("1000").Members; len(members) != 1 {
		t.Errorf("members are %+v", members)
	}
	s.wait("history of the one who has not come", 10*time.Second, func() bool {
		list := s.run("calls", "--room", "1000", "--json")
		return strings.Contains(list, `"room": "1000"`) && strings.Contains(list, `"direction": "out"`) && strings.Contains(list, `"result": "NOANSWER"`)
	})
}

func TestInviteIsRefusedAndCancelled(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.run("room", "add", "1000", "--name", "Weekly", "--pin", "1234", "-o", "call_out_allow=0301*")
	s.run("phone", "add", "200", "--name", "Anna")
	s.run("trunk", "add", "carrier", "--peer", "127.0.0.1:9", "--allow-out", "030*")
	invite := func(args ...string) result {
		t.Helper()
		return conclave(t, []string{"CONCLAVE_DATA=" + s.data}, append([]string{"invite"}, args...)...)
	}
	invite("1000", "200").refused(t, "200 has not joined room 1000", "REFUSED", "480 the phone is not registered")
	invite("1000", "0302").refused(t, "0302", "room 1000 may not call this number outside", "call_out_allow")
	invite("1000", "110").refused(t, "110", "no trunk carries it", "--allow-out")
	invite("1000", "sip:anna@192.0.2.1").refused(t, "room 1000 may not call sip:anna@192.0.2.1")
	invite("1000", "anna").refused(t, `"anna" is no number`, "sip:anna@example.com")
	invite("1001", "200").refused(t, "there is no room 1001")

	// A phone that takes what is sent and says nothing: ctrl-C ends the waiting.
	waits := s.invites("1000", "0301")
	waits.reaches("calling")
	if err := waits.command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code, words := waits.ends(); code != exitFailure || !strings.Contains(words, "is cancelled") {
		t.Errorf("exit code %d, %s", code, words)
	}
}
