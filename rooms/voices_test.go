package rooms

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

// directory writes files into a new directory with this name.
func directory(t *testing.T, name string, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	for file, text := range files {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// wavOf is a file of a tone, 0.1 s long.
func wavOf(t *testing.T, hz float64) string {
	t.Helper()
	var b bytes.Buffer
	if err := media.WriteWAV(&b, 8000, tone.Make(8000, hz, -20, 800)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// samplesOf is a tone as samples and nothing else, 0.1 s long.
func samplesOf(rate int, hz float64) string {
	var b []byte
	for _, sample := range tone.Make(rate, hz, -20, rate/10) {
		b = binary.LittleEndian.AppendUint16(b, uint16(sample))
	}
	return string(b)
}

// expectTone holds that a prompt is a tone.
func expectTone(t *testing.T, v *Voice, name string, hz float64) {
	t.Helper()
	sound, ok := v.Sound(name)
	if !ok {
		t.Errorf("the voice has no %s", name)
		return
	}
	if d := sound.Duration().Milliseconds(); d != 100 {
		t.Errorf("%s is %d ms long, want 100", name, d)
	}
	if level := tone.LevelAt(sound.PCM(8000), 8000, hz); level < -21 || level > -19 {
		t.Errorf("%s: %.1f dBFS at %g Hz, want -20", name, level, hz)
	}
}

func TestVoiceIsAddedToTheBuiltinOnes(t *testing.T) {
	from := directory(t, "sounds", map[string]string{
		"conf-getpin.wav": wavOf(t, 500), "digits/1.sln16": samplesOf(16000, 700), "conf-kicked.sln": samplesOf(8000, 900),
		"beep.gsm": "x", "beep.wav": wavOf(t, 1100), // read, so the other one is not missed
		"confbridge-join.wav": wavOf(t, 3000), "confbridge-join.sln16": samplesOf(16000, 1300), "CONF.WAV": wavOf(t, 500),
		"conf-muted.ulaw": "x", "conf-full.wav": "ID3", "conf-locked.sln": "", "custom/name.wav": wavOf(t, 1500),
		"readme.txt": "x", ".hidden.wav": wavOf(t, 500), "a/b/conf-invalidpin.wav": wavOf(t, 500),
	})
	dir := filepath.Join(t.TempDir(), "voices")
	added, err := AddVoice(dir, "de_AT", from, "")
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, u := range added.Unreadable {
		left = append(left, u.String())
	}
	want := []string{
		"conf-muted.ulaw: .ulaw (mu-law) is not read, only .wav and .sln",
		`conf-full.wav: not a WAV file: it begins with "ID3", want "RIFF" and "WAVE"`,
		"conf-locked.sln: file without samples",
	}
	if added.Language != "de" || added.Sounds != 7 || !slices.Equal(left, want) {
		t.Errorf("language %q, %d sounds, left out %q; want de, 7, %q", added.Language, added.Sounds, left, want)
	}

	voices, err := LoadVoices(dir)
	if err != nil {
		t.Fatal(err)
	}
	if names := voices.Names(); !slices.Equal(names, []string{"de", "de_AT", "en", "ru"}) {
		t.Errorf("voices %q", names)
	}
	v, ok := voices.Voice("de_AT")
	if !ok {
		t.Fatal("the voice is not there")
	}
	for name, hz := range map[string]float64{promptGetPIN: 500, "digits/1": 700, promptKicked: 900, toneBeep: 1100, toneJoin: 1300, "custom/name": 1500} {
		expectTone(t, v, name, hz)
	}
	german, _ := voices.Voice("de")
	for _, name := range []string{promptMuted, promptFull, promptLocked, promptInvalidPIN, "digits/2"} {
		got, _ := v.Sound(name)
		if want, _ := german.Sound(name); got == nil || got != want {
			t.Errorf("%s is not spoken by the built-in German voice", name)
		}
	}
	if name, _ := voices.Prefer("de-AT"); name != "de_AT" {
		t.Errorf("de-AT is offered %q", name)
	}
	if name, _ := voices.Prefer("de"); name != "de" {
		t.Errorf("de is offered %q", name)
	}
	report := v.Check()
	if len(report.Own) != 7 || report.Fallback != "de" || !slices.Contains(report.Missing, promptMuted) || !slices.Contains(report.Missing, "digits/1-and") ||
		slices.Contains(report.Missing, promptHaveJoined) || slices.Contains(report.Missing, "digits/1") {
		t.Errorf("%+v", report)
	}
}

func TestVoiceWithTheNameOfABuiltinOneReplacesIt(t *testing.T) {
	dir := t.TempDir()
	if _, err := AddVoice(dir, "ru", directory(t, "x", map[string]string{"conf-getpin.wav": wavOf(t, 500)}), ""); err != nil {
		t.Fatal(err)
	}
	voices, err := LoadVoices(dir)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := voices.Voice("ru")
	expectTone(t, v, promptGetPIN, 500)
	original := builtin(t, "ru")
	if got := inWords(t, "ru", catalogue(t, "ru"), spokenNames(v, v.ThereAre(22))); got != "В конференции ещё двадцать два участника" || v.Builtin() {
		t.Errorf("%q is said by the voice, which is built in: %v", got, v.Builtin())
	}
	if !original.Builtin() {
		t.Error("the built-in voice is none")
	}
	if err := RemoveVoice(dir, "ru"); err != nil {
		t.Fatal(err)
	}
	if err := RemoveVoice(dir, "ru"); err == nil || !strings.Contains(err.Error(), "built in and cannot be removed") {
		t.Errorf("error %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestLanguageOfAVoiceIsGivenOrThatOfANameOrUnknown(t *testing.T) {
	sounds := map[string]string{"digits/1.wav": wavOf(t, 500)}
	for _, c := range []struct{ name, dir, given, want, fallback string }{
		{"ru_RU_f_IvrvoiceRU", "x", "", "ru", "ru"},
		{"de", "en_US", "", "de", "de"},
		{"anna", "de_DE", "", "de", "de"},
		{"de", "de", "ru", "ru", "ru"},
		{"es", "x", "", "es", "en"},
		{"anna", "sounds", "", "", "en"},
	} {
		dir := t.TempDir()
		added, err := AddVoice(dir, c.name, directory(t, c.dir, sounds), c.given)
		if err != nil {
			t.Fatal(err)
		}
		voices, err := LoadVoices(dir)
		if err != nil {
			t.Fatal(err)
		}
		v, _ := voices.Voice(c.name)
		if report := v.Check(); added.Language != c.want || v.Language() != c.want || report.Fallback != c.fallback {
			t.Errorf("%+v: added as %q, speaks %q, falls back to %q", c, added.Language, v.Language(), report.Fallback)
		}
	}
}

func TestWhatIsNoVoiceIsRefused(t *testing.T) {
	good := directory(t, "good", map[string]string{"digits/1.wav": wavOf(t, 500), "beep.wav": wavOf(t, 500)})
	dir := t.TempDir()
	if _, err := AddVoice(dir, "taken", good, "en"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, from, want string
	}{
		{"taken", good, "voice taken exists already"},
		{"../x", good, `voice name "../x"`},
		{"", good, `voice name ""`},
		{"1st", good, "beginning with a letter"},
		{".x", good, "voice name"},
		{"x", filepath.Join(good, "none"), "no such file"},
		{"x", filepath.Join(good, "digits/1.wav"), "digits/1.wav is no directory"},
		{"x", directory(t, "other", map[string]string{"song.wav": wavOf(t, 500)}), "none of the sounds auth-thankyou, beep, "},
		{"x", directory(t, "gsm", map[string]string{"conf-getpin.gsm": "x", "song.wav": wavOf(t, 500)}), "the first of 1: conf-getpin.gsm: .gsm (GSM 06.10) is not read"},
		{"x", directory(t, "broken", map[string]string{"beep.wav": "x", "song.wav": wavOf(t, 500)}), "the first of 1: beep.wav: not a WAV file"},
		{"x", filepath.Dir(good), "its directory " + good + " does"},
	} {
		if _, err := AddVoice(dir, c.name, c.from, ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s from %s: error %v, want one with %q", c.name, c.from, err, c.want)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v %v", entries, err)
	}
	for name, want := range map[string]string{"nobody": "no such voice", "../x": "voice name", "en": "built in"} {
		if err := RemoveVoice(dir, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("remove %s: error %v, want one with %q", name, err, want)
		}
	}
}

func TestDirectoryOfVoicesMayBeMissingOrHoldOtherThings(t *testing.T) {
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "none"), directory(t, "voices", map[string]string{"file": "x", ".adding-1/beep.wav": "x"})} {
		voices, err := LoadVoices(dir)
		if err != nil {
			t.Fatal(err)
		}
		if names := voices.Names(); !slices.Equal(names, []string{"de", "en", "ru"}) {
			t.Errorf("%q: voices %q", dir, names)
		}
	}
	file := filepath.Join(directory(t, "x", map[string]string{"file": "x"}), "file")
	if _, err := LoadVoices(file); err == nil || !strings.Contains(err.Error(), "list voices") {
		t.Errorf("error %v", err)
	}
}

// asteriskVoice is a voice of Debian's packages asterisk-core-sounds-*-wav. Where it is missing the test is passed over on
// a developer's machine and fails in CI.
func asteriskVoice(t *testing.T, language string) *Voice {
	t.Helper()
	found, err := filepath.Glob("/usr/share/asterisk/sounds/" + language + "_*")
	if err != nil || len(found) == 0 {
		text := "the voice is missing: install Debian's asterisk-core-sounds-" + language + "-wav"
		if os.Getenv("CI") != "" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	dir, name := t.TempDir(), filepath.Base(found[0])
	if err := os.Symlink(found[0], filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
	voices, err := LoadVoices(dir)
	if err != nil {
		t.Fatal(err)
	}
	v, ok := voices.Voice(name)
	if !ok {
		t.Fatalf("there is no voice %s, only %v", name, voices.Names())
	}
	return v
}

func TestDebiansVoicesForAsteriskSpeak(t *testing.T) {
	for language, sentences := range map[string]map[int]string{
		"en": {
			1:    "conf-onlyone",
			2:    "conf-thereare digits/2 conf-otherinparty",
			421:  "conf-thereare digits/4 digits/hundred digits/20 digits/1 conf-otherinparty",
			9999: "conf-thereare digits/9 digits/thousand digits/9 digits/hundred digits/90 digits/9 conf-otherinparty",
		},
		"ru": {
			1:  "conf-onlyone",
			2:  "conf-thereare digits/2 conf-otherinparty",
			99: "conf-thereare digits/90 digits/9 conf-otherinparty",
		},
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			v := asteriskVoice(t, language)
			if v.Language() != language || v.Sounds() < 500 {
				t.Errorf("language %q, %d sounds", v.Language(), v.Sounds())
			}
			for n, want := range sentences {
				if got := spoken(v, v.ThereAre(n)); got != want {
					t.Errorf("%d others: %q, want %q", n, got, want)
				}
			}
			for _, name := range PromptNames() {
				if _, ok := v.own(name); !ok && !slices.Contains(asteriskLacks, name) {
					t.Errorf("%s is missing", name)
				}
			}
			// Nothing of the sentence is the built-in voice's.
			for _, sound := range slices.Concat(v.ThereAre(57), v.HaveJoined(v.Digits("4930"), v.Digits("1"))) {
				if got := spoken(v.fallback, []*media.Sound{sound}); got != "?" && got != "," {
					t.Errorf("%s is spoken by another voice", got)
				}
			}
			if got := spoken(v, v.HaveJoined(v.Digits("4"), v.Digits("1"))); got != "digits/4 conf-hasjoin , digits/1 conf-hasjoin" {
				t.Errorf("of two that have joined it says %q", got)
			}
			if language == "ru" { // it has no hundreds
				if got := inWords(t, "ru", catalogue(t, "ru"), spokenNames(v.fallback, v.ThereAre(421))); got != "В конференции ещё четыреста двадцать один участник" {
					t.Errorf("%q is said of 421", got)
				}
			}
			if d := v.Prompt(promptUserMenu)[0].Duration().Seconds(); d < 5 {
				t.Errorf("the menu is told in %.1f s", d)
			}
		})
	}
}

// asteriskLacks are the prompts that Asterisk has no sound of.
var asteriskLacks = []string{promptParticipant, promptNotRecording, promptClosing, promptInvited, promptJoinKey}
