//go:build opus

package mixer

import (
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

func TestOpusIsOneOfTheCodecs(t *testing.T) {
	opus, _ := media.Opus()
	codecs := []media.Codec{media.PCMU(), media.G722(), opus}
	for _, from := range codecs {
		for _, to := range codecs {
			t.Run(from.Name()+" to "+to.Name(), func(t *testing.T) {
				c := newClockwork(t, 1, 600)
				conf := c.engine.NewConference("x")
				talker := c.phoneOf(conf, from, tone.NewSine(from.SampleRate(), 437, -12), -1)
				ear := c.phoneOf(conf, to, nil, -1)
				talker.seat.Enter()
				ear.seat.Enter()
				c.run(100)
				if l := ear.level(437); !near(l, -12, 0.5) {
					t.Errorf("heard at %.2f dBFS, want -12", l)
				}
				if l := talker.level(437); l > -60 {
					t.Errorf("the talker hears itself at %.1f dBFS", l)
				}
			})
		}
	}
}

// What libopus makes of a tone wavers by itself; a change between encoders is to be no more of a click than a frame is.
func TestOpusGoesOnWhoeverCodesIt(t *testing.T) {
	opus, _ := media.Opus()
	const hz = 437.0
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	c.phone(conf, tone.NewSine(8000, hz, -20)).seat.Enter()
	steady, turns := c.phoneOf(conf, opus, nil, -1), c.phoneOf(conf, opus, nil, -1)
	steady.seat.Enter()
	turns.seat.Enter()
	c.run(100)
	steady.heard, turns.heard = nil, nil
	for range 5 {
		turns.seat.HearVolume(0.001)
		c.run(10)
		turns.seat.HearVolume(0)
		c.run(40)
	}
	want, got := tone.Continuous(steady.heard, 16000, hz), tone.Continuous(turns.heard, 16000, hz)
	t.Logf("one stream %+v, in turns %+v", want, got)
	if got.Click > want.Click+0.1 || got.Slip > want.Slip+0.02 || got.Dip < want.Dip-1 {
		t.Errorf("in turns %+v, one stream %+v", got, want)
	}
}
