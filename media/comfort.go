package media

import "math"

// loudestNoise is the level in -dBov that comfort noise is held to, whatever the packet says.
const loudestNoise = 30

// comfort makes comfort noise: white, of the level that the far end measured (RFC 3389 3).
type comfort struct {
	peak int32 // of the noise; 0: silence
	seed uint32
}

// set chooses the level in -dBov.
func (c *comfort) set(level int8) {
	rms := 32768 * math.Pow(10, -float64(max(level, loudestNoise))/20)
	c.peak = int32(rms * math.Sqrt(3)) // of samples spread evenly between -peak and peak
}

// write makes the next samples.
func (c *comfort) write(dst []int16) {
	if c.peak == 0 {
		clear(dst)
		return
	}
	for i := range dst {
		c.seed = c.seed*1664525 + 1013904223
		dst[i] = int16(int64(int32(c.seed)) * int64(c.peak) >> 31)
	}
}
