package rooms_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"conclave/media"
	"conclave/rooms"
	"conclave/store"
)

// wav writes a sound of 0.1 s and returns its path.
func wav(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := media.WriteWAV(file, 8000, make([]int16, 800)); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// keys is what a menu does, by keys.
func keys(m rooms.Menu) string {
	var entries []string
	for _, e := range m.Entries {
		entries = append(entries, e.Keys+"="+e.Text())
	}
	return strings.Join(entries, " ")
}

func TestStoredRoomBecomesARoom(t *testing.T) {
	got, warnings, err := rooms.NewRoom(store.Room{ID: "r1", Extension: "1000", Name: "Board", PIN: "0", ModeratorPIN: "12",
		Options: map[string]string{"quiet": "yes"}}, library(t))
	if err != nil || len(warnings) > 0 {
		t.Fatal(warnings, err)
	}
	want := with(func(o *rooms.Options) { o.Quiet = true })
	if got.ID != "r1" || got.Extension != "1000" || got.Name != "Board" || got.PIN != "0" || got.ModeratorPIN != "12" || !reflect.DeepEqual(got.Options, want) {
		t.Errorf("got %+v, want options %+v", got, want)
	}
	if keys(got.Menu) != keys(rooms.ParticipantMenu()) || keys(got.ModeratorMenu) != keys(rooms.ModeratorMenu()) {
		t.Errorf("menus are %q and %q, want the built-in ones", keys(got.Menu), keys(got.ModeratorMenu))
	}
	if got.Sounds != nil || got.Announcement != nil {
		t.Errorf("sounds without an option: %v, %v", got.Sounds, got.Announcement)
	}
}

func TestRoomThatIsNotToBeServedIsNamed(t *testing.T) {
	tests := []struct {
		name string
		room store.Room
		want []string
	}{
		{"refused option", store.Room{Options: map[string]string{"video_mode": "x"}}, []string{"video_mode"}},
		{"bad value", store.Room{Options: map[string]string{"quiet": "x"}}, []string{"quiet"}},
		{"equal PINs", store.Room{PIN: "8675", ModeratorPIN: "8675"}, []string{"different"}},
		{"longer moderators' PIN", store.Room{PIN: "8675", ModeratorPIN: "86753"}, []string{"begins with the other", "could not be keyed in"}},
		{"shorter moderators' PIN", store.Room{PIN: "8675", ModeratorPIN: "8"}, []string{"begins with the other"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.room.Extension = "1000"
			_, _, err := rooms.NewRoom(test.room, library(t))
			if err == nil {
				t.Fatal("taken")
			}
			for _, want := range append(test.want, "room 1000") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "8675") {
				t.Errorf("%q holds a PIN", err)
			}
		})
	}
	for _, pins := range [][2]string{{"", ""}, {"1", ""}, {"", "1"}, {"12", "13"}, {"12", "213"}} {
		if err := rooms.CheckPINs(pins[0], pins[1]); err != nil {
			t.Errorf("PINs %q and %q: %v", pins[0], pins[1], err)
		}
	}
}

func TestRoomGetsWhatItsOptionsName(t *testing.T) {
	dir := t.TempDir()
	hello, ding := wav(t, dir, "hello.wav"), wav(t, dir, "ding.wav")
	voices, err := rooms.LoadVoices("")
	if err != nil {
		t.Fatal(err)
	}
	menus := []store.Menu{{Name: "m", Entries: map[string]string{"1": "toggle_mute", "2": "playback(beep&" + ding + ")"}}}
	library := rooms.NewLibrary(menus, voices, nil)
	room, warnings, err := rooms.NewRoom(store.Room{Extension: "1", Options: map[string]string{
		"announcement": hello, "sound_join": ding, "sound_leave": "beep", "menu": "m", "moderator_menu": "none",
	}}, library)
	if err != nil || len(warnings) > 0 {
		t.Fatal(warnings, err)
	}
	english, _ := voices.Voice("en")
	beep, _ := english.Sound("beep")
	if room.Announcement == nil || len(room.Sounds) != 3 || room.Sounds["confbridge-leave"] != beep {
		t.Errorf("sounds are %v, announcement %v", room.Sounds, room.Announcement)
	}
	if room.Sounds["confbridge-join"] == nil || room.Sounds["confbridge-join"] != room.Sounds[ding] {
		t.Errorf("the file that an option and a menu name is not one sound: %v", room.Sounds)
	}
	if got := keys(room.Menu); got != "1=toggle_mute 2=playback(beep&"+ding+")" {
		t.Errorf("menu is %q", got)
	}
	if room.ModeratorMenu.Name != "none" || len(room.ModeratorMenu.Entries) > 0 {
		t.Errorf("moderators' menu is %+v, want none", room.ModeratorMenu)
	}
}

func TestRoomIsServedWithoutWhatHasVanished(t *testing.T) {
	tests := []struct {
		name    string
		options map[string]string
		menus   []store.Menu
		want    []string // the warnings
		check   func(rooms.Room) bool
	}{
		{"sound", map[string]string{"sound_join": "/no/such.wav"}, nil, []string{"room 1: in place of the prompt confbridge-join: /no/such.wav"},
			func(r rooms.Room) bool { return r.Sounds["confbridge-join"] == nil }},
		{"prompt", map[string]string{"sound_join": "conf-gone"}, nil, []string{"no prompt conf-gone"},
			func(r rooms.Room) bool { return r.Sounds["confbridge-join"] == nil }},
		{"announcement", map[string]string{"announcement": "/no/such.wav"}, nil, []string{"announcement /no/such.wav is not played"},
			func(r rooms.Room) bool { return r.Announcement == nil }},
		{"no WAV file", map[string]string{"announcement": "/etc/passwd"}, nil, []string{"not a WAV file"},
			func(r rooms.Room) bool { return r.Announcement == nil }},
		{"directory", map[string]string{"announcement": "/etc"}, nil, []string{"directory"},
			func(r rooms.Room) bool { return r.Announcement == nil }},
		{"voice", map[string]string{"language": "tlh"}, nil, []string{"no voice tlh, en speaks instead"},
			func(r rooms.Room) bool { return r.Options.Language == "en" }},
		{"menus", map[string]string{"menu": "a", "moderator_menu": "b"}, nil, []string{"the menu default takes the place of a", "the menu moderator takes the place of b"},
			func(r rooms.Room) bool {
				return keys(r.Menu) == keys(rooms.ParticipantMenu()) && keys(r.ModeratorMenu) == keys(rooms.ModeratorMenu())
			}},
		{"sense of a menu", map[string]string{"menu": "a"}, []store.Menu{{Name: "a", Entries: map[string]string{"1": "fly"}}}, []string{`takes the place of a: menu a: keys 1: unknown action "fly"`},
			func(r rooms.Room) bool { return keys(r.Menu) == keys(rooms.ParticipantMenu()) }},
		{"file of a menu", map[string]string{"menu": "a"}, []store.Menu{{Name: "a", Entries: map[string]string{"1": "playback(/no/such.wav)"}}}, []string{"menu a: keys 1: /no/such.wav is not played"},
			func(r rooms.Room) bool { return keys(r.Menu) == "1=playback(/no/such.wav)" }},
		{"file of the menu of both roles", map[string]string{"menu": "a", "moderator_menu": "a"},
			[]store.Menu{{Name: "a", Entries: map[string]string{"1": "playback(/no/such.wav)"}}}, []string{"menu a: keys 1: /no/such.wav is not played"},
			func(r rooms.Room) bool { return keys(r.Menu) == keys(r.ModeratorMenu) }},
	}
	voices, err := rooms.LoadVoices("")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			room, warnings, err := rooms.NewRoom(store.Room{Extension: "1", Options: test.options}, rooms.NewLibrary(test.menus, voices, nil))
			if err != nil || len(warnings) != len(test.want) {
				t.Fatalf("warnings %v, error %v; want %d warnings and no error", warnings, err, len(test.want))
			}
			for i, want := range test.want {
				if !strings.Contains(warnings[i].Error(), want) {
					t.Errorf("warning %q does not say %q", warnings[i], want)
				}
			}
			if !test.check(room) {
				t.Errorf("room is %+v", room)
			}
		})
	}
}

func TestWhatOptionsNameIsSettled(t *testing.T) {
	dir := t.TempDir()
	hello := wav(t, dir, "hello.wav")
	wav(t, dir, "conf-muted.wav")
	broken := filepath.Join(dir, "broken.wav")
	if err := os.WriteFile(broken, []byte("ID3 an MP3 file"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	voices, err := rooms.LoadVoices("")
	if err != nil {
		t.Fatal(err)
	}
	library := rooms.NewLibrary([]store.Menu{{Name: "m", Entries: map[string]string{"1": "no_op"}}}, voices, nil)
	for _, tt := range []struct{ option, value, want string }{
		{"announcement", hello, hello},
		{"announcement", strings.TrimSuffix(hello, ".wav"), hello},
		{"announcement", "hello.wav", hello},
		{"sound_join", "./hello", hello},
		{"sound_join", " hello ", hello},
		{"sound_join", "beep", "beep"},
		{"sound_join", "conf-muted", "conf-muted"}, // the prompt, not the file beside it
		{"sound_join", "./conf-muted", filepath.Join(dir, "conf-muted.wav")},
		{"announcement", "none", "none"},
		{"language", "en", "en"},
		{"menu", "m", "m"}, {"menu", "default", "default"}, {"moderator_menu", "none", "none"},
		{"quiet", "perhaps", "perhaps"}, {"unknown", "x", "x"}, {"menu", "a b", "a b"}, // for ParseOptions to refuse
	} {
		if got, err := library.Settle(tt.option, tt.value); err != nil || got != tt.want {
			t.Errorf("%s=%s: got %q, %v; want %q", tt.option, tt.value, got, err, tt.want)
		}
	}
	for _, tt := range []struct {
		option, value string
		want          []string
	}{
		{"sound_join", "bepp", []string{"option sound_join", "neither a prompt (the nearest is beep) nor a WAV file", filepath.Join(dir, "bepp.wav")}},
		{"sound_join", "/no/such.wav", []string{"there is no file /no/such.wav"}},
		{"announcement", broken, []string{"option announcement", broken, "not a WAV file", "RIFF"}},
		{"announcement", dir, []string{dir, "directory"}},
		{"language", "tlh", []string{"option language", `no voice "tlh"`, "en"}},
		{"menu", "n", []string{"option menu", `no menu "n"`, "default, moderator, none, m"}},
	} {
		_, err := library.Settle(tt.option, tt.value)
		if err == nil {
			t.Errorf("%s=%s is taken", tt.option, tt.value)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s=%s: %q does not say %q", tt.option, tt.value, err, want)
			}
		}
	}
}

func TestNamesOfMenusAreChecked(t *testing.T) {
	for _, name := range []string{"default", "moderator", "none", "", "a b", "-a", "a\x1b[2J", strings.Repeat("x", 65)} {
		if rooms.CheckMenuName(name) == nil {
			t.Errorf("menu %q is taken", name)
		}
	}
	for _, name := range []string{"a", "sample_admin_menu", "Team-2.1", strings.Repeat("x", 64)} {
		if err := rooms.CheckMenuName(name); err != nil {
			t.Error(err)
		}
	}
}
