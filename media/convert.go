package media

import "math"

// The filters of a Converter, relative to half the lower rate: flat to pass, silent from 2-pass on. Between 8 and 16 kHz that
// is 3.4 kHz, the end of the telephone band, and 4.6 kHz, between 16 and 48 kHz it is 7.2 and 8.8 kHz. Being symmetric to
// half the lower rate, those of their taps are zero that lie a whole number of samples of that rate from the middle one.
const (
	passOfTwo   = 0.85
	passOfThree = 0.9
	crossLoss   = 72.0 // dB
)

// ConverterDelay is how much later a sound comes out of a Converter between 8 and 16 kHz, in samples of 16 kHz: half its filter.
const ConverterDelay = 31

var (
	betweenTwo   = bandFilter(2, passOfTwo)
	betweenThree = bandFilter(3, passOfThree)
)

// Converter brings a stream of sums to a rate that is two or three times as high, or as low. It delays by half its filter:
// 1.9 ms between 8 and 16 kHz, 1.4 ms between 16 and 48 kHz. One goroutine may use it.
type Converter struct {
	rises bool
	taps  [][]float32 // see bandFilter
	reach int         // how many samples of the lower rate the filter reaches to either side
	past  []float32   // what the filter needs of the samples before, then this frame
	keep  int         // samples before
}

// NewConverter returns a Converter for these rates in Hz.
func NewConverter(from, to int) *Converter {
	c := &Converter{rises: to > from}
	switch max(from, to) {
	case 2 * min(from, to):
		c.taps = betweenTwo
	case 3 * min(from, to):
		c.taps = betweenThree
	default:
		panic("media: a converter takes rates of which one is two or three times the other")
	}
	c.reach = len(c.taps[0])
	if c.keep = 2 * c.delay(); c.rises {
		c.keep = 2*c.reach - 1
	}
	c.past = make([]float32, c.keep)
	return c
}

// delay is half the filter, in samples of the higher rate.
func (c *Converter) delay() int { return (len(c.taps)+1)*c.reach - 1 }

// bandFilter returns the taps of the filter for a ratio of two rates: those 1, 2 … ratio-1 samples of the higher rate from the
// middle tap, and from there on each ratio-th. The middle one is 1/ratio. It is a sinc in a Kaiser window (Oppenheim and
// Schafer, Discrete-Time Signal Processing, 7.6).
func bandFilter(ratio int, pass float64) [][]float32 {
	width := (1 - pass) / float64(ratio) // of the transition, in cycles per sample of the higher rate
	half := int(math.Ceil((crossLoss - 7.95) / (2.285 * 2 * math.Pi * width) / 2))
	reach := half/ratio + 1 // the outermost tap is reach*ratio-1 from the middle
	beta := 0.1102 * (crossLoss - 8.7)
	taps := make([][]float32, ratio-1)
	for first := 1; first < ratio; first++ {
		var sum float64
		all := make([]float64, reach)
		for i := range all {
			t := float64(first + ratio*i)
			all[i] = sinc(t/float64(ratio)) * kaiser(t/float64(reach*ratio), beta)
			mirrored := float64(ratio - first + ratio*i)
			sum += all[i] + sinc(mirrored/float64(ratio))*kaiser(mirrored/float64(reach*ratio), beta)
		}
		taps[first-1] = make([]float32, reach)
		for i, v := range all {
			taps[first-1][i] = float32(v / sum / float64(ratio)) // all positions pass direct current alike
		}
	}
	return taps
}

// Reset forgets what was converted.
func (c *Converter) Reset() { clear(c.past[:c.keep]) }

// Convert writes the next samples to dst, whose length is that of src at the other rate.
func (c *Converter) Convert(dst, src []int32) {
	if n := c.keep + len(src); n > len(c.past) {
		c.past = append(c.past, make([]float32, n-len(c.past))...)
	}
	x := c.past[:c.keep+len(src)]
	for i, s := range src {
		x[c.keep+i] = float32(s)
	}
	switch {
	case !c.rises:
		c.fall(dst, x)
	case len(c.taps) == 1:
		c.double(dst, x)
	default:
		treble(dst, x)
	}
	copy(c.past, x[len(src):])
}

// double puts a sample between each two.
func (c *Converter) double(dst []int32, x []float32) {
	n, taps := c.reach, c.taps[0]
	for i := range len(x) - 2*n + 1 {
		before, after := x[i:i+n], x[i+n:i+2*n]
		sum := float32(0)
		for k, tap := range taps { // the filter is symmetric
			sum += tap * (before[n-1-k] + after[k])
		}
		dst[2*i] = int32(2 * sum)
		dst[2*i+1] = int32(after[0])
	}
}

// treble puts two samples between each two: the second one is as far from the sample after it as the first one from that
// before it.
func treble(dst []int32, x []float32) {
	near, far := betweenThree[0], betweenThree[1]
	n := len(near)
	for i := range len(x) - 2*n + 1 {
		before, after := x[i:i+n], x[i+n:i+2*n]
		first, second := float32(0), float32(0)
		for k, tap := range near {
			b, a := before[n-1-k], after[k]
			first += tap*b + far[k]*a
			second += far[k]*b + tap*a
		}
		dst[3*i] = int32(3 * first)
		dst[3*i+1] = int32(3 * second)
		dst[3*i+2] = int32(after[0])
	}
}

// fall leaves all but each second or third sample out.
func (c *Converter) fall(dst []int32, x []float32) {
	middle, ratio := c.delay(), len(c.taps)+1
	for i := range (len(x) - c.keep) / ratio {
		window := x[ratio*i : ratio*i+c.keep+1]
		sum := window[middle] / float32(ratio)
		for first, taps := range c.taps {
			before, after := middle-first-1, middle+first+1
			for _, tap := range taps {
				sum += tap * (window[before] + window[after])
				before, after = before-ratio, after+ratio
			}
		}
		dst[i] = int32(sum)
	}
}
