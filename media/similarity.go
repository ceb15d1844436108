package media

import "math"

// similarity is the normalised correlation of two pieces of sound, -1 to 1, looking at
// every step-th sample. Silence resembles nothing.
func similarity(a, b []int16, step int) float64 {
	b = b[:len(a)]
	var cross, powerA, powerB int64
	for i := 0; i < len(a); i += step {
		x, y := int64(a[i]), int64(b[i])
		cross += x * y
		powerA += x * x
		powerB += y * y
	}
	if powerA == 0 || powerB == 0 {
		return 0
	}
	return float64(cross) / math.Sqrt(float64(powerA)*float64(powerB))
}

// nearBest is how much less alike a lag may be to be as good as the best one: a phase of 2.5
// degrees.
const nearBest = 0.001

// bestLag finds the distance, from least to most samples, at which the sound s repeats
// what begins at `at` and lasts n: later with forward, else earlier. Of lags that are as
// good as the best one it takes the longest. It looks at 4000 samples a second first, and
// then closely around what it found; step is the sample rate in units of 4000 Hz.
func bestLag(s []int16, at, n, least, most, step int, forward bool) (lag int, alike float64) {
	sign := -1
	if forward {
		sign = 1
	}
	ref := s[at : at+n]
	compare := func(lag, step int) float64 { return similarity(ref, s[at+sign*lag:], step) }
	alike = -1
	for l := least; l <= most; l += step {
		if a := compare(l, step); a >= alike-nearBest {
			lag, alike = l, max(a, alike)
		}
	}
	coarse := lag
	alike = -1
	for l := max(coarse-step, least); l <= min(coarse+step, most); l++ {
		if a := compare(l, 1); a > alike {
			lag, alike = l, a
		}
	}
	return lag, alike
}
