// Package tone makes and measures test signals: tones and noise of a known
// level, and the figures by which audio that came through the system is
// judged.
//
// Levels are in dBFS as AES17 has it: 0 dBFS is a sine whose peaks reach full
// scale, so a sine of amplitude A is at 20·log10(A/32767) dBFS, and the level
// of anything else is that of the sine with the same power.
package tone

import (
	"math"
	"math/rand/v2"
)

// fullScale is the amplitude of a sine at 0 dBFS.
const fullScale = math.MaxInt16

// Silence is the level that is reported for a signal without any power, and
// the lowest that is ever reported: one tenth of the smallest step of 16 bits.
const Silence = -110.0

// Amplitude returns the peak, in 16-bit steps, of a sine at dBFS.
func Amplitude(dBFS float64) float64 { return fullScale * math.Pow(10, dBFS/20) }

// decibels is the inverse of Amplitude, bounded below by Silence.
func decibels(amplitude float64) float64 {
	return max(Silence, 20*math.Log10(amplitude/fullScale))
}

// A Sine is a continuous tone: successive calls of Fill join without a seam.
type Sine struct {
	amplitude, phase, step float64 // phase and step in radians
}

// NewSine returns a tone of hz (below rate/2) at dBFS (at most 0), sampled at rate.
func NewSine(rate int, hz, dBFS float64) *Sine {
	return &Sine{amplitude: Amplitude(dBFS), step: 2 * math.Pi * hz / float64(rate)}
}

// Fill overwrites dst with the next len(dst) samples.
func (s *Sine) Fill(dst []int16) {
	for i := range dst {
		dst[i] = int16(math.Round(s.amplitude * math.Sin(s.phase)))
		s.phase += s.step
	}
	// Kept small, so that hours of tone do not lose precision.
	s.phase = math.Mod(s.phase, 2*math.Pi)
}

// Noise is white noise of a fixed level; the same seed gives the same noise.
type Noise struct {
	deviation float64
	random    *rand.Rand
}

// NewNoise returns Gaussian noise at dBFS; peaks beyond full scale are clipped.
func NewNoise(seed uint64, dBFS float64) *Noise {
	return &Noise{deviation: Amplitude(dBFS) / math.Sqrt2, random: rand.New(rand.NewPCG(seed, 0))}
}

// Fill overwrites dst with the next len(dst) samples.
func (n *Noise) Fill(dst []int16) {
	for i := range dst {
		x := math.Round(n.deviation * n.random.NormFloat64())
		dst[i] = int16(max(math.MinInt16, min(math.MaxInt16, x)))
	}
}

// Make returns samples of a tone of hz at dBFS, sampled at rate, from phase 0.
func Make(rate int, hz, dBFS float64, samples int) []int16 {
	pcm := make([]int16, samples)
	NewSine(rate, hz, dBFS).Fill(pcm)
	return pcm
}
