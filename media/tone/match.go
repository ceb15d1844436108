package tone

import (
	"math"
	"math/bits"
	"math/cmplx"
)

// Find looks for the sound want within pcm, both of the same rate, and returns
// the sample at which it fits best and how well: the normalised correlation,
// 1 for the same sound at any volume, about 0 for another. Through G.711 a
// spoken prompt stays above 0.98. It returns -1 and 0 if want is longer than pcm or
// silent.
func Find(pcm, want []int16) (at int, similarity float64) {
	wanted := energy(floats(want))
	if len(want) == 0 || len(want) > len(pcm) || wanted == 0 {
		return -1, 0
	}
	// Both in one transform: the product of one spectrum with the other's
	// conjugate is that of the correlation.
	n := 1 << bits.Len(uint(len(pcm)+len(want)))
	a, b := make([]complex128, n), make([]complex128, n)
	for i, s := range pcm {
		a[i] = complex(float64(s), 0)
	}
	for i, s := range want {
		b[i] = complex(float64(s), 0)
	}
	transform(a)
	transform(b)
	for i := range a {
		a[i] = cmplx.Conj(a[i] * cmplx.Conj(b[i])) // conjugated: transform back
	}
	transform(a)

	var local float64
	for _, s := range pcm[:len(want)] {
		local += float64(s) * float64(s)
	}
	at = -1
	// A place much quieter than the sound itself matches by chance.
	floor := wanted * 1e-6
	for i := 0; ; i++ {
		if local > floor {
			r := real(a[i]) / float64(n) / math.Sqrt(local*wanted)
			if r > similarity {
				at, similarity = i, r
			}
		}
		if i+len(want) >= len(pcm) {
			return at, similarity
		}
		out, in := float64(pcm[i]), float64(pcm[i+len(want)])
		local += in*in - out*out
	}
}

// transform is the discrete Fourier transform in place, radix 2; len(x) is a
// power of two.
func transform(x []complex128) {
	n := len(x)
	shift := 64 - bits.TrailingZeros(uint(n))
	for i := range x {
		if j := int(bits.Reverse64(uint64(i)) >> shift); j > i {
			x[i], x[j] = x[j], x[i]
		}
	}
	roots := make([]complex128, n/2)
	for i := range roots {
		roots[i] = cmplx.Rect(1, -2*math.Pi*float64(i)/float64(n))
	}
	for half := 1; half < n; half *= 2 {
		stride := n / (2 * half)
		for start := 0; start < n; start += 2 * half {
			for k := range half {
				even, odd := x[start+k], x[start+k+half]*roots[k*stride]
				x[start+k], x[start+k+half] = even+odd, even-odd
			}
		}
	}
}
