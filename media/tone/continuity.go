package tone

import (
	"math"
	"slices"
	"time"
)

// Continuity tells how evenly a tone runs through a recording.
type Continuity struct {
	// Click is the largest departure of one sample from the tone as fitted to
	// its surroundings of 10 ms, as a ratio to the tone's amplitude. PCMU
	// alone leaves up to 0.04; a splice a quarter of a period off leaves 0.5.
	Click   float64
	ClickAt time.Duration // from the start of the recording
	// Dip and Bump are the lowest and the highest level in any 10 ms, in dB
	// relative to the median (Dip is negative, Silence-like if the tone stops).
	Dip, Bump float64
	DipAt     time.Duration
	// Slip is the largest change of phase from before to after any 5 ms, in
	// periods (0 to 0.5), beyond what the frequency accounts for: what a
	// splice that was smoothed over leaves.
	Slip   float64
	SlipAt time.Duration
}

// Continuous measures the tone of hz in pcm, which must hold it from the
// first sample to the last and nothing else. The window is 10 ms, so hz
// should be 200 or more. Frequencies off by 0.1 % do no harm.
func Continuous(pcm []int16, rate int, hz float64) Continuity {
	window, hop := rate/100, rate/200
	var c Continuity
	var levels []float64
	type click struct {
		size float64
		at   int
	}
	var clicks []click
	at := func(sample int) time.Duration {
		return time.Duration(sample) * time.Second / time.Duration(rate)
	}
	// Windows three hops apart have one hop between them: whatever lies
	// within some hop shows in full.
	const apart = 3
	expected := hz * float64(apart*hop) / float64(rate) // periods
	var phases []float64
	for i := 0; i+window <= len(pcm); i += hop {
		x := floats(pcm[i : i+window])
		w := fit(x, rate, []float64{hz})[0]
		levels = append(levels, math.Hypot(w[0], w[1]))
		worst := click{}
		for j, v := range x {
			if math.Abs(v) > worst.size {
				worst = click{math.Abs(v), i + j}
			}
		}
		clicks = append(clicks, worst)
		phases = append(phases, math.Atan2(w[0], w[1])/(2*math.Pi))
		if n := len(phases) - 1; n >= apart {
			slip := phases[n] - phases[n-apart] - expected
			slip = math.Abs(slip - math.Round(slip))
			if slip > c.Slip {
				c.Slip, c.SlipAt = slip, at(i-hop)
			}
		}
	}
	if len(levels) == 0 {
		return c
	}
	median := slices.Sorted(slices.Values(levels))[len(levels)/2]
	c.Dip, c.Bump = math.Inf(1), math.Inf(-1)
	for i, amplitude := range levels {
		dB := max(Silence, 20*math.Log10(amplitude/median))
		if dB < c.Dip {
			c.Dip, c.DipAt = dB, at(i*hop)
		}
		c.Bump = max(c.Bump, dB)
		if size := clicks[i].size / median; size > c.Click {
			c.Click, c.ClickAt = size, at(clicks[i].at)
		}
	}
	return c
}
