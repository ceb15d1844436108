package media

import "math"

// unheard decodes as little as it may of what nobody hears. What a decoder has left out it keeps coded, so that the decoder
// finds its way back at the moment when it is heard.
type unheard struct {
	partial Partial // nil: the coding has no parts
	least   float32 // what is fainter than this mean square nobody hears
	left    float32 // mean square of what was left out of the last packet
	kept    [][]byte
	next    int // of kept, and how many there are
	count   int
}

// keptRoom is for a payload that is kept: 40 ms of G.722. A longer one is decoded.
const keptRoom = 320

func newUnheard(d Decoder) (u unheard) {
	if u.partial, _ = d.(Partial); u.partial != nil {
		u.kept = make([][]byte, u.partial.Behind())
		data := make([]byte, len(u.kept)*keptRoom)
		for i := range u.kept {
			u.kept[i], data = data[:0:keptRoom], data[keptRoom:]
		}
	}
	return u
}

// decode decodes the next packet.
func (u *unheard) decode(d Decoder, dst []int16, payload []byte) int {
	if u.least > 0 && u.partial != nil && len(payload) <= keptRoom {
		if n, left, ok := u.partial.DecodePart(dst, payload, u.least); ok {
			u.left = left
			u.keep(payload)
			return n
		}
	}
	u.left = 0
	for ; u.count > 0; u.count-- {
		u.partial.CatchUp(u.kept[(u.next+len(u.kept)-u.count)%len(u.kept)])
	}
	return d.Decode(dst, payload)
}

func (u *unheard) keep(payload []byte) {
	u.kept[u.next] = append(u.kept[u.next][:0], payload...)
	u.next = (u.next + 1) % len(u.kept)
	u.count = min(u.count+1, len(u.kept))
}

// Attend tells that nobody hears what comes from now on and has a mean square of samples below least: it need not be
// decoded but for its level and, unless least is +Inf, for keys in it. With 0, which is how a leg begins, all is heard. What
// is loud enough is whole from its first packet on.
func (l *Leg) Attend(least float32) {
	if l.jitter != nil {
		l.jitter.unheard.least = least
	}
}

// Ignored tells that nobody hears anything of the leg, as Attend said last, and that its decoder does not follow it: to be
// heard again it has to catch up.
func (l *Leg) Ignored() bool {
	return l.jitter != nil && l.jitter.unheard.count > 0 && math.IsInf(float64(l.jitter.unheard.least), 1)
}

// LeftOut is the mean square of what is not in the last frame of Take, as it was not decoded (Attend).
func (l *Leg) LeftOut() float32 {
	if l.jitter == nil {
		return 0
	}
	return l.jitter.unheard.left
}
