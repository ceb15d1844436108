package media

import "math"

const (
	// mostGain is how much louder a sound is made at most: what is fainter is mostly noise.
	mostGain = 20.0 // dB
	// peakLimit is -1 dBFS.
	peakLimit = 29204
	// silent is the lowest level there is, in dBFS.
	silent = -99.0
	// speechMargin is how far below its active level speech still counts (ITU-T P.56).
	speechMargin = 15.9 // dB
)

// Normalise returns pcm with its speech at a level in dBFS (0 is a sine at full scale), -20 for example:
// made louder by 20 dB at most. Pauses do not count for the level of speech. Peaks above -1 dBFS are
// met by a gain that falls and rises within 5 ms of them; nothing is clipped. rate is in Hz.
func Normalise(pcm []int16, rate int, dBFS float64) []int16 {
	out := make([]int16, len(pcm))
	level := activeLevel(pcm, rate)
	if level <= silent {
		copy(out, pcm)
		return out
	}
	gain := math.Pow(10, min(dBFS-level, mostGain)/20)
	gains := limitGains(pcm, gain, max(1, rate/200))
	for i, s := range pcm {
		out[i] = saturate(float64(s) * gain * gains[i])
	}
	return out
}

// activeLevel is the level of speech without its pauses, in dBFS: that of all frames of 20 ms that are
// no more than speechMargin below it.
func activeLevel(pcm []int16, rate int) float64 {
	frame := max(1, rate/FramesPerSecond)
	var powers []float64
	for ; len(pcm) > 0; pcm = pcm[min(frame, len(pcm)):] {
		powers = append(powers, meanSquare(pcm[:min(frame, len(pcm))]))
	}
	level, least := 0.0, 0.0
	for range 20 { // it settles in a few rounds: the level only rises
		var sum float64
		n := 0
		for _, p := range powers {
			if p >= least {
				sum += p
				n++
			}
		}
		if n == 0 || sum == 0 {
			return silent
		}
		level = sum / float64(n)
		least = level * math.Pow(10, -speechMargin/10)
	}
	return decibels(level)
}

// limitGains are the factors that hold each sample, times gain, below the limit. The lowest factor that
// any sample within reach needs, and then the mean of these within reach: no sample gets more than it
// may, for all that the mean is taken of know it.
func limitGains(pcm []int16, gain float64, reach int) []float64 {
	lowest := make([]float64, len(pcm))
	for i := range lowest {
		lowest[i] = 1
	}
	for i, s := range pcm {
		if peak := math.Abs(float64(s)) * gain; peak > peakLimit {
			for k := max(0, i-reach); k <= min(i+reach, len(pcm)-1); k++ {
				lowest[k] = min(lowest[k], peakLimit/peak)
			}
		}
	}
	gains := make([]float64, len(pcm))
	sum, n := 0.0, 0
	for i := -reach; i < len(pcm); i++ {
		if in := i + reach; in < len(pcm) {
			sum += lowest[in]
			n++
		}
		if out := i - reach - 1; out >= 0 {
			sum -= lowest[out]
			n--
		}
		if i >= 0 {
			gains[i] = sum / float64(n)
		}
	}
	return gains
}

// meanSquare of samples.
func meanSquare(pcm []int16) float64 {
	var sum float64
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	return sum / float64(max(1, len(pcm)))
}

// decibels is a mean square as a level in dBFS, silent at least.
func decibels(square float64) float64 {
	return max(silent, 10*math.Log10(square*2/(32767*32767)))
}
