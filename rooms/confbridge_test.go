package rooms_test

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"conclave/rooms"
)

// library holds what is built in.
func library(t testing.TB) *rooms.Library {
	t.Helper()
	voices, err := rooms.LoadVoices("")
	if err != nil {
		t.Fatal(err)
	}
	return rooms.NewLibrary(nil, voices, nil)
}

func company(t testing.TB) rooms.ConfBridge {
	t.Helper()
	text, err := os.ReadFile("testdata/confbridge/company.conf")
	if err != nil {
		t.Fatal(err)
	}
	file, err := rooms.ParseConfBridge(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestEachLineOfAConfbridgeConfIsJudged(t *testing.T) {
	type judgement struct {
		line    int
		setting string
		verdict rooms.ImportVerdict
		reason  string // a part of it
	}
	want := []judgement{
		{9, "callers: type=user", "taken", ""},
		{10, "callers: quiet=no", "taken", ""},
		{11, "callers: announce_join_leave=yes", "taken", ""},
		{12, "callers: music_on_hold_when_empty=yes", "taken", ""},
		{13, "callers: dsp_drop_silence=yes", "taken", ""},
		{14, "callers: denoise=no", "taken", ""},
		{15, "callers: pin=******", "refused", "nothing that inherits from this template uses the line"},
		{18, "default_user: wait_marked=yes", "taken", ""},
		{19, "default_user: end_marked=y", "taken", ""},
		{20, "default_user: pin=******", "mapped", "to the PIN of the room, or of its moderators"},
		{21, "default_user: music_on_hold_class=jazz", "refused", `there is no music "jazz"`},
		{22, "default_user: max_members=5", "refused", "no option of a user profile, but of a bridge profile"},
		{23, "default_user: announce_user_count_all=3", "taken", ""},
		{24, "default_user: timeout=", "mapped", "no value: the default, 0"},
		{27, "chairs: admin=yes", "taken", "for every member of the room"},
		{28, "chairs: marked=yes", "taken", "for every member of the room"},
		{29, "chairs: startmuted=sometimes", "refused", `"sometimes" is not yes or no`},
		{30, "chairs: pin=******", "refused", "digits only"},
		{33, "default_bridge: type=bridge", "taken", ""},
		{35, "default_bridge: max_members=20", "refused", "line 36 says it anew"},
		{36, "default_bridge: max_members=25", "taken", ""},
		{37, "default_bridge: record_conference=yes", "taken", ""},
		{38, "default_bridge: record_command=/usr/local/bin/mail-it", "refused", "runs a program"},
		{39, "default_bridge: video_mode=follow_talker", "refused", "means nothing for audio"},
		{40, "default_bridge: internal_sample_rate=auto", "taken", ""},
		{41, "default_bridge: mixing_interval=40", "taken", ""},
		{42, "default_bridge: language=en_GB", "mapped", "to en"},
		{43, "default_bridge: jitterbuffer=yes", "taken", ""},
		{44, "default_bridge: sound_begin=beep", "taken", ""},
		{45, "default_bridge: sound_join=/no/such/ding", "refused", "there is no file /no/such/ding.wav"},
		{46, "default_bridge: sound_place_into_conference=beep", "refused", "ConfBridge itself does not play it"},
		{47, "default_bridge: max_member=7", "refused", "the nearest known one is max_members"},
		{48, "default_bridge: menu=keys", "refused", "room set EXT -o menu=keys"},
		{51, "keys: type=menu", "taken", ""},
		{52, "keys: *=playback_and_continue(conf-locked&conf-full)", "taken", ""},
		{53, "keys: 1=toggle_mute", "taken", ""},
		{54, "keys: *1=toggle_mute, no_op", "taken", ""},
		{55, "keys: #9=dialplan_exec(hangup,s,1)", "refused", "it runs a dialplan"},
		{56, "keys: #=leave_conference", "taken", ""},
		{57, "keys: 7x=no_op", "refused", "keys"},
		{58, "keys: 5=set_as_single_video_src", "refused", "video"},
		{61, "spare: type=user", "refused", "nothing that inherits"},
		{62, "spare: quiet=yes", "refused", "nothing that inherits"},
		{65, "lost: volume=11", "refused", `section "lost" has no type`},
		{68, "band: type=orchestra", "refused", `"orchestra" is no type`},
		{69, "band: drums=yes", "refused", `of type "orchestra"`},
		{72, "default: type=menu", "taken", ""},
		{73, "default: 1=toggle_mute", "refused", "built in"},
	}
	got := company(t).Import(library(t)).Lines
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("line %d is not judged", want[i].line)
			continue
		case i >= len(want):
			t.Errorf("judged too much: %+v", got[i])
			continue
		}
		g, w := got[i], want[i]
		if setting := fmt.Sprintf("%s: %s=%s", g.Section, g.Name, g.Value); g.Line != w.line || setting != w.setting {
			t.Errorf("got line %d %s, want line %d %s", g.Line, setting, w.line, w.setting)
		}
		if g.Verdict != w.verdict || !strings.Contains(g.Reason, w.reason) || (w.reason == "" && g.Reason != "") {
			t.Errorf("line %d %s is %s: %q, want %s: %q", g.Line, w.setting, g.Verdict, g.Reason, w.verdict, w.reason)
		}
	}
}

func TestProfilesOfAConfbridgeConfBecomeOptions(t *testing.T) {
	found := company(t).Import(library(t))
	inherited := map[string]string{"quiet": "no", "announce_join_leave": "yes", "music_on_hold_when_empty": "yes",
		"dsp_drop_silence": "yes", "denoise": "no"}
	with := func(more map[string]string) map[string]string {
		all := maps.Clone(inherited)
		maps.Copy(all, more)
		return all
	}
	tests := []struct {
		name     string
		profiles map[string]rooms.ImportProfile
		options  map[string]string
		pin      string
	}{
		{"default_user", found.Users, with(map[string]string{"wait_marked": "yes", "end_marked": "y", "announce_user_count_all": "3"}), "4711"},
		{"chairs", found.Users, with(map[string]string{"admin": "yes", "marked": "yes"}), ""},
		{"default_bridge", found.Bridges, map[string]string{"max_members": "25", "internal_sample_rate": "auto", "mixing_interval": "40", "language": "en",
			"jitterbuffer": "yes", "record_conference": "yes", "sound_begin": "beep"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := test.profiles[test.name]
			if !ok || !maps.Equal(got.Options, test.options) || got.PIN != test.pin {
				t.Errorf("got %+v, want %v and PIN %q", got, test.options, test.pin)
			}
			if _, err := rooms.ParseOptions(got.Options); err != nil {
				t.Error(err)
			}
		})
	}
	if len(found.Users) != 2 || len(found.Bridges) != 1 {
		t.Errorf("profiles are %v and %v: a template is none", found.Users, found.Bridges)
	}
}

func TestMenusOfAConfbridgeConfAreTakenOver(t *testing.T) {
	menus := company(t).Import(library(t)).Menus
	if len(menus) != 1 || menus[0].Name != "keys" {
		t.Fatalf("menus are %+v, want keys alone", menus)
	}
	got := map[string]string{}
	for _, entry := range menus[0].Entries {
		got[entry.Keys] = entry.Text()
	}
	want := map[string]string{"*": "playback_and_continue(conf-locked&conf-full)", "1": "toggle_mute", "*1": "toggle_mute,no_op", "#": "leave_conference"}
	if !maps.Equal(got, want) {
		t.Errorf("menu is %v, want %v", got, want)
	}
}

func TestConfbridgeConfIsReadAsAsteriskDoes(t *testing.T) {
	tests := []struct {
		name, text, want string // sections as name: setting=value …
	}{
		{"empty", "", ""},
		{"comments and blanks", "\n ; nothing\n\t\n;;;;\n", ""},
		{"byte order mark and carriage returns", "\ufeff[a]\r\nx=1\r\n", "a: x=1"},
		{"both signs and spaces", "[a]\n x = 1 2 \ny=>3\nz => 4", "a: x=1 2 y=3 z=4"},
		{"sign in the value", "[a]\nx=b=c", "a: x=b=c"},
		{"value without anything", "[a]\nx=\ny=;0", "a: x= y="},
		{"escaped semicolon", `[a]` + "\n" + `x=1\;2;3`, "a: x=1;2"},
		{"escaped hash", "[a]\n\\#1=toggle_mute", "a: #1=toggle_mute"},
		{"comment of one line with dashes", "[a]\nx=1 ;--- --; y\ny=2", "a: x=1 y=2"},
		{"block within a line", "[a]\nx=1;-- 2 --;3", "a: x=13"},
		{"block over lines", "[a];--\n[b]\nx=1\n--;y=2", "a: y=2"},
		{"nested blocks", "[a]\n;-- ;-- x=1 --;\ny=2\n--;z=3", "a: z=3"},
		{"template", "[t](!)\nx=1\n[a](t)\ny=2", "t!: x=1; a: x=1 y=2"},
		{"template of a template", "[t](!)\nx=1\n[u](!,t)\nx=2\n[a](u)", "t!: x=1; u!: x=1 x=2; a: x=2"},
		{"several templates", "[t](!)\nx=1\ny=1\n[u](!)\nx=2\n[a](t, u)", "t!: x=1 y=1; u!: x=2; a: y=1 x=2"},
		{"inheritance from a profile", "[a]\nx=1\n[b](a)\n", "a: x=1; b: x=1"},
		{"addition", "[a]\nx=1\n[b]\n[a](+)\ny=2", "a: x=1 y=2; b:"},
		{"section that is there again", "[a]\nx=1\n[A]\nx=2", "a: x=1 x=2"},
		{"names with spaces", "[ a b ]\nx=1", "a b: x=1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file, err := rooms.ParseConfBridge(test.text)
			if err != nil {
				t.Fatal(err)
			}
			var sections []string
			for _, s := range file.Sections {
				text := s.Name
				if s.Template {
					text += "!"
				}
				text += ":"
				for _, setting := range s.Settings {
					text += " " + setting.Name + "=" + setting.Value
				}
				sections = append(sections, text)
			}
			if got := strings.Join(sections, "; "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestLinesThatCannotBeReadAreNamedByNumber(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"no sign", "[a]\nx", []string{"line 2:", "there is no =", "NAME=VALUE"}},
		{"no name", "[a]\n= 3", []string{"line 2:", "no name"}},
		{"before the first section", "\nx=1", []string{"line 2:", "before the first section", "[NAME]"}},
		{"head not closed", "[a\nx=1", []string{"line 1:", "no closing ]"}},
		{"head without a name", "[ ]", []string{"line 1:", "names no section"}},
		{"text after the head", "[a] b", []string{"line 1:", `"b"`, "(!)"}},
		{"brackets not closed", "[a](!", []string{"line 1:", `"(!"`, "(TEMPLATE)"}},
		{"unknown template", "[a](t)\n[t](!)", []string{"line 1:", `"t"`, "no section above"}},
		{"empty template", "[a]()", []string{"line 1:", `inherits from ""`}},
		{"addition to nothing", "[a](+)", []string{"line 1:", "(+)", "none above"}},
		{"appending", "[a]\nx+=1", []string{"line 2:", `+= appends`, `"x"`}},
		{"include", "[a]\n#include more.conf", []string{"line 2:", "#include is not supported", `"more.conf"`}},
		{"tryinclude", `#tryinclude "more.conf"`, []string{"line 1:", "#tryinclude"}},
		{"exec", "#exec /bin/date", []string{"line 1:", "#exec is not supported", "runs a program", "/bin/date"}},
		{"key that looks like a directive", "[a]\n#1=toggle_mute", []string{"line 2:", `\#`}},
		{"comment without an end", "[a]\n;-- x\ny", []string{"line 2:", "--; would end it"}},
		{"several", "x=1\n[a\n[b]\ny", []string{"line 1:", "line 2:", "line 4:"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file, err := rooms.ParseConfBridge(test.text)
			if err == nil {
				t.Fatalf("read as %+v", file)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
	// What cannot be read may be a PIN, and errors are shown on screens.
	if _, err := rooms.ParseConfBridge("[a]\npin 8675"); err == nil || strings.Contains(err.Error(), "8675") {
		t.Errorf("error %v, want one without the PIN", err)
	}
}

// FuzzConfbridge: whatever a file holds, it is read or refused by lines, and what is taken over can be used.
func FuzzConfbridge(f *testing.F) {
	sample, err := os.ReadFile("testdata/confbridge/company.conf")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(sample), "[a](!,b)\nx=>1\n", "[m]\ntype=menu\n\\#1=playback(a&b),no_op\n", "[b]\ntype=bridge\nsound_join=beep\n",
		";-- ;-- --;\n#include x", "[u]\ntype=user\npin=1\nannounce_user_count_all=9\n[v](u)\nquiet=t"} {
		f.Add(seed)
	}
	library := library(f)
	f.Fuzz(func(t *testing.T, text string) {
		file, err := rooms.ParseConfBridge(text)
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "line ") {
					t.Errorf("error without a line: %q", line)
				}
			}
			return
		}
		found := file.Import(library)
		lines, last := strings.Count(text, "\n")+1, 0
		for _, l := range found.Lines {
			if l.Line <= last || l.Line > lines {
				t.Errorf("line %d comes after line %d, of %d", l.Line, last, lines)
			}
			last = l.Line
			if l.Verdict != rooms.ImportTaken && l.Reason == "" {
				t.Errorf("line %d is %s without a reason", l.Line, l.Verdict)
			}
		}
		for _, profiles := range []map[string]rooms.ImportProfile{found.Users, found.Bridges} {
			for name, profile := range profiles {
				if _, err := rooms.ParseOptions(profile.Options); err != nil {
					t.Errorf("profile %q: %v", name, err)
				}
			}
		}
		for _, menu := range found.Menus {
			entries := map[string]string{}
			for _, entry := range menu.Entries {
				entries[entry.Keys] = entry.Text()
			}
			if _, err := rooms.ParseMenu(menu.Name, entries); err != nil {
				t.Error(err)
			}
		}
	})
}
