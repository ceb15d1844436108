//go:build opus

package media

import "math"

const (
	// opusBehind is how many packets a decoder has to be given to hear what one hears that has followed all along: of speech
	// it is off by -40 dB then. A steady tone takes longer.
	opusBehind = 10
	// opusLook is how many packets of what nobody hears lie between two looks at its level: half a second. A look is at
	// the last opusLooks of them, and decodes opusLead before those.
	opusLook, opusLooks, opusLead = 25, 2, 4
)

// opusUnheard is what a decoder knows of what nobody hears.
type opusUnheard struct {
	passed  int     // packets that nobody hears
	level   float32 // mean square of the last that was decoded to be heard or at a look
	joins   bool    // the next packet follows on silence in place of what was not decoded
	scratch [5760 / 3]int16
}

// heard takes note of a packet that was decoded to be heard.
func (u *opusUnheard) heard(pcm []int16, rate int) {
	u.level = squares(pcm)
	if u.joins {
		u.joins = false
		fade := pcm[:min(len(pcm), rate/200)] // 5 ms
		for i, v := range fade {
			fade[i] = blend(0, v, i+1, len(fade)+1)
		}
	}
}

// squares is the mean square of samples.
func squares(pcm []int16) float32 {
	sum := 0
	for _, v := range pcm {
		sum += int(v) * int(v)
	}
	return float32(sum) / float32(len(pcm))
}

// DecodePart is that of Partial. Opus has no part that would tell what is in the whole, so that it is all that is decoded
// where anybody may hear it, and where keys are looked for. Where nobody hears it, twice a second its level is.
func (d *opusDecoder) DecodePart(dst []int16, payload []byte, least float32) (n int, left float32, ok bool) {
	n = d.codec.Samples(payload)
	if !math.IsInf(float64(least), 1) || n == 0 || n > min(len(dst), len(d.scratch)) {
		d.passed = 0
		return 0, 0, false
	}
	if len(payload) <= discontinued {
		d.level = 0
	}
	d.passed++
	if left := opusLook - d.passed%opusLook; left <= opusLooks+opusLead {
		_, err := d.state.Decode(payload, d.scratch[:n])
		if left == opusLooks {
			d.level = 0
		}
		if left <= opusLooks && err == nil {
			d.level += squares(d.scratch[:n]) / opusLooks
		}
	}
	clear(dst[:n])
	return n, d.level, true
}

// CatchUp is that of Partial.
func (d *opusDecoder) CatchUp(payload []byte) {
	// What is no packet is as if it had not come.
	_, _ = d.state.Decode(payload, d.scratch[:d.codec.Samples(payload)])
	d.joins = true
}

// Behind is that of Partial.
func (*opusDecoder) Behind() int { return opusBehind }
