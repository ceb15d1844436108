package media

// payloadG722 is static (RFC 3551 6).
const payloadG722 = 9

// g722 is ITU-T G.722 at 64 kbit/s: a filter divides the sound at 4 kHz, and of each half, at 8 kHz, an octet holds what
// a predictor was wrong by: 6 bits of the lower one, 2 of the higher one.
//
// It is ours because the libraries for Go (there is one, github.com/gotranspile/g722, which tests hold it against) let
// sound near full scale overflow, which is heard as loud clicks, and take longer.
type g722 struct{ rate int }

var (
	g722Wide   = &g722{rate: 16000}
	g722Narrow = &g722{rate: 8000}
)

// G722 is G.722, payload type 9, of audio at 16 kHz. The clock of its RTP timestamps is that of 8000 Hz
// (RFC 3551 4.5.2). At 8 kHz it has its lower band alone.
func G722() Codec { return g722Wide }

func (*g722) Name() string       { return "G722" }
func (*g722) PayloadType() uint8 { return payloadG722 }
func (*g722) ClockRate() int     { return 8000 }
func (c *g722) SampleRate() int  { return c.rate }
func (*g722) Channels() int      { return 1 }
func (*g722) Params() string     { return "" }
func (*g722) Stateless() bool    { return false }

func (*g722) At(rate int) Codec {
	if rate < g722Wide.rate {
		return g722Narrow
	}
	return g722Wide
}

func (c *g722) Samples(payload []byte) int { return len(payload) * c.PerOctet() }

func (c *g722) PerOctet() int { return c.rate / 8000 }

func (c *g722) NewDecoder() Decoder {
	d := &g722Decoder{ratio: c.PerOctet()}
	d.low.det, d.high.det = g722LeastLow, g722LeastHigh
	return d
}

func (c *g722) NewEncoder() Encoder {
	e := &g722Encoder{ratio: c.PerOctet()}
	e.now.low.det, e.now.high.det = g722LeastLow, g722LeastHigh
	e.before = e.now
	return e
}

// g722State is what a coder and the decoder that follows it have in common, and what the filter needs of the samples
// before.
type g722State struct {
	low, high adpcm
	past      [g722Past]int32
}

// g722Past is how many samples the quadrature mirror filter needs beside those of an octet.
const g722Past = 22

// g722Block is how many samples are filtered in one piece.
const g722Block = 320

// mirror is the quadrature mirror filter (G.722 3.1, table 11) at a window of 24 samples: the sums over every other of
// its coefficients, which are symmetric.
func mirror(x *[24]int32) (even, odd int32) {
	even = 3*x[0] - 11*x[2] + 12*x[4] + 32*x[6] - 210*x[8] + 951*x[10] +
		3876*x[12] - 805*x[14] + 362*x[16] - 156*x[18] + 53*x[20] - 11*x[22]
	odd = 3*x[23] - 11*x[21] + 12*x[19] + 32*x[17] - 210*x[15] + 951*x[13] +
		3876*x[11] - 805*x[9] + 362*x[7] - 156*x[5] + 53*x[3] - 11*x[1]
	return even, odd
}

type g722Decoder struct {
	g722State
	ratio int
}

func (d *g722Decoder) Decode(dst []int16, payload []byte) int {
	payload = payload[:min(len(payload), len(dst)/d.ratio)]
	if d.ratio == 1 {
		for i, code := range payload {
			dst[i] = int16(d.low.decodeLow(code) << 1)
		}
		return len(payload)
	}
	var x [g722Past + g722Block]int32
	copy(x[:], d.past[:])
	done := 0
	for len(payload) > 0 {
		n := min(len(payload), g722Block/2)
		for i, code := range payload[:n] {
			low, high := d.low.decodeLow(code), d.high.decodeHigh(code)
			x[g722Past+2*i], x[g722Past+2*i+1] = low+high, low-high
			even, odd := mirror((*[24]int32)(x[2*i:]))
			dst[done], dst[done+1] = saturate16(odd>>11), saturate16(even>>11)
			done += 2
		}
		copy(x[:], x[2*n:2*n+g722Past])
		payload = payload[n:]
	}
	copy(d.past[:], x[:])
	return done
}

type g722Encoder struct {
	ratio  int
	now    g722State
	before g722State // the last frame
}

func (e *g722Encoder) Encode(dst []byte, pcm []int16) int {
	e.before = e.now
	n := min(len(pcm)/e.ratio, len(dst))
	s := &e.now
	if e.ratio == 1 {
		for i, v := range pcm[:n] {
			dst[i] = s.low.encodeLow(int32(v)>>1) | 3<<6 // the higher band is next to silent
		}
		return n
	}
	var x [g722Past + g722Block]int32
	copy(x[:], s.past[:])
	for done := 0; done < n; {
		block := min(n-done, g722Block/2)
		for i := range 2 * block {
			x[g722Past+i] = int32(pcm[2*done+i])
		}
		for i := range block {
			even, odd := mirror((*[24]int32)(x[2*i:]))
			dst[done+i] = s.low.encodeLow((odd+even)>>14) | s.high.encodeHigh((odd-even)>>14)
		}
		copy(x[:], x[2*block:2*block+g722Past])
		done += block
	}
	copy(s.past[:], x[:])
	return n
}

func (e *g722Encoder) Succeed(other Successor, before bool) {
	o := other.(*g722Encoder)
	if e.now = o.now; before {
		e.now = o.before
	}
	e.before = e.now
}
