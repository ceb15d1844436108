package media_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"conclave/media"
)

// A clock that is off makes packets come later and later, or earlier and earlier. Sound must
// be stretched before they come too late, and nobody may hear it.
func TestDriftOfTheSendersClockIsNotHeard(t *testing.T) {
	for _, hz := range []float64{440, 997.3, 1000, 2713} {
		for _, ppm := range []float64{-500, -200, 200, 500} {
			for _, phase := range []time.Duration{3 * ms, 17 * ms} {
				t.Run(fmt.Sprint(hz, " Hz ", ppm, " ppm ", phase), func(t *testing.T) {
					t.Parallel()
					s := scene{codec: linear{8000}, phase: phase, ppm: ppm, length: 60 * time.Second, voice: sine(hz, 10000), late: scheduling,
						network: func(_ int, _ time.Duration, random *rand.Rand) fate {
							return fate{delay: time.Duration(random.IntN(300)) * time.Microsecond}
						}}
					h := s.play()
					dB, at := click(h.pcm[160*3:], 8000, hz, 10000)
					t.Logf("click %.1f dBc, stretched %d times, delay %v to %v", dB, h.stats.Stretched, h.delays[10], h.delays[len(h.delays)-1])
					if dB > -50 {
						t.Errorf("click of %.1f dBc at %v", dB, time.Duration(at)*time.Second/8000)
					}
					if h.stats.Lost+h.stats.Late != 0 {
						t.Errorf("%+v", h.stats)
					}
					if end := h.between(55*time.Second, 60*time.Second).delay(); end > 27*ms {
						t.Errorf("delay has become %v", end)
					}
				})
			}
		}
	}
}

func TestDriftThroughG711LeavesNoMoreThanTheCodec(t *testing.T) {
	clean := scene{length: 2 * time.Second, voice: sine(1000, 10000)}.play()
	floor, _ := click(clean.pcm[160*3:], 8000, 1000, 10000)
	for _, ppm := range []float64{-200, 200} {
		s := scene{phase: 10*ms - time.Duration(ppm*20)*time.Microsecond*2, ppm: ppm, length: 60 * time.Second, voice: sine(1000, 10000)}
		h := s.play()
		if dB, at := click(h.pcm[160*3:], 8000, 1000, 10000); dB > floor+1 {
			t.Errorf("%v ppm: %.1f dBc at sample %d, the codec alone leaves %.1f", ppm, dB, at, floor)
		}
	}
}

// speech is a voice with harmonics of a pitch that glides between 100 and 160 Hz, in syllables of a quarter of a second
// with a pause after every sixth.
func speech(rate int) func(int) float64 {
	turn := 2 * math.Pi / float64(rate)
	return func(n int) float64 {
		at := float64(n) / float64(rate)
		syllable := math.Mod(at, 0.25) / 0.25
		if int(at/0.25)%7 == 6 {
			return 0
		}
		// The phase is the integral of a pitch of 130 + 30 sin(2 pi 0.4 t).
		phase := turn*130*float64(n) - 30/0.4*math.Cos(2*math.Pi*0.4*at)
		v := 0.0
		for k := 1.0; k <= 10; k++ {
			v += math.Sin(k*phase+k*k) / k
		}
		return 5000 * math.Pow(math.Sin(math.Pi*syllable), 0.5) * v
	}
}

// curve is the greatest second difference in a sound: what a step adds to.
func curve(pcm []int16) (most int) {
	for i := 2; i < len(pcm); i++ {
		d := int(pcm[i]) - 2*int(pcm[i-1]) + int(pcm[i-2])
		most = max(most, d, -d)
	}
	return most
}

func TestDriftIsFollowedAtAnyRateWithoutADiscontinuity(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, ppm := range []float64{-300, 300} {
			for name, voice := range map[string]func(int) float64{
				"speech": speech(rate),
				"tone":   func(n int) float64 { return 10000 * math.Sin(2*math.Pi*997.3*float64(n)/float64(rate)) },
			} {
				t.Run(fmt.Sprintf("%s at %d Hz, %+g ppm", name, rate, ppm), func(t *testing.T) {
					t.Parallel()
					s := scene{codec: linear{rate}, phase: 9 * ms, ppm: ppm, length: 120 * time.Second, voice: voice, late: scheduling,
						network: func(_ int, _ time.Duration, random *rand.Rand) fate {
							return fate{delay: time.Duration(random.IntN(300)) * time.Microsecond}
						}}
					h := s.play()
					if h.stats.Lost+h.stats.Late != 0 || h.stats.Stretched == 0 {
						t.Errorf("%+v", h.stats)
					}
					if most := slices.Max(h.delays); most > 27*ms {
						t.Errorf("delay has been %v", most)
					}
					heard := h.pcm[rate/media.FramesPerSecond*3:]
					if got, want := curve(heard), curve(said(s, 5*rate)); float64(got) > 1.1*float64(want) {
						t.Errorf("a second difference of %d, where speech itself has %d", got, want)
					}
					if name == "tone" {
						if dB, at := click(heard, rate, 997.3, 10000); dB > -50 {
							t.Errorf("click of %.1f dBc at %v", dB, time.Duration(at)*time.Second/time.Duration(rate))
						}
					}
				})
			}
		}
	}
}

// ticksUntil counts the ticks from the first one on until the delay is below most.
func ticksUntil(h heard, from time.Duration, most time.Duration) int {
	for i, d := range h.delays[from/tickTime:] {
		if d < most {
			return i
		}
	}
	return len(h.delays)
}

func TestDelayThatIsNoLongerNeeded(t *testing.T) {
	noise := rand.New(rand.NewPCG(1, 1))
	word := func(i int) bool { return i/8000%2 == 0 } // a second of speech, a second of silence
	for name, c := range map[string]struct {
		voice func(int) float64
		most  time.Duration // until it is gone, from 4 s after the jitter
	}{
		"in a tone":  {sine(440, 10000), 3 * time.Second},
		"in noise":   {func(int) float64 { return noise.NormFloat64() * 2000 }, 3 * time.Second},
		"in silence": {func(int) float64 { return 0 }, time.Second},
		"in speech with pauses": {func(i int) float64 {
			if word(i) {
				return sine(120, 5000)(i) + sine(731, 5000)(i)
			}
			return 0
		}, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			const end = 10 * time.Second
			s := scene{phase: 5 * ms, length: 20 * time.Second, voice: c.voice, seed: 3,
				network: func(_ int, at time.Duration, random *rand.Rand) (f fate) {
					if at > 2*time.Second && at < end {
						f.delay = time.Duration(random.Int64N(int64(100 * ms)))
					}
					return f
				}}
			h := s.play()
			n := ticksUntil(h, end, 10*ms)
			t.Logf("took %v", time.Duration(n)*tickTime)
			if took := time.Duration(n) * tickTime; took > 4*time.Second+c.most {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestTicksThatStoodStillDoNotAddDelayForGood(t *testing.T) {
	for _, pause := range []time.Duration{100 * ms, 400 * ms, 3 * time.Second} {
		s := scene{phase: 5 * ms, length: 15 * time.Second,
			late: func(at time.Duration, _ *rand.Rand) time.Duration {
				if at > 5*time.Second && at < 5*time.Second+pause {
					return 5*time.Second + pause - at
				}
				return 0
			}}
		// Ticks that were missed do not take place.
		j, out := media.NewJitter(media.PCMU()), s.defaults().deliveries()
		frame, voice, late := make([]int16, 160), 0, time.Duration(0)
		for at := tickTime; at <= s.length; at += tickTime {
			if s.late(at, nil) > 0 {
				continue
			}
			for len(out) > 0 && out[0].at <= at {
				j.Put(out[0].seq, out[0].ts, out[0].payload, int64(out[0].at), false)
				out = out[1:]
			}
			if j.Take(frame, int64(at)) == media.FrameVoice {
				voice++
			}
			late = j.Stats().Delay
		}
		if late > 10*ms {
			t.Errorf("after %v without ticks the delay stays %v", pause, late)
		}
		if missed := int(pause / tickTime); voice < int(s.length/tickTime)-missed-10 {
			t.Errorf("after %v without ticks only %d frames were voice", pause, voice)
		}
	}
}
