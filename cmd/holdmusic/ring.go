package main

import (
	"fmt"
	"math"
)

// The finished level. A prompt is spoken at -20 dBov, so the music stays behind it; peaks keep their distance from where
// G.711 gets coarse.
const (
	loudness = -24.0 // dBov: root mean square, relative to that of a full-scale square wave
	highest  = -6.0  // dBFS: largest sample
)

// ring is a recording whose end meets its beginning.
type ring []float64

func newRing(samples int) *ring {
	r := make(ring, samples)
	return &r
}

// add sounds a note: voice is its sample at a time in seconds since its start. After the note is let go it fades with a
// time constant of release seconds, after longest seconds it ends in any case, without a click.
func (r *ring) add(n note, longest, release float64, voice func(t float64) float64) {
	const end = .05 // seconds of fading at the very end
	start := int(math.Round(n.at))
	for i := 0; ; i++ {
		t := float64(i) / rate
		if t >= longest {
			return
		}
		v := voice(t) * min(1, (longest-t)/end)
		if held := n.held / rate; t > held {
			fading := math.Exp(-(t - held) / release)
			if fading < 1e-4 {
				return
			}
			v *= fading
		}
		(*r)[r.wrap(start+i)] += v
	}
}

func (r *ring) wrap(i int) int {
	n := len(*r)
	return ((i % n) + n) % n
}

// circulate passes the recording through a filter round the loop twice, and keeps what comes out the second time, when
// what sounds on from the end is in it from the beginning.
func (r *ring) circulate(step func(in float64) float64) {
	for _, v := range *r {
		step(v)
	}
	for i, v := range *r {
		(*r)[i] = step(v)
	}
}

// room adds the echo of a small hall (Schroeder and Moorer: damped combs side by side, then all-passes in a row). It is
// kept short and low, because a voice coder and a small loudspeaker blur the music enough.
func (r *ring) room() {
	const wet, reverberation, damping = .16, 1.3, .35
	type line struct {
		buffer []float64
		at     int
		gain   float64
		low    float64
	}
	var combs, diffusers []*line
	for _, length := range []int{467, 523, 569, 631, 691, 743} { // samples: 29 to 46 ms, without common factors
		gain := math.Pow(10, -3*float64(length)/rate/reverberation)
		combs = append(combs, &line{buffer: make([]float64, length), gain: gain})
	}
	for _, length := range []int{79, 199} {
		diffusers = append(diffusers, &line{buffer: make([]float64, length), gain: .6})
	}
	r.circulate(func(in float64) float64 {
		var echo float64
		for _, c := range combs {
			out := c.buffer[c.at]
			c.low = out*(1-damping) + c.low*damping
			c.buffer[c.at] = in + c.gain*c.low
			c.at = (c.at + 1) % len(c.buffer)
			echo += out
		}
		echo /= float64(len(combs))
		for _, d := range diffusers {
			old := d.buffer[d.at]
			fed := echo + d.gain*old
			d.buffer[d.at] = fed
			d.at = (d.at + 1) % len(d.buffer)
			echo = old - d.gain*fed
		}
		return in + wet*echo
	})
}

// highPass takes away what is below a frequency in Hz (Butterworth, second order, by the bilinear transform).
func (r *ring) highPass(hz float64) {
	w := 2 * math.Pi * hz / rate
	alpha := math.Sin(w) / math.Sqrt2
	a0 := 1 + alpha
	b := (1 + math.Cos(w)) / 2 / a0
	a1, a2 := -2*math.Cos(w)/a0, (1-alpha)/a0
	var x1, x2, y1, y2 float64
	r.circulate(func(x float64) float64 {
		y := b*(x-2*x1+x2) - a1*y1 - a2*y2
		x2, x1, y2, y1 = x1, x, y1, y
		return y
	})
}

// master sets the loudness in dBov and makes samples of it. Peaks above the highest allowed are an error: the piece is
// to be played more evenly then, not to be squeezed.
func (r *ring) master(loudness float64) ([]int16, error) {
	var power, peak float64
	for _, v := range *r {
		power += v * v
		peak = max(peak, math.Abs(v))
	}
	gain := math.Pow(10, loudness/20) / math.Sqrt(power/float64(len(*r)))
	if p := 20 * math.Log10(peak*gain); p > highest {
		return nil, fmt.Errorf("peak of %.1f dBFS at %.1f dBov, want at most %.1f", p, loudness, highest)
	}
	pcm := make([]int16, len(*r))
	for i, v := range *r {
		pcm[i] = int16(math.Round(v * gain * (1<<15 - 1)))
	}
	return pcm, nil
}
