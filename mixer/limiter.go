package mixer

// limiter turns sums into samples with a gain instead of clipping them: down at once where a
// peak would go over the limit, up slowly, so that loud passages stay undistorted. A new one
// is open.
type limiter struct {
	gain float32 // of the end of the last frame
}

// open lets through what it gets.
var open = limiter{gain: 1}

const (
	// limit is -0.2 dBFS: what G.711 makes of a full-scale sample may be a step larger.
	limit = 32000
	// release is the factor by which the gain may rise in a frame: 3 dB/s.
	release = 1.00693
)

// apply writes the limited frame to dst.
func (l *limiter) apply(dst []int16, sum []int32) {
	gain := l.gain
	peak, first := int32(0), len(sum)
	over := int32(limit / gain) // the first sample beyond this has to be met by a lower gain
	for i, s := range sum {
		if s < 0 {
			s = -s
		}
		if s > peak {
			peak = s
			if s > over && first == len(sum) {
				first = i
			}
		}
	}
	if gain == 1 && peak <= limit {
		dst = dst[:len(sum)]
		for i, s := range sum {
			dst[i] = int16(s)
		}
		l.gain = 1
		return
	}
	target := min(gain*release, 1)
	if peak > 0 {
		target = min(target, limit/float32(peak))
	}
	// Falling, the gain has arrived when the first sample that needs it comes; rising, it has
	// the whole frame.
	length := len(sum)
	if target < gain {
		length = max(first, 1)
		if first == 0 {
			gain = target
		}
	}
	step := (target - gain) / float32(length)
	for i, s := range sum {
		if i < length {
			gain += step
		} else {
			gain = target
		}
		dst[i] = int16(min(max(float32(s)*gain, -limit), limit))
	}
	l.gain = target
}
