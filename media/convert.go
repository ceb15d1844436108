package media

import "math"

// The filter of a Converter, relative to half the lower rate: flat to crossPass, silent from 2-crossPass on. Between 8 and
// 16 kHz that is 3.4 kHz, the end of the telephone band, and 4.6 kHz. Being symmetric to half the lower rate, every other
// of its taps is zero.
const (
	crossPass = 0.85
	crossLoss = 72.0 // dB

	// ConverterDelay is how much later a sound comes out of a Converter, in samples of the higher rate: half its filter.
	ConverterDelay = 31
)

// Converter brings a stream of sums to a rate that is twice as high or half as high. It delays by 1.9 ms at 16 kHz.
// One goroutine may use it.
type Converter struct {
	rises bool
	side  []float32 // the taps that are not zero but the middle one, from the last to the first
	past  []float32 // what the filter needs of the samples before, then this frame
	keep  int       // samples before
}

// NewConverter returns a Converter for these rates in Hz.
func NewConverter(from, to int) *Converter {
	if from != 2*to && to != 2*from {
		panic("media: a converter takes rates of which one is twice the other")
	}
	c := &Converter{rises: to > from, side: halfBand()}
	if c.keep = 2*len(c.side) - 2; c.rises {
		c.keep = len(c.side) - 1
	}
	c.past = make([]float32, c.keep)
	return c
}

// halfBand returns the taps of the filter that lie an odd number of samples from the middle one, which is a half.
func halfBand() []float32 {
	width := (1 - crossPass) / 2 // of the transition, in cycles per sample of the higher rate
	half := int(math.Ceil((crossLoss - 7.95) / (2.285 * 2 * math.Pi * width) / 2))
	half += 1 - half%2 // the outermost tap is an odd one
	beta := 0.1102 * (crossLoss - 8.7)
	taps := make([]float64, 0, half+1)
	sum := 0.0
	for t := -half; t <= half; t += 2 {
		v := sinc(float64(t)/2) / 2 * kaiser(float64(t)/float64(half+1), beta)
		taps = append(taps, v)
		sum += v
	}
	side := make([]float32, len(taps))
	for i, v := range taps {
		side[i] = float32(v / sum / 2) // the odd taps and the middle one pass direct current alike
	}
	return side
}

// Reset forgets what was converted.
func (c *Converter) Reset() { clear(c.past[:c.keep]) }

// Convert writes the next samples to dst, whose length is twice that of src, or half of it.
func (c *Converter) Convert(dst, src []int32) {
	if n := c.keep + len(src); n > len(c.past) {
		c.past = append(c.past, make([]float32, n-len(c.past))...)
	}
	x := c.past[:c.keep+len(src)]
	for i, s := range src {
		x[c.keep+i] = float32(s)
	}
	if c.rises {
		c.rise(dst, x)
	} else {
		c.fall(dst, x)
	}
	copy(c.past, x[len(src):])
}

// rise puts a sample between each two.
func (c *Converter) rise(dst []int32, x []float32) {
	n := len(c.side)
	for i := range len(x) - n + 1 {
		window := x[i : i+n]
		sum := float32(0)
		for k, tap := range c.side[:n/2] { // the filter is symmetric
			sum += tap * (window[k] + window[n-1-k])
		}
		dst[2*i] = int32(2 * sum)
		dst[2*i+1] = int32(window[n/2])
	}
}

// fall leaves every other sample out.
func (c *Converter) fall(dst []int32, x []float32) {
	n := len(c.side)
	for i := range (len(x) - 2*n + 2) / 2 {
		window := x[2*i : 2*i+2*n-1]
		sum := window[n-1] / 2
		for k, tap := range c.side[:n/2] {
			sum += tap * (window[2*k] + window[2*(n-1-k)])
		}
		dst[i] = int32(sum)
	}
}
