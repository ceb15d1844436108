package media_test

import (
	"slices"
	"testing"
	"time"

	"conclave/media"
	"conclave/media/tone"
)

func TestSoundHasBothRatesAndItsDuration(t *testing.T) {
	for _, c := range []struct {
		rate, samples, narrow, wide int
		duration                    time.Duration
	}{
		{rate: 8000, samples: 8000, narrow: 8000, wide: 16000, duration: time.Second},
		{rate: 16000, samples: 320, narrow: 160, wide: 320, duration: 20 * time.Millisecond},
		{rate: 16000, samples: 321, narrow: 161, wide: 321, duration: 20062500},
		{rate: 44100, samples: 4410, narrow: 800, wide: 1600, duration: 100 * time.Millisecond},
		{rate: 48000, samples: 1, narrow: 1, wide: 1, duration: 20833},
		{rate: 16000, samples: 0, narrow: 0, wide: 0, duration: 0},
	} {
		s := media.NewSound(c.rate, make([]int16, c.samples))
		if n := len(s.PCM(8000)); n != c.narrow {
			t.Errorf("%d samples at %d Hz: %d at 8000, want %d", c.samples, c.rate, n, c.narrow)
		}
		if n := len(s.PCM(16000)); n != c.wide {
			t.Errorf("%d samples at %d Hz: %d at 16000, want %d", c.samples, c.rate, n, c.wide)
		}
		if d := s.Duration(); d != c.duration {
			t.Errorf("%d samples at %d Hz last %s, want %s", c.samples, c.rate, d, c.duration)
		}
		if s.PCM(48000) != nil {
			t.Errorf("%d samples at %d Hz: something at 48000, want nil", c.samples, c.rate)
		}
	}
}

func TestSoundIsUntouchedAtItsOwnRate(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		pcm := make([]int16, rate)
		tone.NewSine(rate, 1000, 0).Fill(pcm)
		if got := media.NewSound(rate, slices.Clone(pcm)).PCM(rate); !slices.Equal(got, pcm) {
			t.Errorf("samples at %d Hz have changed", rate)
		}
	}
}

func TestSoundCostsNoAllocationWhenPlayed(t *testing.T) {
	s := media.NewSound(16000, make([]int16, 1600))
	var n int
	if got := testing.AllocsPerRun(100, func() { n += len(s.PCM(8000)) + len(s.PCM(16000)) }); got != 0 {
		t.Errorf("%v allocations, want none", got)
	}
	if n == 0 {
		t.Error("no samples")
	}
}
