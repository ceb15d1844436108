package mixer

import (
	"math"
	"testing"

	"conclave/media/tone"
)

// limited runs frames of a signal through a fresh limiter.
func limited(signal func(i int) int32, frames int) []int16 {
	l := open
	var out []int16
	sum, frame := make([]int32, 160), make([]int16, 160)
	for f := range frames {
		for i := range sum {
			sum[i] = signal(f*160 + i)
		}
		l.apply(frame, sum)
		out = append(out, frame...)
	}
	return out
}

func sine(freq, amplitude float64) func(i int) int32 {
	return func(i int) int32 {
		return int32(math.Round(amplitude * math.Sin(2*math.Pi*freq*float64(i)/8000)))
	}
}

func TestLimiterLeavesWhatFitsUntouched(t *testing.T) {
	signal := sine(440, limit)
	for i, s := range limited(signal, 50) {
		if int32(s) != signal(i) {
			t.Fatalf("sample %d: %d, want %d", i, s, signal(i))
		}
	}
}

func TestLimiterKeepsLoudSumsUndistorted(t *testing.T) {
	for _, loud := range []float64{1.1, 2, 4, 20} {
		out := limited(sine(500, 32767*loud), 100)
		for i, s := range out {
			if s > limit || s < -limit {
				t.Fatalf("%g x full scale: sample %d is %d, over the limit", loud, i, s)
			}
		}
		if d := tone.Distortion(out[8000:], 8000, 500); d > 0.01 {
			t.Errorf("%g x full scale: distortion %.2f %%, want below 1 %%", loud, 100*d)
		}
	}
}

func TestLimiterComesBackSlowly(t *testing.T) {
	out := limited(func(i int) int32 {
		if i < 8000 {
			return sine(500, 65534)(i)
		}
		return sine(500, 10000)(i)
	}, 300)
	soon, later := tone.LevelAt(out[8000:8800], 8000, 500), tone.LevelAt(out[40000:], 8000, 500)
	if want := later - 5; soon > want {
		t.Errorf("right after a loud passage %.1f dBFS: the gain jumped, want below %.1f", soon, want)
	}
	if want := 20 * math.Log10(10000.0/32767); math.Abs(later-want) > 3.5 {
		t.Errorf("4 s after it %.1f dBFS, want about %.1f", later, want)
	}
}
