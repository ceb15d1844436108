package media_test

import (
	"math"
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

func TestSoundIsReadInPiecesAtAnyRateOfAMix(t *testing.T) {
	const hz, length = 1031.0, 2 // s
	sound := media.NewSound(16000, tone.Make(16000, hz, -12, length*16000))
	for _, rate := range []int{8000, 16000, 48000} {
		var heard []int16
		for at := 0; at < (length+1)*rate; {
			piece := make([]int16, 3*(1+len(heard)%700)) // of all lengths, some longer than a frame
			sound.Read(piece, rate, at)
			heard, at = append(heard, piece...), at+len(piece)
		}
		if got := tone.Continuous(heard[rate/10:length*rate-rate/10], rate, hz); got.Click > 0.002 || got.Slip > 0.002 || got.Dip < -0.05 || got.Bump > 0.05 {
			t.Errorf("at %d Hz: %+v", rate, got)
		}
		if l := tone.LevelAt(heard[rate/2:rate], rate, hz); l < -12.05 || l > -11.95 {
			t.Errorf("at %d Hz: %.2f dBFS, want -12", rate, l)
		}
		for _, image := range []float64{16000 - hz, 16000 + hz} {
			if l := tone.LevelAt(heard[rate/2:rate], rate, image); rate > 2*int(image) && l > -12-70 {
				t.Errorf("at %d Hz its image at %.0f Hz is at %.1f dBFS", rate, image, l)
			}
		}
		if l := tone.Level(heard[length*rate+rate/100:]); l > -98 {
			t.Errorf("at %d Hz there is something at %.1f dBFS after the end", rate, l)
		}
	}
}

// What is loudest may ring over full scale between two samples.
func TestSoundAtFullScaleIsClippedAndDoesNotOverflow(t *testing.T) {
	pcm := make([]int16, 16000)
	for i := range pcm {
		pcm[i] = math.MaxInt16
		if i/16%2 == 1 {
			pcm[i] = math.MinInt16
		}
	}
	frame, sound := make([]int16, 960), media.NewSound(16000, pcm)
	sound.Read(frame, 48000, 9600)
	for i := 1; i < len(frame); i++ {
		if (frame[i] > 20000) != (frame[i-1] > 20000) && (frame[i] < -20000) != (frame[i-1] < -20000) {
			t.Fatalf("sample %d is %d after %d", i, frame[i], frame[i-1])
		}
	}
}

func TestSoundCostsNoAllocationWhenPlayed(t *testing.T) {
	s := media.NewSound(16000, make([]int16, 1600))
	var n int
	frame := make([]int16, 960)
	if got := testing.AllocsPerRun(100, func() { n += len(s.PCM(8000)) + len(s.PCM(16000)); s.Read(frame, 48000, 960) }); got != 0 {
		t.Errorf("%v allocations, want none", got)
	}
	if n == 0 {
		t.Error("no samples")
	}
}
