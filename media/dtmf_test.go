package media_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"conclave/media"
	"conclave/media/tone"
)

const keypad = "0123456789*#ABCD"

// keying is how keys are pressed: for so long, with pauses of the same length.
type keying struct {
	rate  int     // Hz
	level float64 // dBFS of the stronger tone
	twist float64 // dB by which the column is stronger
	off   float64 // of the frequencies, 0.01 is one per cent
	noise float64 // dB below the tones; 0: none
	held  float64 // ms
	pause float64 // ms
	codec media.Codec
}

func (k keying) defaults() keying {
	if k.rate == 0 {
		k.rate = 8000
	}
	if k.pause == 0 {
		k.pause = k.held
	}
	return k
}

// sound is what the keys sound like. They begin at a place of the first frame that is not round.
func (k keying) sound(keys string, seed uint64) []int16 {
	random := rand.New(rand.NewPCG(seed, 5))
	samples := func(ms float64) int { return int(ms * float64(k.rate) / 1000) }
	pcm := make([]float64, samples(100)+random.IntN(k.rate/50))
	row, column := tone.Amplitude(k.level), tone.Amplitude(k.level)
	if k.twist > 0 {
		row = tone.Amplitude(k.level - k.twist)
	} else {
		column = tone.Amplitude(k.level + k.twist)
	}
	for i := range len(keys) {
		low, high := media.KeyTones(keys[i])
		a, b := 2*math.Pi*low*(1+k.off)/float64(k.rate), 2*math.Pi*high*(1+k.off)/float64(k.rate)
		pa, pb := random.Float64()*7, random.Float64()*7
		for n := range samples(k.held) {
			pcm = append(pcm, row*math.Sin(a*float64(n)+pa)+column*math.Sin(b*float64(n)+pb))
		}
		pcm = append(pcm, make([]float64, samples(k.pause))...)
	}
	deviation := 0.0
	if k.noise != 0 {
		deviation = math.Sqrt((row*row+column*column)/2) * math.Pow(10, -k.noise/20)
	}
	out := make([]int16, (len(pcm)+k.rate/10)/(k.rate/50)*(k.rate/50))
	for i, v := range pcm[:min(len(pcm), len(out))] {
		out[i] = int16(max(-32768, min(math.Round(v+deviation*random.NormFloat64()), 32767)))
	}
	if k.codec != nil {
		payload := make([]byte, len(out))
		k.codec.NewEncoder().Encode(payload, out)
		k.codec.NewDecoder().Decode(out, payload)
	}
	return out
}

// found is what the detector makes of a sound, and for how many frames it says that a key is there.
func found(rate int, pcm []int16) (keys string, present int) {
	var d media.DTMF
	for frame := rate / media.FramesPerSecond; len(pcm) >= frame; pcm = pcm[frame:] {
		if d.Follows() || media.MaybeDTMF(pcm[:frame]) {
			there, key := d.Take(pcm[:frame], false)
			if key != 0 {
				keys += string(key)
			}
			if there {
				present++
			}
		}
	}
	return keys, present
}

func TestKeysArePressedAsTones(t *testing.T) {
	for _, level := range []float64{-5, -10, -20, -30} {
		for _, twist := range []float64{-6, 0, 6} {
			for _, off := range []float64{-0.015, 0, 0.015} {
				for _, noise := range []float64{0, 20} {
					for _, codec := range []media.Codec{nil, media.PCMU(), media.PCMA()} {
						for _, rate := range []int{8000, 16000, 48000} {
							if rate > 16000 && (codec != nil || twist != 0) {
								continue // no such codec has it, and it takes long
							}
							k := keying{rate: rate, level: level, twist: twist, off: off, noise: noise, held: 40, codec: codec}.defaults()
							for seed := range uint64(2) {
								if got, _ := found(rate, k.sound(keypad+"5555", seed)); got != keypad+"5555" {
									t.Errorf("%+v: %q", k, got)
								}
							}
						}
					}
				}
			}
		}
	}
}

func TestWhatIsNoKey(t *testing.T) {
	type signal struct {
		name string
		pcm  []int16
	}
	tones := func(level float64, hz ...float64) []int16 {
		pcm := make([]int16, 8000)
		for _, f := range hz {
			for i, s := range tone.Make(8000, f, level, len(pcm)) {
				pcm[i] += s
			}
		}
		return pcm
	}
	signals := []signal{
		{"dial tone of Europe", tones(-10, 425)},
		{"dial tone of America", tones(-13, 350, 440)},
		{"ringing of America", tones(-13, 440, 480)},
		{"busy of America", tones(-13, 480, 620)},
		{"one tone of a row", tones(-10, 770)},
		{"one tone of a column", tones(-10, 1336)},
		{"two rows", tones(-13, 697, 941)},
		{"two columns", tones(-13, 1209, 1633)},
		{"a third tone", tones(-13, 697, 1209, 1004)},
		{"the second harmonic of a row", tones(-13, 770, 1336, 1540)},
		{"fax", tones(-10, 1100)},
		{"modem", tones(-10, 2100)},
		{"silence", make([]int16, 8000)},
	}
	for i := range keypad {
		key := keypad[i : i+1]
		for name, k := range map[string]keying{
			"3.5 % too high":  {level: -10, off: 0.035, held: 100},
			"3.5 % too low":   {level: -10, off: -0.035, held: 100},
			"4 % too high":    {level: -10, off: 0.04, held: 100},
			"20 ms":           {level: -10, held: 20, pause: 100},
			"twist of 12 dB":  {level: -10, twist: 12, held: 100},
			"twist of -12 dB": {level: -10, twist: -12, held: 100},
			"in loud noise":   {level: -10, noise: 3, held: 100},
		} {
			for seed := range uint64(8) {
				signals = append(signals, signal{key + " " + name, k.defaults().sound(strings.Repeat(key, 5), seed)})
			}
		}
	}
	for _, s := range signals {
		if got, _ := found(8000, s.pcm); got != "" {
			t.Errorf("%s: %q", s.name, got)
		}
	}
}

func TestAPressIsToldOnce(t *testing.T) {
	k := keying{level: -10, held: 400, codec: media.PCMU()}.defaults()
	for seed := range uint64(20) {
		pcm := k.sound("7", seed)
		begin := 0
		for pcm[begin] < 1000 {
			begin++
		}
		random := rand.New(rand.NewPCG(seed, 1))
		for i := range 3 {
			at := begin + 1000*i + random.IntN(900)
			clear(pcm[at : at+80]) // an interruption of 10 ms
		}
		if got, _ := found(8000, pcm); got != "7" {
			t.Errorf("held for 400 ms with interruptions of 10 ms: %q", got)
		}
	}
}

func TestKeysThroughALossyNetwork(t *testing.T) {
	var pressed, told, wrong int
	for seed := range uint64(30) {
		k := keying{level: -10, held: 100}
		pcm := k.defaults().sound(strings.Repeat(keypad, 2), seed)
		s := scene{phase: 5 * ms, length: 7 * time.Second, voice: func(i int) float64 { return float64(pcm[min(i, len(pcm)-1)]) }, seed: seed,
			network: func(_ int, _ time.Duration, random *rand.Rand) fate { return fate{lost: random.IntN(100) < 1} }}
		h := s.play()
		var d media.DTMF
		got := ""
		for i, kind := range h.kinds {
			if _, key := d.Take(h.pcm[i*160:(i+1)*160], kind == media.FrameConcealed); key != 0 {
				got += string(key)
			}
		}
		pressed += 2 * len(keypad)
		told += len(got)
		if got != strings.Repeat(keypad, 2) {
			t.Logf("%q", got)
			wrong++
		}
	}
	t.Logf("%d of %d keys told, %d of 30 rows differ", told, pressed, wrong)
	if wrong > 0 {
		t.Errorf("%d of 30 rows of keys are not what was pressed", wrong)
	}
}

func TestSpeechAndMusicPressNoKey(t *testing.T) {
	var files []string
	for _, dir := range []string{"../rooms/voice/en", "../rooms/music"} {
		found, err := filepath.Glob(dir + "/*.wav")
		if err != nil || len(found) == 0 {
			t.Fatalf("no sounds in %s: %v", dir, err)
		}
		files = append(files, found...)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		sound, err := media.LoadWAV(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, rate := range []int{8000, 16000, 48000} {
			pcm := make([]int16, len(sound.PCM(8000))*rate/8000)
			sound.Read(pcm, rate, 0)
			if keys, present := found(rate, pcm); keys != "" || present > 0 {
				t.Errorf("%s at %d Hz: keys %q, %d frames", filepath.Base(name), rate, keys, present)
			}
		}
	}
	for seed := range uint64(10) {
		if keys, present := found(8000, babble(seed, 30)); keys != "" || present > 0 {
			t.Errorf("babble %d: keys %q, %d frames", seed, keys, present)
		}
	}
}

// babble is so many seconds of something like speech: a voice that goes from vowel to vowel, its pitch
// and three formants (a cascade of resonances) gliding, with noise in between.
func babble(seed uint64, seconds int) []int16 {
	random := rand.New(rand.NewPCG(seed, 9))
	between := func(a, b float64) float64 { return a + random.Float64()*(b-a) }
	pcm := make([]int16, 0, seconds*8000)
	for len(pcm) < seconds*8000 {
		pitch, glide := between(80, 320), between(0.85, 1.15)
		formants := [3]float64{between(280, 850), between(900, 2300), between(2400, 3000)}
		gain := func(f float64) float64 {
			g := 1 / f // glottis and lips: -6 dB an octave
			for i, r := range formants {
				g *= r * r / math.Hypot(r*r-f*f, f*float64(60+30*i))
			}
			return g
		}
		length, phase := random.IntN(1600)+800, 0.0
		vowel, peak := make([]float64, length), 0.0
		for n := range vowel {
			at := float64(n) / float64(length)
			f0 := pitch * (1 + (glide-1)*at)
			phase += 2 * math.Pi * f0 / 8000
			for h := 1.0; h*f0 < 3400; h++ {
				vowel[n] += math.Sin(h*phase) * gain(h*f0)
			}
			vowel[n] *= math.Sin(math.Pi * at)
			peak = max(peak, math.Abs(vowel[n]))
		}
		for _, v := range vowel {
			pcm = append(pcm, int16(12000*v/peak))
		}
		for range random.IntN(800) {
			pcm = append(pcm, int16(random.NormFloat64()*500))
		}
	}
	return pcm
}

func BenchmarkDTMF(b *testing.B) {
	f, err := os.Open("../rooms/voice/en/conf-full.wav")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	sound, err := media.LoadWAV(f)
	if err != nil {
		b.Fatal(err)
	}
	for name, pcm := range map[string][]int16{
		"speech": sound.PCM(8000),
		"babble": babble(1, 10),
		"a tone": tone.Make(8000, 1000, -20, 8000),
		"a key":  keying{rate: 8000, level: -10, held: 5000}.sound("5", 1)[1600:40000],
	} {
		b.Run(fmt.Sprint(name), func(b *testing.B) {
			var d media.DTMF
			b.ReportAllocs()
			for at := 0; b.Loop(); at = (at + 160) % (len(pcm) - 160) {
				if frame := pcm[at : at+160]; d.Follows() || media.MaybeDTMF(frame) {
					d.Take(frame, false)
				}
			}
		})
	}
}
