package media

// adpcm is the adaptive differential PCM of one band of G.722: a predictor with two poles and six zeros and a quantiser
// whose step grows with what it is given. Coder and decoder adapt by the coded sound alone, so that they stay alike. All is
// in the fixed-point arithmetic of the Recommendation (G.722 6.2), to the last bit.
type adpcm struct {
	det    int32 // the quantiser's scale, and its logarithm
	nb     int32
	s      int32    // prediction of the next sample
	sz     int32    // the part of it that the zeros make
	r1, r2 int32    // the last samples as decoded
	p1, p2 int32    // the same without the poles
	a1, a2 int32    // coefficients of the poles
	d      [6]int32 // the last differences
	b      [6]int32 // coefficients of the zeros
}

// The least scales (G.722 6.2.1.3).
const (
	g722LeastLow  = 32
	g722LeastHigh = 8
)

// What G.722 6.2 tabulates.
var (
	// Decision levels of the lower band's quantiser, and the codes of what lies below each, by sign (tables 14, 15).
	g722Levels = [30]int32{0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919}
	g722Below  = [31]byte{0, 63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4}
	g722Above  = [31]byte{0, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32}
	// What codes of 6, 4 and 2 bits mean, times the scale (tables 17, 18).
	g722Six = [64]int32{-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
		-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
		24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
		4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136}
	g722Four = [16]int32{0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0}
	g722Two  = [4]int32{-7408, -1616, 7408, 1616}
	// How the logarithm of the scale changes by a code (tables 16, 20).
	g722GrowLow  = [16]int32{-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60}
	g722GrowHigh = [4]int32{798, -214, 798, -214}
	// The scale by the fraction of its logarithm (table 19).
	g722Scale = [32]int32{2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
		2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008}
)

// decodeLow decodes a sample of the lower band.
func (p *adpcm) decodeLow(code byte) int32 {
	r := limit(p.s+p.det*g722Six[code&63]>>15, 16383)
	p.low(code & 63)
	return r
}

// decodeHigh decodes a sample of the higher band.
func (p *adpcm) decodeHigh(code byte) int32 {
	r := limit(p.s+p.det*g722Two[code>>6]>>15, 16383)
	p.high(code >> 6)
	return r
}

// encodeLow codes a sample of the lower band.
func (p *adpcm) encodeLow(x int32) byte {
	e := int32(saturate16(x - p.s))
	size := e
	if e < 0 {
		size = -(e + 1)
	}
	low, high := 1, len(g722Levels) // the first level above size
	for low < high {
		if m := (low + high) / 2; size < g722Levels[m]*p.det>>12 {
			high = m
		} else {
			low = m + 1
		}
	}
	code := g722Above[low]
	if e < 0 {
		code = g722Below[low]
	}
	p.low(code)
	return code
}

// encodeHigh codes a sample of the higher band.
func (p *adpcm) encodeHigh(x int32) byte {
	e := int32(saturate16(x - p.s))
	size, code := e, byte(2)
	if e < 0 {
		size, code = -(e + 1), 0
	}
	if size < p.det*564>>12 {
		code++
	}
	p.high(code)
	return code << 6
}

// low adapts to a code of the lower band. Its two last bits are not used, so that they may be lost (G.722 1.5).
func (p *adpcm) low(code byte) {
	d := p.det * g722Four[code>>2] >> 15
	p.scale(g722GrowLow[code>>2], 18432, 8)
	p.adapt(d)
}

// high adapts to a code of the higher band.
func (p *adpcm) high(code byte) {
	d := p.det * g722Two[code] >> 15
	p.scale(g722GrowHigh[code], 22528, 10)
	p.adapt(d)
}

// scale adapts the quantiser (G.722 6.2.1.3, 6.2.2.3).
func (p *adpcm) scale(grow, most, shift int32) {
	p.nb = max(0, min(p.nb*127>>7+grow, most))
	mantissa, shift := g722Scale[p.nb>>6&31], shift-p.nb>>11
	if shift < 0 {
		p.det = mantissa << -shift << 2
	} else {
		p.det = mantissa >> shift << 2
	}
}

// adapt adapts the predictor to a difference as quantised, and predicts (G.722 6.2.1.4).
func (p *adpcm) adapt(d int32) {
	r := int32(saturate16(p.s + d))
	p0 := int32(saturate16(p.sz + d))

	// The poles.
	up, step := int32(saturate16(p.a1<<2)), int32(-192)
	if p0>>15 == p.p1>>15 {
		up, step = min(-up, 32767), 192
	}
	a2 := up>>7 + p.a2*32512>>15
	if p0>>15 == p.p2>>15 {
		a2 += 128
	} else {
		a2 -= 128
	}
	a2 = max(-12288, min(a2, 12288))
	most := 15360 - a2
	p.a1 = max(-most, min(step+p.a1*32640>>15, most))
	p.a2 = a2

	// The zeros. Up where the signs are the same, else down; no coefficient grows beyond 16 bits by that.
	grow := int32(0)
	if d != 0 {
		grow = 128
	}
	sign := d >> 15
	sz := int32(0)
	next := d
	for i := range p.d {
		last := p.d[i]
		turn := last>>15 ^ sign
		b := p.b[i]*32640>>15 + (grow ^ turn - turn)
		p.b[i], p.d[i] = b, next
		sz += b * max(-32768, min(2*next, 32767)) >> 15
		next = last
	}
	p.sz = int32(saturate16(sz))

	p.r2, p.r1 = p.r1, r
	p.p2, p.p1 = p.p1, p0
	sp := p.a1*int32(saturate16(2*p.r1))>>15 + p.a2*int32(saturate16(2*p.r2))>>15
	p.s = int32(saturate16(int32(saturate16(sp)) + p.sz))
}

// limit keeps a value between -most-1 and most.
func limit(v, most int32) int32 { return max(-most-1, min(v, most)) }

// saturate16 keeps a value in the range of a sample.
func saturate16(v int32) int16 { return int16(max(-32768, min(v, 32767))) }
