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

// Whoever is muted is not decoded but for a look at his level twice a second.
func TestMutedOpusMemberIsHeardAsSoonAsHeMayBe(t *testing.T) {
	opus, _ := media.Opus()
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	ear := c.phone(conf, nil)
	talker := c.phoneOf(conf, opus, tone.NewSine(16000, 437, -20), 101)
	ear.seat.Enter()
	talker.seat.Enter()
	talker.seat.Mute(true)
	c.run(150)
	if talker.leg.LeftOut() == 0 {
		t.Error("who is muted is decoded")
	}
	if l := talker.seat.stats().Level; !near(l, -20, 1) {
		t.Errorf("who is muted is at %.1f dBFS, want -20", l)
	}
	talker.source = nil
	c.run(150)
	if l := talker.seat.stats().Level; l > -40 {
		t.Errorf("who is muted and silent is at %.1f dBFS", l)
	}
	talker.source = tone.NewSine(16000, 437, -20)
	c.run(20)
	ear.heard = nil
	talker.seat.Mute(false)
	c.run(40)
	begin := 0
	for begin < len(ear.heard) && max(ear.heard[begin], -ear.heard[begin]) < 1500 {
		begin++
	}
	if begin > 6*160 {
		t.Fatalf("he is heard after %d ms", begin/8)
	}
	if got := tone.Continuous(ear.heard[begin+80:], 8000, 437); got.Click > 0.3 || got.Dip < -2 {
		t.Errorf("after he may speak again: %+v", got)
	}
	if l := ear.level(437); !near(l, -20, 1) {
		t.Errorf("he is heard at %.2f dBFS, want -20", l)
	}
	c.allocatesNothing(t, nil)
}
