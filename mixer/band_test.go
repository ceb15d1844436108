package mixer

import (
	"fmt"
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

// linear is a wide-band coding without loss: two octets a sample.
type linear struct{}

func (linear) Name() string                { return "L16" }
func (linear) PayloadType() uint8          { return 96 }
func (linear) ClockRate() int              { return 16000 }
func (linear) SampleRate() int             { return 16000 }
func (l linear) At(int) media.Codec        { return l }
func (linear) Channels() int               { return 1 }
func (linear) Params() string              { return "" }
func (linear) PerOctet() int               { return 0 }
func (linear) Stateless() bool             { return true }
func (linear) Samples(payload []byte) int  { return len(payload) / 2 }
func (l linear) NewDecoder() media.Decoder { return l }
func (l linear) NewEncoder() media.Encoder { return l }

func (linear) Decode(dst []int16, payload []byte) int {
	n := min(len(dst), len(payload)/2)
	for i := range n {
		dst[i] = int16(uint16(payload[2*i])<<8 | uint16(payload[2*i+1]))
	}
	return n
}

func (linear) Encode(dst []byte, pcm []int16) int {
	n := min(len(pcm), len(dst)/2)
	for i, s := range pcm[:n] {
		dst[2*i], dst[2*i+1] = byte(uint16(s)>>8), byte(s)
	}
	return 2 * n
}

// In a room of one worker and in one that is split.
func eachSplit(t *testing.T, test func(t *testing.T, c *clockwork)) {
	for _, split := range []struct {
		name          string
		workers, size int
	}{{"one part", 1, 600}, {"split", 2, 1}} {
		t.Run(split.name, func(t *testing.T) { test(t, newClockwork(t, split.workers, split.size)) })
	}
}

func TestNarrowAndWideBandLegsHearOneAnotherAtTheSameLevel(t *testing.T) {
	eachSplit(t, func(t *testing.T, c *clockwork) {
		conf := c.engine.NewConference("x")
		talkers := []*farEnd{
			c.phone(conf, tone.NewSine(8000, 437, -20)),
			c.phoneOf(conf, linear{}, tone.NewSine(16000, 1031, -20), -1),
			c.phone(conf, tone.NewSine(8000, 3211, -20)),
			c.phoneOf(conf, linear{}, tone.NewSine(16000, 3307, -20), -1),
		}
		hz := []float64{437, 1031, 3211, 3307}
		listeners := []*farEnd{c.phone(conf, nil), c.phoneOf(conf, linear{}, nil, -1)}
		for _, p := range c.phones {
			p.seat.Enter()
		}
		c.run(80)
		for i, p := range append(talkers, listeners...) {
			for j, f := range hz {
				level := p.level(f)
				if i == j && level > -60 {
					t.Errorf("talker %d hears himself at %.1f dBFS", i, level)
				} else if i != j && !near(level, -20, 0.2) {
					t.Errorf("member %d hears %.0f Hz at %.2f dBFS, want -20", i, f, level)
				}
			}
		}
	})
}

func TestWideBandReachesWideBandLegsAloneAndLeavesNothingElse(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	low, high := c.phone(conf, tone.NewSine(8000, 1031, -20)), c.phoneOf(conf, linear{}, tone.NewSine(16000, 5200, -20), -1)
	wideEar, narrowEar := c.phoneOf(conf, linear{}, nil, -1), c.phone(conf, nil)
	for _, p := range c.phones {
		p.seat.Enter()
	}
	c.run(80)
	if l := wideEar.level(5200); !near(l, -20, 0.1) {
		t.Errorf("5.2 kHz between wide-band legs at %.2f dBFS, want -20", l)
	}
	for name, l := range map[string]float64{
		"the image of 1031 Hz to a wide-band ear":   wideEar.level(8000 - 1031),
		"the alias of 5200 Hz to a narrow-band ear": narrowEar.level(8000 - 5200),
		"its own tone to a narrow-band talker":      low.level(1031),
		"its own tone to a wide-band talker":        high.level(5200),
	} {
		if l > -80 {
			t.Errorf("%s is at %.1f dBFS", name, l)
		}
	}
}

// A tone goes on while a leg of the other rate comes, talks, changes its codec and goes.
func TestARoomChangesItsRateWithoutAClick(t *testing.T) {
	for _, codec := range []media.Codec{media.PCMU(), linear{}} {
		t.Run(codec.Name(), func(t *testing.T) {
			eachSplit(t, func(t *testing.T, c *clockwork) {
				other := media.Codec(linear{})
				if codec == other {
					other = media.PCMU()
				}
				conf := c.engine.NewConference("x")
				c.phoneOf(conf, codec, tone.NewSine(codec.SampleRate(), 437, -20), -1).seat.Enter()
				ear := c.phoneOf(conf, codec, nil, -1)
				ear.seat.Enter()
				c.run(30)
				ear.heard = nil
				guest := c.phoneOf(conf, other, nil, -1)
				guest.seat.Enter()
				c.run(20)
				guest.use(codec)
				guest.apply(media.SendRecv)
				c.run(20)
				guest.use(other)
				guest.apply(media.SendRecv)
				c.run(20)
				c.release(guest)
				c.run(20)
				if got := tone.Continuous(ear.heard, codec.SampleRate(), 437); got.Click > 0.05 || got.Slip > 0.005 || got.Dip < -0.2 {
					t.Errorf("%+v", got)
				}
			})
		})
	}
}

func TestPromptsMusicAndAnnouncementsPlayAtTheRateOfTheLeg(t *testing.T) {
	const high = 5200.0
	sound := media.NewSound(16000, tone.Make(16000, high, -20, 64000))
	for _, tt := range []struct {
		name string
		play func(c *Conference, s *Seat)
	}{
		{"prompt", func(_ *Conference, s *Seat) { s.Play(1, sound) }},
		{"music", func(conf *Conference, s *Seat) { s.Music(conf.engine.Loop(sound)) }},
		{"announcement", func(c *Conference, s *Seat) { s.Enter(); c.Play(Announcement{Sounds: []*media.Sound{sound}}) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClockwork(t, 1, 600)
			conf := c.engine.NewConference("x")
			p, other := c.phoneOf(conf, linear{}, nil, -1), c.phone(conf, nil)
			other.seat.Enter()
			c.run(5)
			tt.play(conf, p.seat)
			c.run(120)
			if l := p.level(high); !near(l, -20, 0.2) {
				t.Errorf("%.0f Hz at %.2f dBFS, want -20", high, l)
			}
			if got := tone.Continuous(p.last(), 16000, high); got.Click > 0.02 {
				t.Errorf("%+v", got)
			}
			if l := other.level(8000 - high); l > -60 {
				t.Errorf("its alias to a narrow-band leg at %.1f dBFS", l)
			}
		})
	}
}

func BenchmarkJoin(b *testing.B) {
	for _, seats := range [][bands]int{{2, 0}, {2, 2}} {
		b.Run(fmt.Sprint(seats), func(b *testing.B) {
			p := newPart(nil, newEngine(Config{Workers: 1}).workers[0])
			for i, n := range seats {
				p.bands[i].seats = n
			}
			for b.Loop() {
				for i, n := range seats {
					p.bands[i].bus.contributors = n
				}
				p.join()
			}
		})
	}
}
