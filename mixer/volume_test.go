package mixer

import (
	"math"
	"slices"
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

func TestVolumes(t *testing.T) {
	tests := []struct {
		name       string
		level      float64 // dBFS of the talker
		hear, talk float64 // dB: of the listener and of the talker
		want       float64 // dBFS at the listener
	}{
		{"hear louder", -30, 12, 0, -18},
		{"hear softer", -20, -12, 0, -32},
		{"hear louder than there is room for", -6, 12, 0, -0.9},
		{"talk louder", -30, 0, 12, -18},
		{"talk softer", -20, 0, -12, -32},
		{"talk louder than there is room for", -3, 0, 12, -0.2},
		{"both", -30, 6, 3, -21},
		{"beyond the range", -30, -100, 50, -30},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClockwork(t, 1, 600)
			conf := c.engine.NewConference("x")
			talker := c.phone(conf, tone.NewSine(8000, 437, tt.level))
			other := c.phone(conf, tone.NewSine(8000, 1031, -30))
			listener, plain := c.phone(conf, nil), c.phone(conf, nil)
			for _, p := range c.phones {
				p.seat.Enter()
			}
			c.run(30)
			listener.seat.HearVolume(tt.hear)
			talker.seat.TalkVolume(tt.talk)
			c.run(100)
			if l := listener.level(437); !near(l, tt.want, 0.6) {
				t.Errorf("the talker is heard at %.1f dBFS, want %.1f", l, tt.want)
			}
			if d := tone.Distortion(listener.last(), 8000, 437, 1031); d > 0.01 {
				t.Errorf("distortion %.2f %%, want below 1 %%", d*100)
			}
			if l := talker.level(437); l > -65 {
				t.Errorf("the talker hears himself at %.1f dBFS", l)
			}
			if l := talker.level(1031); !near(l, -30, 0.5) {
				t.Errorf("the talker hears the other one at %.1f dBFS, want -30", l)
			}
			if l, want := plain.level(437), max(-12, min(tt.talk, 12))+tt.level; want < -6 && !near(l, want, 0.6) {
				t.Errorf("who set no volume hears the talker at %.1f dBFS, want %.1f", l, want)
			}
			if l := other.level(1031); l > -65 {
				t.Errorf("the other one hears himself at %.1f dBFS", l)
			}
			listener.seat.HearVolume(0)
			talker.seat.TalkVolume(0)
			c.run(400) // the limiter opens by 3 dB/s
			if l := listener.level(437); !near(l, tt.level, 0.3) {
				t.Errorf("back at 0 dB: %.1f dBFS, want %.1f", l, tt.level)
			}
			if listener.seat.scaled || talker.seat.shaped {
				t.Errorf("back at 0 dB they are mixed apart: %v, %v", listener.seat.scaled, talker.seat.shaped)
			}
		})
	}
}

func TestVolumesMoveWithoutAClick(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	talker := c.phone(conf, tone.NewSine(8000, 437, -30))
	listener := c.phone(conf, nil)
	for _, p := range c.phones {
		p.seat.Enter()
	}
	c.run(30)
	from := len(listener.heard)
	for _, dB := range []float64{12, -12, 3, 0} {
		listener.seat.HearVolume(dB)
		c.run(10)
		talker.seat.TalkVolume(dB)
		c.run(10)
	}
	if at := firstClick(listener.heard[from+80:], 437); at >= 0 {
		t.Errorf("a click %d ms after the volume moved first", 10+at/8)
	}
}

// firstClick is the first sample at which a tone whose level moves has a step, -1 if it has none. A sine obeys
// x[i-1] + x[i+1] = 2 cos w x[i]; what departs from it by more than the coding does is a step, which may be as large
// as the tone itself.
func firstClick(pcm []int16, hz float64) int {
	turn := 2 * math.Cos(2*math.Pi*hz/8000)
	for i := 20; i+20 < len(pcm); i++ {
		peak := slices.Max(pcm[i-20 : i+20])
		x := pcm[i-1 : i+2]
		if math.Abs(float64(x[0])+float64(x[2])-turn*float64(x[1])) > 0.2*float64(peak) {
			return i
		}
	}
	return -1
}

func TestPromptsKeepTheirLevelWhateverTheVolume(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	talker := c.phone(conf, tone.NewSine(8000, 437, -20))
	listener := c.phone(conf, nil)
	for _, p := range c.phones {
		p.seat.Enter()
	}
	listener.seat.HearVolume(-12)
	listener.seat.Play(1, media.NewSound(8000, tone.Make(8000, 1900, -20, 16000)))
	c.run(80)
	if l := listener.level(1900); !near(l, -20, 0.5) {
		t.Errorf("a prompt at %.1f dBFS, want -20", l)
	}
	if l := listener.level(437); !near(l, -44, 0.6) {
		t.Errorf("the conference under it at %.1f dBFS, want -44: -12 of the volume, -12 of the prompt", l)
	}
	c.run(100)
	conf.Play(Announcement{Sounds: []*media.Sound{media.NewSound(8000, tone.Make(8000, 1900, -20, 16000))}})
	c.run(80)
	if l := listener.level(1900); !near(l, -20, 0.5) {
		t.Errorf("an announcement at %.1f dBFS, want -20", l)
	}
	if l := talker.level(1900); !near(l, -20, 0.5) {
		t.Errorf("the announcement at %.1f dBFS at the other one, want -20", l)
	}
}

func TestVolumeAndMuteAndLeaveWorkTogether(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	talker := c.phone(conf, tone.NewSine(8000, 437, -30))
	listener := c.phone(conf, nil)
	talker.seat.TalkVolume(6)
	listener.seat.HearVolume(6)
	for _, p := range c.phones {
		p.seat.Enter()
	}
	c.run(60)
	if l := listener.level(437); !near(l, -18, 0.5) {
		t.Errorf("heard at %.1f dBFS, want -18", l)
	}
	talker.seat.Mute(true)
	c.run(60)
	if l := listener.level(437); l > -70 {
		t.Errorf("muted: %.1f dBFS", l)
	}
	talker.seat.Mute(false)
	listener.seat.Leave()
	c.run(60)
	if l := listener.level(437); l > -70 {
		t.Errorf("left: %.1f dBFS", l)
	}
	listener.seat.Enter()
	c.run(60)
	if l := listener.level(437); !near(l, -18, 0.5) {
		t.Errorf("back: %.1f dBFS, want -18", l)
	}
}
