//go:build opus

package mixer

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

func TestOpusIsOneOfTheCodecs(t *testing.T) {
	opus, _ := media.Opus()
	codecs := []media.Codec{media.PCMU(), media.G722(), opus.At(16000), opus.At(48000)}
	for _, from := range codecs {
		for _, to := range codecs {
			t.Run(fmt.Sprintf("%s of %d Hz to %s of %d Hz", from.Name(), from.SampleRate(), to.Name(), to.SampleRate()), func(t *testing.T) {
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

func TestOpusCarriesTheFullBandThroughARoom(t *testing.T) {
	opus, _ := media.Opus()
	for _, hz := range []float64{7000, 12000, 15000} {
		c := newClockwork(t, 1, 600)
		conf := c.engine.NewConference("x")
		talker := c.phoneOf(conf, opus, tone.NewSine(48000, hz, -20), -1)
		ear, wide, narrow := c.phoneOf(conf, opus, nil, -1), c.phoneOf(conf, opus.At(16000), nil, -1), c.phone(conf, nil)
		for _, p := range c.phones {
			p.seat.Enter()
		}
		c.run(150)
		if l := ear.level(hz); !near(l, -20, 2) {
			t.Errorf("%.0f Hz is heard at %.2f dBFS, want -20", hz, l)
		}
		if l := talker.level(hz); l > -60 {
			t.Errorf("%.0f Hz comes back at %.1f dBFS", hz, l)
		}
		if hz > 8000 {
			for _, p := range []*farEnd{wide, narrow} {
				if l := tone.Level(p.last()); l > -60 {
					t.Errorf("%.0f Hz leaves %.1f dBFS at %d Hz", hz, l, p.codec.SampleRate())
				}
			}
		}
	}
}

// What libopus makes of a tone wavers by itself; a change between encoders is to be no more of a click than a frame is.
func TestOpusGoesOnWhoeverCodesIt(t *testing.T) {
	for _, rate := range []int{16000, 48000} {
		opus, _ := media.Opus()
		opus = opus.At(rate)
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
		want, got := tone.Continuous(steady.heard, rate, hz), tone.Continuous(turns.heard, rate, hz)
		t.Logf("at %d Hz: one stream %+v, in turns %+v", rate, want, got)
		if got.Click > want.Click+0.1 || got.Slip > want.Slip+0.02 || got.Dip < want.Dip-1 {
			t.Errorf("at %d Hz: in turns %+v, one stream %+v", rate, got, want)
		}
	}
}

// Whoever is muted is not decoded but for a look at his level twice a second.
func TestMutedOpusMemberIsHeardAsSoonAsHeMayBe(t *testing.T) {
	for _, rate := range []int{16000, 48000} {
		opus, _ := media.Opus()
		opus = opus.At(rate)
		c := newClockwork(t, 1, 600)
		conf := c.engine.NewConference("x")
		ear := c.phone(conf, nil)
		talker := c.phoneOf(conf, opus, tone.NewSine(rate, 437, -20), 101)
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
		talker.source = tone.NewSine(rate, 437, -20)
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
}

// In a pause a phone that wants it so is sent a packet or two each 0.4 s, and the marker where talk begins. Others, in the same
// room, are sent all there is.
func TestPausesAreLeftOutForThoseWhoWantItSo(t *testing.T) {
	opus, _ := media.Opus()
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	talker := c.phone(conf, tone.NewSine(8000, 437, -20))
	sparse, all := c.phoneOf(conf, opus, nil, 101), c.phoneOf(conf, opus, nil, 101)
	sparse.pauses = true
	sparse.apply(media.SendRecv)
	for _, p := range c.phones {
		p.seat.ComfortNoise(true)
		p.seat.Enter()
	}
	c.run(100)
	talker.source = nil
	c.run(100) // until it is a pause, and the first of it have been sent
	sparse.came, all.came = nil, nil
	c.run(200)
	last := 0
	for i, a := range sparse.came {
		if i > 0 && a.tick-last > 21 {
			t.Errorf("nothing comes for %d ms", 20*(a.tick-last))
		}
		if last = a.tick; a.marker {
			t.Error("the marker is set in a pause")
		}
	}
	if n := len(sparse.came); n < 18 || n > 22 {
		t.Errorf("%d packets come in 4 s of a pause", n)
	}
	if len(all.came) != 200 {
		t.Errorf("of 200 packets %d come to a phone that wants all", len(all.came))
	}
	for _, a := range all.came {
		if a.size <= 2 || a.marker {
			t.Fatalf("to a phone that wants all comes %+v", a)
		}
	}
	sparse.came, sparse.heard = nil, nil
	talker.source = tone.NewSine(8000, 437, -20)
	c.run(60)
	markers := 0
	for i, a := range sparse.came {
		if a.marker {
			markers++
		}
		if i > 0 && a.stamp-sparse.came[i-1].stamp != 960*uint32(a.tick-sparse.came[i-1].tick) {
			t.Errorf("the time goes on from %d to %d in %d ticks", sparse.came[i-1].stamp, a.stamp, a.tick-sparse.came[i-1].tick)
		}
	}
	if markers != 1 {
		t.Errorf("%d packets of the talk have the marker, want its first one", markers)
	}
	if l := sparse.level(437); !near(l, -20, 1) {
		t.Errorf("after the pause the talker is at %.1f dBFS", l)
	}
	c.allocatesNothing(t, nil)
}

// What is sent once more follows the far ends' reports: all who hear the same have it where one of them loses packets, and
// nobody where none does.
func TestPacketsAreRepeatedWhereAFarEndLosesThem(t *testing.T) {
	opus, _ := media.Opus()
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	c.phone(conf, &warble{rate: 8000}).seat.Enter()
	lossy, other := c.phoneOf(conf, opus, nil, 101), c.phoneOf(conf, opus, nil, 101)
	lossy.seat.Enter()
	other.seat.Enter()
	for _, tt := range []struct {
		lost byte // in 1/256
		want bool
	}{{0, false}, {26, true}, {0, false}} {
		for range 8 { // reports come each 5 s or so; the mean falls by half with each
			for _, p := range []*farEnd{lossy, other} {
				report := []byte{0x81, 201, 0, 7, 0, 0, 0, 77, 0, 0, 0, 0, tt.lost, 0, 0, 1, 31: 0}
				if p == other {
					report[12] = 0
				}
				binary.BigEndian.PutUint32(report[8:], p.ours)
				_, _ = p.conn.WriteToUDPAddrPort(report, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), p.leg.Port()+1))
			}
			c.run(80)
		}
		c.run(150)
		other.came = nil
		c.run(50)
		repeated := 0
		for _, a := range other.came {
			if a.repeat {
				repeated++
			}
		}
		if repeated < 25 && tt.want || repeated > 2 && !tt.want {
			t.Errorf("where %d of 256 are lost %d of %d packets have something of the one before", tt.lost, repeated, len(other.came))
		}
	}
}

// warble is a sound that libopus takes for a voice.
type warble struct{ rate, at int }

func (w *warble) Fill(dst []int16) {
	for i := range dst {
		at := float64(w.at) / float64(w.rate)
		v := 0.0
		for h := 1.0; h < 20; h++ {
			v += math.Sin(h*(2*math.Pi*120*at+10*math.Sin(4*at))) / h
		}
		dst[i] = int16(3000 * v * (0.6 + 0.4*math.Sin(2*math.Pi*3*at)))
		w.at++
	}
}
