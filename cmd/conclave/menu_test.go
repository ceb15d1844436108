package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// menuCLI runs `conclave` on a data directory of its own.
func menuCLI(t *testing.T) func(args ...string) result {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	return func(args ...string) result {
		t.Helper()
		return conclave(t, []string{"CONCLAVE_DATA=" + data}, args...)
	}
}

func TestMenuIsSetShownListedAndRemoved(t *testing.T) {
	run := menuCLI(t)
	hello := writeWAV(t, "hello.wav")
	run("menu", "set", "staff", "12", "toggle_mute", "no_op").done(t)
	run("menu", "set", "staff", "*", "playback(beep&"+strings.TrimSuffix(hello, ".wav")+")").done(t)
	run("menu", "set", "staff", `#`, "leave_conference,no_op").done(t)
	want := "KEYS  ACTIONS\n" +
		"#     leave_conference,no_op\n" +
		"*     playback(beep&" + hello + ")\n" +
		"12    toggle_mute,no_op\n"
	if got := run("menu", "show", "staff").done(t); got != want {
		t.Errorf("menu show:\n%swant:\n%s", got, want)
	}
	if got := run("menu", "show", "staff", "--json").done(t); !strings.Contains(got, `"*": "playback(beep&`+hello+`)"`) {
		t.Errorf("menu show --json:\n%s", got)
	}
	run("menu", "set", "staff", "12", "participant_count").done(t)
	run("menu", "set", "staff", "#").done(t)
	var view menuView
	if err := json.Unmarshal([]byte(run("menu", "show", "staff", "--json").done(t)), &view); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(view.Entries); view.Name != "staff" || view.BuiltIn || got != "map[*:playback(beep&"+hello+") 12:participant_count]" {
		t.Errorf("the menu has become %+v", view)
	}

	run("room", "add", "1000", "--name", "n", "-o", "menu=staff").done(t)
	run("room", "add", "20", "--name", "n", "-o", "moderator_menu=staff").done(t)
	list := run("menu", "list").done(t)
	for _, want := range []string{
		"MENU       KEYS                   ROOMS    BUILT IN\n",
		"default    * 1 4 6 7 8 9                   yes\n",
		"moderator  * 0 1 2 3 4 5 6 7 8 9           yes\n",
		"staff      * 12                   20 1000  \n",
	} {
		if !strings.Contains(list, want) {
			t.Errorf("menu list lacks %q:\n%s", want, list)
		}
	}
	run("menu", "rm", "staff").refused(t, "staff", "in use by room 20, 1000")
	run("room", "set", "1000", "-o", "menu=").done(t)
	run("room", "rm", "20").done(t)
	run("menu", "rm", "staff").done(t)
	run("menu", "show", "staff").refused(t, "staff", "no such menu")
	var all []menuView
	if err := json.Unmarshal([]byte(run("menu", "list", "--json").done(t)), &all); err != nil || len(all) != 2 || !all[0].BuiltIn {
		t.Errorf("menus are %+v, %v; want the built-in ones", all, err)
	}
}

func TestKeysAreRemovedAsTheyWereSet(t *testing.T) {
	run := menuCLI(t)
	run("menu", "set", "m", "1", "no_op").done(t)
	for set, removed := range map[string]string{"#1": `\#1`, `\#2`: "#2", "a": "A", "B": " b "} {
		run("menu", "set", "m", set, "toggle_mute").done(t)
		run("menu", "set", "m", removed).done(t)
	}
	if out := run("menu", "show", "m").done(t); out != "KEYS  ACTIONS\n1     no_op\n" {
		t.Errorf("menu show:\n%s", out)
	}
}

func TestBuiltInMenusAreShownWithoutADatabase(t *testing.T) {
	run := menuCLI(t)
	if out := run("menu", "show", "default").done(t); !strings.Contains(out, "1     toggle_mute\n") {
		t.Errorf("menu show default:\n%s", out)
	}
	if out := run("menu", "show", "moderator").done(t); !strings.Contains(out, "2     admin_toggle_conference_lock\n") {
		t.Errorf("menu show moderator:\n%s", out)
	}
}

func TestBadMenuSettingsAreNamedAndChangeNothing(t *testing.T) {
	run := menuCLI(t)
	run("menu", "set", "m", "1", "toggle_mute").done(t)
	before := run("menu", "list", "--json").done(t)
	for name, tt := range map[string]struct {
		args  []string
		words []string
	}{
		"built-in menu":            {[]string{"set", "default", "1", "no_op"}, []string{"menu default", "built in", "-o menu=NAME"}},
		"name with a space":        {[]string{"set", "a b", "1", "no_op"}, []string{`"a b"`, "letters, digits"}},
		"letter for a key":         {[]string{"set", "m", "x", "no_op"}, []string{"keys", `"x"`, "0-9, A-D"}},
		"too many keys":            {[]string{"set", "m", "123456789012", "no_op"}, []string{"123456789012", "11"}},
		"unknown action":           {[]string{"set", "m", "2", "toggle_mut"}, []string{`"toggle_mut"`, "toggle_mute"}},
		"refused action":           {[]string{"set", "m", "2", "dialplan_exec(a,b,1)"}, []string{"dialplan_exec", "dialplan"}},
		"good and bad actions":     {[]string{"set", "m", "2", "no_op", "fly"}, []string{`"fly"`}},
		"file that is not there":   {[]string{"set", "m", "2", "playback(/no/such)"}, []string{"menu m", "keys 2", "/no/such.wav"}},
		"file that is no WAV file": {[]string{"set", "m", "2", "playback(/etc/passwd)"}, []string{"/etc/passwd", "not a WAV file"}},
		"remove the only entry":    {[]string{"set", "m", "1"}, []string{"only ones", "menu rm m"}},
		"remove keys of no phone":  {[]string{"set", "m", "x"}, []string{`"x"`, "0-9, A-D"}},
		"remove what is not there": {[]string{"set", "m", "2"}, []string{"keys 2", "the menu has 1"}},
		"remove from no menu":      {[]string{"set", "n", "1"}, []string{"menu n", "no such menu"}},
		"remove a built-in menu":   {[]string{"rm", "moderator"}, []string{"built in"}},
		"remove no menu":           {[]string{"rm", "n"}, []string{"menu n", "no such menu"}},
		"show no menu":             {[]string{"show", "n\x1b"}, []string{`n\x1b`, "no such menu"}},
	} {
		t.Run(name, func(t *testing.T) {
			run(append([]string{"menu"}, tt.args...)...).refused(t, tt.words...)
			if after := run("menu", "list", "--json").done(t); after != before {
				t.Errorf("something changed:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

func TestRefusedMenuLeavesNoDataDirectory(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	conclave(t, nil, "--data", data, "menu", "set", "m", "1", "fly").refused(t, `"fly"`)
	if _, err := os.Stat(data); err == nil {
		t.Error("the directory was created")
	}
}
