package mixer

import (
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

// failing is PCMU whose decoder fails from some frame on, as code with a mistake in it does.
type failing struct {
	media.Codec
	left *int // frames until then
}

func (f failing) At(int) media.Codec { return f }

func (f failing) NewDecoder() media.Decoder { return failingDecoder{f.Codec.NewDecoder(), f.left} }

type failingDecoder struct {
	media.Decoder
	left *int
}

func (d failingDecoder) Decode(dst []int16, payload []byte) int {
	if *d.left--; *d.left < 0 {
		panic("a mistake in a decoder")
	}
	return d.Decoder.Decode(dst, payload)
}

// A fault in the work for one leg costs that leg and no other: those beside it hear each other on.
func TestFaultCostsOneLeg(t *testing.T) {
	for _, tt := range []struct {
		name string
		harm func(c *clockwork, p *farEnd)
	}{
		{"in receiving from it", func(c *clockwork, p *farEnd) {
			left := 20
			p.codec = failing{media.PCMU(), &left}
			p.apply(media.SendRecv)
		}},
		{"in sending to it", func(c *clockwork, p *farEnd) {
			c.run(20)
			p.seat.part.worker.later(func() { // music that is none
				p.seat.loop, p.seat.musical = &Music{}, true
				p.seat.wantMusic()
			})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClockwork(t, 1, 600)
			conf := c.engine.NewConference("1000")
			before := c.phone(conf, tone.NewSine(8000, 440, -20))
			faulty := c.phone(conf, tone.NewSine(8000, 700, -20))
			faulty.released = true // what it is sent, and is not any more, is not waited for
			after := c.phone(conf, tone.NewSine(8000, 1000, -20))
			for _, p := range []*farEnd{before, faulty, after} {
				p.seat.Enter()
			}
			l := listener{tape: conf.Record(true)}
			tt.harm(c, faulty)
			c.run(100)
			if l.read(); len(l.tracks[before.seat]) < 90*160 || len(l.tracks[faulty.seat]) > 40*160 {
				t.Errorf("the tracks have %d samples and, of the leg that was given up, %d", len(l.tracks[before.seat]), len(l.tracks[faulty.seat]))
			}
			if stats := c.engine.Stats(); stats.Faults == 0 {
				t.Fatal("no fault is counted")
			}
			told := 0
			for _, e := range faulty.events {
				if e.Kind == EventFault {
					told++
				}
			}
			if told != 1 {
				t.Errorf("its owner was told of %d faults, want 1", told)
			}
			before.heard, after.heard = nil, nil
			c.run(50)
			for _, p := range []struct {
				who     *farEnd
				hears   float64
				hearsNo float64
			}{{before, 1000, 700}, {after, 440, 700}} {
				if n := len(p.who.heard); n < 45*160 {
					t.Fatalf("it was sent %d samples in a second, 8000 are right", n)
				}
				if level := tone.LevelAt(p.who.heard, 8000, p.hears); level < -24 {
					t.Errorf("it hears %v Hz at %.1f dBFS, -20 is right", p.hears, level)
				}
				if level := tone.LevelAt(p.who.heard, 8000, p.hearsNo); level > -50 {
					t.Errorf("it hears the leg that was given up, at %.1f dBFS", level)
				}
			}
			c.release(faulty) // as its owner does; it must not come back with the next one
			c.phone(conf, nil)
			c.run(10)
		})
	}
}

// A fault beside the work for legs, in what a worker is told to do or in the sum of a room, harms no other room on the same worker.
func TestFaultOfAWorkerHarmsNoOtherRoom(t *testing.T) {
	for name, harm := range map[string]func(w *worker, p *part){
		"in a command":       func(w *worker, p *part) { w.later(func() { panic("a mistake in a command") }) },
		"in what is awaited": func(w *worker, p *part) { go w.do(func() { panic("a mistake in a command") }) },
		"in each tick":       func(w *worker, p *part) { w.later(func() { p.lanes = append(p.lanes, lane{}) }) }, // a leg that is none
	} {
		t.Run(name, func(t *testing.T) {
			c := newClockwork(t, 1, 600)
			room, other := c.engine.NewConference("1000"), c.engine.NewConference("1001")
			bystander := c.phone(room, nil)
			bystander.released = true // what becomes of the room that fails is not looked at
			bystander.seat.Enter()
			speaker, listener := c.phone(other, tone.NewSine(8000, 700, -20)), c.phone(other, nil)
			speaker.seat.Enter()
			listener.seat.Enter()
			c.run(10)
			harm(c.engine.workers[0], bystander.seat.part)
			c.run(60)
			if n := c.engine.Stats().Faults; n == 0 {
				t.Error("no fault is counted")
			}
			listener.heard = nil
			c.run(50)
			if level := tone.LevelAt(listener.heard, 8000, 700); len(listener.heard) < 45*160 || level < -24 {
				t.Errorf("the other room hears %d samples at %.1f dBFS, 8000 at -20 are right", len(listener.heard), level)
			}
		})
	}
}
