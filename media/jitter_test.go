package media_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"conclave/media"
	"conclave/media/tone"
)

const ms = time.Millisecond

// scheduling is the noise of a clock tick on a machine that is not overloaded.
func scheduling(_ time.Duration, random *rand.Rand) time.Duration {
	return time.Duration(random.IntN(300)) * time.Microsecond
}

// said is what scene s says, through its codec.
func said(s scene, samples int) []int16 {
	s = s.defaults()
	pcm := make([]int16, samples)
	for i := range pcm {
		pcm[i] = int16(s.voice(i))
	}
	payload := make([]byte, 2*samples)
	n := s.codec.NewEncoder().Encode(payload, pcm)
	s.codec.NewDecoder().Decode(pcm, payload[:n])
	return pcm
}

func TestCleanNetworkIsPlayedExactlyAsItCame(t *testing.T) {
	for _, ptime := range []time.Duration{10 * ms, 20 * ms, 30 * ms, 40 * ms, 50 * ms, 60 * ms} {
		for _, phase := range []time.Duration{2 * ms, 9 * ms, 11 * ms, 19 * ms} {
			t.Run(fmt.Sprint(ptime, " ", phase), func(t *testing.T) {
				s := scene{ptime: ptime, phase: phase, length: 6 * time.Second, voice: func(i int) float64 { return float64(1000 + i*31%7000) },
					seq: 65500, ts: func(int) uint32 { return 0xFFFFFF00 }}
				h := s.play()
				begin := slices.Index(h.kinds, media.FrameVoice)
				got := h.pcm[slices.IndexFunc(h.pcm, func(v int16) bool { return v != 0 }):]
				if want := said(s, len(got)); !slices.Equal(got, want) {
					t.Error("what came out is not what went in")
				}
				if begin > 3 || h.count(media.FrameVoice) != len(h.kinds)-begin {
					t.Errorf("begins at tick %d, then %d of %d frames are voice", begin, h.count(media.FrameVoice), len(h.kinds)-begin)
				}
				// A packet that begins 10 ms after a tick is played with it, and packets of 30 ms
				// come 10 ms before they are needed every other time.
				if most := 20*ms + 10*ms; h.delay() > most || h.delay() < 0 {
					t.Errorf("delay %v, want at most %v", h.delay(), most)
				}
				if n := h.stats; n.Late+n.Lost+n.Duplicates+n.Reordered+n.Stretched != 0 {
					t.Errorf("clean network: %+v", n)
				}
			})
		}
	}
}

func TestCleanNetworkAddsOneTickAtMost(t *testing.T) {
	var delays []time.Duration
	for i := range 200 {
		s := scene{phase: time.Duration(i)*100*time.Microsecond + 1, length: 3 * time.Second, late: scheduling, seed: uint64(i),
			network: func(_ int, _ time.Duration, random *rand.Rand) fate {
				return fate{delay: time.Duration(random.IntN(300)) * time.Microsecond}
			}}
		h := s.play()
		delays = append(delays, h.delays[5:]...)
	}
	slices.Sort(delays)
	median, p99 := delays[len(delays)/2], delays[len(delays)*99/100]
	t.Logf("median %v, 99 %% %v, most %v", median, p99, delays[len(delays)-1])
	if median > 12*ms || p99 > 22*ms {
		t.Errorf("delay: median %v, 99 %% %v", median, p99)
	}
}

func TestLossAndJitterKeepToneAndDelay(t *testing.T) {
	for _, hz := range []float64{440, 1000} {
		for _, jitter := range []time.Duration{0, 20 * ms, 50 * ms, 100 * ms} {
			for _, loss := range []int{0, 1, 5, 20} {
				for _, burst := range []int{1, 2} {
					t.Run(fmt.Sprintf("%v Hz, jitter %v, loss %d %% by %d", hz, jitter, loss, burst), func(t *testing.T) {
						t.Parallel()
						gone := 0
						s := scene{phase: 5 * ms, length: 27 * time.Second, voice: sine(hz, 10000), seed: 7, late: scheduling,
							network: func(_ int, at time.Duration, random *rand.Rand) (f fate) {
								if gone--; gone < 0 && random.IntN(100*burst) < loss {
									gone = burst
								}
								f.lost = gone > 0
								if jitter > 0 && at > 5*time.Second && at < 15*time.Second {
									f.delay = time.Duration(random.Int64N(int64(jitter)))
								}
								return f
							}}
						h := s.play()
						want := tone.LevelAt(said(s, 8000), 8000, hz)
						for at := time.Second; at <= 26*time.Second; at += time.Second / 2 {
							if at == 9*time.Second/2 {
								at = 6 * time.Second // a second in which the delay has to grow first
							}
							got := tone.LevelAt(h.between(at, at+time.Second).pcm, 8000, hz)
							if got < want-1 || got > want+1 {
								t.Errorf("from %v on the tone is at %.2f dB, was %.2f dB", at, got, want)
							}
						}
						before, during, after := h.between(4*time.Second, 5*time.Second).delay(), h.between(6*time.Second, 15*time.Second), h.between(25*time.Second, 27*time.Second).delay()
						if most := slices.Max(during.delays); most > jitter+25*ms {
							t.Errorf("delay grew to %v", most)
						}
						if after > before+5*ms {
							t.Errorf("delay was %v and is %v after the jitter", before, after)
						}
					})
				}
			}
		}
	}
}

func TestMinimumDelayConcealsInsteadOfWaiting(t *testing.T) {
	for _, jitter := range []time.Duration{0, 5 * ms, 20 * ms, 50 * ms, 100 * ms} {
		for _, least := range []bool{false, true} {
			s := scene{phase: 5 * ms, length: 25 * time.Second, voice: sine(440, 10000), seed: 7, late: scheduling,
				others: func(j *media.Jitter, _ time.Duration, _ int) { j.MinimumDelay(least) },
				network: func(_ int, at time.Duration, random *rand.Rand) (f fate) {
					if jitter > 0 && at > 5*time.Second && at < 15*time.Second {
						f.delay = time.Duration(random.Int64N(int64(jitter)))
					}
					return f
				}}
			h := s.play()
			before, during, after := h.between(4*time.Second, 5*time.Second), h.between(6*time.Second, 15*time.Second), h.between(20*time.Second, 25*time.Second)
			t.Logf("jitter %v, least %v: %v, %v, %v, %d frames concealed", jitter, least, before.delay(), during.delay(), after.delay(), h.stats.Lost)
			if least && during.delay() > 25*ms {
				t.Errorf("jitter %v: delay %v, want a tick", jitter, during.delay())
			}
			if !least && during.count(media.FrameConcealed) > 30 {
				t.Errorf("jitter %v: %d frames are concealed with the buffer", jitter, during.count(media.FrameConcealed))
			}
			if d := after.delay(); d > 12*ms {
				t.Errorf("jitter %v, least %v: delay %v after it", jitter, least, d)
			}
		}
	}
}
