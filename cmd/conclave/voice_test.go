package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"conclave/media"
	"conclave/media/tone"
	"conclave/store"
)

// voiceCLI runs `conclave voice` on a data directory of its own.
func voiceCLI(t *testing.T) (voice func(args ...string) result, data dataDir) {
	t.Helper()
	data = dataDir(filepath.Join(t.TempDir(), "data"))
	return func(args ...string) result {
		t.Helper()
		return conclave(t, []string{"CONCLAVE_DATA=" + string(data)}, append([]string{"voice"}, args...)...)
	}, data
}

// soundFiles writes sound files, and broken ones, into a new directory of the name.
func soundFiles(t *testing.T, name string, good, broken []string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	for _, file := range slices.Concat(good, broken) {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		out, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		if slices.Contains(broken, file) {
			continue
		}
		if err := media.WriteWAV(out, 8000, tone.Make(8000, 440, -20, 800)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestVoiceIsAddedListedCheckedAndRemoved(t *testing.T) {
	voice, data := voiceCLI(t)
	from := soundFiles(t, "de_DE", []string{"conf-getpin.wav", "digits/1.wav"}, []string{"conf-full.wav", "conf-muted.gsm"})
	want := "voice anna added, 2 sounds, language de\n" +
		"left out conf-muted.gsm: .gsm (GSM 06.10) is not read, only .wav and .sln\n" +
		"left out conf-full.wav: not a WAV file: it begins with \"\", want \"RIFF\" and \"WAVE\"\n"
	if got := voice("add", "anna", from).done(t); got != want {
		t.Errorf("voice add:\n%swant:\n%s", got, want)
	}
	voice("add", "anna", from).refused(t, "anna", "exists already")
	out := voice("add", "bob", soundFiles(t, "sounds", []string{"beep.wav"}, nil)).done(t)
	if !strings.Contains(out, "voice bob added, 1 sound, language not known\n") || !strings.Contains(out, "--language") {
		t.Errorf("voice add without a language:\n%s", out)
	}
	voice("rm", "bob").done(t)
	voice("add", "bob", soundFiles(t, "sounds", []string{"beep.wav"}, nil), "--language", "ru").done(t)

	lines := strings.Split(voice("list").done(t), "\n")
	wanted := []string{"NAME", "anna", "bob", "de", "en", "ru", ""}
	for i, line := range lines {
		if len(lines) != len(wanted) || !strings.HasPrefix(line, wanted[i]) {
			t.Fatalf("voice list:\n%s", strings.Join(lines, "\n"))
		}
	}
	if got := strings.Fields(lines[1]); !slices.Equal(got, []string{"anna", "de", "2", "added"}) {
		t.Errorf("voice list: %q", got)
	}
	var views []voiceView
	if err := json.Unmarshal([]byte(voice("list", "--json").done(t)), &views); err != nil {
		t.Fatal(err)
	}
	if len(views) != 5 || views[1] != (voiceView{Name: "bob", Language: "ru", Sounds: 1}) || !views[2].Builtin {
		t.Errorf("voice list --json: %+v", views)
	}

	text := voice("check", "anna").done(t)
	if !strings.HasPrefix(text, "voice anna, language de, speaks 2 sounds itself\nwhat it lacks is spoken by the built-in voice de:\n  auth-thankyou\n") {
		t.Errorf("voice check:\n%s", text)
	}
	var report voiceReport
	if err := json.Unmarshal([]byte(voice("check", "anna", "--json").done(t)), &report); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(report.Own, []string{"conf-getpin", "digits/1"}) || report.Fallback != "de" || len(report.Unreadable) != 0 ||
		!slices.Contains(report.Missing, "conf-full") || slices.Contains(report.Missing, "conf-getpin") {
		t.Errorf("voice check --json: %+v", report)
	}
	// What goes bad afterwards is found.
	if err := os.WriteFile(filepath.Join(data.voices(), "anna", "conf-getpin.wav"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text := voice("check", "anna").done(t); !strings.Contains(text, "\n  conf-getpin\n") || !strings.Contains(text, "cannot read conf-getpin: not a WAV file") {
		t.Errorf("voice check of a broken file:\n%s", text)
	}

	for path, mode := range map[string]os.FileMode{"": 0o750, "anna": 0o750, "anna/digits": 0o750, "anna/digits/1.wav": 0o640} {
		if info, err := os.Stat(filepath.Join(data.voices(), path)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v; want mode %v", path, info, err, mode)
		}
	}
	if out := voice("rm", "anna").done(t); out != "voice anna removed\n" {
		t.Errorf("voice rm printed %q", out)
	}
}

func TestDebiansVoiceForAsteriskIsAdded(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob("/usr/share/asterisk/sounds/ru_*")
	if err != nil || len(found) == 0 {
		const text = "the voice is missing: install Debian's asterisk-core-sounds-ru-wav"
		if os.Getenv("CI") != "" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	voice, _ := voiceCLI(t)
	voice("add", "x", filepath.Dir(found[0])).refused(t, "its directory /usr/share/asterisk/sounds/", "does")
	if out := voice("add", "asterisk", found[0]).done(t); !strings.Contains(out, " sounds, language ru\n") {
		t.Errorf("voice add:\n%s", out)
	}
	var report voiceReport
	if err := json.Unmarshal([]byte(voice("check", "asterisk", "--json").done(t)), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Own) < 500 || len(report.Unreadable) > 0 || report.Fallback != "ru" || slices.Contains(report.Missing, "conf-thereare") {
		t.Errorf("%d sounds, lacks %q, cannot read %v, falls back to %q", len(report.Own), report.Missing, report.Unreadable, report.Fallback)
	}
}

func TestVoicesThatAreNotThereOrNoneAreRefused(t *testing.T) {
	voice, _ := voiceCLI(t)
	voice("check", "anna").refused(t, "no such voice: anna", "de, en, ru")
	voice("rm", "anna").refused(t, "no such voice: anna")
	voice("rm", "en").refused(t, "en", "built in")
	voice("add", "../x", t.TempDir()).refused(t, `voice name "../x"`, "de_AT")
	voice("add", "x", t.TempDir(), "--language", "es").refused(t, `language "es"`, "de, en, ru")
	voice("add", "x", t.TempDir()+"/none").refused(t, "add voice x", "no such file")
	voice("add", "x", soundFiles(t, "other", []string{"song.wav"}, nil)).refused(t, "holds no voice", "conf-getpin")
	if out := voice("check", "de").done(t); !strings.HasPrefix(out, "voice de, language de, speaks ") || strings.Count(out, "\n") != 1 {
		t.Errorf("voice check de:\n%s", out)
	}
}

func TestVoiceOfARoomIsNotRemoved(t *testing.T) {
	voice, data := voiceCLI(t)
	sounds := soundFiles(t, "sounds", []string{"beep.wav"}, nil)
	for _, name := range []string{"anna", "ru"} {
		voice("add", name, sounds).done(t)
	}
	ctx := context.Background()
	db, err := store.Open(ctx, data.database())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for extension, language := range map[string]string{"1000": "anna", "1001": "ru"} {
		if err := db.AddRoom(ctx, store.Room{Extension: extension, Name: "Room", Options: map[string]string{"language": language}}); err != nil {
			t.Fatal(err)
		}
	}
	voice("rm", "anna").refused(t, "anna", "room 1000", "room set 1000 -o language=")
	voice("rm", "ru").done(t) // the built-in one remains
	if err := db.RemoveRoom(ctx, "1000"); err != nil {
		t.Fatal(err)
	}
	voice("rm", "anna").done(t)
}
