package media_test

import (
	"fmt"
	"math"
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

// ringTone is half a second of a tone at -6 dBFS whose end meets its beginning (hz is even), so that
// the whole of what comes out can be judged.
func ringTone(rate, hz int) []int16 {
	pcm := make([]int16, rate/2)
	tone.NewSine(rate, float64(hz), -6).Fill(pcm)
	return pcm
}

func TestResamplingKeepsTheTelephoneBand(t *testing.T) {
	for _, from := range []int{8000, 12000, 16000, 22050, 24000, 32000, 44100, 48000} {
		t.Run(fmt.Sprint("from ", from), func(t *testing.T) {
			for _, hz := range []int{52, 1000, 2900, 3200, 3400} {
				sound := media.NewSound(from, ringTone(from, hz))
				for _, to := range []int{8000, 16000} {
					if got := tone.Level(sound.PCM(to)); math.Abs(got+6) > 0.05 {
						t.Errorf("tone of %d Hz at -6 dBFS is at %.2f dBFS at a rate of %d", hz, got, to)
					}
				}
			}
		})
	}
}

func TestResamplingLeavesNoAliases(t *testing.T) {
	for _, from := range []int{12000, 16000, 22050, 24000, 32000, 44100, 48000} {
		t.Run(fmt.Sprint("from ", from), func(t *testing.T) {
			for _, hz := range []int{4000, 4100, 4600, 8000, 8200, 9600, 13000, 16000, 19000, 23000} {
				if hz >= from/2 {
					break
				}
				sound := media.NewSound(from, ringTone(from, hz))
				for _, to := range []int{8000, 16000} {
					if got := tone.Level(sound.PCM(to)); hz >= to/2 && got > -6-70 {
						t.Errorf("tone of %d Hz at -6 dBFS leaves %.1f dBFS at a rate of %d, want it 70 dB down", hz, got, to)
					}
				}
			}
		})
	}
}

func TestResamplingLeavesNoImages(t *testing.T) {
	for _, hz := range []int{1000, 3400} {
		pcm := media.NewSound(8000, ringTone(8000, hz)).PCM(16000)
		if got := tone.LevelAt(pcm, 16000, float64(8000-hz)); got > -6-70 {
			t.Errorf("tone of %d Hz at -6 dBFS has an image of %.1f dBFS, want it 70 dB down", hz, got)
		}
	}
}

func TestResampledLoopHasNoSeam(t *testing.T) {
	for _, to := range []int{8000, 16000} {
		for _, from := range []int{8000, 16000, 32000, 48000} {
			pcm := media.NewSound(from, ringTone(from, 440)).PCM(to)
			twice := append(append([]int16(nil), pcm...), pcm...)
			if c := tone.Continuous(twice, to, 440); c.Click > 0.001 || c.Slip > 0.001 {
				t.Errorf("%d to %d: click of %.4f at %s, slip of %.4f at %s", from, to, c.Click, c.ClickAt, c.Slip, c.SlipAt)
			}
		}
	}
}

func TestResamplingSaturates(t *testing.T) {
	// A square wave at full scale overshoots once its upper harmonics are gone; wrapped round it would be a click.
	pcm := make([]int16, 1600)
	for i := range pcm {
		pcm[i] = math.MaxInt16
		if i/80%2 == 1 {
			pcm[i] = math.MinInt16
		}
	}
	narrow := media.NewSound(16000, pcm).PCM(8000)
	for i := 0; i < len(narrow); i++ {
		if in := i % 40; in < 4 || in > 36 {
			continue // the edges themselves
		}
		if wantPositive := i/40%2 == 0; (narrow[i] > 0) != wantPositive {
			t.Fatalf("sample %d is %d, sign wrong", i, narrow[i])
		}
	}
}
