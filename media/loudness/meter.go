// Package loudness measures how loud music is to people (ITU-R BS.1770-4), and brings it to a level.
package loudness

import "math"

// Silence is what Meter.Integrated returns for what is below the absolute gate all the time.
var Silence = math.Inf(-1)

// The gates of BS.1770-4.
const (
	absoluteGate = -70.0 // LUFS
	relativeGate = -10.0 // LU, against what passes the absolute one
	hops         = 4     // 100 ms each, a block
)

// Meter measures the integrated loudness of mono samples, full scale being 1. It keeps a number for each 100 ms.
type Meter struct {
	shelf, highpass biquad
	hop             int // samples in 100 ms
	count           int // of them so far
	sum             float64
	energies        []float64 // mean squares of whole hops
}

// NewMeter makes a meter for a rate in Hz.
func NewMeter(rate int) *Meter {
	return &Meter{shelf: shelf(float64(rate)), highpass: highpass(float64(rate)), hop: rate / 10}
}

// Add takes the next samples.
func (m *Meter) Add(samples []float32) {
	for _, v := range samples {
		y := m.highpass.next(m.shelf.next(float64(v)))
		m.sum += y * y
		if m.count++; m.count == m.hop {
			m.energies = append(m.energies, m.sum/float64(m.hop))
			m.sum, m.count = 0, 0
		}
	}
}

// Integrated is the gated loudness of all samples so far in LUFS, or Silence. What is shorter than a block of 400 ms is
// taken as one.
func (m *Meter) Integrated() float64 {
	var blocks []float64
	for i := hops; i <= len(m.energies); i++ {
		sum := 0.0
		for _, e := range m.energies[i-hops : i] {
			sum += e
		}
		blocks = append(blocks, sum/hops)
	}
	if len(blocks) == 0 {
		total, samples := m.sum, m.count
		for _, e := range m.energies {
			total, samples = total+e*float64(m.hop), samples+m.hop
		}
		if samples > 0 {
			blocks = append(blocks, total/float64(samples))
		}
	}
	loudness := gated(blocks, absoluteGate)
	if math.IsInf(loudness, -1) {
		return Silence
	}
	return gated(blocks, max(absoluteGate, loudness+relativeGate))
}

// gated is the loudness of the blocks that are louder than a gate.
func gated(blocks []float64, gate float64) float64 {
	sum, n := 0.0, 0
	for _, energy := range blocks {
		if lufs(energy) > gate {
			sum, n = sum+energy, n+1
		}
	}
	if n == 0 {
		return Silence
	}
	return lufs(sum / float64(n))
}

func lufs(energy float64) float64 { return -0.691 + 10*math.Log10(energy) }

// biquad is a filter of second order in transposed direct form II.
type biquad struct{ b0, b1, b2, a1, a2, z1, z2 float64 }

func (f *biquad) next(x float64) float64 {
	y := f.b0*x + f.z1
	f.z1 = f.b1*x - f.a1*y + f.z2
	f.z2 = f.b2*x - f.a2*y
	return y
}

// shelf and highpass are the K weighting. BS.1770-4 gives their coefficients at 48 kHz; these are the analogue filters
// that those were made of, transformed for any rate.
func shelf(rate float64) biquad {
	const f0, gain, q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
	k := math.Tan(math.Pi * f0 / rate)
	vh := math.Pow(10, gain/20)
	vb := math.Pow(vh, 0.4996667741545416)
	a0 := 1 + k/q + k*k
	return biquad{b0: (vh + vb*k/q + k*k) / a0, b1: 2 * (k*k - vh) / a0, b2: (vh - vb*k/q + k*k) / a0,
		a1: 2 * (k*k - 1) / a0, a2: (1 - k/q + k*k) / a0}
}

func highpass(rate float64) biquad {
	const f0, q = 38.13547087602444, 0.5003270373238773
	k := math.Tan(math.Pi * f0 / rate)
	a0 := 1 + k/q + k*k
	return biquad{b0: 1, b1: -2, b2: 1, a1: 2 * (k*k - 1) / a0, a2: (1 - k/q + k*k) / a0}
}
