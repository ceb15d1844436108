package main

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"conclave/sip/phone"
	"conclave/store"
)

// commandTree is the command line, as kong knows it.
func commandTree(t *testing.T) *kong.Application {
	t.Helper()
	parser, err := kong.New(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model
}

// wordsOf are a command's words.
func wordsOf(leaf *kong.Node) string { return strings.TrimSpace(leaf.Path()) }

// A command that is new says what it has to do with the audit, and which of its flags are secret.
func TestEachCommandSaysWhetherItIsAudited(t *testing.T) {
	known := []auditing{auditNo, auditChange, auditBefore, auditRescue}
	for _, leaf := range commandTree(t).Leaves(false) {
		if tag := auditTag(leaf.Tag); !slices.Contains(known, tag) {
			t.Errorf("%s has the tag audit:%q, it takes one of %q", wordsOf(leaf), tag, known)
		}
		for _, flag := range leaf.Flags {
			name := strings.ToLower(flag.Name)
			secret := strings.Contains(name, "pin") || strings.Contains(name, "password") || strings.Contains(name, "secret")
			_, never := flag.Target.Interface().(passwordSource) // takes no password itself
			_, neither := flag.Target.Interface().(*passwordSource)
			if secret && !flag.IsBool() && !never && !neither && auditTag(flag.Tag) != auditSecret {
				t.Errorf("%s --%s is not audit:%q", wordsOf(leaf), flag.Name, auditSecret)
			}
		}
	}
}

// audit is what conclave audit tells, as JSON.
func audit(t *testing.T, data string, flags ...string) (lines []auditView) {
	t.Helper()
	text := conclave(t, nil, append([]string{"audit", "--json", "--limit", "0", "--data", data}, flags...)...).done(t)
	if err := json.Unmarshal([]byte(text), &lines); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return lines
}

// Each command that changes something, or shows a secret, leaves one line; all others leave none.
func TestEachChangeLeavesOneLine(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all")
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	write(t, file("confbridge.conf"), []byte("[desk]\ntype=menu\n1=toggle_mute\n[default_user]\ntype=user\npin=13579\n"))
	sound := toneFile(t, dir, "a.wav", 440, -20, 2)
	toneFile(t, dir, "b.wav", 660, -20, 2)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	call := func() { s.dial("1000", phone.Options{From: "anna"}) }
	inside := func() { s.wait("a member", 10*time.Second, func() bool { return s.in("1000", 1) }) }
	recording := ""

	const change, socket = store.DoorCommand, store.DoorSocket
	tried := map[string]bool{}
	for _, tt := range []struct {
		command string // the words of the command; what follows are its arguments
		args    string
		door    store.AuditDoor // empty: it leaves no line
		want    string          // the line; empty: command and args
		about   string
		result  store.AuditResult // empty: done
	}{
		{command: "room add", args: "1000 --name Weekly --no-pin -o music_on_hold_when_empty=no", door: change, about: "room 1000"},
		{command: "room add", args: "1000 --name Again", door: change, about: "room 1000", result: "refused"},
		{command: "room add", args: "1001 --name=n --pin=86420 --moderator-pin 97531", want: "room add 1001 --name=n --pin=*** --moderator-pin ***", door: change, about: "room 1001"},
		{command: "room set", args: "1001 -o pin=86420", want: "room set 1001 -o pin=***", door: change, about: "room 1001", result: "refused"},
		{command: "room set", args: "1001 --pin 864201", want: "room set 1001 --pin ***", door: change, about: "room 1001"},
		{command: "room set", args: "1009 --name n", door: change, about: "room 1009", result: "refused"},
		{command: "room import", args: file("confbridge.conf") + " --room 1001", door: change, about: "room 1001"},
		{command: "room import", args: file("confbridge.conf") + " --room 1001 --dry-run"},
		{command: "room show", args: "1001 --show-pin", door: change, about: "room 1001"},
		{command: "room show", args: "1001"},
		{command: "room list"},
		{command: "room rm", args: "1001", door: change, about: "room 1001"},
		{command: "phone add", args: "200 --name Anna", door: change, about: "phone 200"},
		{command: "phone set", args: "200 --password generated", door: change, about: "phone 200"},
		{command: "phone list"},
		{command: "phone rm", args: "200", door: change, about: "phone 200"},
		{command: "trunk add", args: "pbx --peer 127.0.0.1:9 --user u --password 97531", want: "trunk add pbx --peer 127.0.0.1:9 --user u --password ***", door: change, about: "trunk pbx"},
		{command: "trunk set", args: "pbx --password 86420", want: "trunk set pbx --password ***", door: change, about: "trunk pbx"},
		{command: "trunk rm", args: "pbx", door: change, about: "trunk pbx"},
		{command: "menu set", args: "keys 1 toggle_mute", door: change, about: "menu keys"},
		{command: "menu rm", args: "keys", door: change, about: "menu keys"},
		{command: "voice add", args: "anna ../../rooms/voice/en", door: change, about: "voice anna"},
		{command: "voice add", args: "bert /nowhere", door: change, about: "voice bert", result: "failed"},
		{command: "voice rm", args: "anna", door: change, about: "voice anna"},
		{command: "music add", args: "lobby " + dir, door: change, about: "playlist lobby"},
		{command: "music set", args: "lobby --shuffle", door: change, about: "playlist lobby"},
		{command: "music rm", args: "lobby 1", door: change, about: "playlist lobby"},
		{command: "music rm", args: "lobby", door: change, about: "playlist lobby"},
		{command: "cert self-signed", args: "--host localhost", door: change},
		{command: "key rotate", door: change},
		{command: "backup", args: file("backup.tar"), door: change},
		{command: "bans clear", args: "192.0.2.7", door: socket, result: "done"}, // there was nobody of that name: the server has done it
		{command: "mute", args: "1000 1", door: socket, about: "room 1000", result: "refused"},
		{command: "mute", args: "1000 1", door: socket, about: "room 1000"},
		{command: "unmute", args: "1000 --all", want: "unmute 1000 all", door: socket, about: "room 1000"},
		{command: "lock", args: "1000", door: socket, about: "room 1000"},
		{command: "unlock", args: "1000", door: socket, about: "room 1000"},
		{command: "say", args: "1000 conf-lockednow", want: `say 1000 {"prompts":["conf-lockednow"]}`, door: socket, about: "room 1000"},
		{command: "play", args: "1000 " + sound, want: "play 1000", door: socket, about: "room 1000"},
		{command: "record start", args: "1000", door: socket, about: "room 1000"},
		{command: "record stop", args: "1000", door: socket, about: "room 1000"},
		{command: "recordings list"},
		{command: "recordings export", args: "RECORDING " + file("export.flac"), door: change},
		{command: "recordings rm", args: "RECORDING", door: change},
		{command: "invite", args: "1000 200", want: `invite 1000 {"callee":"200","moderator":false,"no_pin_needed":false}`, door: socket, about: "room 1000", result: "refused"},
		{command: "kick", args: "1000 --last", want: "kick 1000 last", door: socket, about: "room 1000"},
		{command: "calls"},
		{command: "calls", args: "--room 1000 --show-numbers", door: change, about: "room 1000"},
		{command: "audit"},
		{command: "drain", args: "--wait 0s", want: "drain", door: socket},
		{command: "drain", args: "--off", door: socket},
		{command: "restore", args: file("backup.tar"), door: change, result: "refused"},
	} {
		tried[tt.command] = true
		switch {
		case tt.command == "mute" && tt.result == "":
			call()
			inside()
		case tt.command == "recordings list":
			recording = s.recordings()[0].Name
		}
		words := strings.TrimSpace(tt.command + " " + strings.ReplaceAll(tt.args, "RECORDING", recording))
		before := audit(t, s.data)
		ended := conclave(t, []string{"SUDO_USER=carl"}, append(strings.Fields(words), "--data", s.data)...)
		if failed := ended.code != 0; failed != (tt.result != "") {
			t.Errorf("%s: exit code %d: %s", words, ended.code, ended.stderr)
		}
		lines := audit(t, s.data)[len(before):]
		if tt.door == "" {
			if len(lines) > 0 {
				t.Errorf("%s leaves %+v", words, lines)
			}
			continue
		}
		if len(lines) != 1 {
			t.Errorf("%s leaves %d lines: %+v", words, len(lines), lines)
			continue
		}
		if tt.want != "" {
			words = tt.want
		}
		if tt.result == "" {
			tt.result = store.AuditDone
		}
		l := lines[0]
		if l.Command != words || strings.TrimSpace(l.Kind+" "+l.Subject) != tt.about && tt.command != "recordings rm" && tt.command != "recordings export" ||
			l.Result != tt.result || (l.Reason == "") != (l.Result == store.AuditDone) || l.Door != tt.door || l.User != me.Username || l.SudoUser != "carl" ||
			time.Since(l.At) > time.Minute {
			t.Errorf("%s leaves %+v", words, l)
		}
	}
	for _, leaf := range commandTree(t).Leaves(false) {
		if auditTag(leaf.Tag) != auditNo && !tried[wordsOf(leaf)] {
			t.Errorf("%s was not tried", wordsOf(leaf))
		}
	}
	for _, secret := range []string{"86420", "97531", "13579"} {
		for _, file := range []string{"conclave.db", "conclave.db-wal", "log"} {
			if text, err := os.ReadFile(filepath.Join(s.data, file)); err == nil && strings.Contains(string(text), secret) {
				t.Errorf("%s is in %s", secret, file)
			}
		}
	}
	if n := strings.Count(conclave(t, nil, "audit", "--room", "1000", "--user", "carl", "--data", s.data).done(t), "\n"); n < 10 {
		t.Errorf("%d lines about room 1000", n)
	}
}

// Where the audit cannot be written nothing is changed and no PIN is shown; what frees the disk goes on.
func TestDiskThatTakesNoLineTakesNoChange(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	conclave(t, nil, "--data", data, "room", "add", "1000", "--name", "Weekly", "--pin", "4711").done(t)
	if err := os.Mkdir(dataDir(data).recordings(), 0o700); err != nil {
		t.Fatal(err)
	}
	kept := toneFile(t, dataDir(data).recordings(), "confbridge-1000-1893456000.wav", 440, -20, 1)
	full := func(args ...string) result {
		t.Helper()
		program, err := program()
		if err != nil {
			t.Fatal(err)
		}
		// Whatever is written to a file is too much.
		return finish(t, exec.Command("sh", append([]string{"-c", `ulimit -f 0; exec "$0" --data "$@"`, program, data}, args...)...))
	}
	before := audit(t, data)
	for _, args := range [][]string{{"room", "show", "1000", "--show-pin"}, {"room", "set", "1000", "--pin", "4712"}, {"voice", "add", "anna", "../../rooms/voice/en"}} {
		r := full(args...)
		r.refused(t, "file too large")
		if strings.Contains(r.stdout+r.stderr, "471") {
			t.Errorf("the PIN is shown: %s%s", r.stdout, r.stderr)
		}
	}
	if exists(dataDir(data).voices()) {
		t.Error("there is a voice")
	}
	if r := full("recordings", "rm", "confbridge-1000-1893456000"); exists(kept) || !strings.Contains(r.stderr, "it is done, but the audit does not tell of it") {
		t.Errorf("the recording was to be removed: %s%s", r.stdout, r.stderr)
	}
	if after := audit(t, data); len(after) != len(before) {
		t.Errorf("lines are %+v", after)
	}
	if pin := conclave(t, nil, "--data", data, "room", "show", "1000", "--show-pin").done(t); !strings.Contains(pin, "4711") {
		t.Errorf("the room is\n%s", pin)
	}
}

// What was ordered after a backup is in the audit of what was restored from it.
func TestRestoreKeepsTheAudit(t *testing.T) {
	t.Parallel()
	data, file := t.TempDir(), filepath.Join(t.TempDir(), "conclave.tar")
	run := func(args ...string) { t.Helper(); conclave(t, nil, append(args, "--data", data)...).done(t) }
	run("room", "add", "1000", "--name", "n")
	run("backup", file)
	run("room", "rm", "1000")
	run("restore", file)
	var commands []string
	for _, l := range audit(t, data) {
		commands = append(commands, strings.Join(strings.Fields(l.Command)[:2], " ")+" "+string(l.Result))
	}
	want := []string{"room add done", "backup " + file + " done", "room rm done", "restore " + file + " done"}
	if !slices.Equal(commands, want) {
		t.Errorf("lines are %q, want %q", commands, want)
	}
}

func TestHostileTextInTheAuditIsHarmless(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	conclave(t, nil, "--data", data, "room", "add", "1000", "--name", "n").done(t)
	conclave(t, []string{"SUDO_USER==1+1\x1b[2J\u202e"}, "--data", data, "menu", "rm", "\x1b]0;x\a").refused(t)
	conclave(t, []string{"SUDO_USER=a\nb\tc"}, "--data", data, "room", "rm", "1000").done(t)
	for _, format := range []string{"", "--json", "--csv"} {
		text := conclave(t, nil, strings.Fields("audit --data "+data+" "+format)...).done(t)
		if strings.ContainsAny(strings.ReplaceAll(text, "\r\n", "\n"), "\x1b\a\t\r\u202e") {
			t.Errorf("%s: %q", format, text)
		}
		if format == "--csv" {
			records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
			if err != nil || len(records) != 4 || !slices.Equal(records[0], auditFields) || !strings.HasPrefix(records[2][3], "'=") {
				t.Errorf("read as %q, %v", records, err)
			}
		}
	}
}
