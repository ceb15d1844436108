package media

const (
	// g722Behind is how many frames of the higher band bring its predictor to where it would be: then the sound differs
	// from that of a decoder that has followed all along by less than the coding from what was said.
	g722Behind = 12
	// g722Spread is the square of the scale of the higher band's quantiser over the mean square of the noise that it is on
	// average the scale for. A tone has less, but not when it begins.
	g722Spread = 18
	// g722Tail is how many samples of a band the filter needs of the packet before.
	g722Tail = g722Past / 2
	// g722Delay is how many of them the filter delays by. What is decoded without it is late by as much, so that either
	// goes on where the other ends.
	g722Delay = g722Tail / 2
)

// DecodePart is that of Partial: the lower band is decoded, at half of the cost of both. Of the higher one the scale is
// followed, which depends on nothing but the codes, and tells how loud it is.
func (d *g722Decoder) DecodePart(dst []int16, payload []byte, least float32) (n int, left float32, ok bool) {
	payload = payload[:min(len(payload), len(dst)/2)]
	if d.ratio == 1 || len(payload) < g722Tail || len(payload) > g722Block/2 {
		return 0, 0, false
	}
	low, high := d.low, adpcm{det: d.high.det, nb: d.high.nb}
	var x [g722Tail + g722Block/2]int32
	for i := range g722Tail {
		x[i] = (d.past[2*i] + d.past[2*i+1]) / 2
	}
	var power, scale int64
	for i, code := range payload {
		v := low.decodeLow(code)
		x[g722Tail+i] = v
		power += int64(v) * int64(v)
		high.scale(g722GrowHigh[code>>6], 22528, 10)
		scale += int64(high.det) * int64(high.det)
	}
	all := 4*float32(power)/float32(len(payload)) + float32(scale)/float32(g722Spread*len(payload))
	if all >= least {
		return 0, 0, false
	}
	d.low, d.high.det, d.high.nb = low, high.det, high.nb
	for i, v := range x[len(payload):][:g722Tail] {
		d.past[2*i], d.past[2*i+1] = v, v
	}
	var played int64
	late := x[g722Tail-g722Delay-1:]
	for i := range payload {
		between, at := late[i]+late[i+1], 2*late[i+1]
		dst[2*i], dst[2*i+1] = int16(between), int16(at)
		played += int64(between)*int64(between) + int64(at)*int64(at)
	}
	return 2 * len(payload), max(0, all-float32(played)/float32(2*len(payload))), true
}

// CatchUp is that of Partial: the higher band is decoded.
func (d *g722Decoder) CatchUp(payload []byte) {
	for i, code := range payload {
		high := d.high.decodeHigh(code)
		if at := i - len(payload) + g722Tail; at >= 0 {
			low := (d.past[2*at] + d.past[2*at+1]) / 2
			d.past[2*at], d.past[2*at+1] = low+high, low-high
		}
	}
}

// Behind is that of Partial.
func (*g722Decoder) Behind() int { return g722Behind }
