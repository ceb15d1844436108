package mixer

import (
	"testing"
	"time"

	"conclave/media/tone"
)

// passages is a tone that is loud and faint in turn.
type passages struct {
	sine   *tone.Sine
	levels []float64 // dB of each frame against the tone; the last one stays
	at     int
}

func (p *passages) Fill(dst []int16) {
	p.sine.Fill(dst)
	gain := tone.Amplitude(p.levels[min(p.at, len(p.levels)-1)]) / 32767
	p.at++
	for i, s := range dst {
		dst[i] = int16(float64(s) * gain)
	}
}

// levels are so many frames of a level, and so on.
func levels(pairs ...float64) (all []float64) {
	for i := 0; i < len(pairs); i += 2 {
		for range int(pairs[i]) {
			all = append(all, pairs[i+1])
		}
	}
	return all
}

func TestHowTalkIsToldFromNoise(t *testing.T) {
	// A tone of -20 dBFS has a mean magnitude of 2086, one of -32 dBFS of 524.
	const loud, faint, none = 0, -12, -80
	tests := []struct {
		name    string
		options TalkOptions
		levels  []float64
		heard   [2]float64 // dBFS, of the first and of the second second; 0: of no interest
		talked  time.Duration
		told    int // events
	}{
		{"as it does by itself", TalkOptions{}, levels(50, loud, 50, faint), [2]float64{-20, -32}, 2 * time.Second, 1},
		{"a threshold only tells", TalkOptions{Threshold: 1000, Silence: 200 * time.Millisecond}, levels(50, loud, 50, faint), [2]float64{-20, -32}, 1180 * time.Millisecond, 2},
		{"a threshold drops what is below", TalkOptions{Threshold: 1000, Silence: 20 * time.Millisecond, Drop: true}, levels(50, loud, 50, faint), [2]float64{-20, -110}, time.Second, 2},
		{"a threshold that both pass", TalkOptions{Threshold: 400, Drop: true}, levels(50, loud, 50, faint), [2]float64{-20, -32}, 2 * time.Second, 1},
		{"silence bridges a pause", TalkOptions{Threshold: 1000, Silence: 500 * time.Millisecond}, levels(20, loud, 20, none, 60, loud), [2]float64{0, -20}, 2 * time.Second, 1},
		{"and no longer one", TalkOptions{Threshold: 1000, Silence: 200 * time.Millisecond}, levels(20, loud, 20, none, 60, loud), [2]float64{0, -20}, 1780 * time.Millisecond, 3},
		{"a long silence", TalkOptions{Threshold: 1000, Silence: time.Second}, levels(20, loud, 80, none), [2]float64{0, 0}, 1400 * time.Millisecond, 2},
		{"short silence without a threshold", TalkOptions{Silence: 200 * time.Millisecond}, levels(20, loud, 80, none), [2]float64{0, -110}, 600 * time.Millisecond, 2},
		{"everything is mixed", TalkOptions{Always: true}, levels(100, -35), [2]float64{-55, -55}, 0, 0},
		{"noise is not, by itself", TalkOptions{}, levels(100, -35), [2]float64{-110, -110}, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClockwork(t, 1, 600)
			conf := c.engine.NewConference("x")
			quiet := levels(50, none)
			if tt.levels[0] < -20 {
				quiet = levels(400, tt.levels[0]) // for the floor to be known
			}
			talker := c.phone(conf, &passages{sine: tone.NewSine(8000, 437, -20), levels: append(quiet, tt.levels...)})
			listener := c.phone(conf, nil)
			for _, p := range c.phones {
				p.seat.Enter()
			}
			talker.seat.DetectTalk(tt.options)
			c.run(len(quiet) + 1)
			talker.events = nil
			from := len(listener.heard)
			before := talker.seat.stats().TalkTime
			c.run(100)
			for i, want := range tt.heard {
				second := listener.heard[from+i*8000:][1600:8000]
				if l := tone.LevelAt(second, 8000, 437); want != 0 && !near(l, want, 3) {
					t.Errorf("second %d: heard at %.1f dBFS, want %.1f", i+1, l, want)
				}
			}
			within := 60 * time.Millisecond
			if tt.options.Silence >= hangOver*tickTime {
				within = measuredApart * tickTime
			}
			if got := talker.seat.stats().TalkTime - before; (got - tt.talked).Abs() > within {
				t.Errorf("talked for %v, want %v", got, tt.talked)
			}
			if n := len(talker.events); n > tt.told || n < tt.told-1 {
				t.Errorf("told %v, want %d changes", talker.events, tt.told)
			}
		})
	}
}

func TestDroppingSilenceKeepsTheFirstSyllable(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	talker := c.phone(conf, &passages{sine: tone.NewSine(8000, 437, -20), levels: levels(50, -80, 50, 0)})
	listener := c.phone(conf, nil)
	for _, p := range c.phones {
		p.seat.Enter()
	}
	talker.seat.DetectTalk(TalkOptions{Threshold: 160, Drop: true})
	c.run(101)
	loud := 0
	for i := 0; i+40 <= len(listener.heard); i += 40 { // 5 ms
		if tone.Level(listener.heard[i:i+40]) > -23 {
			loud++
		}
	}
	if ms := loud * 5; ms < 990 { // all but the ramp of 5 ms
		t.Errorf("%d ms of 1000 are heard", ms)
	}
}
