package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"conclave/rooms"
)

const company = `[general]

[default_user]
type=user
announce_join_leave=yes     ; names
pin=4711
wait_marked=yes
timeout=soon

[chair](default_user)
admin=yes
marked=yes
pin=80015
startmuted=yes

[visitor]
type=user
quiet=yes

[default_bridge]
type=bridge
max_members=25
video_mode=follow_talker
sound_begin=beep

[big_bridge](default_bridge)
max_members=900

[keys]
type=menu
*=playback_and_continue(conf-locked)
1=toggle_mute
9=dialplan_exec(a,b,1)
`

// importCLI has a confbridge.conf and a data directory with room 1000, unless it is new.
func importCLI(t *testing.T, text string, fresh bool) (run func(args ...string) result, file string) {
	t.Helper()
	run = menuCLI(t)
	file = filepath.Join(t.TempDir(), "confbridge.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if !fresh {
		run("room", "add", "1000", "--name", "Weekly", "--pin", "12", "-o", "quiet=yes", "-o", "max_members=3").done(t)
	}
	return run, file
}

// configured is all that is stored, times left out.
func configured(t *testing.T, run func(args ...string) result, ext string) string {
	t.Helper()
	var room roomView
	if r := run("room", "show", ext, "--show-pin", "--json"); r.code == 0 {
		if err := json.Unmarshal([]byte(r.stdout), &room); err != nil {
			t.Fatal(err)
		}
	}
	var menus []menuView
	if err := json.Unmarshal([]byte(run("menu", "list", "--json").done(t)), &menus); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%s %s %s %v", room.Name, room.PIN, room.ModeratorPIN, room.assignments())
	for _, m := range menus {
		if !m.BuiltIn {
			text += fmt.Sprintf(" %s%v", m.Name, m.Entries)
		}
	}
	return text
}

const storedKeys = " keysmap[*:playback_and_continue(conf-locked) 1:toggle_mute]"

func TestConfbridgeConfIsImported(t *testing.T) {
	tests := []struct {
		name  string
		fresh bool
		args  []string
		want  string // what is stored
		says  []string
	}{
		{"into a room", false, []string{"--room", "1000"},
			"Weekly 4711  [announce_join_leave=yes max_members=25 quiet=yes sound_begin=beep wait_marked=yes]" + storedKeys,
			[]string{"user profile default_user and bridge profile default_bridge", "menus: keys", "room 1000 changed"}},
		{"other profiles", false, []string{"--room", "1000", "--user", "visitor", "--bridge", "big_bridge", "--name", "Monthly"},
			"Monthly 12  [max_members=900 quiet=yes sound_begin=beep]" + storedKeys,
			[]string{"user profile visitor and bridge profile big_bridge", "room 1000 changed"}},
		{"moderators", false, []string{"--room", "1000", "--moderator", "chair"},
			"Weekly 4711 80015 [announce_join_leave=yes max_members=25 quiet=yes sound_begin=beep wait_marked=yes]" + storedKeys,
			[]string{"moderators key in the pin of user profile chair", "not taken from profile chair, as a room has one set of options: startmuted=yes"}},
		{"into a new room", true, []string{"--room", "1000", "--name", "New"},
			"New 4711  [announce_join_leave=yes max_members=25 sound_begin=beep wait_marked=yes]" + storedKeys,
			[]string{"room 1000 added\n"}},
		{"into a new room without a PIN", true, []string{"--room", "1000", "--name", "New", "--user", "visitor", "--no-pin"},
			"New   [max_members=25 quiet=yes sound_begin=beep]" + storedKeys,
			[]string{"room 1000 added\n"}},
		{"menus alone", false, nil,
			"Weekly 12  [max_members=3 quiet=yes]" + storedKeys, []string{"menus: keys"}},
		{"dry", false, []string{"--room", "1000", "--dry-run"},
			"Weekly 12  [max_members=3 quiet=yes]", []string{"nothing is stored: --dry-run"}},
		{"dry, in no database", true, []string{"--dry-run"}, "   []", []string{"nothing is stored: --dry-run"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run, file := importCLI(t, company, tt.fresh)
			out := run(append([]string{"room", "import", file}, tt.args...)...).done(t)
			if got := configured(t, run, "1000"); got != tt.want {
				t.Errorf("stored:\n%s\nwant:\n%s", got, tt.want)
			}
			for _, want := range append(tt.says,
				"LINE  SECTION         SETTING ",
				"5     default_user    announce_join_leave=yes ",
				"6     default_user    pin=****** ",
				"15 taken, 2 mapped, 3 refused",
			) {
				if !strings.Contains(out, want) {
					t.Errorf("the report lacks %q:\n%s", want, out)
				}
			}
			if strings.Contains(out, "4711") || strings.Contains(out, "80015") {
				t.Errorf("the report shows a PIN:\n%s", out)
			}
		})
	}
}

func TestImportReportsEachLineAsJSON(t *testing.T) {
	run, file := importCLI(t, company, true)
	var report importReport
	out := run("room", "import", file, "--room", "1000", "--name", "New", "--user", "visitor", "--json").done(t)
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Lines) != 20 || !report.Stored || strings.Join(report.Menus, " ") != "keys" || !regexp.MustCompile(`^[0-9]{6}$`).MatchString(report.PIN) {
		t.Errorf("%d lines, report %+v", len(report.Lines), report)
	}
	for _, l := range report.Lines {
		if l.Line == 8 && (l.Name != "timeout" || l.Verdict != rooms.ImportRefused || !strings.Contains(l.Reason, "whole number of seconds")) {
			t.Errorf("line 8 is %+v", l)
		}
	}
	if got := configured(t, run, "1000"); !strings.HasPrefix(got, "New "+report.PIN+" ") {
		t.Errorf("stored %s, reported PIN %s", got, report.PIN)
	}
}

func TestGeneratedPINOfAnImportedRoomIsPrinted(t *testing.T) {
	run, file := importCLI(t, company, true)
	out := run("room", "import", file, "--room", "1000", "--name", "New", "--user", "visitor").done(t)
	if !regexp.MustCompile(`(?m)^room 1000 added, PIN [0-9]{6}$`).MatchString(out) {
		t.Errorf("printed:\n%s", out)
	}
}

func TestImportTellsWhichMenusItReplaces(t *testing.T) {
	run, file := importCLI(t, company, true)
	const note = "menu keys replaces the other one of that name\n"
	for _, tt := range []struct {
		change []string // before the import
		want   bool
	}{
		{nil, false},
		{[]string{"menu", "list"}, false},
		{[]string{"menu", "set", "keys", "2", "no_op"}, true},
		{[]string{"menu", "set", "keys", "1", "no_op"}, true},
	} {
		if tt.change != nil {
			run(tt.change...).done(t)
		}
		for _, args := range [][]string{{"--dry-run"}, nil} {
			out := run(append([]string{"room", "import", file}, args...)...).done(t)
			if strings.Contains(out, note) != tt.want {
				t.Errorf("after %q import %q printed:\n%s", tt.change, args, out)
			}
		}
	}
}

func TestImportThatFailsChangesNothing(t *testing.T) {
	two := strings.NewReplacer("default_user", "staff", "default_bridge", "small_bridge").Replace(company)
	for name, tt := range map[string]struct {
		text  string
		args  []string
		words []string
	}{
		"no such room":              {company, []string{"--room", "1001"}, []string{"1001", "no such room", "--name"}},
		"no such user profile":      {company, []string{"--room", "1000", "--user", "boss"}, []string{`user profile "boss"`, "chair, default_user, visitor"}},
		"no such bridge profile":    {company, []string{"--room", "1000", "--bridge", "keys"}, []string{`bridge profile "keys"`, "big_bridge, default_bridge"}},
		"moderators without a pin":  {company, []string{"--room", "1000", "--moderator", "visitor"}, []string{"visitor", "no pin"}},
		"moderators' pin not apart": {company, []string{"--room", "1000", "--moderator", "default_user"}, []string{"different"}},
		"profile without a room":    {company, []string{"--user", "chair"}, []string{"--room EXT"}},
		"which profile":             {two, []string{"--room", "1000"}, []string{"which user profile", "--user chair", "staff"}},
		"bad name":                  {company, []string{"--room", "1000", "--name", " "}, []string{"name is empty"}},
		"line that cannot be read":  {company + "\nnonsense\n[a](b)\n", []string{"--room", "1000"}, []string{"nothing is stored", "line 35:", "line 36:", `"b"`}},
		"include":                   {"#include users.conf\n" + company, nil, []string{"line 1:", "#include", "users.conf"}},
		"not a text":                {"RIFF\x00\x00", nil, []string{"not a text file"}},
		"too long":                  {strings.Repeat("; nothing\n", 110_000), nil, []string{"1 MiB"}},
	} {
		t.Run(name, func(t *testing.T) {
			run, file := importCLI(t, tt.text, false)
			before := configured(t, run, "1000")
			run(append([]string{"room", "import", file}, tt.args...)...).refused(t, tt.words...)
			if after := configured(t, run, "1000"); after != before {
				t.Errorf("stored is now:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
	run := menuCLI(t)
	run("room", "import", "/no/such.conf").refused(t, "/no/such.conf", "no such file")
}
