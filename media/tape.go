package media

// tape is a strip of samples in one piece: first what was played last, then what is decoded
// and waits to be played. Stretching and concealment look back and ahead on it as on a
// plain slice, without a seam.
type tape struct {
	buf  []int16
	past int // samples kept of what was played
	head int // the next sample to be played; never less than past
	end  int // of what waits
}

func newTape(past, size int) tape {
	return tape{buf: make([]int16, size), past: past, head: past, end: past}
}

// waiting is the number of samples to be played.
func (t *tape) waiting() int { return t.end - t.head }

// room returns space for n samples after the last one. They count once end was moved.
func (t *tape) room(n int) []int16 {
	if t.end+n > len(t.buf) {
		t.shift(n)
	}
	return t.buf[t.end : t.end+n]
}

// shift moves what is still needed to the front. It grows the strip only for a packet that
// is longer than any before it.
func (t *tape) shift(n int) {
	keep := t.buf[t.head-t.past : t.end]
	to := t.buf
	if need := len(keep) + n; need > len(to) {
		to = make([]int16, need)
	}
	copy(to, keep)
	t.buf, t.head, t.end = to, t.past, len(keep)
}

// play moves the next samples to dst.
func (t *tape) play(dst []int16) {
	copy(dst, t.buf[t.head:t.end])
	t.head += len(dst)
}

// drop forgets what waits to be played.
func (t *tape) drop() { t.end = t.head }

// ahead is what waits to be played.
func (t *tape) ahead() []int16 { return t.buf[t.head:t.end] }

// recent is the newest sound, played or not.
func (t *tape) recent() []int16 { return t.buf[t.end-t.past : t.end] }

// insert makes the sound longer by lag samples, lag being a whole number of its periods: it
// plays on, glides back by lag within overlap samples and goes on from there.
func (t *tape) insert(lag, overlap int) {
	t.room(lag)
	h, b := t.head, t.buf
	copy(b[h+overlap:t.end+lag], b[h+overlap-lag:t.end])
	for i := overlap - 1; i >= 0; i-- { // from the end: what is behind is still needed
		b[h+i] = blend(b[h+i], b[h+i-lag], i+1, overlap+1)
	}
	t.end += lag
}

// remove makes the sound shorter by lag samples, gliding from the next ones to those lag
// later. It needs lag+overlap samples.
func (t *tape) remove(lag, overlap int) {
	h, b := t.head, t.buf
	for i := range overlap {
		b[h+i] = blend(b[h+i], b[h+i+lag], i+1, overlap+1)
	}
	copy(b[h+overlap:], b[h+overlap+lag:t.end])
	t.end -= lag
}

// blend is the place i of n on the way from a to b. Both are the same sound, so that it is
// amplitudes that have to add up, not powers.
func blend(a, b int16, i, n int) int16 {
	return int16((int(a)*(n-i) + int(b)*i) / n)
}
