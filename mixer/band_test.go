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

// packed is a full-band coding of 12 bits a sample, with which a frame fits into a packet.
type packed struct{ linear }

func (packed) Name() string                { return "L12" }
func (packed) ClockRate() int              { return 48000 }
func (packed) SampleRate() int             { return 48000 }
func (p packed) At(int) media.Codec        { return p }
func (packed) Samples(payload []byte) int  { return len(payload) / 3 * 2 }
func (p packed) NewDecoder() media.Decoder { return p }
func (p packed) NewEncoder() media.Encoder { return p }

func (packed) Decode(dst []int16, payload []byte) int {
	n := min(len(dst)/2, len(payload)/3)
	for i := range n {
		a, b, c := uint16(payload[3*i]), uint16(payload[3*i+1]), uint16(payload[3*i+2])
		dst[2*i], dst[2*i+1] = int16(a<<8|b&0xf0), int16(b<<12|c<<4)
	}
	return 2 * n
}

func (packed) Encode(dst []byte, pcm []int16) int {
	n := min(len(pcm)/2, len(dst)/3)
	for i := range n {
		a, b := uint16(min(int(pcm[2*i])+8, 32767))&^15, uint16(min(int(pcm[2*i+1])+8, 32767))&^15
		dst[3*i], dst[3*i+1], dst[3*i+2] = byte(a>>8), byte(a&0xf0|b>>12), byte(b>>4)
	}
	return 3 * n
}

// ofAllBands is a coding of each band.
var ofAllBands = [bands]media.Codec{media.PCMU(), linear{}, packed{}}

// In a room of one worker and in one that is split.
func eachSplit(t *testing.T, test func(t *testing.T, c *clockwork)) {
	for _, split := range []struct {
		name          string
		workers, size int
	}{{"one part", 1, 600}, {"split", 2, 1}} {
		t.Run(split.name, func(t *testing.T) { test(t, newClockwork(t, split.workers, split.size)) })
	}
}

func TestLegsOfAllBandsHearOneAnotherAtTheSameLevel(t *testing.T) {
	eachSplit(t, func(t *testing.T, c *clockwork) {
		conf := c.engine.NewConference("x")
		hz := []float64{437, 1031, 1873, 3211, 3307, 3391}
		for i, f := range hz {
			codec := ofAllBands[i%bands]
			c.phoneOf(conf, codec, tone.NewSine(codec.SampleRate(), f, -20), -1)
		}
		for _, codec := range ofAllBands {
			c.phoneOf(conf, codec, nil, -1)
		}
		for _, p := range c.phones {
			p.seat.Enter()
		}
		c.run(80)
		for i, p := range c.phones {
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

// Who is in the room together, and who talks, is what a conversion between bands depends on.
func TestBandsHearOneAnotherWhicheverAreThere(t *testing.T) {
	for from, spoken := range ofAllBands {
		for to, heard := range ofAllBands {
			c := newClockwork(t, 1, 600)
			conf := c.engine.NewConference("x")
			talker := c.phoneOf(conf, spoken, tone.NewSine(spoken.SampleRate(), 1031, -20), -1)
			ear := c.phoneOf(conf, heard, nil, -1)
			talker.seat.Enter()
			ear.seat.Enter()
			c.run(80)
			if l := ear.level(1031); !near(l, -20, 0.2) {
				t.Errorf("from %d to %d Hz: heard at %.2f dBFS, want -20", rates[from], rates[to], l)
			}
			if l := talker.level(1031); l > -60 {
				t.Errorf("from %d to %d Hz: the talker hears himself at %.1f dBFS", rates[from], rates[to], l)
			}
			for _, p := range *conf.parts.Load() {
				if want := max(from, to) + 1; int(p.reach) != want {
					t.Errorf("from %d to %d Hz: %d bands are mixed, want %d", rates[from], rates[to], p.reach, want)
				}
			}
			talker.source = nil
			c.run(80)
			if l := tone.Level(ear.last()[len(ear.last())/2:]); l > -70 {
				t.Errorf("from %d to %d Hz: %.1f dBFS are left of a talker who has ended", rates[from], rates[to], l)
			}
		}
	}
}

func TestEachBandReachesThoseWhoHaveItAndLeavesNothingElse(t *testing.T) {
	eachSplit(t, func(t *testing.T, c *clockwork) {
		conf := c.engine.NewConference("x")
		spoken := [][]float64{{1031}, {5200, 7000}, {12300, 15200}} // by each band
		talkers, ears := make([]*farEnd, bands), make([]*farEnd, bands)
		for i, codec := range ofAllBands {
			var voices []interface{ Fill([]int16) }
			for _, hz := range spoken[i] {
				voices = append(voices, tone.NewSine(codec.SampleRate(), hz, -20))
			}
			talkers[i], ears[i] = c.phoneOf(conf, codec, chorus(voices), -1), c.phoneOf(conf, codec, nil, -1)
		}
		for _, p := range c.phones {
			p.seat.Enter()
		}
		c.run(80)
		for from, all := range spoken {
			for _, hz := range all {
				if l := talkers[from].level(hz); l > -80 {
					t.Errorf("who says %.0f Hz hears it at %.1f dBFS", hz, l)
				}
				for to, ear := range ears {
					if to >= from {
						if l := ear.level(hz); !near(l, -20, 0.1) {
							t.Errorf("%.0f Hz at %.2f dBFS at a rate of %d Hz, want -20", hz, l, rates[to])
						}
					}
					for _, ghost := range ghosts(hz, rates[from], rates[to]) {
						if l := ear.level(ghost); l > -80 {
							t.Errorf("%.0f Hz of %d Hz comes as %.0f Hz at %.1f dBFS at a rate of %d Hz", hz, rates[from], ghost, l, rates[to])
						}
					}
				}
			}
		}
	})
}

// ghosts are the images and aliases that a tone would have at another rate.
func ghosts(hz float64, from, to int) (all []float64) {
	for _, rate := range rates {
		for n := 1.0; n <= 3; n++ {
			for _, f := range []float64{n*float64(rate) - hz, n*float64(rate) + hz, hz - n*float64(rate)} {
				if f > 50 && f < float64(to)/2 && f != hz && from != to {
					all = append(all, f)
				}
			}
		}
	}
	return all
}

// chorus is several sounds at once.
type chorus []interface{ Fill([]int16) }

func (c chorus) Fill(dst []int16) {
	one := make([]int16, len(dst))
	clear(dst)
	for _, voice := range c {
		voice.Fill(one)
		for i, v := range one {
			dst[i] += v
		}
	}
}

// A tone goes on while a leg of another rate comes, talks, changes its codec and goes.
func TestARoomChangesItsRateWithoutAClick(t *testing.T) {
	for _, codec := range ofAllBands {
		for _, other := range ofAllBands {
			if codec == other {
				continue
			}
			t.Run(codec.Name()+", then "+other.Name(), func(t *testing.T) {
				eachSplit(t, func(t *testing.T, c *clockwork) {
					conf := c.engine.NewConference("x")
					c.phoneOf(conf, codec, tone.NewSine(codec.SampleRate(), 437, -20), -1).seat.Enter()
					ear := c.phoneOf(conf, codec, nil, -1)
					ear.seat.Enter()
					c.run(30)
					ear.heard = nil
					guest := c.phoneOf(conf, other, nil, -1)
					guest.seat.Enter()
					c.run(20)
					for _, next := range append(ofAllBands[:], codec, other) {
						guest.use(next)
						guest.apply(media.SendRecv)
						c.run(20)
					}
					c.release(guest)
					c.run(20)
					if got := tone.Continuous(ear.heard, codec.SampleRate(), 437); got.Click > 0.05 || got.Slip > 0.005 || got.Dip < -0.2 {
						t.Errorf("%+v", got)
					}
					for _, p := range *conf.parts.Load() {
						if want := bandOf(codec.SampleRate()/media.FramesPerSecond) + 1; int(p.reach) != want {
							t.Errorf("%d bands are mixed when the guest has gone, want %d", p.reach, want)
						}
					}
				})
			})
		}
	}
}

// A tone that comes from another band goes on while legs of the band between come and go.
func TestASoundCrossesTwoBandsWhoeverIsInTheOneBetween(t *testing.T) {
	for _, way := range [][2]media.Codec{{media.PCMU(), packed{}}, {packed{}, media.PCMU()}} {
		t.Run(way[0].Name()+" to "+way[1].Name(), func(t *testing.T) {
			eachSplit(t, func(t *testing.T, c *clockwork) {
				conf := c.engine.NewConference("x")
				c.phoneOf(conf, way[0], tone.NewSine(way[0].SampleRate(), 437, -20), -1).seat.Enter()
				ear := c.phoneOf(conf, way[1], nil, -1)
				ear.seat.Enter()
				c.run(30)
				ear.heard = nil
				guest := c.phoneOf(conf, linear{}, &passages{sine: tone.NewSine(16000, 1031, 0), levels: levels(20, -40, 50, -99)}, -1)
				guest.seat.Enter()
				c.run(70)
				c.release(guest)
				c.run(20)
				rate := way[1].SampleRate()
				if got := tone.Continuous(ear.heard[rate/2:], rate, 437); got.Click > 0.05 || got.Slip > 0.005 || got.Dip < -0.2 {
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
		play func(c *clockwork, conf *Conference, s *Seat)
	}{
		{"prompt", func(_ *clockwork, _ *Conference, s *Seat) { s.Play(1, sound) }},
		{"prompts one after another", func(_ *clockwork, _ *Conference, s *Seat) {
			s.Play(1, media.NewSound(16000, make([]int16, 1603)), media.NewSound(8000, nil), sound)
		}},
		{"music", func(_ *clockwork, conf *Conference, s *Seat) { s.Music(conf.engine.Loop(sound)) }},
		{"playlist", func(c *clockwork, _ *Conference, s *Seat) {
			music := c.station(storedTone(c.t, high, 64000))
			s.Music(music)
			c.engine.feeder.feed(c.turn / slots)
		}},
		{"announcement", func(_ *clockwork, conf *Conference, s *Seat) {
			s.Enter()
			conf.Play(Announcement{Sounds: []*media.Sound{sound}})
		}},
	} {
		for _, codec := range []media.Codec{linear{}, packed{}} {
			t.Run(tt.name+" in "+codec.Name(), func(t *testing.T) {
				c := newClockwork(t, 1, 600)
				conf := c.engine.NewConference("x")
				p, other := c.phoneOf(conf, codec, nil, -1), c.phone(conf, nil)
				other.seat.Enter()
				c.run(5)
				tt.play(c, conf, p.seat)
				c.run(120)
				rate := codec.SampleRate()
				if l := p.level(high); !near(l, -20, 0.2) {
					t.Errorf("%.0f Hz at %.2f dBFS, want -20", high, l)
				}
				if got := tone.Continuous(p.last(), rate, high); got.Click > 0.02 {
					t.Errorf("%+v", got)
				}
				for _, ghost := range ghosts(high, 16000, rate) {
					if l := p.level(ghost); rate > 16000 && l > -80 {
						t.Errorf("its image at %.0f Hz is at %.1f dBFS", ghost, l)
					}
				}
				if l := other.level(8000 - high); l > -60 {
					t.Errorf("its alias to a narrow-band leg at %.1f dBFS", l)
				}
			})
		}
	}
}

func BenchmarkJoin(b *testing.B) {
	for _, seats := range [][bands]int{{2}, {2, 2}, {2, 0, 2}, {2, 2, 2}} {
		b.Run(fmt.Sprint(seats), func(b *testing.B) {
			p := newPart(nil, newEngine(Config{Workers: 1}).workers[0])
			for i, n := range seats {
				if n > 0 {
					p.tally(i, n)
				}
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
