package media

import "slices"

const (
	trimBefore = 10 // frames of 10 ms that are kept before speech
	trimAfter  = 20 // and after it
	// trimLoud is the level in dBFS that speech has to reach for 100 ms, trimOver how far that has to
	// be above what is there most of the time.
	trimLoud, trimOver = -50.0, 10.0
	// trimRange is how far below that level speech may fall and still be speech, trimNoise how far above
	// the noise it has to be.
	trimRange, trimNoise = 35.0, 6.0
	// trimMoves is what the level of speech changes by from its faint to its loud frames; that of noise
	// stays.
	trimMoves = 5.0
	trimGap   = 8  // frames of silence that part two sounds
	trimShort = 6  // frames: a sound that is shorter and stands alone is a click
	trimLeast = 12 // frames of speech that there have to be
)

// Trim cuts what comes before and after speech, and keeps 100 ms before it and 200 ms after it. Silence
// and noise are cut, and so are keys of a telephone that come as tones, and clicks that stand apart. It
// returns part of pcm, nil where nobody speaks: in silence, or in noise that only goes on. rate is in Hz.
func Trim(pcm []int16, rate int) []int16 {
	frame := rate / 100
	if frame == 0 || len(pcm) < 2*frame {
		return nil
	}
	levels := smooth(frameLevels(pcm, frame))
	forgetKeys(levels, pcm, rate)
	sorted := slices.Sorted(slices.Values(levels))
	noise, speech := sorted[len(sorted)/10], sorted[max(0, len(sorted)-10)]
	if speech < trimLoud || speech-noise < trimOver {
		return nil
	}
	threshold := max(noise+trimNoise, speech-trimRange)
	all := sounds(levels, threshold)
	first, last := 0, len(all)-1
	for first < last && all[first].short() {
		first++
	}
	for last > first && all[last].short() {
		last--
	}
	if first > last || !moves(levels, all[first:last+1]) {
		return nil
	}
	begin, end := max(0, all[first].begin-trimBefore), min(len(levels), all[last].end+trimAfter)
	// A click, or a key, may be in what would be kept.
	if first > 0 {
		begin = max(begin, min(all[first-1].end+1, all[first].begin))
	}
	if last+1 < len(all) {
		end = min(end, max(all[last+1].begin-2, all[last].end))
	}
	begin, end = clearOfKeys(levels, begin, all[first].begin, all[last].end, end)
	from, to := begin*frame, end*frame
	if end == len(levels) {
		to = len(pcm) // what is no whole frame
	}
	return pcm[from:to:to]
}

// frameLevels are the levels of the frames of a sound in dBFS, silent or above.
func frameLevels(pcm []int16, frame int) []float64 {
	levels := make([]float64, len(pcm)/frame)
	for i := range levels {
		levels[i] = decibels(meanSquare(pcm[i*frame : (i+1)*frame]))
	}
	return levels
}

// smooth takes the mean over three frames: that of noise moves less.
func smooth(levels []float64) []float64 {
	out := make([]float64, len(levels))
	for i := range levels {
		around := levels[max(0, i-1):min(len(levels), i+2)]
		for _, l := range around {
			out[i] += l / float64(len(around))
		}
	}
	return out
}

// toneLevel stands for the tones of a key.
const toneLevel = silent - 1

// forgetKeys takes the tones of keys out.
func forgetKeys(levels []float64, pcm []int16, rate int) {
	frame := rate / FramesPerSecond
	if frame == 0 || frame%dtmfFrame != 0 {
		return
	}
	var d DTMF
	for i := 0; (i+1)*frame <= len(pcm); i++ {
		if present, _ := d.Take(pcm[i*frame:(i+1)*frame], false); present {
			// From the frame before, in which it may have begun, to the end of this one.
			for k := max(0, 2*i-3); k < min(2*i+2, len(levels)); k++ {
				levels[k] = toneLevel
			}
		}
	}
}

// clearOfKeys moves begin and end, on the far sides of speech, to the near sides of any key.
func clearOfKeys(levels []float64, begin, speech, over, end int) (int, int) {
	for i := speech - 1; i >= begin; i-- {
		if levels[i] == toneLevel {
			begin = i + 1
			break
		}
	}
	for i := over; i < end; i++ {
		if levels[i] == toneLevel {
			end = i
			break
		}
	}
	return begin, end
}

// piece is a stretch of audio, from one frame to another.
type piece struct {
	begin, end int
}

func (p piece) short() bool { return p.end-p.begin < trimShort }

// sounds are the pieces that are as loud as the threshold, parted by gaps.
func sounds(levels []float64, threshold float64) (all []piece) {
	for i, l := range levels {
		switch {
		case l < threshold:
		case len(all) > 0 && i-all[len(all)-1].end < trimGap:
			all[len(all)-1].end = i + 1
		default:
			all = append(all, piece{i, i + 1})
		}
	}
	return all
}

// moves tells that sounds are long enough for speech and that their level changes as that of speech does.
func moves(levels []float64, all []piece) bool {
	var active []float64
	for _, s := range all {
		for _, l := range levels[s.begin:s.end] {
			if l > silent {
				active = append(active, l)
			}
		}
	}
	if len(active) < trimLeast {
		return false
	}
	slices.Sort(active)
	return active[len(active)*9/10]-active[len(active)/10] >= trimMoves
}
