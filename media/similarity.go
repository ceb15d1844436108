package media

import "math"

// nearBest is how much less alike a lag may be to be as good as the best one: a phase of 2.5
// degrees.
const nearBest = 0.001

// resemblance goes through a sound looking for what is like a piece of it. It looks at
// every step-th sample.
type resemblance struct {
	sound []int16
	piece []int16
	power float64 // of piece
	step  int
}

func newResemblance(sound []int16, at, n, step int) resemblance {
	r := resemblance{sound: sound, piece: sound[at : at+n], step: step}
	r.power = float64(r.energy(at))
	return r
}

// energy of as much sound from at on as piece is long.
func (r *resemblance) energy(at int) (sum int64) {
	for i := 0; i < len(r.piece); i += r.step {
		v := int64(r.sound[at+i])
		sum += v * v
	}
	return sum
}

// alike is the normalised correlation, -1 to 1, of piece with the sound from at on, which
// has that energy. Silence is like nothing.
func (r *resemblance) alike(at int, energy int64) float64 {
	if energy == 0 || r.power == 0 {
		return 0
	}
	var cross int64
	a, b := r.piece, r.sound[at:at+len(r.piece)]
	if r.step == 1 {
		for len(a) >= 4 && len(b) >= 4 { // half the time of a plain loop
			cross += int64(a[0])*int64(b[0]) + int64(a[1])*int64(b[1]) + int64(a[2])*int64(b[2]) + int64(a[3])*int64(b[3])
			a, b = a[4:], b[4:]
		}
		for i := range min(len(a), len(b)) {
			cross += int64(a[i]) * int64(b[i])
		}
	} else {
		for i := 0; i < len(a); i += r.step {
			cross += int64(a[i]) * int64(b[i])
		}
	}
	return float64(cross) / math.Sqrt(r.power*float64(energy))
}

// bestLag finds the distance, from least to most samples, at which the sound s repeats
// what begins at `at` and lasts n: after it with forward, else before it. Of lags that are as
// good as the best one it takes the longest. It looks at 8000 samples a second, and at
// higher rates then closely around what it found.
func bestLag(s []int16, rate, at, n, least, most int, forward bool) (lag int, alike float64) {
	sign, step := -1, max(1, rate/8000)
	if forward {
		sign = 1
	}
	r := newResemblance(s, at, n, step)
	energy := r.energy(at + sign*least)
	alike = -1
	for l := least; l <= most; l += step {
		begin := at + sign*l
		if l > least { // the window has moved on by one step
			in, out := begin, begin+r.span()
			if forward {
				in, out = out-step, begin-step
			}
			energy += int64(s[in])*int64(s[in]) - int64(s[out])*int64(s[out])
		}
		if a := r.alike(begin, energy); a >= alike-nearBest {
			lag, alike = l, max(a, alike)
		}
	}
	if step == 1 {
		return lag, alike
	}
	coarse := lag
	r = newResemblance(s, at, n, 1)
	alike = -1
	for l := max(coarse-step, least); l <= min(coarse+step, most); l++ {
		if a := r.alike(at+sign*l, r.energy(at+sign*l)); a > alike {
			lag, alike = l, a
		}
	}
	return lag, alike
}

// span is the distance from the first sample that is looked at to the one after the last.
func (r *resemblance) span() int { return (len(r.piece) + r.step - 1) / r.step * r.step }
