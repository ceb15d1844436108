package denoise_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"conclave/media/denoise"
	"conclave/media/tone"
)

// newDenoiser skips a test in a build that has none, having seen that it says so.
func newDenoiser(t testing.TB, rate int) *denoise.Denoiser {
	t.Helper()
	d, err := denoise.New(rate)
	if missing := denoise.Available(); missing != nil {
		if !errors.Is(err, denoise.ErrMissing) || !errors.Is(missing, denoise.ErrMissing) {
			t.Errorf("a build without the library says %v and %v", missing, err)
		}
		t.Skip(missing)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// speech is a sound with harmonics of a pitch that glides, in four syllables a second and a pause of half a second after
// every fifth.
func speech(at float64) float64 {
	const syllables = 4
	if int(at*syllables)%7 >= 5 {
		return 0
	}
	phase := 2*math.Pi*130*at - 30/0.4*math.Cos(2*math.Pi*0.4*at)
	v := 0.0
	for k := 1.0; k <= 10; k++ {
		v += math.Sin(k*phase+k*k) / k
	}
	return 5000 * math.Sqrt(math.Sin(math.Pi*math.Mod(at*syllables, 1))) * v
}

func TestNoiseIsLoweredAndSpeechIsNot(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, noise := range []float64{-30, -40, -50} {
			t.Run(fmt.Sprint(rate, " Hz, noise of ", noise, " dBFS"), func(t *testing.T) {
				d, source := newDenoiser(t, rate), tone.NewNoise(1, noise)
				frame := make([]int16, rate/50)
				var clean, out []int16
				for n := 0; n < 20*rate; n += len(frame) {
					source.Fill(frame)
					for i := range frame {
						v := int16(speech(float64(n+i) / float64(rate)))
						clean = append(clean, v)
						frame[i] += v
					}
					d.Denoise(frame)
					out = append(out, frame...)
				}
				late := rate / 100
				var said, heard, pauses []int16
				for part := 40; part < 79; part++ { // of a quarter of a second, without its edges
					a, b := part*rate/4+rate/40, (part+1)*rate/4-rate/40
					switch {
					case part%7 < 5:
						said, heard = append(said, clean[a:b]...), append(heard, out[a+late:b+late]...)
					case part%7 == 6:
						pauses = append(pauses, out[a+late:b+late]...)
					}
				}
				if l := tone.Level(pauses); l > noise-10 {
					t.Errorf("noise is still at %.1f dBFS", l)
				}
				if a, b := tone.Level(said), tone.Level(heard); math.Abs(a-b) > 1 {
					t.Errorf("speech of %.1f dBFS comes out at %.1f dBFS", a, b)
				}
				if _, r := tone.Find(heard, said); r < 0.95 {
					t.Errorf("speech is alike itself by %.3f only", r)
				}
			})
		}
	}
}

func TestRatesThatNoPhoneHasAreRefused(t *testing.T) {
	newDenoiser(t, 8000)
	for _, rate := range []int{0, -8000, 44100} {
		if _, err := denoise.New(rate); err == nil || !strings.Contains(err.Error(), "want 8000, 16000 or 48000") {
			t.Errorf("%d Hz: %v", rate, err)
		}
	}
}

func BenchmarkDenoise(b *testing.B) {
	for _, rate := range []int{8000, 16000, 48000} {
		b.Run(fmt.Sprint(rate), func(b *testing.B) {
			d := newDenoiser(b, rate)
			source, frame := make([]int16, rate/50), make([]int16, rate/50)
			tone.NewNoise(1, -40).Fill(source)
			b.ReportAllocs()
			for b.Loop() {
				copy(frame, source)
				d.Denoise(frame)
			}
		})
	}
}
