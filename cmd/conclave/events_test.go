package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"conclave/rooms"
	"conclave/sip/phone"
)

func TestEventsAreLinesForPeople(t *testing.T) {
	at := time.Date(2030, 1, 2, 10, 20, 30, 0, time.Local)
	for _, tt := range []struct {
		event rooms.Event
		want  string
	}{
		{rooms.Event{Time: at, Room: "1000", Kind: rooms.EventJoin, Member: 3, Call: "c", Caller: "100", Name: "Anna", Role: "moderator"},
			"2030-01-02 10:20:30  1000      join      3       100               Anna                  moderator"},
		{rooms.Event{Time: at, Room: "1000", Kind: rooms.EventLeave, Member: 12, Call: "c", Caller: "100", Role: "participant", Result: "KICKED"},
			"2030-01-02 10:20:30  1000      leave     12      100                                     participant KICKED"},
		{rooms.Event{Time: at, Room: "1000", Kind: rooms.EventLock}, "2030-01-02 10:20:30  1000      lock"},
		{rooms.Event{Time: at, Kind: rooms.EventLost, Lost: 7},
			"2030-01-02 10:20:30            lost                                                      7 events"},
		{rooms.Event{Time: at, Room: "1000", Kind: rooms.EventJoin, Member: 1, Caller: "1\x1b[2J", Name: "\u202eevil\n"},
			`2030-01-02 10:20:30  1000      join      1       1\x1b[2J          \u202eevil\n`},
	} {
		text, err := json.Marshal(tt.event)
		if err != nil {
			t.Fatal(err)
		}
		var line, object strings.Builder
		if err := errors.Join(writeEvent(&line, text), writeEventJSON(&object, text)); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSuffix(line.String(), "\n"); got != tt.want {
			t.Errorf("line is\n%s\nwant\n%s", got, tt.want)
		}
		if got := strings.TrimSuffix(object.String(), "\n"); escape(got, 1000) != got {
			t.Errorf("JSON for a terminal is %q", got)
		}
		var same rooms.Event
		if err := json.Unmarshal([]byte(object.String()), &same); err != nil || same.Name != tt.event.Name || same.Caller != tt.event.Caller {
			t.Errorf("JSON is read as %+v (%v)", same, err)
		}
	}
}

// follower is a running `conclave events`.
type follower struct {
	t       *testing.T
	command *exec.Cmd
	lines   chan string
	errors  bytes.Buffer
	reading sync.WaitGroup
}

// follow starts to follow events; from its return on nothing is missed.
func (s *testServer) follow(args ...string) *follower {
	s.t.Helper()
	path, err := program()
	if err != nil {
		s.t.Fatal(err)
	}
	f := &follower{t: s.t, lines: make(chan string, 1000)}
	f.command = exec.Command(path, append([]string{"events", "--data", s.data}, args...)...)
	f.command.Stderr = &f.errors
	out, err := f.command.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := f.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = f.command.Process.Kill() })
	f.reading.Go(func() {
		defer close(f.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			f.lines <- lines.Text()
		}
	})
	if heading := f.next("TIME"); !strings.Contains(heading, "EVENT") {
		s.t.Errorf("heading is %q", heading)
	}
	return f
}

// next waits for a line with all the words, and returns it.
func (f *follower) next(words ...string) string {
	f.t.Helper()
	limit := time.After(15 * time.Second)
	var seen []string
lines:
	for {
		select {
		case line, open := <-f.lines:
			if !open {
				f.t.Fatalf("the stream ends before a line with %q: %q; %s", words, seen, f.errors.String())
			}
			seen = append(seen, line)
			for _, word := range words {
				if !strings.Contains(line, word) {
					continue lines
				}
			}
			return line
		case <-limit:
			f.t.Fatalf("no line with %q: %q", words, seen)
		}
	}
}

// ended waits for the end of the command.
func (f *follower) ended() error {
	f.t.Helper()
	stuck := time.AfterFunc(15*time.Second, func() { _ = f.command.Process.Kill() })
	defer stuck.Stop()
	f.reading.Wait()
	return f.command.Wait()
}

func TestEventsOfCallsAreFollowed(t *testing.T) {
	s := startServer(t, "--guests", "all")
	quiet(s, "1000")
	quiet(s, "1001")
	all, other := s.follow(), s.follow("1001")
	anna := s.dial("1000", phone.Options{From: "anna"})
	all.next(" 1000 ", " join ", " 1 ", "anna", "participant")
	s.run("mute", "1000", "1")
	all.next(" 1000 ", " mute ", "anna")
	s.run("unmute", "1000", "1")
	all.next(" 1000 ", " unmute ", "anna")
	if err := anna.Hangup(); err != nil {
		t.Fatal(err)
	}
	all.next(" 1000 ", " leave ", "anna", "participant HANGUP")
	s.dial("1001", phone.Options{From: "bert"})
	if line := other.next(""); !strings.Contains(line, "join") || !strings.Contains(line, "bert") {
		t.Errorf("of the other room is told %q first", line)
	}

	if err := other.command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := other.ended(); err != nil || other.errors.Len() > 0 {
		t.Errorf("ctrl-C ends it with %v: %s", err, other.errors.String())
	}
	s.stop()
	all.next(" 1001 ", " leave ", "bert")
	if err := all.ended(); err == nil || all.errors.String() != "conclave: the server has ended\n" {
		t.Errorf("the end of the server ends it with %v: %q", err, all.errors.String())
	}
	data := "--data=" + s.data
	conclave(t, nil, data, "events", "--json").refused(t, "no server is running")
}

func TestEventsAsJSONAreOneObjectInALine(t *testing.T) {
	s := startServer(t, "--guests", "all")
	quiet(s, "1000")
	ready := s.follow()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(path, "events", "1000", "--json", "--data", s.data)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(15*time.Second, func() { _ = command.Process.Kill() })
	defer stuck.Stop()
	lines := bufio.NewScanner(out)
	read := make(chan rooms.Event)
	go func() {
		defer close(read)
		for lines.Scan() {
			var e rooms.Event
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Errorf("%q: %v", lines.Text(), err)
			}
			read <- e
		}
	}()
	// told waits a second for the event of anna's coming; the one of her leaving may be of the call before.
	told := func() bool {
		for quiet := time.After(time.Second); ; {
			select {
			case e := <-read:
				if e.Kind == rooms.EventLeave {
					continue
				}
				if e.Kind != rooms.EventJoin || e.Room != "1000" || e.Caller != "anna" || e.Member != 1 || e.Call == "" || time.Since(e.Time) > time.Minute {
					t.Errorf("told %+v", e)
				}
				return true
			case <-quiet:
				return false
			}
		}
	}
	// The command says nothing of when it is ready, so calls are made until one is told.
	for tries := 1; ; tries++ {
		anna := s.dial("1000", phone.Options{From: "anna"})
		ready.next("join")
		if told() {
			break
		}
		if tries == 10 {
			t.Fatal("no event is told")
		}
		_ = anna.Hangup()
		ready.next("leave")
	}
	_ = command.Process.Signal(os.Interrupt)
	for range read {
	}
	if err := command.Wait(); err != nil {
		t.Errorf("ctrl-C: %v", err)
	}
}

func TestEventsOfNoRoomAreRefused(t *testing.T) {
	s := startServer(t)
	conclave(t, nil, "--data="+s.data, "events", "999").refused(t, "there is no room 999")
}

// Requests have 10 s; this one has no end.
func TestEventsAreToldAfterLongQuiet(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all")
	quiet(s, "1000")
	all := s.follow()
	time.Sleep(12 * time.Second)
	s.dial("1000", phone.Options{From: "anna"})
	all.next("join", "anna")
}
