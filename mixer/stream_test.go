package mixer

import (
	"slices"
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

// G.722 codes each frame by what was before it. A member who begins and ends to talk, hears a prompt or music is sent
// what others hear, too, and what is for him alone, in turns; his decoder must not notice.
func TestStreamGoesOnWhoeverCodesIt(t *testing.T) {
	const hz = 437.0
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	c.phoneOf(conf, media.G722(), tone.NewSine(16000, hz, -20), -1).seat.Enter()
	ears := []*farEnd{c.phoneOf(conf, media.G722(), nil, -1), c.phoneOf(conf, media.G722(), nil, -1)}
	for _, p := range ears {
		p.seat.Enter()
	}
	c.run(60)
	turns := ears[1]
	for _, p := range ears {
		p.heard = nil
	}
	for range 4 {
		turns.seat.HearVolume(0.001) // what nobody hears, but coded for it alone
		c.run(15)
		turns.source = tone.NewNoise(7, -50)
		c.run(60) // it talks: the others' sound has its own taken out
		turns.source = nil
		c.run(60)
	}
	for i, p := range ears[1:] {
		if got := tone.Continuous(p.heard, 16000, hz); got.Click > 0.1 || got.Slip > 0.02 || got.Dip < -0.5 || got.Bump > 0.5 {
			t.Errorf("ear %d: %+v", i, got)
		}
	}
}

func TestListenersOfAStreamShareItsCoding(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	c.phoneOf(conf, media.G722(), tone.NewSine(16000, 437, -20), -1).seat.Enter()
	var ears []*farEnd
	for range 5 {
		p := c.phoneOf(conf, media.G722(), nil, -1)
		p.seat.Enter()
		ears = append(ears, p)
	}
	c.run(200)
	stream := (*conf.parts.Load())[0].bands[wideBand].mix.streams.of(media.G722())
	for i, p := range ears {
		if !p.seat.follows || p.seat.aside.stream != stream {
			t.Errorf("listener %d does not follow the stream", i)
		}
		if l := p.level(437); !near(l, -20, 0.2) {
			t.Errorf("listener %d hears the talker at %.2f dBFS, want -20", i, l)
		}
	}
	c.release(ears[0])
	ears[1].seat.Music(c.engine.Loop(media.NewSound(16000, tone.Make(16000, 1031, -20, 64000))))
	c.run(100)
	alone := c.engine.NewConference("y")
	var waiting []*farEnd
	for range 3 {
		p := c.phoneOf(alone, media.G722(), nil, -1)
		p.seat.Music(c.engine.Loop(media.NewSound(16000, tone.Make(16000, 1031, -20, 64000))))
		waiting = append(waiting, p)
	}
	c.run(150)
	for i, p := range waiting {
		if !p.seat.follows {
			t.Errorf("waiting %d does not follow the music", i)
		}
		if l := p.level(1031); !near(l, -20, 0.2) {
			t.Errorf("waiting %d hears the music at %.2f dBFS, want -20", i, l)
		}
	}
}

// The levels are equal, the own voice is out, whatever the codecs.
func TestCodecsHearOneAnotherAtTheSameLevel(t *testing.T) {
	codecs := []media.Codec{media.PCMU(), media.PCMA(), media.G722(), media.G722().At(8000)}
	for _, from := range codecs {
		for _, to := range codecs {
			t.Run(from.Name()+" to "+to.Name(), func(t *testing.T) {
				c := newClockwork(t, 1, 600)
				conf := c.engine.NewConference("x")
				talker := c.phoneOf(conf, from, tone.NewSine(from.SampleRate(), 1031, -12), -1)
				ear := c.phoneOf(conf, to, nil, -1)
				talker.seat.Enter()
				ear.seat.Enter()
				c.run(80)
				if l := ear.level(1031); !near(l, -12, 0.3) {
					t.Errorf("heard at %.2f dBFS, want -12", l)
				}
				if l := talker.level(1031); l > -60 {
					t.Errorf("the talker hears itself at %.1f dBFS", l)
				}
			})
		}
	}
}

func TestWideBandCodecCarries7kHz(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	for _, hz := range []float64{5000, 6000, 7000} {
		talker := c.phoneOf(conf, media.G722(), tone.NewSine(16000, hz, -20), -1)
		ear := c.phoneOf(conf, media.G722(), nil, -1)
		talker.seat.Enter()
		ear.seat.Enter()
		c.run(80)
		if l := ear.level(hz); !near(l, -20, 1.5) {
			t.Errorf("%.0f Hz is heard at %.2f dBFS, want -20", hz, l)
		}
		c.release(talker)
		c.release(ear)
	}
}

func TestTickOfAllCodecsAllocatesNothing(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	var codecs []media.Codec
	for _, codec := range media.Codecs() {
		for _, rate := range rates {
			if at := codec.At(rate); !slices.Contains(codecs, at) {
				codecs = append(codecs, at)
			}
		}
	}
	for i, codec := range codecs {
		c.phoneOf(conf, codec, tone.NewSine(codec.SampleRate(), 437+100*float64(i), -20), -1)
		c.phoneOf(conf, codec, nil, -1)
	}
	for _, p := range c.phones {
		p.seat.Enter()
	}
	c.run(60)
	c.allocatesNothing(t, nil)
}
