package media_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"conclave/media"
	"conclave/media/tone"
)

// losing plays a tone of which the packets from first on, so many, are lost.
func losing(hz float64, first, count int) heard {
	return scene{codec: linear{8000}, phase: 5 * ms, length: 3 * time.Second, voice: sine(hz, 10000),
		network: func(i int, _ time.Duration, _ *rand.Rand) fate { return fate{lost: i >= first && i < first+count} }}.play()
}

func TestOneLostPacketOfAToneIsHardlyHeard(t *testing.T) {
	for _, hz := range []float64{200, 440, 611, 997.3, 1000, 2000} {
		h := losing(hz, 50, 1)
		if n := h.count(media.FrameConcealed); n != 1 || h.stats.Lost != 1 {
			t.Errorf("%v Hz: %d frames concealed, %d counted, want 1", hz, n, h.stats.Lost)
		}
		c := tone.Continuous(h.pcm[160*3:], 8000, hz)
		t.Logf("%v Hz: %+v", hz, c)
		// A period is a whole number of samples here, so 997.3 Hz comes as 1000 Hz: 20 degrees.
		if c.Click > 0.25 || c.Dip < -0.5 || c.Bump > 0.5 || c.Slip > 0.06 {
			t.Errorf("%v Hz: %+v", hz, c)
		}
	}
}

func TestLongLossFadesToSilenceWithin60ms(t *testing.T) {
	h := losing(440, 50, 20)
	lost := slices.Index(h.kinds, media.FrameConcealed)
	want := []media.FrameKind{media.FrameVoice, media.FrameConcealed, media.FrameConcealed, media.FrameConcealed, media.FrameSilence, media.FrameSilence}
	if got := h.kinds[lost-1 : lost+5]; !slices.Equal(got, want) {
		t.Fatalf("kinds %v, want %v", got, want)
	}
	levels := []float64{}
	for i := range 4 {
		levels = append(levels, tone.Level(h.pcm[160*(lost+i):160*(lost+i+1)])-tone.Level(h.pcm[160*(lost-1):160*lost]))
	}
	if levels[0] < -0.3 || levels[1] > -1 || levels[1] < -4 || levels[2] > -9 || levels[3] > -60 {
		t.Errorf("levels %.1f dB, want full, fading, fading, silence", levels)
	}
	for i := 160 * lost; i < 160*(lost+22); i++ {
		if d := int(h.pcm[i]) - int(h.pcm[i-1]); d > 4500 || d < -4500 { // the tone's own steepest is 3456
			t.Errorf("step of %d at sample %d of the loss", d, i-160*lost)
		}
	}
	if back := h.kinds[lost+20:]; slices.ContainsFunc(back, func(k media.FrameKind) bool { return k != media.FrameVoice }) {
		t.Errorf("after the loss: %v", back[:5])
	}
}

func TestConcealedNoiseDoesNotRiseOrFall(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	h := scene{codec: linear{8000}, length: 20 * time.Second, voice: func(int) float64 { return random.NormFloat64() * 1000 },
		network: func(i int, _ time.Duration, _ *rand.Rand) fate { return fate{lost: i%5 == 4} }}.play()
	var lost []int16
	for i, k := range h.kinds {
		if k == media.FrameConcealed {
			lost = append(lost, h.pcm[160*i:160*(i+1)]...)
		}
	}
	if got, want := tone.Level(lost), tone.Level(h.pcm[160*3:]); got < want-1 || got > want+1 {
		t.Errorf("concealed frames at %.1f dB, all at %.1f dB", got, want)
	}
}

func TestWideBandIsConcealedToo(t *testing.T) {
	for _, rate := range []int{16000, 48000} {
		h := scene{codec: linear{rate}, length: 3 * time.Second, voice: func(i int) float64 { return sine(440, 10000)(i * 8000 / rate) },
			network: func(i int, _ time.Duration, random *rand.Rand) fate {
				return fate{lost: i%10 == 9, delay: time.Duration(random.Int64N(int64(50 * ms)))}
			}}.play()
		if got, want := tone.Level(h.between(time.Second, 3*time.Second).pcm), tone.Level(tone.Make(8000, 440, -10.3, 8000)); got < want-1 || got > want+1 {
			t.Errorf("%d Hz: level %.1f dB, want %.1f dB", rate, got, want)
		}
	}
}
