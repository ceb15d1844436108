package mixer

import (
	"errors"
	"testing"

	"conclave/media"
	"conclave/media/denoise"
	"conclave/media/tone"
)

// needsDenoise skips a test in a build that takes no noise out, having seen that it says so.
func needsDenoise(t *testing.T) {
	t.Helper()
	if denoise.Available() == nil {
		return
	}
	c := newClockwork(t, 1, 600)
	p := c.phone(c.engine.NewConference("x"), nil)
	if err := p.seat.Denoise(true); !errors.Is(err, denoise.ErrMissing) {
		t.Errorf("a build without the library says %v", err)
	}
	t.Skip(denoise.ErrMissing)
}

func TestDenoiseTakesTheNoiseAndLeavesTheVoice(t *testing.T) {
	needsDenoise(t)
	const noise, voice = -38, -20
	heard := func(denoised bool) (pause, spoken float64) {
		c := newClockwork(t, 1, 600)
		conf := c.engine.NewConference("x")
		// A word of 1 s, a pause of 2 s, and so on.
		words := levels(200, -99)
		for range 3 {
			words = append(words, levels(50, voice, 100, -99)...)
		}
		talker := c.phone(conf, noisy{tone.NewNoise(1, noise), &passages{sine: tone.NewSine(8000, 437, 0), levels: words}})
		listener := c.phone(conf, nil)
		for _, p := range c.phones {
			p.seat.Enter()
		}
		talker.seat.DetectTalk(TalkOptions{Always: true}) // so that noise is heard in pauses
		if err := talker.seat.Denoise(denoised); err != nil {
			t.Fatal(err)
		}
		c.run(200 + 300)
		pause = tone.Level(listener.last())
		c.run(45)
		return pause, tone.LevelAt(listener.heard[len(listener.heard)-4000:], 8000, 437)
	}
	before, said := heard(false)
	after, kept := heard(true)
	t.Logf("noise %.1f dBFS, then %.1f; voice %.1f, then %.1f", before, after, said, kept)
	if !near(before, noise, 1) || before-after < 10 {
		t.Errorf("noise of %d dBFS is heard at %.1f dBFS, and at %.1f without it: want 10 dB less", noise, before, after)
	}
	if !near(said, voice, 0.5) || !near(kept, voice, 1.5) {
		t.Errorf("a voice of %d dBFS is heard at %.1f dBFS, and at %.1f with the noise taken out", voice, said, kept)
	}
}

func TestDenoiseKeepsNoiseFromBeingTalk(t *testing.T) {
	needsDenoise(t)
	for _, denoised := range []bool{false, true} {
		c := newClockwork(t, 1, 600)
		conf := c.engine.NewConference("x")
		talker, listener := c.phone(conf, tone.NewNoise(1, -38)), c.phone(conf, nil)
		for _, p := range c.phones {
			p.seat.Enter()
		}
		if err := talker.seat.Denoise(denoised); err != nil {
			t.Fatal(err)
		}
		c.run(400)
		if silent := tone.Level(listener.last()) < -80; silent != denoised {
			t.Errorf("denoised %v: noise of -38 dBFS is heard at %.1f dBFS", denoised, tone.Level(listener.last()))
		}
	}
}

func TestDenoiseLosesNoKeys(t *testing.T) {
	needsDenoise(t)
	const keys = "0123456789*#ABCD"
	for _, level := range []float64{-7, -16, -25} {
		for _, held := range []int{40, 100} { // ms
			c := newClockwork(t, 1, 600)
			conf := c.engine.NewConference("x")
			listener, p := c.phone(conf, nil), c.phoneWith(conf, nil, -1)
			pcm := make([]int16, 8000)
			for i := range len(keys) {
				press := make([]int16, held*8)
				newKeyTones(keys[i], level).Fill(press)
				pcm = append(append(pcm, press...), make([]int16, 1600+8*i)...) // each elsewhere in a frame
			}
			p.source = &script{pcm: pcm}
			for _, p := range c.phones {
				p.seat.Enter()
			}
			if err := p.seat.Denoise(true); err != nil {
				t.Fatal(err)
			}
			c.run(len(pcm)/160 + 10)
			if got := keysOf(p.events); got != keys {
				t.Errorf("keys of %d ms at %g dBFS are told as %q", held, level, got)
			}
			if ms := audible(listener.heard); ms > 25*len(keys) {
				t.Errorf("keys of %d ms at %g dBFS are heard for %d ms in all", held, level, ms)
			}
		}
	}
}

func TestDenoiseGoesOnWhenTheCodecChangesItsRate(t *testing.T) {
	needsDenoise(t)
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	talker, listener := c.phone(conf, tone.NewSine(8000, 437, -20)), c.phone(conf, nil)
	for _, p := range c.phones {
		p.seat.Enter()
	}
	if err := talker.seat.Denoise(true); err != nil {
		t.Fatal(err)
	}
	for _, band := range []int{narrowBand, wideBand, fullBand, narrowBand} {
		rate := rates[band]
		talker.use(ofAllBands[band])
		talker.apply(media.SendRecv)
		talker.source = &passages{sine: tone.NewSine(rate, 437, 0), levels: levels(50, -99, 50, -20)} // what goes on is noise
		c.run(50 + 25)
		if l := tone.LevelAt(listener.heard[len(listener.heard)-3200:], 8000, 437); !near(l, -20, 1.5) {
			t.Errorf("at %d Hz: heard at %.1f dBFS", rate, l)
		}
	}
	c.release(talker)
	if err := talker.seat.Denoise(true); err != nil || talker.seat.aside.denoisers.of[narrowBand] != nil {
		t.Errorf("a seat that was released took memory again: %v", err)
	}
}

func TestDenoiseAllocatesNothingInATick(t *testing.T) {
	needsDenoise(t)
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	for range 3 {
		p := c.phone(conf, tone.NewNoise(1, -30))
		p.seat.Enter()
		if err := p.seat.Denoise(true); err != nil {
			t.Fatal(err)
		}
	}
	c.run(20)
	c.allocatesNothing(t, nil)
}
