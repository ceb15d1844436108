package rooms_test

import (
	"reflect"
	"strings"
	"testing"

	"conclave/rooms"
)

// show writes a menu as "keys=actions" lines.
func show(menu rooms.Menu) string {
	var lines []string
	for _, entry := range menu.Entries {
		lines = append(lines, entry.Keys+"="+entry.Text())
	}
	return strings.Join(lines, "\n")
}

func TestMenusAreRead(t *testing.T) {
	tests := []struct {
		name    string
		entries map[string]string
		want    string
	}{
		{"nothing", nil, ""},
		{"one action", map[string]string{"1": "toggle_mute"}, "1=toggle_mute"},
		{"several actions", map[string]string{"5": "reset_talking_volume, reset_listening_volume"},
			"5=reset_talking_volume,reset_listening_volume"},
		{"one file", map[string]string{"*": "playback_and_continue(conf-usermenu)"}, "*=playback_and_continue(conf-usermenu)"},
		{"several files", map[string]string{"0": " playback( a & /srv/b c.wav ) , no_op "}, "0=playback(a&/srv/b c.wav),no_op"},
		{"actions of either case", map[string]string{"1": "Toggle_Mute,PLAYBACK(Hello)"}, "1=toggle_mute,playback(Hello)"},
		{"commas too many", map[string]string{"1": ",toggle_mute,,no_op,"}, "1=toggle_mute,no_op"},
		{"keys in lower case and between spaces", map[string]string{" *a ": "no_op"}, "*A=no_op"},
		{"escaped #", map[string]string{`\#1`: "toggle_mute"}, "#1=toggle_mute"},
		{"eleven keys", map[string]string{"0123456789#": "no_op"}, "0123456789#=no_op"},
		{"keys that begin others", map[string]string{"12": "no_op", "*": "no_op", "1": "no_op", "#": "no_op", "*1": "no_op"},
			"#=no_op\n*=no_op\n*1=no_op\n1=no_op\n12=no_op"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			menu, err := rooms.ParseMenu("desk", test.entries)
			if err != nil {
				t.Fatal(err)
			}
			if got := show(menu); got != test.want || menu.Name != "desk" {
				t.Errorf("got menu %s\n%s\nwant desk\n%s", menu.Name, got, test.want)
			}
		})
	}
}

// The sample menus of confbridge.conf, as they are pasted from there.
func TestMenusOfConfBridgeAreReadAndWritten(t *testing.T) {
	entries := map[string]string{
		"*": "playback_and_continue(conf-adminmenu)", "*1": "toggle_mute", "1": "toggle_mute",
		"*2": "admin_toggle_conference_lock", "2": "admin_toggle_conference_lock",
		"*3": "admin_kick_last", "3": "admin_kick_last",
		"*4": "decrease_listening_volume", "4": "decrease_listening_volume",
		"*6": "increase_listening_volume", "6": "increase_listening_volume",
		"*7": "decrease_talking_volume", "7": "decrease_talking_volume",
		"*8": "no_op", "8": "no_op",
		"*9": "increase_talking_volume", "9": "increase_talking_volume",
		"0": "admin_toggle_mute_participants", "#": "participant_count", "C": "leave_conference",
	}
	menu, err := rooms.ParseMenu("sample_admin_menu", entries)
	if err != nil {
		t.Fatal(err)
	}
	written := make(map[string]string)
	for _, entry := range menu.Entries {
		written[entry.Keys] = entry.Text()
	}
	if !reflect.DeepEqual(written, entries) {
		t.Errorf("got %v, want %v", written, entries)
	}
}

func TestWrongMenusAreNamedWithWhatWouldBeRight(t *testing.T) {
	tests := []struct {
		name, keys, actions string
		want                []string
	}{
		{"no keys", "", "no_op", []string{`no keys ("")`, "0-9, A-D, * and #"}},
		{"spaces for keys", "  ", "no_op", []string{"no keys"}},
		{"a letter for a key", "1e", "no_op", []string{`keys "1e"`, `'E' is no key`, "0-9, A-D, * and #"}},
		{"a space between keys", "1 2", "no_op", []string{`keys "1 2"`, `' ' is no key`}},
		{"an umlaut for a key", "ä", "no_op", []string{`'Ä' is no key`}},
		{"a backslash within", `1\#`, "no_op", []string{`'\\' is no key`}},
		{"twelve keys", "123456789012", "no_op", []string{"keys 123456789012", "are 12", "11 at most"}},

		{"no action", "1", "", []string{"keys 1", "no action", "no_op"}},
		{"commas for an action", "1", " , ", []string{"keys 1", "no action"}},
		{"a mistyped action", "1", "togle_mute", []string{"keys 1", `"togle_mute"`, "nearest known one is toggle_mute"}},
		{"the second action mistyped", "1", "no_op,leave", []string{`"leave"`, "nearest"}},
		{"actions without a comma", "1", "toggle_mute no_op", []string{`"toggle_mute no_op"`, "nearest known one is toggle_mute"}},
		{"brackets where none belong", "1", "toggle_mute()", []string{`"toggle_mute()"`, "nothing in brackets"}},

		{"a dialplan", "1", "dialplan_exec(ctx,100,1)", []string{"dialplan_exec", "not supported", "runs a dialplan"}},
		{"a dialplan, mistyped", "1", "dialplan_exe(ctx,100,1)",
			[]string{`"dialplan_exe"`, "nearest known one is dialplan_exec", "not supported", "runs a dialplan"}},
		{"video", "1", "set_as_single_video_src", []string{"set_as_single_video_src", "not supported", "video"}},
		{"video again", "1", "release_as_single_video_src", []string{"release_as_single_video_src", "not supported", "video"}},
		{"binaural", "1", "toggle_binaural", []string{"toggle_binaural", "not supported", "stereo"}},

		{"playback of nothing", "1", "playback", []string{"playback needs a file", "playback(FILE)"}},
		{"playback of nothing in brackets", "1", "playback()", []string{`"playback()"`, "lacks a file", "playback(FILE&FILE)"}},
		{"a file missing", "1", "playback_and_continue(a&&b)", []string{"lacks a file", "playback_and_continue(FILE&FILE)"}},
		{"files by comma", "1", "playback(a,b)", []string{`"playback(a,b)"`, "separated by &"}},
		{"a bracket open", "1", "playback(a", []string{`"playback(a"`, "bracket", "playback(FILE&FILE)"}},
		{"a bracket open before another action", "1", "playback(a,no_op", []string{"bracket"}},
		{"text behind the bracket", "1", "playback(a)x", []string{`"playback(a)x"`, "bracket"}},
		{"brackets in a name", "1", "playback(a(1).wav)", []string{"brackets in its name"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			menu, err := rooms.ParseMenu("desk", map[string]string{test.keys: test.actions})
			if err == nil {
				t.Fatalf("taken: %+v", menu)
			}
			for _, want := range append(test.want, "menu desk") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestKeysThatAreThereTwiceAreNamed(t *testing.T) {
	for _, entries := range []map[string]string{
		{"1": "no_op", " 1": "toggle_mute"},
		{"*a": "no_op", "*A": "no_op"},
		{"#": "no_op", `\#`: "toggle_mute"},
	} {
		menu, err := rooms.ParseMenu("desk", entries)
		if err == nil {
			t.Errorf("%q taken: %+v", entries, menu)
			continue
		}
		if !strings.Contains(err.Error(), "there twice") {
			t.Errorf("%q: %v", entries, err)
		}
	}
}

func TestAllThatIsWrongInAMenuIsNamedAtOnce(t *testing.T) {
	_, err := rooms.ParseMenu(" ", map[string]string{"x": "no_op", "1": "nothing", "2": "no_op", "3": ""})
	if err == nil {
		t.Fatal("taken")
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 4 || !strings.Contains(lines[0], "needs a name") {
		t.Errorf("got %d lines, want the name and 3 entries:\n%v", len(lines), err)
	}
}

func TestDefaultMenus(t *testing.T) {
	const participant = `*=playback_and_continue(conf-usermenu)
1=toggle_mute
4=decrease_listening_volume
6=increase_listening_volume
7=decrease_talking_volume
8=leave_conference
9=increase_talking_volume`
	const moderator = `*=playback_and_continue(conf-adminmenu)
0=admin_toggle_recording
1=toggle_mute
2=admin_toggle_conference_lock
3=admin_kick_last
4=decrease_listening_volume
5=admin_toggle_mute_participants
6=increase_listening_volume
7=decrease_talking_volume
8=leave_conference
9=increase_talking_volume`
	for want, menu := range map[string]rooms.Menu{participant: rooms.ParticipantMenu(), moderator: rooms.ModeratorMenu()} {
		if got := show(menu); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		entries := make(map[string]string)
		for _, entry := range menu.Entries {
			entries[entry.Keys] = entry.Text()
		}
		read, err := rooms.ParseMenu(menu.Name, entries)
		if err != nil || !reflect.DeepEqual(read, menu) {
			t.Errorf("read back as %+v, %v", read, err)
		}
	}
}

func TestActionNamesAreSortedAndTaken(t *testing.T) {
	names := rooms.ActionNames()
	if len(names) != 16 || names[0] != "admin_kick_last" || names[15] != "toggle_mute" {
		t.Errorf("got %v", names)
	}
	for i, name := range names {
		if i > 0 && names[i-1] >= name {
			t.Errorf("%s comes after %s", name, names[i-1])
		}
		if strings.HasPrefix(name, "playback") {
			name += "(a)"
		}
		if _, err := rooms.ParseMenu("desk", map[string]string{"1": name}); err != nil {
			t.Error(err)
		}
	}
}

// What is read is written so that it is read as the same again.
func FuzzParseMenu(f *testing.F) {
	f.Add("1", "toggle_mute,playback(a&b)", `\#2`, "leave_conference")
	f.Add(" *a", "playback_and_continue( x )", "*A", "dialplan_exec(a,b,1)")
	f.Add("1", "playback((,)", "", ",")
	f.Fuzz(func(t *testing.T, keys, actions, otherKeys, otherActions string) {
		menu, err := rooms.ParseMenu("m", map[string]string{keys: actions, otherKeys: otherActions})
		if err != nil {
			return
		}
		entries := make(map[string]string)
		for _, entry := range menu.Entries {
			entries[entry.Keys] = entry.Text()
		}
		again, err := rooms.ParseMenu("m", entries)
		if err != nil || !reflect.DeepEqual(again, menu) {
			t.Errorf("%+v was read back as %+v, %v", menu, again, err)
		}
	})
}
