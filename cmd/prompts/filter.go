package main

import "math"

// biquad is a filter of second order: y = b·x - a·y, from the bilinear transform of the analogue one (R. Bristow-Johnson,
// Cookbook formulae for audio EQ biquad filter coefficients).
type biquad struct {
	b0, b1, b2, a1, a2 float64
}

func (t take) filter(f biquad) {
	var x1, x2, y1, y2 float64
	for i, x := range t {
		y := f.b0*x + f.b1*x1 + f.b2*x2 - f.a1*y1 - f.a2*y2
		x2, x1, y2, y1 = x1, x, y1, y
		t[i] = y
	}
}

// highPass takes away what is below a frequency in Hz.
func highPass(hz float64) biquad {
	sin, cos := math.Sincos(2 * math.Pi * hz / rate)
	alpha := sin / math.Sqrt2
	a0 := 1 + alpha
	return biquad{(1 + cos) / 2 / a0, -(1 + cos) / a0, (1 + cos) / 2 / a0, -2 * cos / a0, (1 - alpha) / a0}
}

// highShelf lifts what is above a frequency in Hz by so many decibels.
func highShelf(hz, gain float64) biquad {
	sin, cos := math.Sincos(2 * math.Pi * hz / rate)
	a := math.Pow(10, gain/40)
	slope := math.Sqrt2 * math.Sqrt(a) * sin
	a0 := (a + 1) - (a-1)*cos + slope
	return biquad{
		b0: a * ((a + 1) + (a-1)*cos + slope) / a0,
		b1: -2 * a * ((a - 1) + (a+1)*cos) / a0,
		b2: a * ((a + 1) + (a-1)*cos - slope) / a0,
		a1: 2 * ((a - 1) - (a+1)*cos) / a0,
		a2: ((a + 1) - (a-1)*cos - slope) / a0,
	}
}
