package mixer

import (
	"math"
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

// listener keeps what a tape holds as it would be written: each frame where its tick says.
type listener struct {
	tape        *Tape
	first, last uint64
	tracks      map[*Seat][]int16
}

// read takes what is on the tape.
func (l *listener) read() {
	if l.tracks == nil {
		l.tracks = map[*Seat][]int16{}
	}
	l.first, l.last = l.tape.Span()
	defer l.tape.Return()
	l.tape.Read(func(f Stretch) {
		if f.Tick < l.first {
			return
		}
		at := int(f.Tick-l.first) * f.Rate / media.FramesPerSecond
		pcm := l.tracks[f.Seat]
		if end := at + len(f.PCM); end > len(pcm) {
			pcm = append(pcm, make([]int16, end-len(pcm))...)
		}
		copy(pcm[at:], f.PCM)
		l.tracks[f.Seat] = pcm
	})
}

func TestTapeHoldsTheMixAndWhatEachSeatGives(t *testing.T) {
	for _, tt := range []struct {
		name              string
		workers, partSize int
	}{
		{"one worker", 1, 600},
		{"a room split over three workers", 3, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClockwork(t, tt.workers, tt.partSize)
			conf := c.engine.NewConference("x")
			tones := []float64{437, 1031, 1873}
			for _, hz := range tones {
				c.phone(conf, tone.NewSine(8000, hz, -20)).seat.Enter()
			}
			muted := c.phone(conf, tone.NewSine(8000, 2311, -20))
			muted.seat.Enter()
			muted.seat.Mute(true)
			outside := c.phone(conf, tone.NewSine(8000, 2711, -20))
			c.run(20)
			l := listener{tape: conf.Record(true)}
			for range 10 {
				c.run(10)
				l.read()
			}
			c.stop(l.tape)
			l.read()
			if n := l.last - l.first + 1; n != 100 || len(l.tracks[nil]) != 100*160 {
				t.Fatalf("%d ticks and %d samples of the mix in 100 ticks", n, len(l.tracks[nil]))
			}
			if l.tape.Lost() != 0 {
				t.Errorf("%d frames lost", l.tape.Lost())
			}
			for i, hz := range tones {
				for j, other := range tones {
					level := tone.LevelAt(l.tracks[c.phones[i].seat], 8000, other)
					if i == j && !near(level, -20, 0.3) || i != j && level > -60 {
						t.Errorf("track %d has tone %d at %.1f dBFS", i, j, level)
					}
				}
				if level := tone.LevelAt(l.tracks[nil], 8000, hz); !near(level, -20, 0.3) {
					t.Errorf("the mix has tone %d at %.1f dBFS, want -20", i, level)
				}
			}
			if len(l.tracks[muted.seat]) > 0 || len(l.tracks[outside.seat]) > 0 {
				t.Error("there is a track of one who is not heard")
			}
			// What is in the mix is the sum of the tracks, sample by sample.
			worst := 0.0
			for n, v := range l.tracks[nil] {
				sum := 0
				for _, p := range c.phones {
					if pcm := l.tracks[p.seat]; n < len(pcm) {
						sum += int(pcm[n])
					}
				}
				worst = max(worst, math.Abs(float64(int(v)-sum)))
			}
			if worst > 0 {
				t.Errorf("the mix differs from the sum of the tracks by up to %v", worst)
			}
		})
	}
}

// stop stops the tape while the test runs the workers' commands.
func (c *clockwork) stop(t *Tape) {
	over := make(chan struct{})
	go func() {
		t.Stop()
		close(over)
	}()
	for {
		select {
		case <-over:
			return
		default:
			for _, w := range c.engine.workers {
				w.commands.run()
			}
		}
	}
}

func TestTapeKeepsItsClockOverMissedTicksAndSilence(t *testing.T) {
	c := newClockwork(t, 2, 1)
	conf := c.engine.NewConference("x")
	left, right := c.phone(conf, tone.NewSine(8000, 500, -10)), c.phone(conf, tone.NewSine(8000, 500, -10))
	left.seat.Enter()
	right.seat.Enter()
	c.run(20)
	l := listener{tape: conf.Record(true)}
	const minutes = 10
	// Both fall silent for a second of each three, in step; of each minute a tick is missed by both workers.
	for second := range minutes * 60 {
		left.seat.Mute(second%3 == 2)
		right.seat.Mute(second%3 == 2)
		ticks := 50
		if second%60 == 59 {
			ticks--
			c.turn += slots
			c.time.Now += int64(tickTime)
		}
		c.run(ticks)
		l.read()
	}
	if n := l.last - l.first + 1; n != minutes*60*50 {
		t.Fatalf("%d ticks, want %d: those that were missed count", n, minutes*60*50)
	}
	edges := func(pcm []int16) (at []int) { // where sound follows half a second of silence
		quiet := 4000
		for n, v := range pcm {
			if v != 0 {
				if quiet >= 4000 {
					at = append(at, n)
				}
				quiet = 0
			} else {
				quiet++
			}
		}
		return at
	}
	mix := edges(l.tracks[nil])
	if len(mix) != minutes*20 {
		t.Fatalf("%d beginnings in the mix, want %d", len(mix), minutes*20)
	}
	for name, s := range map[string]*Seat{"left": left.seat, "right": right.seat} {
		for i, at := range edges(l.tracks[s]) {
			if d := at - mix[i]; d < -8 || d > 8 { // 1 ms
				t.Fatalf("%s begins %d samples beside the mix at second %d", name, d, at/8000)
			}
			if want := i * 3 * 8000; i > 0 && (at < want-320 || at > want+320) {
				t.Fatalf("%s: beginning %d at sample %d, want %d", name, i, at, want)
			}
		}
	}
}

func TestTapeThatNobodyReadsDropsAndCounts(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	p := c.phone(conf, tone.NewSine(8000, 437, -20))
	p.seat.Enter()
	c.run(20)
	l := listener{tape: conf.Record(false)}
	kept := spoolsFor(1) * spoolRoom / 160
	c.run(kept + 100)
	l.read()
	if lost, n := l.tape.Lost(), len(l.tracks[nil])/160; lost != 100 || n != kept {
		t.Errorf("%d frames lost and %d kept of %d, want 100 and %d", lost, n, kept+100, kept)
	}
	if least := int(reelTime / tickTime); kept < least {
		t.Errorf("%d frames are kept, want %d at least", kept, least)
	}
	c.run(50)
	l.read()
	if n := len(l.tracks[nil]) / 160; n != kept+150 || tone.Level(l.tracks[nil][(kept+10)*160:(kept+90)*160]) > -90 {
		t.Errorf("afterwards there are %d frames, want %d and silence where they were lost", n, kept+150)
	}
	// One that takes its place leaves it nothing, and its end does not end the other.
	second := listener{tape: conf.Record(false)}
	c.stop(l.tape)
	c.run(10)
	l.read()
	second.read()
	if n := len(l.tracks[nil]) / 160; n != kept+150 || len(second.tracks[nil]) != 10*160 {
		t.Errorf("the first has %d frames, the second %d samples", n, len(second.tracks[nil]))
	}
}

func TestTapeHasAnnouncementsAsListenersHearThem(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	talker, hears := c.phone(conf, tone.NewSine(8000, 437, -20)), c.phone(conf, nil)
	talker.seat.Enter()
	hears.seat.Enter()
	c.run(20)
	l := listener{tape: conf.Record(true)}
	conf.Play(Announcement{Sounds: []*media.Sound{media.NewSound(8000, tone.Make(8000, 1900, -20, 16000))}})
	c.run(80)
	l.read()
	mix := l.tracks[nil][20*160:]
	if level := tone.LevelAt(mix, 8000, 1900); !near(level, -20, 0.5) {
		t.Errorf("announcement at %.1f dBFS, want -20", level)
	}
	if level := tone.LevelAt(mix, 8000, 437); !near(level, -32, 0.5) {
		t.Errorf("conference under it at %.1f dBFS, want -32", level)
	}
	if level := tone.LevelAt(l.tracks[talker.seat], 8000, 437); !near(level, -20, 0.5) {
		t.Errorf("track at %.1f dBFS, want -20", level)
	}
}

func TestTapeTakesTheMixFromTheWideBandOnceSomebodyIsInIt(t *testing.T) {
	eachSplit(t, func(t *testing.T, c *clockwork) {
		conf := c.engine.NewConference("x")
		narrow := c.phone(conf, tone.NewSine(8000, 437, -20))
		narrow.seat.Enter()
		c.run(20)
		l := listener{tape: conf.Record(true)}
		c.run(50)
		wide := c.phoneOf(conf, linear{}, tone.NewSine(16000, 5200, -20), -1)
		wide.seat.Enter()
		c.run(80)
		var rates []int
		var mix []int16
		crossed := map[*Seat]bool{}
		l.tape.Read(func(f Stretch) {
			if f.Seat != nil {
				crossed[f.Seat] = f.Crossed
				return
			}
			if n := len(rates); n == 0 || rates[n-1] != f.Rate {
				rates = append(rates, f.Rate)
			}
			if f.Rate == 16000 {
				mix = append(mix, f.PCM...)
			}
		})
		if len(rates) != 2 || rates[0] != 8000 || rates[1] != 16000 {
			t.Fatalf("the mix has rates %v, want 8000 and then 16000", rates)
		}
		for _, hz := range []float64{437, 5200} {
			if level := tone.LevelAt(mix[8000:], 16000, hz); !near(level, -20, 0.3) {
				t.Errorf("%.0f Hz at %.1f dBFS, want -20", hz, level)
			}
		}
		if !crossed[narrow.seat] || crossed[wide.seat] {
			t.Errorf("the narrow track has crossed %v, the wide one %v", crossed[narrow.seat], crossed[wide.seat])
		}
		c.release(wide)
		c.run(20)
		c.stop(l.tape)
		for _, p := range *conf.parts.Load() {
			seats := 0
			for _, b := range p.bands {
				seats += b.seats
			}
			if seats != len(p.lanes) {
				t.Errorf("%d seats are counted of %d", seats, len(p.lanes))
			}
		}
	})
}

// A recording has 16 kHz at most. What a member of the full band gives is brought to that, and lies where it is in the mix.
func TestTapeHasTheTracksOfTheFullBandAtTheRateOfTheWideOne(t *testing.T) {
	eachSplit(t, func(t *testing.T, c *clockwork) {
		conf := c.engine.NewConference("x")
		source := &passages{sine: tone.NewSine(48000, 1031, 0), levels: levels(100, -20, 60, -99, 100, -20)}
		full := c.phoneOf(conf, packed{}, chorus{source, tone.NewSine(48000, 12300, -20)}, -1)
		full.seat.Enter()
		c.phone(conf, nil).seat.Enter()
		c.run(20)
		l := listener{tape: conf.Record(true)}
		c.run(10)
		l.read()
		l.tracks = nil // the mix is taken from the wide band from the first tick on in which the tape runs
		l.first = 0
		for range 20 {
			c.run(10)
			l.read()
		}
		mix, track := l.tracks[nil], l.tracks[full.seat]
		if len(mix) < 150*320 || len(track) != len(mix) {
			t.Fatalf("%d samples of the mix, %d of the track", len(mix), len(track))
		}
		worst := 0
		for i, v := range mix {
			worst = max(worst, int(v)-int(track[i]), int(track[i])-int(v))
		}
		if worst > 1 {
			t.Errorf("the mix differs from the only track by up to %d", worst)
		}
		if level := tone.LevelAt(track[:16000], 16000, 1031); !near(level, -20, 0.2) {
			t.Errorf("the track is at %.2f dBFS, want -20", level)
		}
		if level := tone.LevelAt(track[:16000], 16000, 16000-12300); level > -80 {
			t.Errorf("what is above the wide band is in it at %.1f dBFS", level)
		}
	})
}

func TestTapeHasRoomForAllWhoTalkAtOnce(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	c.phone(conf, tone.NewSine(8000, 300, -30)).seat.Enter()
	l := listener{tape: conf.Record(true)}
	for i := range 60 { // of whom most come when the tape runs
		c.phone(conf, tone.NewSine(8000, 310+float64(10*i), -30)).seat.Enter()
	}
	c.run(20)
	for range 5 {
		c.run(60)
		l.read()
	}
	if l.tape.Lost() > 0 {
		t.Errorf("%d frames lost", l.tape.Lost())
	}
	for i, p := range c.phones {
		if pcm := l.tracks[p.seat]; len(pcm) < 310*160 || !near(tone.LevelAt(pcm[len(pcm)-16000:], 8000, 300+float64(10*i)), -30, 0.5) {
			t.Errorf("track %d has %d samples, at %.1f dBFS", i, len(pcm), tone.LevelAt(pcm, 8000, 300+float64(10*i)))
		}
	}
	// Who comes and goes takes no room for good.
	for range 20 {
		p := c.phone(conf, tone.NewSine(8000, 1000, -30))
		p.seat.Enter()
		c.run(20)
		c.release(p)
		l.read()
	}
	empty := 0
	for s := l.tape.reels[0].empty.top.Load(); s != nil; s = s.next {
		empty++
	}
	if all := l.tape.reels[0].spools; empty < all-len(c.phones)-1 || all > spoolsFor(1+reelTalkers)+62*seatSpools {
		t.Errorf("%d of %d spools are empty", empty, all)
	}
}
