package media

// concealer makes up sound for what was lost, in the manner of G.711 Appendix I: it repeats
// the last pitch period, and the last two and three as the loss goes on, so that it does not
// turn into a buzz. It differs in two points: the sound fades out between 20 and 60 ms, and
// nothing is held back to prepare for a loss, the seam is smoothed after it instead.
type concealer struct {
	last   []int16 // the sound before the loss
	rate   int
	period int // samples
	begin  int // where in last the repeated piece begins
	next   int // where in last the next sample is
	made   int // samples since the loss began
	step   int // what the first sample is too high by
}

func newConcealer(rate int) concealer {
	return concealer{last: make([]int16, rate/25), rate: rate} // 40 ms
}

// start begins a loss after so much of the sound before it as the concealer keeps.
func (c *concealer) start(recent []int16) {
	n := copy(c.last, recent)
	least, most, window := c.rate/200, c.rate/50, c.rate*15/1000 // 5, 20 and 15 ms
	c.period, _ = bestLag(c.last, c.rate, n-window, window, least, most, false)
	c.begin, c.next, c.made = n-c.period, n-c.period, 0
	c.step = int(c.last[n-1-c.period]) - int(c.last[n-1])
}

// silent tells that the sound has faded out.
func (c *concealer) silent() bool { return c.made >= c.rate*60/1000 }

// write makes the next samples.
func (c *concealer) write(dst []int16) {
	n, seam := len(c.last), c.period/4
	full, end := c.rate*20/1000, c.rate*60/1000
	for i := range dst {
		s := int(c.last[c.next])
		if tail := c.next - (n - seam); tail >= 0 {
			// The last quarter of a period glides into the sound before the piece that is
			// repeated, so that the repetition follows on it.
			if tail == 0 {
				c.begin = n - c.period*c.periods()
			}
			s += (int(c.last[c.begin-seam+tail]) - s) * (tail + 1) / (seam + 1)
		}
		if c.made < seam {
			s -= c.step * (seam - c.made) / seam
		}
		if c.made > full {
			s = s * max(end-c.made, 0) / (end - full)
		}
		dst[i] = clip(s)
		c.made++
		if c.next++; c.next == n {
			c.next = c.begin
		}
	}
}

// periods is how many of the last periods are repeated by now.
func (c *concealer) periods() int {
	known := (len(c.last) - c.period/4) / c.period
	return min(1+c.made/(c.rate/50), 3, known)
}

// clip keeps a sample in range.
func clip(s int) int16 {
	return int16(max(-32768, min(s, 32767)))
}
