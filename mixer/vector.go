package mixer

// The loops over the samples of a frame. Where the processor has vectors of 8 samples they do all
// but the last few: in a room where everybody talks they would be a fifth of what a leg costs.
// Both ways give the same to the last bit, but for rounding in scale and amplify.

// vectorSize is how many samples a vector holds; the vector functions take whole ones.
const vectorSize = 8

// sumUp adds a frame to a sum of the same length.
func sumUp(sum []int32, frame []int16) {
	sum = sum[:len(frame)]
	done := 0
	if vectors && len(frame) >= vectorSize {
		done = len(frame) &^ (vectorSize - 1)
		sumUpVectors(&sum[0], &frame[0], done)
	}
	for i := done; i < len(frame); i++ {
		sum[i] += int32(frame[i])
	}
}

// merge adds a sum to another.
func merge(sum, other []int32) {
	sum = sum[:len(other)]
	done := 0
	if vectors && len(other) >= vectorSize {
		done = len(other) &^ (vectorSize - 1)
		mergeVectors(&sum[0], &other[0], done)
	}
	for i := done; i < len(other); i++ {
		sum[i] += other[i]
	}
}

// minus writes a sum without one of its frames.
func minus(dst, sum []int32, own []int16) {
	dst, sum = dst[:len(own)], sum[:len(own)]
	done := 0
	if vectors && len(own) >= vectorSize {
		done = len(own) &^ (vectorSize - 1)
		minusVectors(&dst[0], &sum[0], &own[0], done)
	}
	for i := done; i < len(own); i++ {
		dst[i] = sum[i] - int32(own[i])
	}
}

// peak is the greatest magnitude in a sum.
func peak(sum []int32) int32 {
	done, most := 0, int32(0)
	if vectors && len(sum) >= vectorSize {
		done = len(sum) &^ (vectorSize - 1)
		most = peakVectors(&sum[0], done)
	}
	for _, s := range sum[done:] {
		most = max(most, s, -s)
	}
	return most
}

// narrow writes a sum whose samples fit.
func narrow(dst []int16, sum []int32) {
	dst = dst[:len(sum)]
	done := 0
	if vectors && len(sum) >= vectorSize {
		done = len(sum) &^ (vectorSize - 1)
		narrowVectors(&dst[0], &sum[0], done)
	}
	for i := done; i < len(sum); i++ {
		dst[i] = int16(sum[i])
	}
}

// scale writes a sum multiplied by a gain that grows by step before each sample, and by no means
// anything beyond limit.
func scale(dst []int16, sum []int32, gain, step float32) {
	dst = dst[:len(sum)]
	done := 0
	if vectors && len(sum) >= vectorSize {
		done = len(sum) &^ (vectorSize - 1)
		scaleVectors(&dst[0], &sum[0], done, gain, step)
	}
	for i := done; i < len(sum); i++ {
		v := float32(sum[i]) * (gain + step*float32(i+1))
		dst[i] = int16(min(max(v, -limit), limit))
	}
}

// amplify writes a frame multiplied by a gain that grows by step before each sample.
func amplify(sum []int32, frame []int16, gain, step float32) {
	sum = sum[:len(frame)]
	done := 0
	if vectors && len(frame) >= vectorSize {
		done = len(frame) &^ (vectorSize - 1)
		amplifyVectors(&sum[0], &frame[0], done, gain, step)
	}
	for i := done; i < len(frame); i++ {
		sum[i] = int32(float32(frame[i]) * (gain + step*float32(i+1)))
	}
}

// power is the sum of the squares of a frame.
func power(frame []int16) int64 {
	done, sum := 0, int64(0)
	if vectors && len(frame) >= 2*vectorSize {
		done = len(frame) &^ (2*vectorSize - 1)
		sum = powerVectors(&frame[0], done)
	}
	for _, s := range frame[done:] {
		sum += int64(s) * int64(s)
	}
	return sum
}
