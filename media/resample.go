package media

import "math"

// The resampling filter, relative to half the lower of the two rates: flat up to passEdge, silent from stopEdge on. At
// 8 kHz that is flat to 3.4 kHz, the end of the telephone band, and nothing is left at 4 kHz that could fold back.
const (
	passEdge     = 0.85
	stopEdge     = 1.0
	stopbandLoss = 80.0 // dB; 16-bit sounds have their own noise at about -98 dB, and fewer taps would not be heard either
)

// resample returns pcm at another rate. The sound is taken as a ring, its end followed by its beginning: music that is
// played in a loop keeps its seam, and a prompt begins and ends in silence, where it makes no difference.
//
// It is a windowed-sinc interpolator kept as one short filter per fractional position (polyphase): the ratio of two audio
// rates is a fraction of small numbers, so that only as many positions occur as its numerator says.
func resample(pcm []int16, from, to int) []int16 {
	if from == to || len(pcm) == 0 {
		return pcm
	}
	divisor := gcd(from, to)
	up, down := to/divisor, from/divisor
	phases := polyphase(from, to, up)
	half := len(phases[0]) / 2

	ring := make([]float64, len(pcm)+2*half)
	for i := range ring {
		at := (i - half) % len(pcm)
		if at < 0 {
			at += len(pcm)
		}
		ring[i] = float64(pcm[at])
	}
	out := make([]int16, (len(pcm)*up+down-1)/down)
	for n := range out {
		at, phase := n*down/up, n*down%up
		var sum float64
		// The first tap of a phase lies half-1 samples before the position; the ring is half samples ahead of pcm.
		for k, tap := range phases[phase] {
			sum += tap * ring[at+1+k]
		}
		out[n] = saturate(sum)
	}
	return out
}

// polyphase computes the taps for each of the up positions between two input samples. Tap k of each belongs to the input
// sample half-1-k before (negative: after) the one at or before the position.
func polyphase(from, to, up int) [][]float64 {
	nyquist := float64(min(from, to)) / 2
	cutoff := nyquist * (passEdge + stopEdge) / 2 / float64(from) // cycles per input sample
	width := nyquist * (stopEdge - passEdge) / float64(from)

	// Kaiser's formulas for the length and shape of a window that gives this loss over this transition (Oppenheim and
	// Schafer, Discrete-Time Signal Processing, 7.6).
	half := int(math.Ceil((stopbandLoss - 7.95) / (2.285 * 2 * math.Pi * width) / 2))
	beta := 0.1102 * (stopbandLoss - 8.7)

	phases := make([][]float64, up)
	for phase := range phases {
		taps := make([]float64, 2*half)
		var sum float64
		for k := range taps {
			t := float64(k-half+1) - float64(phase)/float64(up)
			taps[k] = sinc(2*cutoff*t) * kaiser(t/float64(half), beta)
			sum += taps[k]
		}
		// Every position passes direct current exactly; a ripple from position to position would be heard as a tone.
		for k := range taps {
			taps[k] /= sum
		}
		phases[phase] = taps
	}
	return phases
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the window at x of -1 to 1, without its constant factor.
func kaiser(x, beta float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return bessel(beta * math.Sqrt(1-x*x))
}

// bessel is the modified Bessel function of the first kind and order zero, by its power series.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-12; k++ {
		term *= x / (2 * k) * x / (2 * k)
		sum += term
	}
	return sum
}

func saturate(v float64) int16 {
	return int16(math.Round(max(math.MinInt16, min(math.MaxInt16, v))))
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
