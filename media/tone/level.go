package tone

import "math"

// Level returns the level of all of pcm in dBFS, Silence for an empty one.
func Level(pcm []int16) float64 {
	if len(pcm) == 0 {
		return Silence
	}
	var sum float64
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	return decibels(math.Sqrt(2 * sum / float64(len(pcm))))
}

// LevelAt returns the level in dBFS of the tone of hz within pcm.
//
// The samples are weighted by a Blackman-Harris window, whose side lobes are
// 92 dB down: another tone does not disturb the measurement if it is at least
// 4·rate/len(pcm) hertz away, 4 Hz for a second of audio. Audio shorter than
// a few periods of hz has no meaningful level at it.
func LevelAt(pcm []int16, rate int, hz float64) float64 {
	return decibels(amplitudeAt(pcm, rate, hz))
}

// amplitudeAt is Goertzel's recurrence over the windowed samples.
func amplitudeAt(pcm []int16, rate int, hz float64) float64 {
	if len(pcm) == 0 {
		return 0
	}
	w := 2 * math.Pi * hz / float64(rate)
	c := 2 * math.Cos(w)
	window := blackmanHarris(len(pcm))
	var s1, s2, gain float64
	for _, x := range pcm {
		g := window()
		gain += g
		s1, s2 = float64(x)*g+c*s1-s2, s1
	}
	power := s1*s1 + s2*s2 - c*s1*s2
	return 2 * math.Sqrt(max(0, power)) / gain
}

// blackmanHarris returns a function that yields the window's n weights in
// turn. The first harmonic comes from a rotation and the others from it by
// Chebyshev's identity, so that a weight costs no cosine.
func blackmanHarris(n int) func() float64 {
	const a0, a1, a2, a3 = 0.35875, 0.48829, 0.14128, 0.01168
	rotSin, rotCos := math.Sincos(2 * math.Pi / float64(n))
	sin, cos := math.Sincos(math.Pi / float64(n)) // half a step in: symmetric
	return func() float64 {
		c2 := 2*cos*cos - 1
		c3 := cos * (2*c2 - 1)
		g := a0 - a1*cos + a2*c2 - a3*c3
		sin, cos = sin*rotCos+cos*rotSin, cos*rotCos-sin*rotSin
		return g
	}
}
