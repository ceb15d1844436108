package main

import (
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"conclave/sip/phone"
)

// A name and a number that would move the cursor, turn the direction of writing, be a formula, an element of HTML or another header,
// as they come in From. The number is percent-encoded, as it may be in a URI.
const (
	hostileName   = `=1+1\"); <b>&'` + "\u202e\u009b2J\u200b"
	hostileNumber = "%3D1%0D%0AX-Injected%3A%20y%1B%5B2J%E2%80%AE"
)

// Texts of a caller come out harmless at each door: the log, the CLI in all its forms, pages, and the headers that we send.
func TestHostileCallerIsHarmlessAtEachDoor(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		t.Run("log of "+format, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, "--guests", "all", "--log", format, "--log-level", "debug")
			quiet(s, "1000")
			s.run("room", "set", "1000", "-o", "record_notice=no", "-o", "record_tracks=yes")
			events := s.follow("1000")
			call := s.dial("1000", phone.Options{From: hostileNumber, Name: hostileName})
			s.wait("a member", 10*time.Second, func() bool { return s.in("1000", 1) })
			s.run("record", "start", "1000")
			s.wait("a recording", 10*time.Second, func() bool { return len(s.recordings()) == 1 })
			shown := map[string]string{"events": events.next("join")}
			for _, command := range []string{"live", "live --json", "recordings list", "recordings list --json"} {
				shown[command] = s.run(strings.Fields(command)...)
			}
			s.run("record", "stop", "1000")
			file := s.recordings()[0].Name
			if err := call.Hangup(); err != nil {
				t.Fatal(err)
			}
			s.wait("the history", 10*time.Second, func() bool { return strings.Contains(s.run("calls"), "HANGUP") })
			for _, command := range []string{"calls --show-numbers", "calls --show-numbers --json", "calls --show-numbers --csv", "audit", "recordings show " + file,
				"recordings show --json " + file, "recordings report --html " + file} {
				shown[command] = s.run(strings.Fields(command)...)
			}
			s.stop()
			log, err := os.ReadFile(filepath.Join(s.data, "log"))
			if err != nil {
				t.Fatal(err)
			}
			shown["the log"] = string(log)
			for door, text := range shown {
				for _, r := range strings.ReplaceAll(text, "\r\n", "\n") {
					if r != '\n' && !unicode.IsPrint(r) && !(r == '\t' && strings.Contains(door, "html")) {
						t.Errorf("%s: %q is in %q", door, r, text)
						break
					}
				}
				if strings.Contains(door, "html") && (strings.Contains(text, "<b>") || !strings.Contains(text, "&lt;b&gt;")) {
					t.Errorf("%s: an element of the caller's is in it", door)
				}
				if strings.Contains(door, "csv") {
					records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
					if err != nil || len(records) != 2 {
						t.Fatalf("%s: %d records, %v", door, len(records), err)
					}
					for _, cell := range records[1] {
						if strings.HasPrefix(cell, "=") {
							t.Errorf("%s: cell %q is a formula", door, cell)
						}
					}
				}
				if !strings.Contains(text, "1+1") && (strings.HasPrefix(door, "live") || strings.HasPrefix(door, "calls") || strings.Contains(door, "show ")) {
					t.Errorf("%s does not tell of him: %q", door, text)
				}
			}
		})
	}
}

// The name of who calls a phone stays between its quotes, and makes no header there.
func TestHostileNameIsNoHeaderOfOurs(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	caller, password := s.registered("200", "udp")
	callee, _ := s.registered("201", "udp")
	call, err := caller.Invite(s.sip, "201", phone.Options{From: "200", User: "200", Password: password, Name: `a\" <sip:eve@example.com>;x=\"` + "\u009b2J"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	in, err := callee.Incoming(ctx)
	if err != nil {
		t.Fatal(err)
	}
	from := in.Request().From()
	if from.Address.User != "200" || from.Address.Host == "example.com" || !strings.HasPrefix(from.DisplayName, `a\" <sip:eve`) || strings.Contains(from.Value(), "\u009b") {
		t.Errorf("From is %q", from.Value())
	}
	if n := len(in.Request().GetHeaders("From")); n != 1 {
		t.Errorf("%d From headers", n)
	}
	_ = call.Cancel(ctx)
}

// What a command says of a file that others have written is harmless, too.
func TestErrorsAboutHostileFilesAreHarmless(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "confbridge.conf")
	write(t, file, []byte("[a](\x1b[2J\u202e)\nx=1\n\x1b]0;title\a\n"))
	write(t, filepath.Join(dir, "\x1b[2J.wav"), []byte("RIFF"))
	for _, args := range [][]string{{"room", "import", file}, {"music", "add", "lobby", dir}, {"voice", "add", "x", filepath.Join(dir, "\x1b[2J")}, {"\x1b[2J"}} {
		r := conclave(t, nil, append(args, "--data", filepath.Join(dir, "data"))...)
		if r.code == 0 || r.stderr == "" || strings.ContainsAny(r.stdout+r.stderr, "\x1b\a\u202e") {
			t.Errorf("%q: exit code %d, %q %q", args, r.code, r.stdout, r.stderr)
		}
	}
}
