package main

import (
	"errors"
	"fmt"
	"math"
)

const (
	fullScale = 1<<15 - 1
	highest   = -1.0 // dBFS: largest sample that leaves a little to what a codec and its filter overshoot
	frame     = rate / 50

	mostTurnedDown = 3.0 // dB: what a peak may be turned down by without being heard
)

// take is a recording in progress, full scale at 1.
type take []float64

// equalise takes away the rumble below the voice and lifts the range of the consonants, which a synthetic voice has too
// little of for a telephone that carries nothing above 3.4 kHz.
func (t take) equalise() {
	t.filter(highPass(120))
	t.filter(highShelf(1200, 5))
}

// trim cuts the silence at both ends, but for a moment, in which fade works.
func (t take) trim() take {
	const before, after = rate * 20 / 1000, rate * 50 / 1000
	var peak float64
	for _, v := range t {
		peak = max(peak, math.Abs(v))
	}
	// A soft consonant at the beginning is 30 dB and more below the vowels; at the end there is the voice's echo, too.
	begins, ends := .01*peak, .03*peak
	first, last := 0, len(t)
	for first < last && math.Abs(t[first]) <= begins {
		first++
	}
	for last > first && math.Abs(t[last-1]) <= ends {
		last--
	}
	return t[max(0, first-before):min(len(t), last+after)]
}

// fade lets the recording begin and end at zero.
func (t take) fade() {
	const in, out = rate * 10 / 1000, rate * 40 / 1000
	for i := range min(in, len(t)) {
		t[i] *= raised(float64(i) / in)
	}
	for i := range min(out, len(t)) {
		t[len(t)-1-i] *= raised(float64(i) / out)
	}
}

// raised is the raised cosine that leads from 0 at 0 to 1 at 1.
func raised(x float64) float64 { return .5 - .5*math.Cos(math.Pi*max(0, min(1, x))) }

// master sets the active level in dBov and makes samples of the take. A peak that is too high by a little is turned down.
func (t take) master(level float64) ([]int16, error) {
	active := t.activePower()
	if active == 0 {
		return nil, errors.New("the recording is silent")
	}
	gain := math.Pow(10, level/20) / math.Sqrt(active)
	mastered := make(take, len(t))
	var peak float64
	for i, v := range t {
		mastered[i] = v * gain
		peak = max(peak, math.Abs(mastered[i]))
	}
	if p := 20 * math.Log10(peak); p > highest+mostTurnedDown {
		return nil, fmt.Errorf("peak of %.1f dBFS at an active level of %.1f dBov, want at most %.1f", p, level, highest+mostTurnedDown)
	}
	mastered.limit(math.Pow(10, highest/20) - 1.0/fullScale) // less what rounding may add
	pcm := make([]int16, len(t))
	for i, v := range mastered {
		pcm[i] = int16(math.Round(fullScale * v))
	}
	return pcm, nil
}

// limit turns the take down around peaks above a ceiling: by what the highest within 5 ms needs, in a slope of as much to
// either side.
func (t take) limit(ceiling float64) {
	const reach = rate * 5 / 1000
	held := make([]float64, len(t))
	for i := range held {
		held[i] = 1
	}
	for i, v := range t {
		if need := ceiling / math.Abs(v); need < 1 {
			for j := max(0, i-reach); j < min(len(t), i+reach+1); j++ {
				held[j] = min(held[j], need)
			}
		}
	}
	// Over a whole reach to either side of a peak its gain is held, so the mean of that is no more at the peak itself.
	for i := range t {
		var sum float64
		n := 0
		for j := max(0, i-reach); j < min(len(t), i+reach+1); j++ {
			sum += held[j]
			n++
		}
		t[i] *= sum / float64(n)
	}
}

// activePower is the mean power while there is sound, in the manner of ITU-T P.56: of the frames that are not more than
// 15.9 dB below that same mean.
func (t take) activePower() float64 {
	var powers []float64
	for at := 0; at+frame <= len(t); at += frame {
		var sum float64
		for _, v := range t[at : at+frame] {
			sum += v * v
		}
		powers = append(powers, sum/frame)
	}
	margin := math.Pow(10, -15.9/10)
	var mean float64
	for {
		var sum float64
		var n int
		for _, p := range powers {
			if p >= mean*margin {
				sum += p
				n++
			}
		}
		// Each round leaves out more of the pauses, so the mean only grows, until none is left to leave out.
		if n == 0 || sum/float64(n) <= mean {
			return mean
		}
		mean = sum / float64(n)
	}
}
