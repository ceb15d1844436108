package media_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

// spoken is a prompt at 8 kHz, of which the silence around it is cut off.
func spoken(t *testing.T, name string) []int16 {
	t.Helper()
	f, err := os.Open(filepath.Join("../rooms/voice/en", name+".wav"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sound, err := media.LoadWAV(f)
	if err != nil {
		t.Fatal(err)
	}
	pcm := sound.PCM(8000)
	loud := func(s int16) bool { return s > 300 || s < -300 }
	begin, end := slices.IndexFunc(pcm, loud), len(pcm)
	for !loud(pcm[end-1]) {
		end--
	}
	return pcm[begin:end]
}

// placed is a sound with so many ms before and after it, in noise of a level in dBFS, 0 for none.
func placed(pcm []int16, before, after int, noise float64) []int16 {
	out := slices.Concat(make([]int16, before*8), pcm, make([]int16, after*8))
	if noise != 0 {
		tone.NewNoise(3, noise).Fill(out)
		for i, s := range pcm {
			out[before*8+i] = int16(max(-32768, min(int(out[before*8+i])+int(s), 32767)))
		}
	}
	return out
}

// louder is a sound at another level.
func louder(pcm []int16, dB float64) []int16 {
	out := make([]int16, len(pcm))
	for i, s := range pcm {
		out[i] = int16(max(-32768, min(float64(s)*math.Pow(10, dB/20), 32767)))
	}
	return out
}

func TestTrimKeepsSpeech(t *testing.T) {
	click := func(ms int) []int16 { // a mechanical click of a key
		pcm := make([]int16, ms*8)
		tone.NewNoise(8, -15).Fill(pcm)
		return pcm
	}
	key := func(ms int) []int16 {
		pcm := tone.Make(8000, 941, -12, ms*8)
		for i, s := range tone.Make(8000, 1477, -12, ms*8) {
			pcm[i] += s
		}
		return pcm
	}
	for _, name := range []string{"conf-muted", "conf-getpin", "conf-onlyperson"} {
		speech := spoken(t, name)
		tests := []struct {
			name          string
			pcm           []int16
			before, after int // ms of something else around the speech
			most          int // ms that may be kept after it; 0: 200
		}{
			{"in silence", placed(speech, 900, 1500, 0), 900, 1500, 0},
			{"at once", placed(speech, 0, 0, 0), 0, 0, 0},
			{"faint, in silence", placed(louder(speech, -20), 500, 500, 0), 500, 500, 0},
			{"in faint noise", placed(speech, 900, 1500, -60), 900, 1500, 0},
			{"in loud noise", placed(speech, 900, 1500, -45), 900, 1500, 0},
			{"a click after it", append(placed(speech, 900, 500, -60), click(30)...), 900, 530, 0},
			{"a click soon after it", append(placed(speech, 900, 130, -60), placed(click(20), 0, 400, -60)...), 900, 550, 130},
			{"a click before it", append(placed(click(30), 100, 300, -60), placed(speech, 0, 500, -60)...), 430, 500, 0},
			{"a key after it", append(placed(speech, 900, 500, -60), placed(key(120), 0, 200, -60)...), 900, 820, 0},
			{"a key soon after it", append(placed(speech, 900, 125, -60), key(80)...), 900, 205, 130},
			{"the begin of a key at the end", append(placed(speech, 900, 400, -60), key(30)...), 900, 430, 0},
		}
		for _, tt := range tests {
			got := media.Trim(tt.pcm, 8000)
			if got == nil {
				t.Errorf("%s, %s: nothing left", name, tt.name)
				continue
			}
			begin := at(tt.pcm, got) / 8
			end := begin + len(got)/8
			before, after := tt.before-begin, end-(tt.before+len(speech)/8)
			most := tt.most
			if most == 0 {
				most = 240
			}
			if before < min(tt.before, 70) || before > 150 {
				t.Errorf("%s, %s: %d ms kept before it, want 100", name, tt.name, before)
			}
			if after < min(tt.after, most-70, 130) || after > most {
				t.Errorf("%s, %s: %d ms kept after it, want %d", name, tt.name, after, min(most, 200))
			}
		}
	}
}

// at is where part begins in whole, of which it is a slice.
func at(whole, part []int16) int {
	for i := range whole {
		if &whole[i] == &part[0] {
			return i
		}
	}
	return -1
}

func TestTrimOfWhatIsNoSpeech(t *testing.T) {
	noise := func(level float64, ms int) []int16 {
		pcm := make([]int16, ms*8)
		tone.NewNoise(5, level).Fill(pcm)
		return pcm
	}
	click := noise(-10, 30)
	for name, pcm := range map[string][]int16{
		"nothing":                     nil,
		"silence":                     make([]int16, 80000),
		"faint noise":                 noise(-60, 10000),
		"white noise":                 noise(-30, 10000),
		"loud noise":                  noise(-10, 10000),
		"noise that sets in":          append(make([]int16, 24000), noise(-35, 7000)...),
		"noise that grows louder":     append(noise(-55, 4000), noise(-30, 4000)...),
		"a tone":                      tone.Make(8000, 425, -15, 80000),
		"a click":                     placed(click, 500, 500, 0),
		"a click at the end":          placed(click, 5000, 0, -60),
		"two clicks":                  append(placed(click, 500, 500, -60), placed(click, 0, 500, -60)...),
		"a key":                       keying{rate: 8000, level: -10, held: 300}.sound("#", 1),
		"keys":                        keying{rate: 8000, level: -10, held: 100, pause: 150}.sound("12345#", 1),
		"noise and a key":             append(noise(-50, 3000), keying{rate: 8000, level: -10, held: 300}.sound("#", 1)...),
		"a tenth of a second of hiss": placed(noise(-20, 80), 1000, 1000, -65),
	} {
		if got := media.Trim(pcm, 8000); got != nil {
			t.Errorf("%s: %d ms are left", name, len(got)/8)
		}
	}
}

func TestNormaliseLevelsSpeech(t *testing.T) {
	speech := placed(spoken(t, "conf-onlyperson"), 100, 200, 0)
	level := func(pcm []int16) float64 { return tone.Level(pcm) }
	paused := slices.Concat(speech, make([]int16, 40000))
	reference := media.Normalise(speech, 8000, -20)
	for name, tt := range map[string]struct {
		pcm  []int16
		want float64 // against the reference
	}{
		"loud":             {louder(reference, 6), 0},
		"as it should be":  {reference, 0},
		"faint":            {louder(reference, -18), 0},
		"too faint":        {louder(reference, -30), -10},
		"with long pauses": {paused, 0},
	} {
		got := media.Normalise(tt.pcm, 8000, -20)
		if l := level(got[:len(speech)]) - level(reference); math.Abs(l-tt.want) > 0.5 {
			t.Errorf("%s: %+.1f dB, want %+.1f", name, l, tt.want)
		}
		if len(got) != len(tt.pcm) {
			t.Errorf("%s: %d samples of %d", name, len(got), len(tt.pcm))
		}
	}
	// Speech is a third of the time below its mean: the level over all is a little lower.
	if l := level(reference); l > -19.5 || l < -24 {
		t.Errorf("speech at -20 dBFS has %.1f dBFS over all", l)
	}
	sine := media.Normalise(tone.Make(8000, 440, -35, 8000), 8000, -20)
	if l := tone.Level(sine); math.Abs(l+20) > 0.1 {
		t.Errorf("a tone at %.1f dBFS, want -20", l)
	}
	if got := media.Normalise(make([]int16, 800), 8000, -20); !slices.Equal(got, make([]int16, 800)) {
		t.Error("silence has become something else")
	}
}

func TestNormaliseDoesNotClip(t *testing.T) {
	speech := media.Normalise(spoken(t, "conf-getpin"), 8000, -6)
	if peak := max(slices.Max(speech), -slices.Min(speech)); peak > 29300 || peak < 27000 {
		t.Errorf("peaks of %d, want -1 dBFS", peak)
	}
	// A tone with a loud middle: it is turned down, not cut off.
	pcm := tone.Make(8000, 437, -30, 24000)
	copy(pcm[8000:16000], tone.Make(8000, 437, -8, 8000))
	got := media.Normalise(pcm, 8000, -1)
	if d := tone.Distortion(got[9000:15000], 8000, 437); d > 0.005 {
		t.Errorf("distortion %.2f %%", d*100)
	}
}

// Whatever the rate of the call, the key that ends a name is none of it.
func TestTrimCutsKeysAtAllRatesOfCalls(t *testing.T) {
	speech := spoken(t, "conf-muted")
	key := keying{rate: 8000, level: -10, held: 150}.sound("#", 1)
	said := append(placed(speech, 0, 500, 0), key...)
	for _, rate := range []int{8000, 16000, 48000} {
		pcm := make([]int16, len(said)*rate/8000)
		media.NewSound(8000, said).Read(pcm, rate, 0)
		got := media.Trim(pcm, rate)
		if after := len(got)*1000/rate - len(speech)/8; after < 130 || after > 240 {
			t.Errorf("at %d Hz %d ms are kept after a name, want 200", rate, after)
		}
	}
}
