package mixer

// ramp is a gain that moves to its target in a straight line, so that no switch is heard as a
// click. The zero value is silence and stays so.
type ramp struct {
	gain, target float32
	step         float32 // change per sample, above 0 while gain differs from target
}

// rampTime is how long a switch takes: 5 ms.
const rampTime = 0.005 // s

// to starts a move to a gain that takes the given time in s for the whole way from 0 to 1.
func (r *ramp) to(target float32, seconds float64, rate int) {
	if r.target == target && (r.step > 0 || r.gain == target) {
		return
	}
	r.target = target
	r.step = float32(1 / (seconds * float64(rate)))
}

// resting tells that the gain is at g and stays there.
func (r *ramp) resting(g float32) bool { return r.gain == g && r.target == g }

// next moves by one sample.
func (r *ramp) next() float32 {
	switch {
	case r.gain < r.target:
		r.gain = min(r.gain+r.step, r.target)
	case r.gain > r.target:
		r.gain = max(r.gain-r.step, r.target)
	}
	return r.gain
}

// pass moves by as many samples as if they had been multiplied.
func (r *ramp) pass(samples int) {
	way := float32(samples) * r.step
	if r.gain < r.target {
		r.gain = min(r.gain+way, r.target)
	} else {
		r.gain = max(r.gain-way, r.target)
	}
}

// apply multiplies a frame by the gain.
func (r *ramp) apply(frame []int16) {
	if r.resting(1) {
		return
	}
	if r.resting(0) {
		clear(frame)
		return
	}
	for i, s := range frame {
		frame[i] = int16(float32(s) * r.next())
	}
}

// applyWide does the same for a frame of sums.
func (r *ramp) applyWide(frame []int32) {
	if r.resting(1) {
		return
	}
	if r.resting(0) {
		clear(frame)
		return
	}
	for i, s := range frame {
		frame[i] = int32(float32(s) * r.next())
	}
}

// addTo adds a frame, multiplied by the gain, to sums.
func (r *ramp) addTo(sum []int32, frame []int16) {
	if r.resting(0) {
		return
	}
	sum = sum[:len(frame)]
	if r.resting(1) {
		for i, s := range frame {
			sum[i] += int32(s)
		}
		return
	}
	for i, s := range frame {
		sum[i] += int32(float32(s) * r.next())
	}
}
