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
	gain, highest := l.gain, peak(sum)
	if gain == 1 && highest <= limit {
		narrow(dst, sum)
		return
	}
	target := min(gain*release, 1)
	if highest > 0 {
		target = min(target, limit/float32(highest))
	}
	// Rising, the gain has the whole frame; falling, it has arrived when the first sample that
	// needs it comes.
	way := len(sum)
	if target < gain {
		way = max(firstAbove(sum, int32(limit/gain)), 1)
		if way == 1 {
			gain = target
		}
	}
	scale(dst[:way], sum[:way], gain, (target-gain)/float32(way))
	scale(dst[way:], sum[way:], target, 0)
	l.gain = target
}

// firstAbove is the place of the first sample whose magnitude is above level, and behind the last
// where there is none.
func firstAbove(sum []int32, level int32) int {
	for i, s := range sum {
		if s > level || s < -level {
			return i
		}
	}
	return len(sum)
}
