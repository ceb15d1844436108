package tone

import (
	"math"
	"testing"

	"github.com/zaf/g711"
)

// through sends pcm through one coding by G.711 mu-law.
func through(pcm []int16) []int16 {
	out := make([]int16, len(pcm))
	for i, s := range pcm {
		out[i] = g711.DecodeUlawFrame(g711.EncodeUlawFrame(s))
	}
	return out
}

func sum(parts ...[]int16) []int16 {
	out := make([]int16, len(parts[0]))
	for _, p := range parts {
		for i, s := range p {
			out[i] += s
		}
	}
	return out
}

func TestToneHasTheLevelAskedFor(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, hz := range []float64{200, 440, 1004, 3100} {
			for _, dBFS := range []float64{-1, -10, -40} {
				pcm := Make(rate, hz, dBFS, rate)
				if got := Level(pcm); math.Abs(got-dBFS) > 0.05 {
					t.Errorf("level of %g Hz at %g dBFS, rate %d: %.2f", hz, dBFS, rate, got)
				}
				if got := LevelAt(pcm, rate, hz); math.Abs(got-dBFS) > 0.05 {
					t.Errorf("level at %g Hz at %g dBFS, rate %d: %.2f", hz, dBFS, rate, got)
				}
			}
		}
	}
}

func TestSineIsContinuousFromCallToCall(t *testing.T) {
	whole := Make(8000, 441, -3, 800)
	s := NewSine(8000, 441, -3)
	pieces := make([]int16, 800)
	for i := 0; i < 800; i += 160 {
		s.Fill(pieces[i : i+160])
	}
	for i := range whole {
		if d := whole[i] - pieces[i]; d < -1 || d > 1 {
			t.Fatalf("sample %d is %d, not %d", i, pieces[i], whole[i])
		}
	}
}

func TestNoiseHasTheLevelAskedForAndRepeats(t *testing.T) {
	a, b := make([]int16, 16000), make([]int16, 16000)
	NewNoise(7, -40).Fill(a)
	NewNoise(7, -40).Fill(b)
	if got := Level(a); math.Abs(got+40) > 0.3 {
		t.Errorf("level of noise at -40 dBFS: %.2f", got)
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("the same seed gave other noise at sample %d", i)
		}
	}
}

func TestLevelOfSilence(t *testing.T) {
	for name, pcm := range map[string][]int16{"empty": nil, "zeros": make([]int16, 800)} {
		if Level(pcm) != Silence || LevelAt(pcm, 8000, 440) != Silence {
			t.Errorf("%s: %g and %g dBFS", name, Level(pcm), LevelAt(pcm, 8000, 440))
		}
	}
}

func TestLevelAtTellsTonesApart(t *testing.T) {
	loud := sum(Make(8000, 697, -7, 8000), Make(8000, 1209, -7, 8000))
	if got := LevelAt(loud, 8000, 705); got > -90 {
		t.Errorf("8 Hz beside a tone of -7 dBFS: %.1f dBFS", got)
	}
	quiet := sum(loud, Make(8000, 440, -70, 8000))
	if got := LevelAt(quiet, 8000, 440); math.Abs(got+70) > 0.7 {
		t.Errorf("tone of -70 dBFS beside louder ones: %.1f dBFS", got)
	}
}

func TestDistortion(t *testing.T) {
	clean := Make(8000, 440, -1, 16000)
	clipped := make([]int16, len(clean))
	for i, s := range clean {
		clipped[i] = max(-20000, min(20000, s))
	}
	two := sum(Make(8000, 440, -7, 16000), Make(8000, 1004, -7, 16000))
	for _, tt := range []struct {
		name     string
		pcm      []int16
		hz       []float64
		min, max float64
	}{
		{"clean tone", clean, []float64{440}, 0, 0.0005},
		{"tone through G.711", through(clean), []float64{440}, 0, 0.009},
		{"two tones through G.711", through(two), []float64{440, 1004}, 0, 0.009},
		{"clipped at 70 %", clipped, []float64{440}, 0.09, 0.2},
		{"silence", make([]int16, 8000), []float64{440}, math.Inf(1), math.Inf(1)},
	} {
		if got := Distortion(tt.pcm, 8000, tt.hz...); got < tt.min || got > tt.max {
			t.Errorf("%s: distortion %.4f, want %g to %g", tt.name, got, tt.min, tt.max)
		}
	}
}

func TestResidue(t *testing.T) {
	two := sum(Make(8000, 440, -7, 16000), Make(8000, 1004, -7, 16000))
	noise := make([]int16, 16000)
	NewNoise(1, -44).Fill(noise) // 40 dB below the sum of the two
	for _, tt := range []struct {
		name     string
		pcm      []int16
		min, max float64
	}{
		{"clean tones", two, 0, 0.0005},
		{"through G.711", through(two), 0.005, 0.02},
		{"with noise", sum(two, noise), 0.009, 0.011},
	} {
		if got := Residue(tt.pcm, 8000, 440, 1004); got < tt.min || got > tt.max {
			t.Errorf("%s: residue %.4f, want %g to %g", tt.name, got, tt.min, tt.max)
		}
	}
}
