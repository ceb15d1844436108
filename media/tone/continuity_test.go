package tone

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestContinuousToneHasNoFault(t *testing.T) {
	for _, hz := range []float64{220, 440, 440 * 1.0002, 1004, 2500} {
		got := Continuous(through(Make(8000, hz, -10, 80000)), 8000, math.Round(hz))
		if got.Click > 0.05 || got.Dip < -0.3 || got.Bump > 0.3 || got.Slip > 0.01 {
			t.Errorf("%g Hz: %+v", hz, got)
		}
	}
}

func TestFaultsInAToneAreFound(t *testing.T) {
	const at = 12345 // no multiple of anything
	whole := Make(8000, 440, -10, 40000)
	edit := func(change func(pcm []int16) []int16) []int16 {
		return through(change(slices.Clone(whole)))
	}
	for _, tt := range []struct {
		name  string
		pcm   []int16
		found func(Continuity) (value float64, where time.Duration)
		least float64
	}{
		{"a frame missing", edit(func(p []int16) []int16 { return slices.Delete(p, at, at+160) }),
			func(c Continuity) (float64, time.Duration) { return c.Click, c.ClickAt }, 0.2},
		{"one sample missing", edit(func(p []int16) []int16 { return slices.Delete(p, at, at+1) }),
			func(c Continuity) (float64, time.Duration) { return c.Slip, c.SlipAt }, 0.05},
		{"one sample wrong", edit(func(p []int16) []int16 { p[at] = 0; p[at+1] += 5000; return p }),
			func(c Continuity) (float64, time.Duration) { return c.Click, c.ClickAt }, 0.3},
		{"a frame silent", edit(func(p []int16) []int16 { clear(p[at : at+160]); return p }),
			func(c Continuity) (float64, time.Duration) { return -c.Dip, c.DipAt }, 20},
		{"a frame louder", edit(func(p []int16) []int16 {
			for i := range 160 {
				p[at+i] *= 2
			}
			return p
		}),
			func(c Continuity) (float64, time.Duration) { return c.Bump, at * time.Second / 8000 }, 5},
	} {
		value, where := tt.found(Continuous(tt.pcm, 8000, 440))
		if value < tt.least {
			t.Errorf("%s: measured %.3f, want %g or more", tt.name, value, tt.least)
		}
		if off := where - at*time.Second/8000; off < -25*time.Millisecond || off > 25*time.Millisecond {
			t.Errorf("%s: found %v away from where it is", tt.name, off)
		}
	}
}

func TestFindRecognisesASound(t *testing.T) {
	want := make([]int16, 4000)
	NewNoise(3, -20).Fill(want)
	other := make([]int16, 4000)
	NewNoise(4, -20).Fill(other)
	hay := make([]int16, 20000)
	NewNoise(5, -60).Fill(hay)
	for i, s := range want {
		hay[7777+i] += s / 3
	}
	if at, r := Find(through(hay), want); at != 7777 || r < 0.98 {
		t.Errorf("found at %d with %.3f, want 7777 with 0.98 or more", at, r)
	}
	if _, r := Find(hay, other); r > 0.2 {
		t.Errorf("another sound matches with %.3f", r)
	}
	if at, r := Find(want[:10], want); at != -1 || r != 0 {
		t.Errorf("a sound longer than the recording: %d, %.3f", at, r)
	}
}
