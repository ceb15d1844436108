package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// roomCLI runs `conclave room` on a data directory of its own.
func roomCLI(t *testing.T) (room func(args ...string) result, data string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	return func(args ...string) result {
		t.Helper()
		return conclave(t, []string{"CONCLAVE_DATA=" + data}, append([]string{"room"}, args...)...)
	}, data
}

func TestRoomIsAddedListedShownChangedAndRemoved(t *testing.T) {
	room, data := roomCLI(t)
	added := room("add", "1000", "--name", "Weekly", "-o", "quiet=yes", "-o", "max_members=10").done(t)
	generated := regexp.MustCompile(`^room 1000 added, PIN ([0-9]{6})\n$`).FindStringSubmatch(added)
	if generated == nil {
		t.Fatalf("room add printed %q", added)
	}
	room("add", "20", "--name", "Open", "--no-pin").done(t)
	if out := room("add", "300", "--name", "Zero", "--pin", "0").done(t); out != "room 300 added\n" {
		t.Errorf("room add with a PIN printed %q", out)
	}

	want := "EXTENSION  NAME    PIN     MODERATORS  OPTIONS\n" +
		"20         Open    none    none        \n" +
		"300        Zero    ******  none        \n" +
		"1000       Weekly  ******  none        max_members=10 quiet=yes\n"
	if got := room("list").done(t); got != want {
		t.Errorf("room list:\n%swant:\n%s", got, want)
	}
	if out := room("show", "1000", "--show-pin").done(t); !strings.Contains(out, generated[1]) {
		t.Errorf("room show --show-pin has no PIN %s:\n%s", generated[1], out)
	}

	room("set", "1000", "--name", "Monthly", "--pin", "4711", "-o", "quiet=", "-o", "timeout=60").done(t)
	var view roomView
	if err := json.Unmarshal([]byte(room("show", "1000", "--show-pin", "--json").done(t)), &view); err != nil {
		t.Fatal(err)
	}
	if view.Name != "Monthly" || view.PIN != "4711" || fmt.Sprint(view.Options) != "map[max_members:10 timeout:60]" {
		t.Errorf("after room set: %+v", view)
	}
	room("set", "1000", "--no-pin").done(t)
	if err := json.Unmarshal([]byte(room("show", "1000", "--json").done(t)), &view); err != nil || view.HasPIN {
		t.Errorf("after --no-pin: %+v, %v", view, err)
	}

	room("rm", "1000").done(t)
	room("rm", "1000").refused(t, "1000", "no such room")
	var list []roomView
	if err := json.Unmarshal([]byte(room("list", "--json").done(t)), &list); err != nil || len(list) != 2 || list[0].Extension != "20" {
		t.Errorf("after room rm: %+v, %v", list, err)
	}

	for path, mode := range map[string]os.FileMode{data: 0o750, filepath.Join(data, "conclave.db"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, want %v (%v)", path, info.Mode().Perm(), mode, err)
		}
	}
}

func TestEmptyListIsAnEmptyJSONList(t *testing.T) {
	room, _ := roomCLI(t)
	room("add", "1", "--name", "a").done(t)
	room("rm", "1").done(t)
	if out := room("list", "--json").done(t); out != "[]\n" {
		t.Errorf("room list --json of no rooms: %q", out)
	}
}

func TestModeratorsHaveAPINOfTheirOwn(t *testing.T) {
	room, _ := roomCLI(t)
	show := func(ext string) roomView {
		t.Helper()
		var view roomView
		if err := json.Unmarshal([]byte(room("show", ext, "--show-pin", "--json").done(t)), &view); err != nil {
			t.Fatal(err)
		}
		return view
	}
	room("add", "1000", "--name", "n", "--pin", "11", "--moderator-pin", "22").done(t)
	if v := show("1000"); v.PIN != "11" || v.ModeratorPIN != "22" || !v.HasModeratorPIN {
		t.Errorf("room 1000 is %+v", v)
	}
	room("set", "1000", "--moderator-pin", "33").done(t)
	if v := show("1000"); v.PIN != "11" || v.ModeratorPIN != "33" {
		t.Errorf("after set: %+v", v)
	}
	room("set", "1000", "--pin", "1", "-o", "quiet=yes").done(t)
	if v := show("1000"); v.PIN != "1" || v.ModeratorPIN != "33" {
		t.Errorf("after another set: %+v", v)
	}
	room("set", "1000", "--no-pin").done(t)
	if v := show("1000"); v.HasPIN || v.ModeratorPIN != "33" {
		t.Errorf("without a PIN for participants: %+v", v)
	}
	room("set", "1000", "--no-moderator-pin").done(t)
	if v := show("1000"); v.HasModeratorPIN {
		t.Errorf("after --no-moderator-pin: %+v", v)
	}
	// The generated PIN can be told from that of the moderators, however short.
	for ext := 2000; ext < 2010; ext++ {
		ext := fmt.Sprint(ext)
		room("add", ext, "--name", "n", "--moderator-pin", "7").done(t)
		if v := show(ext); strings.HasPrefix(v.PIN, "7") || len(v.PIN) != 6 {
			t.Errorf("room %s has PIN %s beside 7", ext, v.PIN)
		}
	}
}

func TestPINIsShownOnlyWhenAskedFor(t *testing.T) {
	const secret = "86753091"
	room, _ := roomCLI(t)
	for _, args := range [][]string{
		{"add", "2000", "--name", "n", "--no-pin", "--moderator-pin", secret},
		{"show", "2000"}, {"show", "2000", "--json"}, {"options", "2000"}, {"options", "2000", "--json"},
		{"add", "1000", "--name", "n", "--pin", secret},
		{"list"}, {"list", "--json"}, {"show", "1000"}, {"show", "1000", "--json"},
		{"set", "1000", "--name", "m"},
		{"set", "1000", "--pin", secret},
		{"set", "2000", "--moderator-pin", secret},
	} {
		if out := room(args...).done(t); strings.Contains(out, secret) {
			t.Errorf("room %s printed the PIN:\n%s", args[0], out)
		}
	}
	// Errors are logged and sent on, even those about a PIN.
	if r := room("set", "1000", "--pin", secret+"x"); r.code == 0 || strings.Contains(r.stderr, secret) {
		t.Errorf("error with the PIN in it: %q", r.stderr)
	}
	if r := room("add", "1000", "--name", "n", "--pin", secret); r.code == 0 || strings.Contains(r.stderr, secret) {
		t.Errorf("error with the PIN in it: %q", r.stderr)
	}
	for _, flag := range []string{"--pin", "--moderator-pin"} {
		r := room("add", "3000", "--name", "n", "--pin", secret, "--moderator-pin", secret)
		if r.code == 0 || strings.Contains(r.stderr, secret) {
			t.Errorf("error with the PIN in it: %q", r.stderr)
		}
		if r := room("set", "1000", flag, secret+"x"); r.code == 0 || strings.Contains(r.stderr, secret) {
			t.Errorf("error with the PIN in it: %q", r.stderr)
		}
	}
	for _, args := range [][]string{{"show", "1000", "--show-pin"}, {"show", "1000", "--show-pin", "--json"}, {"show", "2000", "--show-pin"}} {
		if out := room(args...).done(t); !strings.Contains(out, secret) {
			t.Errorf("room show --show-pin does not show the PIN:\n%s", out)
		}
	}
}

func TestBadRoomSettingsAreNamedAndChangeNothing(t *testing.T) {
	room, _ := roomCLI(t)
	room("add", "1000", "--name", "Weekly", "--pin", "12", "-o", "quiet=yes").done(t)
	before := room("list", "--json").done(t) + room("show", "1000", "--show-pin", "--json").done(t)

	add := func(args ...string) []string { return append([]string{"add", "2000", "--name", "n"}, args...) }
	set := func(args ...string) []string { return append([]string{"set", "1000", "--name", "changed"}, args...) }
	for name, tt := range map[string]struct {
		args  []string
		words []string
	}{
		"extension with a letter":     {[]string{"add", "10a", "--name", "n"}, []string{`extension "10a"`, "digits only", "1000"}},
		"extension of other digits":   {[]string{"add", "١٠٠٠", "--name", "n"}, []string{"extension", "digits only"}},
		"extension with control":      {[]string{"add", "1\x1b[2J", "--name", "n"}, []string{`"1\x1b[2J"`, "digits only"}},
		"empty extension":             {[]string{"add", "", "--name", "n"}, []string{`extension ""`, "at least one digit"}},
		"long extension":              {[]string{"add", strings.Repeat("1", 33), "--name", "n"}, []string{"33 digits", "32"}},
		"taken extension":             {[]string{"add", "1000", "--name", "n"}, []string{"1000", "taken", `"Weekly"`}},
		"no name":                     {[]string{"add", "2000", "--name", " "}, []string{"name is empty"}},
		"name with control":           {[]string{"add", "2000", "--name", "a\x1b[2J"}, []string{`a\x1b[2J`, "cannot be printed"}},
		"PIN with a letter":           {add("--pin", "12a4"), []string{"PIN", "digits only", "4711"}},
		"PIN with a star":             {add("--pin", "12*"), []string{"PIN", "digits only"}},
		"empty PIN":                   {add("--pin", ""), []string{"PIN", "at least one digit"}},
		"PIN and none":                {add("--pin", "12", "--no-pin"), []string{"--pin", "--no-pin"}},
		"unknown option":              {add("-o", "quite=yes"), []string{`"quite"`, "quiet"}},
		"equal PINs":                  {add("--pin", "12", "--moderator-pin", "12"), []string{"moderators' PIN", "different"}},
		"PIN begins with the other":   {add("--pin", "12", "--moderator-pin", "123"), []string{"begins with the other", "could not be keyed in"}},
		"moderators' PIN of letters":  {add("--moderator-pin", "1x"), []string{"PIN", "digits only"}},
		"moderators' PIN and none":    {add("--moderator-pin", "1", "--no-moderator-pin"), []string{"--moderator-pin", "--no-moderator-pin"}},
		"set PIN like the other":      {set("--moderator-pin", "1"), []string{"begins with the other"}},
		"option of later versions":    {add("-o", "send_events=yes"), []string{"send_events", "not supported"}},
		"sound that is not there":     {add("-o", "sound_join=/no/such"), []string{"sound_join", "/no/such.wav"}},
		"sound that is no WAV file":   {set("-o", "announcement=/etc/passwd"), []string{"announcement", "/etc/passwd", "not a WAV file"}},
		"voice that is not there":     {set("-o", "language=tlh"), []string{"language", `"tlh"`, "en"}},
		"menu that is not there":      {set("-o", "menu=m"), []string{"menu", `"m"`, "default"}},
		"bad value":                   {add("-o", "quiet=perhaps"), []string{"quiet", `"perhaps"`, "yes or no"}},
		"value out of range":          {add("-o", "max_members=-1"), []string{"max_members", `"-1"`, "0 to"}},
		"good and bad options":        {add("-o", "startmuted=yes", "-o", "timeout=soon"), []string{"timeout", `"soon"`, "seconds"}},
		"option without value":        {add("-o", "quiet"), []string{`"quiet"`, "OPTION=VALUE"}},
		"option given twice":          {add("-o", "quiet=yes", "-o", "quiet=no"), []string{"quiet", "twice"}},
		"set nothing":                 {[]string{"set", "1000"}, []string{"nothing to set", "--pin"}},
		"set room that is not there":  {[]string{"set", "1001", "--no-pin"}, []string{"1001", "no such room"}},
		"set PIN with a letter":       {set("--pin", "1x"), []string{"PIN", "digits only"}},
		"set unknown option":          {set("-o", "quite=yes"), []string{`"quite"`, "quiet"}},
		"reset unknown option":        {set("-o", "quite="), []string{`"quite"`, "quiet"}},
		"set good and bad options":    {set("-o", "quiet=no", "-o", "timeout=-5"), []string{"timeout", `"-5"`}},
		"set empty name":              {[]string{"set", "1000", "--name", "", "--pin", "99"}, []string{"name is empty"}},
		"show room that is not there": {[]string{"show", "1001"}, []string{"1001", "no such room"}},
	} {
		t.Run(name, func(t *testing.T) {
			room(tt.args...).refused(t, tt.words...)
			if after := room("list", "--json").done(t) + room("show", "1000", "--show-pin", "--json").done(t); after != before {
				t.Errorf("something changed:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

func TestMistypedDataDirectoryIsNotCreated(t *testing.T) {
	data := filepath.Join(t.TempDir(), "dta")
	for _, args := range [][]string{{"list"}, {"show", "1"}, {"set", "1", "--no-pin"}, {"rm", "1"}} {
		conclave(t, nil, append([]string{"--data", data, "room"}, args...)...).refused(t, data, "--data")
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("the directory was created")
	}
}

func TestForeignDatabaseIsNamedAndLeftAlone(t *testing.T) {
	data := t.TempDir()
	file := filepath.Join(data, "conclave.db")
	if err := os.WriteFile(file, []byte(strings.Repeat("somebody's notes\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"room", "add", "1000", "--name", "n"},
		{"room", "list"},
		{"serve", "--sip", "udp://127.0.0.1:0"},
	} {
		conclave(t, nil, append(args, "--data", data)...).refused(t, file, "not a conclave database")
	}
	if text, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(text), "somebody's notes\n") || len(text) != 1700 {
		t.Errorf("the file was changed: %d octets, %v", len(text), err)
	}
}
