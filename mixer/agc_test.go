package mixer

import (
	"math"
	"slices"
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

// levelled is a room with a talker who has automatic gain, and somebody who listens.
func levelled(t *testing.T, source interface{ Fill([]int16) }) (c *clockwork, talker, listener *farEnd) {
	c = newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	talker, listener = c.phone(conf, source), c.phone(conf, nil)
	for _, p := range c.phones {
		p.seat.AutomaticGain(true)
		p.seat.Enter()
	}
	return c, talker, listener
}

// levelsOf are the levels of a tone in each tenth of a second.
func levelsOf(pcm []int16, hz float64) (all []float64) {
	for ; len(pcm) >= 800; pcm = pcm[800:] {
		all = append(all, tone.LevelAt(pcm[:800], 8000, hz))
	}
	return all
}

func TestAutomaticGainBringsTalkersToOneLevel(t *testing.T) {
	for _, tt := range []struct{ sent, heard float64 }{
		{-31, -20}, {-25, -20}, {-20, -20}, {-15, -20}, {-9, -20},
		{-38, -26}, {-1, -13}, // beyond its range
	} {
		c, talker, listener := levelled(t, tone.NewSine(8000, 437, tt.sent))
		c.run(600)
		steady := levelsOf(listener.heard[len(listener.heard)-6*8000:], 437)
		if least, most := slices.Min(steady), slices.Max(steady); !near(least, tt.heard, 0.5) || most-least > 0.2 {
			t.Errorf("%g dBFS is heard at %.2f to %.2f dBFS, want %g and no more than 0.2 dB between", tt.sent, least, most, tt.heard)
		}
		if d := tone.Distortion(listener.last(), 8000, 437); d > 0.02 { // G.711 twice
			t.Errorf("%g dBFS: distortion %.2f %%", tt.sent, d*100)
		}
		if l := talker.level(437); l > -65 {
			t.Errorf("%g dBFS: the talker hears himself at %.1f dBFS", tt.sent, l)
		}
		if gain := talker.seat.stats().Gain; !near(gain, tt.heard-tt.sent, 0.5) {
			t.Errorf("%g dBFS: a gain of %.1f dB is told, want %g", tt.sent, gain, tt.heard-tt.sent)
		}
		if l := talker.seat.stats().Level; !near(l, tt.sent, 0.5) {
			t.Errorf("%g dBFS: a level of %.1f dBFS is told, want that before the gain", tt.sent, l)
		}
	}
}

func TestAutomaticGainLeavesATalkerAloneWhoIsAtTheRightLevel(t *testing.T) {
	for _, level := range []float64{-20.8, -20, -19.2} {
		c, talker, listener := levelled(t, tone.NewSine(8000, 437, level))
		c.run(200)
		if l := listener.level(437); !near(l, level, 0.1) || talker.seat.stats().Gain != 0 {
			t.Errorf("%g dBFS is heard at %.2f with a gain of %.2f dB", level, l, talker.seat.stats().Gain)
		}
	}
}

// syllables is a voiced sound that comes and goes as speech does: syllables of 120 to 280 ms with harmonics of 130 Hz,
// words, and now and then a breath.
type syllables struct {
	amplitude float64
	at        int
}

func (s *syllables) Fill(dst []int16) {
	lengths := []int{2240, 960, 1600, 1120, 2000, 1280} // samples
	for i := range dst {
		syllable, n := 0, s.at%22000 // 2.75 s, of which some 1.15 s are speech
		for ; syllable < len(lengths)-1 && n >= lengths[syllable]+400; syllable++ {
			n -= lengths[syllable] + 400
		}
		dst[i] = 0
		if n < lengths[syllable] {
			envelope := math.Sin(math.Pi * float64(n) / float64(lengths[syllable]))
			stress := []float64{1, 0.5, 0.8, 0.4, 1, 0.6}[syllable]
			v := 0.0
			for k := 1.0; k <= 8; k++ {
				v += math.Sin(2*math.Pi*130*k*float64(s.at)/8000+k*k) / k
			}
			dst[i] = int16(s.amplitude * envelope * stress * v)
		}
		s.at++
	}
}

func TestAutomaticGainDoesNotFollowTheSyllables(t *testing.T) {
	var heard []float64
	for _, amplitude := range []float64{1300, 4000, 12000} {
		c, talker, listener := levelled(t, &syllables{amplitude: amplitude})
		c.run(500)
		least, most := math.Inf(1), math.Inf(-1)
		for range 550 { // 4 times all of it
			c.run(1)
			gain := talker.seat.stats().Gain
			least, most = min(least, gain), max(most, gain)
		}
		if most-least > 0.5 {
			t.Errorf("amplitude %g: the gain goes from %.2f to %.2f dB", amplitude, least, most)
		}
		heard = append(heard, tone.Level(listener.heard[len(listener.heard)-4*22000:]))
	}
	if least, most := slices.Min(heard), slices.Max(heard); most-least > 1 {
		t.Errorf("speech of three levels is heard at %.1f dBFS", heard)
	}
}

func TestAutomaticGainFollowsWhoSpeaksOnThePhone(t *testing.T) {
	for _, tt := range []struct {
		name     string
		from, to float64
		frames   float64 // within which it has followed
	}{
		{"louder", -31, -9, 300},
		{"fainter by more than words are", -9, -31, 500},
		{"a little fainter", -15, -22, 700},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _, listener := levelled(t, &passages{sine: tone.NewSine(8000, 437, 0), levels: levels(400, tt.from, 1000, tt.to)})
			c.run(400 + int(tt.frames) + 50)
			if l := listener.level(437); !near(l, -20, agcBand+0.3) {
				t.Errorf("heard at %.1f dBFS, want -20", l)
			}
		})
	}
}

func TestAutomaticGainIsHeldInPauses(t *testing.T) {
	c, _, listener := levelled(t, &passages{sine: tone.NewSine(8000, 437, 0), levels: levels(500, -31, 300, -80, 300, -31)})
	c.run(300)
	before := listener.level(437)
	c.run(520) // to 400 ms after the pause
	if l := tone.LevelAt(listener.heard[len(listener.heard)-1600:], 8000, 437); !near(before, -20, 0.5) || !near(l, before, 0.2) {
		t.Errorf("heard at %.2f dBFS before the pause, at %.2f after it, want -20", before, l)
	}
}

func TestAutomaticGainDoesNotClipWhoBeginsLoudly(t *testing.T) {
	c, _, listener := levelled(t, &passages{sine: tone.NewSine(8000, 437, 0), levels: levels(500, -34, 100, -80, 300, -3)})
	c.run(600)
	from := len(listener.heard)
	c.run(25)
	begun := listener.heard[from:]
	for i := 2; i < len(begun); i++ { // the peak of a sine of this frequency is alone
		if max(begun[i], -begun[i]) > 32000 && begun[i] == begun[i-1] && begun[i] == begun[i-2] {
			t.Fatalf("clipped %d ms after the begin", i/8)
		}
	}
	if d := tone.Distortion(begun[320:], 8000, 437); d > 0.02 {
		t.Errorf("distortion of the first half second %.2f %%, want below 2 %%", d*100)
	}
	c.run(200)
	if l := listener.level(437); !near(l, -15, 0.5) {
		t.Errorf("after 4 s at %.1f dBFS, want -15: 12 dB lower", l)
	}
}

// noisy is a noise over which now and then somebody talks.
type noisy struct {
	noise *tone.Noise
	voice *passages
}

func (n noisy) Fill(dst []int16) {
	n.noise.Fill(dst)
	voice := make([]int16, len(dst))
	n.voice.Fill(voice)
	for i, v := range voice {
		dst[i] += v
	}
}

func TestAutomaticGainRaisesNoNoiseWhenNobodyTalks(t *testing.T) {
	const before, spoken, after = 400, 400, 150 // frames
	c, talker, listener := levelled(t, noisy{tone.NewNoise(1, -58),
		&passages{sine: tone.NewSine(8000, 437, 0), levels: levels(before, -99, spoken, -31, 1, -99)}})
	talker.seat.DetectTalk(TalkOptions{Always: true}) // so that noise is heard at all
	c.run(before)
	first := tone.Level(listener.last())
	c.run(spoken)
	if l := listener.level(437); !near(l, -20, 0.5) {
		t.Errorf("speech is heard at %.1f dBFS, want -20", l)
	}
	c.run(after)
	if last := tone.Level(listener.last()); !near(first, -58, 1) || !near(last, -58, 1) {
		t.Errorf("noise of -58 dBFS is heard at %.1f dBFS before and at %.1f after speech", first, last)
	}
}

func TestAutomaticGainKeepsKeysAtTheirLevel(t *testing.T) {
	for _, told := range []bool{true, false} {
		eventType := -1
		if told {
			eventType = 101
		}
		c := newClockwork(t, 1, 600)
		conf := c.engine.NewConference("x")
		speech := &script{pcm: tone.Make(8000, 437, -31, 400*160)}
		talker, listener := c.phoneWith(conf, speech, eventType), c.phone(conf, nil)
		talker.seat.AutomaticGain(true)
		talker.seat.PassDigits(true)
		talker.seat.Enter()
		listener.seat.Enter()
		c.run(400)
		if gain := talker.seat.stats().Gain; !near(gain, 11, 0.5) {
			t.Fatalf("a gain of %.1f dB, want 11", gain)
		}
		if told {
			packets := events('5', talker.stamp, 1000)
			talker.source, talker.other = nil, func() (now [][]byte) {
				if len(packets) > 0 {
					now, packets = packets[:1], packets[1:]
				}
				return now
			}
		} else {
			talker.source = newKeyTones('5', dialLevel)
		}
		c.run(45)
		for _, hz := range []float64{770, 1336} {
			if l := tone.LevelAt(listener.heard[len(listener.heard)-4000:], 8000, hz); !near(l, dialLevel, 0.5) {
				t.Errorf("as events %v: %g Hz of a key is heard at %.1f dBFS, want %g", told, hz, l, dialLevel)
			}
		}
		if gain := talker.seat.stats().Gain; !near(gain, 11, 0.5) {
			t.Errorf("as events %v: after the key a gain of %.1f dB, want 11", told, gain)
		}
	}
}

func TestAutomaticGainIsForTheMixAlone(t *testing.T) {
	c, talker, _ := levelled(t, tone.NewSine(8000, 437, -31))
	talker.seat.Music(c.engine.Loop(media.NewSound(8000, tone.Make(8000, 700, -26, 8000))))
	c.run(300)
	r := talker.seat.Record(1e9)
	c.run(50)
	if pcm, _ := r.Stop(); !near(tone.LevelAt(pcm, 8000, 437), -31, 0.2) {
		t.Errorf("recorded at %.1f dBFS, want -31 as said", tone.LevelAt(pcm, 8000, 437))
	}
	if l := talker.level(700); !near(l, -26, 0.3) {
		t.Errorf("music of -26 dBFS is heard at %.1f dBFS", l)
	}
}

func TestAutomaticGainIsSwitchedWithoutAClick(t *testing.T) {
	c, talker, listener := levelled(t, tone.NewSine(8000, 437, -31))
	c.run(300)
	talker.seat.AutomaticGain(false)
	c.run(100)
	if l := listener.level(437); !near(l, -31, 0.2) || talker.seat.shaped {
		t.Errorf("without it %.1f dBFS, want -31; mixed apart %v", l, talker.seat.shaped)
	}
	talker.seat.AutomaticGain(true)
	c.run(300)
	if l := listener.level(437); !near(l, -20, 0.5) {
		t.Errorf("with it again %.1f dBFS, want -20", l)
	}
	if at := firstClick(listener.heard[1600:], 437); at >= 0 {
		t.Errorf("a click %d ms after the begin", 200+at/8)
	}
}
