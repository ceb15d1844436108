package media

import "math"

// unheard is what a decoder has left out, as nobody heard it, kept coded: so the decoder finds its way back at the moment
// when it is heard.
type unheard struct {
	partial Partial // the decoder; nil: its coding has no parts
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

// render decodes the next packet, as little of it as may be where nobody hears it.
func (j *Jitter) render(dst []int16, payload []byte) int {
	u := &j.unheard
	if j.least > 0 && u.partial != nil && len(payload) <= keptRoom {
		if n, left, ok := u.partial.DecodePart(dst, payload, j.least); ok {
			j.left = left
			u.keep(payload)
			return n
		}
	}
	j.left = 0
	for ; u.count > 0; u.count-- {
		u.partial.CatchUp(u.kept[(u.next+len(u.kept)-u.count)%len(u.kept)])
	}
	return j.decoder.Decode(dst, payload)
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
		l.jitter.least = least
	}
}

// Ignored tells that nobody hears anything of the leg, as Attend said last, and that its decoder does not follow it: to be
// heard again it has to catch up.
func (l *Leg) Ignored() bool {
	return l.jitter != nil && math.IsInf(float64(l.jitter.least), 1) && l.jitter.unheard.count > 0
}

// LeftOut is the mean square of what is not in the last frame of Take, as it was not decoded (Attend).
func (l *Leg) LeftOut() float32 {
	if l.jitter == nil {
		return 0
	}
	return l.jitter.left
}
