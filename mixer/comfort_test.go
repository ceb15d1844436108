package mixer

import (
	"slices"
	"testing"
	"time"

	"conclave/media"
	"conclave/media/tone"
)

func TestSilenceIsFaintNoiseToWhoIsGivenComfort(t *testing.T) {
	eachSplit(t, func(t *testing.T, c *clockwork) {
		conf := c.engine.NewConference("x")
		phones := []*farEnd{c.phone(conf, nil), c.phone(conf, nil), c.phoneOf(conf, linear{}, nil, -1), c.phoneOf(conf, packed{}, nil, -1)}
		plain := c.phone(conf, nil)
		for _, p := range phones {
			p.seat.ComfortNoise(true)
			p.seat.Enter()
		}
		plain.seat.Enter()
		c.run(200)
		for i, p := range phones {
			if l := tone.Level(p.last()); !near(l, comfortLevel, 1.5) {
				t.Errorf("phone %d hears %.1f dBFS in silence, want %g", i, l, comfortLevel)
			}
		}
		if !slices.Equal(phones[0].last(), phones[1].last()) {
			t.Error("two hear different noise: it is not coded once")
		}
		if l := tone.Level(plain.last()); l > -80 {
			t.Errorf("who is given none hears %.1f dBFS", l)
		}
		talker := c.phone(conf, tone.NewSine(8000, 437, -20))
		talker.seat.ComfortNoise(true)
		talker.seat.Enter()
		phones[1].seat.Play(1, media.NewSound(8000, make([]int16, 16000)))
		c.run(80)
		if l := phones[0].level(437); !near(l, -20, 0.5) {
			t.Errorf("a talker is heard at %.1f dBFS", l)
		}
		if l := tone.Level(talker.last()); !near(l, comfortLevel, 1.5) {
			t.Errorf("who talks alone hears %.1f dBFS", l)
		}
		talker.seat.Leave()
		c.run(150)
		if l := tone.Level(phones[0].last()); !near(l, comfortLevel, 1.5) {
			t.Errorf("after he has talked %.1f dBFS are heard", l)
		}
	})
}

func TestWhoHasSaidThatHeIsSilentIsWaitedForLonger(t *testing.T) {
	for _, tt := range []struct {
		name    string
		comfort bool
		first   time.Duration // within which nothing is told
		then    time.Duration // within which it is
	}{
		{"who vanishes", false, 29 * time.Second, 5 * time.Second},
		{"who sends comfort noise and vanishes", true, 299 * time.Second, 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClockwork(t, 1, 600)
			p := c.phone(c.engine.NewConference("x"), nil)
			c.run(10)
			p.still = true
			if tt.comfort {
				p.other = func() [][]byte {
					packet := slices.Clone(p.packet[:13])
					packet[1], packet[12] = 13, 60
					packet[4], packet[5], packet[6], packet[7] = byte(p.stamp>>24), byte(p.stamp>>16), byte(p.stamp>>8), byte(p.stamp)
					return [][]byte{packet}
				}
				c.run(1)
				p.other = nil
			}
			c.run(int(tt.first / tickTime))
			timeouts := func() (n int) {
				for _, e := range p.events {
					if e.Kind == EventTimeout {
						n++
					}
				}
				return n
			}
			if timeouts() > 0 {
				t.Errorf("told within %v", tt.first)
			}
			c.run(int(tt.then / tickTime))
			if timeouts() != 1 {
				t.Errorf("told %d times within %v more", timeouts(), tt.then)
			}
		})
	}
}
