package rooms

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"maps"
	"math"
	"path"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"conclave/media"
	"conclave/media/tone"
)

// voiceRate is that of the built-in files.
const voiceRate = 16000

// builtinVoices loads the built-in voices once for all tests: what is decoded for one serves the others.
var builtinVoices = sync.OnceValues(BuiltinVoices)

// builtin returns a built-in voice.
func builtin(t *testing.T, name string) *Voice {
	t.Helper()
	voices, err := builtinVoices()
	if err != nil {
		t.Fatal(err)
	}
	v, ok := voices.Voice(name)
	if !ok {
		t.Fatalf("there is no voice %s, only %v", name, voices.Names())
	}
	return v
}

func TestBuiltinVoicesHaveAllPrompts(t *testing.T) {
	for _, language := range builtinLanguages {
		voice := builtin(t, language)
		names := append(PromptNames(), promptHaveJoined, promptHaveLeft, promptAnd, "digits/plus")
		for n := range 21 {
			names = append(names, numeral(n))
		}
		for n := 30; n <= 90; n += 10 {
			names = append(names, numeral(n))
		}
		for _, name := range names {
			if s, ok := voice.Sound(name); !ok || s == nil {
				t.Errorf("voice %s has no %s", language, name)
			}
		}
		if _, ok := voice.Sound("conf-nonsense"); ok {
			t.Errorf("voice %s has a prompt that nobody spoke", language)
		}
		if report := voice.Check(); len(report.Missing) > 0 || len(report.Unreadable) > 0 || report.Fallback != "" {
			t.Errorf("voice %s lacks %v, cannot read %v and falls back to %q", language, report.Missing, report.Unreadable, report.Fallback)
		}
	}
}

func TestBuiltinPromptsAreFitToBePlayed(t *testing.T) {
	for _, language := range builtinLanguages {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			voice := builtin(t, language)
			for _, name := range voice.names() {
				file, err := fs.ReadFile(voiceFiles, path.Join("voice", language, name+".wav"))
				if err != nil {
					t.Fatal(err)
				}
				sound, _ := voice.Sound(name)
				t.Run(name, func(t *testing.T) { expectFit(t, name, file, sound) })
			}
		})
	}
}

// expectFit holds that a prompt has the form and the level that cmd/prompts gives it.
func expectFit(t *testing.T, name string, file []byte, sound *media.Sound) {
	if channels := binary.LittleEndian.Uint16(file[22:]); channels != 1 {
		t.Errorf("file of %d channels, want 1", channels)
	}
	if rate := binary.LittleEndian.Uint32(file[24:]); rate != voiceRate {
		t.Errorf("file of %d samples per second, want %d", rate, voiceRate)
	}
	longest := 6.5
	if name == promptUserMenu || name == promptAdminMenu {
		longest = 26
	}
	if d := sound.Duration().Seconds(); d < .15 || d > longest {
		t.Errorf("%.2f s long, want 0.15 to %g s", d, longest)
	}
	for _, rate := range []int{8000, voiceRate} {
		expectClean(t, rate, sound.PCM(rate))
	}
	// A sine at 0 dBFS is at -3 dBov, by which cmd/prompts measures: -20 dBov for speech, -22 for tones.
	want := -17.0
	if name == toneJoin || name == toneLeave || name == toneBeep {
		want = -19
	}
	if level := activeLevel(voiceRate, sound.PCM(voiceRate)); math.Abs(level-want) > 1.5 {
		t.Errorf("%.1f dBFS, want %.0f within 1.5 dB", level, want)
	}
}

// expectClean holds that a prompt neither clips nor has an offset, clicks at its ends or lets one wait.
func expectClean(t *testing.T, rate int, pcm []int16) {
	t.Helper()
	var sum, peak float64
	for _, s := range pcm {
		sum += float64(s)
		peak = max(peak, math.Abs(float64(s)))
	}
	if peak > tone.Amplitude(-1) {
		t.Errorf("at %d Hz: peak of %.0f, want at most %.0f", rate, peak, tone.Amplitude(-1))
	}
	if dc := math.Abs(sum) / float64(len(pcm)); dc > math.MaxInt16/100 {
		t.Errorf("at %d Hz: offset of %.0f, want less than one per cent", rate, dc)
	}
	if first, last := pcm[0], pcm[len(pcm)-1]; max(first, -first, last, -last) > 32 {
		t.Errorf("at %d Hz: begins with %d and ends with %d, want about 0", rate, first, last)
	}
	// 32 dB below the voice is still heard; the softest beginning is that of "thousand" on a narrow band.
	tenth, audible := rate/10, activeLevel(rate, pcm)-32
	if got := tone.Level(pcm[:tenth]); got < audible {
		t.Errorf("at %d Hz: begins with 100 ms at %.1f dBFS, want %.1f", rate, got, audible)
	}
	if got := tone.Level(pcm[len(pcm)-tenth:]); got < audible {
		t.Errorf("at %d Hz: ends with 100 ms at %.1f dBFS, want %.1f", rate, got, audible)
	}
}

// activeLevel is the level in dBFS of the parts of 20 ms that are no pause, of which one tells by the loudest.
func activeLevel(rate int, pcm []int16) float64 {
	frame := rate / 50
	loudest := tone.Silence
	for at := 0; at+frame <= len(pcm); at += frame {
		loudest = max(loudest, tone.Level(pcm[at:at+frame]))
	}
	var active []int16
	for at := 0; at+frame <= len(pcm); at += frame {
		if part := pcm[at : at+frame]; tone.Level(part) > loudest-22 {
			active = append(active, part...)
		}
	}
	return tone.Level(active)
}

func TestVoiceIsHeldAgainstItsCatalogue(t *testing.T) {
	var beep bytes.Buffer
	if err := media.WriteWAV(&beep, voiceRate, []int16{1, 2, 3, 4}); err != nil {
		t.Fatal(err)
	}
	whole := fstest.MapFS{
		"xx.tsv":      {Data: []byte("# remark\twith a tab\n\nbeep\t[beep]\nhello\tHello.\ndigits/1\tone\t[[w'0n]]\n")},
		"xx/beep.wav": {Data: beep.Bytes()}, "xx/hello.wav": {Data: beep.Bytes()}, "xx/digits/1.wav": {Data: beep.Bytes()},
	}
	v, err := readVoice(whole, "xx")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"beep", "hello", "digits/1"} {
		if _, ok := v.Sound(name); !ok {
			t.Errorf("the voice has no %s", name)
		}
	}
	for _, c := range []struct {
		name   string
		change func(fstest.MapFS)
		want   string
	}{
		{"a prompt without a file", func(f fstest.MapFS) { delete(f, "xx/hello.wav") }, "load prompt hello: open xx/hello.wav"},
		{"a file without a text", func(f fstest.MapFS) { f["xx/digits/2.wav"] = f["xx/beep.wav"] },
			"xx/digits/2.wav is not in the catalogue xx.tsv"},
		{"no catalogue", func(f fstest.MapFS) { delete(f, "xx.tsv") }, "read catalogue of prompts: open xx.tsv"},
	} {
		files := maps.Clone(whole)
		c.change(files)
		if _, err := readVoice(files, "xx"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func TestReplacedPromptIsSpokenInItsPlace(t *testing.T) {
	sound := media.NewSound(8000, []int16{1, 2, 3})
	for _, language := range builtinLanguages {
		voice := builtin(t, language)
		with := voice.With(map[string]*media.Sound{toneJoin: sound, "custom": sound, toneLeave: nil})
		for _, name := range []string{toneJoin, "custom"} {
			if got := with.Prompt(name); len(got) != 1 || got[0] != sound {
				t.Errorf("%s: %s is %v, want the replacement", language, name, got)
			}
		}
		if kept, _ := voice.Sound(toneLeave); with.Prompt(toneLeave)[0] != kept {
			t.Errorf("%s: a replacement that is missing took the prompt away", language)
		}
		if got, _ := voice.Sound(toneJoin); got == sound {
			t.Errorf("%s: the voice itself has changed", language)
		}
	}
}

func TestPromptsThatNobodyHasAreLeftOut(t *testing.T) {
	voice := builtin(t, "en")
	if got := spoken(voice, voice.Prompt(promptKicked, "nonsense", toneLeave)); got != "conf-kicked confbridge-leave" {
		t.Errorf("%q is said", got)
	}
}
