package rooms

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"maps"
	"math"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"conclave/media"
	"conclave/media/tone"
)

// voiceRate is that of the built-in files.
const voiceRate = 16000

func TestBuiltinVoiceHasThePromptsOfTheCatalogue(t *testing.T) {
	voice, err := builtinVoice()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"conf-getpin", "conf-invalidpin", "conf-onlyperson", "conf-full", "conf-locked", "conf-kicked", "conf-muted",
		"conf-unmuted", "confbridge-join", "confbridge-leave", "beep",
	} {
		if s, ok := voice.Sound(name); !ok || s == nil {
			t.Errorf("the voice has no %s", name)
		}
	}
	if _, ok := voice.Sound("conf-nonsense"); ok {
		t.Error("the voice has a prompt that nobody spoke")
	}
}

func TestBuiltinPromptsAreFitToBePlayed(t *testing.T) {
	voice, err := builtinVoice()
	if err != nil {
		t.Fatal(err)
	}
	levels := make(map[string]float64)
	for name, sound := range voice.sounds {
		t.Run(name, func(t *testing.T) {
			file, err := fs.ReadFile(voiceFiles, path.Join("voice/en", name+".wav"))
			if err != nil {
				t.Fatal(err)
			}
			if channels := binary.LittleEndian.Uint16(file[22:]); channels != 1 {
				t.Errorf("file of %d channels, want 1", channels)
			}
			if rate := binary.LittleEndian.Uint32(file[24:]); rate != voiceRate {
				t.Errorf("file of %d samples per second, want %d", rate, voiceRate)
			}
			if d := sound.Duration().Seconds(); d < .15 || d > 5 {
				t.Errorf("%.2f s long, want 0.15 to 5 s", d)
			}
			for _, rate := range []int{8000, voiceRate} {
				expectClean(t, rate, sound.PCM(rate))
			}
			levels[name] = activeLevel(voiceRate, sound.PCM(voiceRate))
		})
	}
	for name, level := range levels {
		for other, reference := range levels {
			if level > reference+3 {
				t.Errorf("%s at %.1f dBFS is more than 3 dB louder than %s at %.1f", name, level, other, reference)
			}
		}
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
	// 30 dB below the voice is still heard.
	tenth, audible := rate/10, activeLevel(rate, pcm)-30
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
		"xx.tsv":      {Data: []byte("# remark\twith a tab\n\nbeep\t[beep]\nhello\tHello.\n")},
		"xx/beep.wav": {Data: beep.Bytes()}, "xx/hello.wav": {Data: beep.Bytes()},
	}
	if _, err := readVoice(whole, "xx"); err != nil {
		t.Errorf("whole voice: %v", err)
	}
	for _, c := range []struct {
		name   string
		change func(fstest.MapFS)
		want   string
	}{
		{"a prompt without a file", func(f fstest.MapFS) { delete(f, "xx/hello.wav") }, "load prompt hello: open xx/hello.wav"},
		{"a file without a text", func(f fstest.MapFS) { f["xx/bye.wav"] = f["xx/beep.wav"] },
			"xx/bye.wav is not in the catalogue xx.tsv"},
		{"a broken file", func(f fstest.MapFS) { f["xx/beep.wav"] = &fstest.MapFile{Data: []byte("ID3")} },
			"load prompt beep: not a WAV file"},
		{"no catalogue", func(f fstest.MapFS) { delete(f, "xx.tsv") }, "read catalogue of prompts: open xx.tsv"},
	} {
		files := maps.Clone(whole)
		c.change(files)
		if _, err := readVoice(files, "xx"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}
