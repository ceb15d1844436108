package media

import "math"

// Resampler converts a stream of mono samples from one rate to another with the filter that sounds are converted with:
// flat up to 0.85 of half the lower rate, and 80 dB down from that half on. Not for several goroutines at a time.
type Resampler struct {
	up, down int
	phases   [][]float64
	input    []float64 // from the first sample on that the next output needs
	at       int       // in input, where the taps of the next output begin
	phase    int       // of the next output
	taken    int64     // samples of input
	given    int64     // samples of output
}

// NewResampler makes a resampler between two rates in Hz, both positive. Its memory grows with the larger of both over
// their greatest common divisor: some 10 kB for the usual rates, 100 MB between 16 and 191.999 kHz.
func NewResampler(from, to int) *Resampler {
	divisor := gcd(from, to)
	r := &Resampler{up: to / divisor, down: from / divisor}
	if from == to {
		return r
	}
	r.phases = polyphase(from, to, r.up)
	// The filter reaches back beyond the first sample, where there is silence.
	r.input = make([]float64, len(r.phases[0])/2-1)
	return r
}

// Append appends to out what the next samples of the stream yield, and returns it. The filter looks ahead: what the last
// few milliseconds of in yield comes with the next call, or with Finish.
func (r *Resampler) Append(out, in []float32) []float32 {
	r.taken += int64(len(in))
	if r.phases == nil {
		return append(out, in...)
	}
	for _, v := range in {
		r.input = append(r.input, float64(v))
	}
	return r.convert(out, math.MaxInt64)
}

// Finish appends to out the rest of what the stream yields: silence follows it.
func (r *Resampler) Finish(out []float32) []float32 {
	if r.phases == nil {
		return out
	}
	r.input = append(r.input, make([]float64, len(r.phases[0]))...)
	return r.convert(out, (r.taken*int64(r.up)+int64(r.down)-1)/int64(r.down))
}

// convert appends outputs, at most until so many were given in all.
func (r *Resampler) convert(out []float32, most int64) []float32 {
	for ; r.given < most; r.given++ {
		taps := r.phases[r.phase]
		if r.at+len(taps) > len(r.input) {
			break
		}
		var sum float64
		input := r.input[r.at : r.at+len(taps)]
		for k, tap := range taps {
			sum += tap * input[k]
		}
		out = append(out, float32(sum))
		r.phase += r.down
		r.at += r.phase / r.up
		r.phase %= r.up
	}
	drop := min(r.at, len(r.input))
	r.input = r.input[:copy(r.input, r.input[drop:])]
	r.at -= drop
	return out
}

// Delay is by how many samples of input the output lags behind it, 0 where the rates are equal.
func (r *Resampler) Delay() int {
	if r.phases == nil {
		return 0
	}
	return len(r.phases[0]) / 2
}
