package mixer

import (
	"math"
	"testing"
	"time"

	"conclave/media"
	"conclave/media/tone"
)

// A member who is muted is not decoded but for his level, and nothing of that is heard when he speaks again: neither a click
// nor a band that is missing, not even of what was in the jitter buffer. It is as if he had been decoded all along, as one
// is who is recorded.
func TestUnmutedMemberIsHeardWithoutAClick(t *testing.T) {
	for _, tt := range []struct {
		name   string
		hz     float64
		uneven bool
	}{
		{"437 Hz", 437, false}, {"1031 Hz", 1031, false}, {"5500 Hz", 5500, false},
		{"437 Hz behind a jitter buffer", 437, true}, {"2500 Hz behind a jitter buffer", 2500, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			unmuted := func(decoded bool) tone.Continuity {
				c := newClockwork(t, 1, 600)
				conf := c.engine.NewConference("x")
				ear := c.phoneOf(conf, media.G722(), nil, 101)
				talker := c.phoneOf(conf, media.G722(), tone.NewSine(16000, tt.hz, -20), 101)
				ear.seat.Enter()
				talker.seat.Enter()
				if decoded {
					talker.seat.Record(time.Minute)
				}
				talker.uneven = tt.uneven
				c.run(300)
				if s := talker.leg.Stats().Buffer; tt.uneven && s.Stretched == 0 {
					t.Fatalf("no packet waits longer: %+v", s)
				}
				talker.seat.Mute(true)
				c.run(60)
				ear.heard = nil
				talker.seat.Mute(false)
				c.run(60)
				begin := 0
				for begin < len(ear.heard) && max(ear.heard[begin], -ear.heard[begin]) < 1500 {
					begin++
				}
				if begin > 8*320 {
					t.Fatalf("he is heard after %d ms", begin/16)
				}
				if l := ear.level(tt.hz); !near(l, -20, 1) {
					t.Errorf("he is heard at %.2f dBFS, want -20", l)
				}
				return tone.Continuous(ear.heard[begin+80:begin+6400], 16000, tt.hz)
			}
			want, got := unmuted(true), unmuted(false)
			if got.Click > want.Click+0.1 || got.Slip > want.Slip+0.01 || got.Dip < want.Dip-0.5 || got.Bump > want.Bump+0.5 {
				t.Errorf("after he may speak again: %+v, want %+v", got, want)
			}
		})
	}
}

// Levels and keys are what they would be.
func TestLevelAndKeysOfAMutedMemberAreKnown(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	noisy, noise := c.phoneOf(conf, media.G722(), tone.NewNoise(1, -30), 101), -30.0
	waiting := c.phoneOf(conf, media.G722(), tone.NewSine(16000, 437, -40), 101)
	noisy.seat.Enter()
	c.run(60)
	noisy.seat.Mute(true)
	c.run(100)
	if noisy.leg.LeftOut() == 0 || waiting.leg.LeftOut() == 0 {
		t.Error("what nobody hears is decoded as a whole")
	}
	if l := noisy.seat.stats().Level; !near(l, noise, 1) {
		t.Errorf("muted noise is at %.1f dBFS, want %.1f", l, noise)
	}
	if l := waiting.seat.stats().Level; !near(l, -40, 0.5) {
		t.Errorf("who waits is at %.1f dBFS, want -40", l)
	}
	keypad := c.phoneOf(conf, media.G722(), nil, -1)
	keypad.seat.Mute(true)
	c.run(30)
	for _, key := range []byte("1D*9") {
		low, high := media.KeyTones(key)
		a, b := tone.NewSine(16000, low, -16), tone.NewSine(16000, high, -16)
		keypad.source = both{a, b}
		c.run(4)
		keypad.source = nil
		c.run(5)
	}
	if got := keysOf(keypad.events); got != "1D*9" {
		t.Errorf("the keys in the voice of who is muted are %q", got)
	}
}

// both is two sounds at once.
type both [2]*tone.Sine

func (s both) Fill(dst []int16) {
	other := make([]int16, len(dst))
	s[0].Fill(dst)
	s[1].Fill(other)
	for i, v := range other {
		dst[i] += v
	}
}

// Who is silent is not decoded as a whole, and is heard as a whole from his first sound on.
func TestSilentMemberIsHeardFromHisFirstSoundOn(t *testing.T) {
	for _, hz := range []float64{437, 5500} {
		c := newClockwork(t, 1, 600)
		conf := c.engine.NewConference("x")
		ear := c.phoneOf(conf, media.G722(), nil, 101)
		talker := c.phoneOf(conf, media.G722(), tone.NewNoise(1, -68), 101)
		ear.seat.Enter()
		talker.seat.Enter()
		c.run(100)
		if talker.leg.LeftOut() == 0 {
			t.Error("silence is decoded as a whole")
		}
		ear.heard = nil
		talker.source = tone.NewSine(16000, hz, -30)
		c.run(60)
		loud := 0
		for _, v := range ear.heard[:6*320] {
			if math.Abs(float64(v)) > 500 {
				loud++
			}
		}
		if loud < 4*320/2 {
			t.Errorf("%.0f Hz: of the first 120 ms %d samples are loud", hz, loud)
		}
		if l := ear.level(hz); !near(l, -30, 1) {
			t.Errorf("%.0f Hz is heard at %.2f dBFS, want -30", hz, l)
		}
	}
}
