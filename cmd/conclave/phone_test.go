package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"conclave/sip/phone"
)

// phoneCLI runs commands on a data directory of its own; input is their standard input.
func phoneCLI(t *testing.T) (run func(input string, args ...string) result, data string) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	data = filepath.Join(t.TempDir(), "data")
	return func(input string, args ...string) result {
		t.Helper()
		cmd := exec.Command(path, append(args, "--data", data)...)
		cmd.Stdin = strings.NewReader(input)
		return finish(t, cmd)
	}, data
}

func TestPhoneIsAddedListedShownChangedAndRemoved(t *testing.T) {
	run, data := phoneCLI(t)
	added := run("", "phone", "add", "200", "--name", "Anna").done(t)
	password := regexp.MustCompile(`^phone 200 added, password ([a-z2-7]{16})\n$`).FindStringSubmatch(added)
	if password == nil {
		t.Fatalf("phone add printed %q", added)
	}
	if out := run("a secret\nmore\n", "phone", "add", "21", "--name", "Bert", "--password", "-", "--allow-out", "+49*", "--allow-out", "!0049900*", "--no-answer", "12").done(t); out != "phone 21 added\n" {
		t.Errorf("phone add with a password printed %q", out)
	}
	want := "EXTENSION  NAME  REGISTERED            USER AGENT  EXPIRES  ROUND TRIP  DIALS OUT\n" +
		"21         Bert  no server is running                                   +49* !+49900*\n" +
		"200        Anna  no server is running                                   no\n"
	if got := run("", "phone", "list").done(t); got != want {
		t.Errorf("phone list:\n%swant:\n%s", got, want)
	}
	show := func() (v phoneView) {
		t.Helper()
		if err := json.Unmarshal([]byte(run("", "phone", "show", "21", "--json").done(t)), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := show(); v.Name != "Bert" || len(v.Allow) != 2 || v.AtOnce != 2 || v.PerDay != 100 || v.NoAnswer != 12 || v.Places != nil {
		t.Errorf("phone 21 is %+v", v)
	}
	run("", "phone", "set", "21", "--name", "Carl", "--no-allow-out", "--max-out-calls", "0", "--max-out-per-day", "7").done(t)
	if v := show(); v.Name != "Carl" || len(v.Allow) != 0 || v.AtOnce != 0 || v.PerDay != 7 || v.NoAnswer != 12 {
		t.Errorf("phone 21 has become %+v", v)
	}
	if out := run("", "phone", "show", "200").done(t); !strings.Contains(out, "as long as serve --ring-time says") {
		t.Errorf("phone 200 is\n%s", out)
	}
	run("", "phone", "set", "21", "--no-answer", "default").done(t)
	if v := show(); v.NoAnswer != 0 {
		t.Errorf("phone 21 has become %+v", v)
	}
	if out := run("", "phone", "set", "21", "--password", "generated").done(t); !regexp.MustCompile(`^phone 21 changed, password [a-z2-7]{16}\n$`).MatchString(out) {
		t.Errorf("phone set printed %q", out)
	}
	for _, file := range []string{"conclave.db", "conclave.db-wal"} {
		text, err := os.ReadFile(filepath.Join(data, file))
		if err == nil && (strings.Contains(string(text), password[1]) || strings.Contains(string(text), "a secret")) {
			t.Errorf("a password is in %s", file)
		}
	}
	run("", "phone", "rm", "21").done(t)
	run("", "phone", "rm", "21").refused(t, "21", "no such phone")
	run("", "phone", "rm", "200").done(t)
	if out := run("", "phone", "list", "--json").done(t); out != "[]\n" {
		t.Errorf("phone list --json of no phones: %q", out)
	}
}

func TestBadPhonesAreRefused(t *testing.T) {
	run, _ := phoneCLI(t)
	run("", "room", "add", "1000", "--name", "Weekly").done(t)
	run("", "phone", "add", "200", "--name", "Anna").done(t)
	before := run("", "phone", "list", "--json").done(t)
	for _, tt := range []struct {
		input string
		args  []string
		words []string
	}{
		{"", []string{"add", "1000", "--name", "n"}, []string{"1000", `taken by room "Weekly"`}},
		{"", []string{"add", "200", "--name", "n"}, []string{"200", `taken by phone "Anna"`}},
		{"", []string{"add", "2O0", "--name", "n"}, []string{`"2O0"`, "digits only"}},
		{"", []string{"add", "201", "--name", " "}, []string{"201", "name is empty"}},
		{"", []string{"add", "201", "--name", "n", "--password", "visible1"}, []string{"--password", "all users", "- to read it"}},
		{"short\n", []string{"add", "201", "--name", "n", "--password", "-"}, []string{"201", "5 characters, 8 are the least"}},
		{"", []string{"add", "201", "--name", "n", "--password", "-"}, []string{"0 characters"}},
		{"tab\tinside\n", []string{"add", "201", "--name", "n", "--password", "-"}, []string{"cannot be typed"}},
		{strings.Repeat("x", 200), []string{"add", "201", "--name", "n", "--password", "-"}, []string{"more than 128"}},
		{"", []string{"add", "201", "--name", "n", "--no-answer", "4"}, []string{"--no-answer", "5 to 300"}},
		{"", []string{"add", "201", "--name", "n", "--allow-out", "49x", "--allow-out", "+"}, []string{"201", `"49x"`, `"+"`, "would be right"}},
		{"", []string{"add", "201", "--name", "n", "--allow-out", "sip:*@example.com"}, []string{"201", "numbers only"}},
		{"", []string{"set", "200", "--max-out-calls=-1"}, []string{"200", "--max-out-calls", "0 for no limit"}},
		{"", []string{"set", "200", "--max-out-per-day", "x"}, []string{"--max-out-per-day"}},
		{"", []string{"set", "200"}, []string{"nothing to set", "--no-allow-out"}},
		{"", []string{"set", "200", "--name", "\x1b[2J"}, []string{"cannot be printed"}},
		{"", []string{"set", "201", "--name", "n"}, []string{"201", "no such phone"}},
		{"", []string{"show", "201"}, []string{"201", "no such phone"}},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			r := run(tt.input, append([]string{"phone"}, tt.args...)...)
			r.refused(t, tt.words...)
			if strings.Contains(r.stderr, "visible1") {
				t.Error("the error repeats the password")
			}
		})
	}
	run("", "room", "add", "200", "--name", "n").refused(t, "200", `taken by phone "Anna"`)
	if after := run("", "phone", "list", "--json").done(t); after != before {
		t.Errorf("phones are now %s", after)
	}
}

// generatedPassword is the one that a command has printed.
func generatedPassword(t *testing.T, out string) string {
	t.Helper()
	_, password, ok := strings.Cut(strings.TrimSpace(out), ", password ")
	if !ok {
		t.Fatalf("no password in %q", out)
	}
	return password
}

func TestRunningServerKnowsPhonesAtOnceAndListsTheirRegistrations(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	ph, err := phone.New("udp", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer ph.Close()
	register := func(user, password string) int {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		res, err := ph.Register(ctx, s.sip, phone.Registration{User: user, Password: password})
		if res == nil {
			t.Fatal(err)
		}
		return res.StatusCode
	}
	if status := register("200", "x"); status != 403 {
		t.Errorf("without phones: %d", status)
	}
	password := generatedPassword(t, s.run("phone", "add", "200", "--name", "Anna"))
	s.run("phone", "add", "201", "--name", "Bert")
	if status := register("200", password); status != 200 {
		t.Errorf("the new phone gets %d", status)
	}
	line := regexp.MustCompile(`(?m)^200        Anna  udp:127\.0\.0\.1:\d+  +conclave phone  (1:00:00|59:\d\d)  +\d+ ms  +no$`)
	s.wait("round trip in the list", 30*time.Second, func() bool { return line.MatchString(s.run("phone", "list")) })
	if out := s.run("phone", "list"); !regexp.MustCompile(`(?m)^201        Bert  no  `).MatchString(out) {
		t.Errorf("phone list:\n%s", out)
	}
	if out := s.run("phone", "show", "200"); !regexp.MustCompile(`registered  +udp:127\.0\.0\.1:\d+, conclave phone, for .*, \d+ ms\n`).MatchString(out) {
		t.Errorf("phone show:\n%s", out)
	}
	var views []phoneView
	if err := json.Unmarshal([]byte(s.run("phone", "list", "--json")), &views); err != nil || len(views) != 2 ||
		len(views[0].Places) != 1 || views[0].Places[0].Transport != "udp" || views[1].Places == nil {
		t.Errorf("phone list --json: %+v, %v", views, err)
	}
	renewed := generatedPassword(t, s.run("phone", "set", "200", "--password", "generated"))
	if out := s.run("phone", "list"); strings.Contains(out, "udp:") {
		t.Errorf("with a new password it is registered still:\n%s", out)
	}
	if status := register("200", password); status != 401 {
		t.Errorf("the old password gets %d", status)
	}
	if status := register("200", renewed); status != 200 {
		t.Errorf("the new password gets %d", status)
	}
	s.run("phone", "rm", "200")
	if status := register("200", renewed); status != 401 {
		t.Errorf("the removed phone gets %d", status)
	}
}

// A killed server loses no registration that is older than a second.
func TestRegistrationsSurviveAKill(t *testing.T) {
	s := startServer(t)
	password := generatedPassword(t, s.run("phone", "add", "200", "--name", "Anna"))
	ph, err := phone.New("udp", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer ph.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := ph.Register(ctx, s.sip, phone.Registration{User: "200", Password: password}); err != nil {
		t.Fatal(err)
	}
	db, err := dataDir(s.data).open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s.wait("stored registration", 10*time.Second, func() bool {
		list, err := db.Bindings(t.Context())
		return err == nil && len(list) == 1
	})
	if err := s.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.ended
	again := startServerOn(t, s.data, s.sip)
	if out := again.run("phone", "list"); !strings.Contains(out, "udp:127.0.0.1:") {
		t.Errorf("after a restart:\n%s", out)
	}
}
