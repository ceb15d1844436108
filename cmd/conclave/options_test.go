package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"conclave/media"
)

// writeWAV writes a sound of 0.1 s and returns its path.
func writeWAV(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
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

func TestOptionsAreListedWithDefaultsAndTheRoomsValues(t *testing.T) {
	room, _ := roomCLI(t)
	hello := writeWAV(t, "hello.wav")
	room("add", "1000", "--name", "n", "-o", "max_members=7", "-o", "announcement="+hello).done(t)

	plain := strings.Split(room("options").done(t), "\n")
	if plain[0] != "OPTION                      DEFAULT" {
		t.Errorf("the list begins with %q", plain[0])
	}
	for _, want := range []string{
		"max_members                 0",
		"    0 to 100000 members: turns callers away beyond this number; 0 is no limit",
		"sound_begin                 confbridge-conf-begin",
		"    WAV file or name of a prompt: is played in place of the prompt confbridge-conf-begin",
	} {
		if !slices.Contains(plain, want) {
			t.Errorf("room options lacks %q", want)
		}
	}
	ofRoom := strings.Split(room("options", "1000").done(t), "\n")
	for _, want := range []string{
		"OPTION                      DEFAULT                ROOM 1000",
		"max_members                 0                      7",
		"announcement                none                   …/hello.wav",
		"quiet                       no",
	} {
		if !slices.Contains(ofRoom, want) {
			t.Errorf("room options 1000 lacks %q", want)
		}
	}
	for _, line := range ofRoom {
		if len(line) > 120 {
			t.Errorf("line of %d characters: %q", len(line), line)
		}
	}

	var list []optionView
	if err := json.Unmarshal([]byte(room("options", "1000", "--json").done(t)), &list); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(v optionView) bool { return v.Name == "announcement" })
	if i < 0 || list[i].Value != hello || list[i].Standard != "none" || list[i].Takes == "" || list[i].Meaning == "" {
		t.Errorf("announcement in JSON is %+v", list[max(i, 0)])
	}
	room("options", "1001").refused(t, "1001", "no such room")
}

func TestOptionsAreSetAgainAndReset(t *testing.T) {
	room, data := roomCLI(t)
	options := func() string {
		t.Helper()
		var view roomView
		if err := json.Unmarshal([]byte(room("show", "1000", "--json").done(t)), &view); err != nil {
			t.Fatal(err)
		}
		return strings.Join(view.assignments(), " ")
	}
	hello := writeWAV(t, "hello.wav")
	t.Chdir(filepath.Dir(hello)) // the command runs where the file is
	room("add", "1000", "--name", "n", "-o", "announcement=hello", "-o", "wait_marked=yes").done(t)
	if got, want := options(), "announcement="+hello+" wait_marked=yes"; got != want {
		t.Errorf("options are %q, want %q", got, want)
	}
	room("set", "1000", "-o", "announcement=conf-locked", "-o", "wait_marked= no ").done(t)
	if got := options(); got != "announcement=conf-locked wait_marked=no" {
		t.Errorf("set again they are %q", got)
	}
	room("set", "1000", "-o", "announcement=", "-o", "wait_marked=").done(t)
	if got := options(); got != "" {
		t.Errorf("reset they are %q", got)
	}
	conclave(t, nil, "--data", data, "menu", "set", "m", "1", "toggle_mute").done(t)
	room("set", "1000", "-o", "menu=m", "-o", "moderator_menu=m").done(t)
	if got := options(); got != "menu=m moderator_menu=m" {
		t.Errorf("with menus they are %q", got)
	}
}
