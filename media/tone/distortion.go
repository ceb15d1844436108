package tone

import "math"

// highestOrder is that of the products which Distortion looks for. A clipped
// or modulated tone has most of its distortion in the first few orders.
const highestOrder = 7

// Distortion returns how much of pcm, which should hold nothing but tones of
// the frequencies hz, is their harmonics and the products of their
// intermodulation up to the seventh order: the ratio of those amplitudes to
// the tones' (0.01 is one per cent), root of the sums of squares. Products
// above half the rate are looked for where they fold to. Noise between the
// products does not count: that of G.711 alone is 1.2 % of any tone.
//
// Choose frequencies whose products do not fall on the tones themselves;
// those that fall closer than LevelAt can tell apart are left out.
func Distortion(pcm []int16, rate int, hz ...float64) float64 {
	resolution := 4 * float64(rate) / float64(max(1, len(pcm)))
	var wanted, unwanted float64
	known := append([]float64{0}, hz...) // a constant offset is no distortion
	for _, f := range hz {
		a := amplitudeAt(pcm, rate, f)
		wanted += a * a
	}
	products(hz, 0, highestOrder, func(f float64) {
		f = fold(f, float64(rate))
		for _, k := range known {
			if math.Abs(f-k) < 2*resolution {
				return
			}
		}
		known = append(known, f)
		a := amplitudeAt(pcm, rate, f)
		unwanted += a * a
	})
	if wanted == 0 {
		return math.Inf(1)
	}
	return math.Sqrt(unwanted / wanted)
}

// products calls found with every sum of whole multiples of the frequencies,
// added to base, whose multiples make up at most order.
func products(hz []float64, base float64, order int, found func(float64)) {
	if len(hz) == 0 {
		found(base)
		return
	}
	for n := -order; n <= order; n++ {
		products(hz[1:], base+float64(n)*hz[0], order-max(n, -n), found)
	}
}

// fold returns where a frequency appears after sampling.
func fold(hz, rate float64) float64 {
	hz = math.Mod(math.Abs(hz), rate)
	return min(hz, rate-hz)
}

// Residue returns everything in pcm that is not one of the tones hz, noise
// included, as a ratio of amplitudes to the tones (the reciprocal of SINAD).
// A tone is subtracted in pieces of 50 ms, each with an amplitude and phase of
// its own, so that a slow drift of the clock between sender and receiver is
// no residue. Tones must be at least 40 Hz apart. PCMU leaves about 0.012.
func Residue(pcm []int16, rate int, hz ...float64) float64 {
	piece := rate / 20
	var all, rest float64
	for ; len(pcm) >= piece; pcm = pcm[piece:] {
		x := floats(pcm[:piece])
		all += energy(x)
		fit(x, rate, hz)
		rest += energy(x)
	}
	if all <= rest {
		return math.Inf(1)
	}
	return math.Sqrt(rest / (all - rest))
}

func floats(pcm []int16) []float64 {
	x := make([]float64, len(pcm))
	for i, s := range pcm {
		x[i] = float64(s)
	}
	return x
}

func energy(x []float64) (sum float64) {
	for _, v := range x {
		sum += v * v
	}
	return sum
}

// fit finds the tones hz, with the amplitudes and phases that leave the least
// squares, and subtracts them from x. It returns for each tone the weights of
// its cosine and sine.
func fit(x []float64, rate int, hz []float64) [][2]float64 {
	m := 2 * len(hz)
	basis := make([][]float64, m)
	for k, f := range hz {
		c, s := make([]float64, len(x)), make([]float64, len(x))
		for i := range x {
			s[i], c[i] = math.Sincos(2 * math.Pi * f / float64(rate) * float64(i))
		}
		basis[2*k], basis[2*k+1] = c, s
	}
	// Normal equations, solved by Gauss with the right-hand side as the last column.
	a := make([][]float64, m)
	for i := range a {
		a[i] = make([]float64, m+1)
		for j := range basis {
			a[i][j] = dot(basis[i], basis[j])
		}
		a[i][m] = dot(basis[i], x)
	}
	solve(a)
	weights := make([][2]float64, len(hz))
	for k := range basis {
		w := a[k][m]
		weights[k/2][k%2] = w
		for i := range x {
			x[i] -= w * basis[k][i]
		}
	}
	return weights
}

func dot(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// solve reduces the symmetric, positive definite system a, one row an equation
// with its right-hand side last, to the unit matrix. Such a system needs no pivoting.
func solve(a [][]float64) {
	for i := range a {
		if a[i][i] == 0 {
			continue
		}
		scale := 1 / a[i][i]
		for j := i; j < len(a[i]); j++ {
			a[i][j] *= scale
		}
		for k := range a {
			if k == i {
				continue
			}
			factor := a[k][i]
			for j := i; j < len(a[i]); j++ {
				a[k][j] -= factor * a[i][j]
			}
		}
	}
}
