package loudness

import (
	"math"

	"conclave/media"
)

const (
	lookahead   = 0.005 // s
	releaseTime = 0.2   // s
	oversampled = 4     // of which the peaks between the samples are found (BS.1770-4 Annex 2)
)

// Limiter amplifies mono samples, and turns down what would exceed a ceiling, ahead of each peak and slowly up again after
// it. Peaks between the samples count: that is what is left of a sound in another rate, or in a loudspeaker.
type Limiter struct {
	gain, ceiling float64
	between       *media.Resampler
	samples       []float32 // amplified, from the last one on that was given
	next          int       // of samples, to be given
	peaks         []float32 // interpolated, oversampled for each of samples, as far as they have come
	required      []float64 // gain that each sample asks for by itself, likewise
	held          float64   // least gain in reach, after release
	begun         bool
	window        []float64 // the last values of held, of which the mean is applied
	at            int
	release       float64
	reach         int // samples
}

// NewLimiter makes a limiter for a rate in Hz that amplifies by a gain in dB, up to a ceiling in dBFS.
func NewLimiter(rate int, gain, ceiling float64) *Limiter {
	reach := int(lookahead * float64(rate))
	return &Limiter{gain: math.Pow(10, gain/20), ceiling: math.Pow(10, ceiling/20), between: media.NewResampler(rate, oversampled*rate),
		held: 1, window: make([]float64, reach+1), release: 1 - math.Exp(-1/(releaseTime*float64(rate))), reach: reach}
}

// Append appends to out what is ready of the samples so far, and returns it. The rest comes with Finish.
func (l *Limiter) Append(out, in []float32) []float32 {
	from := len(l.samples)
	for _, v := range in {
		l.samples = append(l.samples, float32(float64(v)*l.gain))
	}
	l.peaks = l.between.Append(l.peaks, l.samples[from:])
	return l.advance(out, l.reach)
}

// Finish appends to out all that has not been given.
func (l *Limiter) Finish(out []float32) []float32 {
	l.peaks = l.between.Finish(l.peaks)
	return l.advance(out, 0)
}

// advance gives the samples that so many known ones follow.
func (l *Limiter) advance(out []float32, ahead int) []float32 {
	for i := len(l.required); i < len(l.samples) && (i+1)*oversampled <= len(l.peaks); i++ {
		peak := math.Abs(float64(l.samples[i]))
		for _, v := range l.peaks[i*oversampled : (i+1)*oversampled] {
			peak = max(peak, math.Abs(float64(v)))
		}
		l.required = append(l.required, min(1, l.ceiling/max(peak, 1e-9)))
	}
	for ; l.next+ahead < len(l.required); l.next++ {
		least := 1.0
		for _, g := range l.required[max(0, l.next-1):min(len(l.required), l.next+l.reach+1)] {
			least = min(least, g)
		}
		l.held = min(least, l.held+(1-l.held)*l.release)
		if !l.begun { // nothing went before that the gain would have to come down from
			l.begun = true
			for i := range l.window {
				l.window[i] = l.held
			}
		}
		l.window[l.at] = l.held
		l.at = (l.at + 1) % len(l.window)
		mean := 0.0
		for _, g := range l.window {
			mean += g
		}
		out = append(out, float32(float64(l.samples[l.next])*mean/float64(len(l.window))))
	}
	if drop := l.next - 1; drop > 0 { // a peak after the last sample is the next one's, too
		l.samples = l.samples[:copy(l.samples, l.samples[drop:])]
		l.required = l.required[:copy(l.required, l.required[drop:])]
		l.peaks = l.peaks[:copy(l.peaks, l.peaks[drop*oversampled:])]
		l.next -= drop
	}
	return out
}
