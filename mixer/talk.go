package mixer

import "math"

// talk tells speech from the noise of a room: the level over an adaptive noise floor, with
// hysteresis and hang-over. Its decision falls within the frame that it is made from, so that
// the first syllable is whole; what is not voice is faded out slowly, never cut.
type talk struct {
	floor  float32 // mean square of the noise
	recent float32 // mean square over about a second, for display
	hang   int16   // frames that the decision outlives the voice
	hold   int16   // what hang begins with; 0: hangOver
	active bool
	voiced bool // the last frame was loud, and not a pause that is bridged
}

// Levels as mean squares of samples. 0 dBFS is a full-scale sine (AES17).
var (
	floorLowest  = meanSquare(-75)
	floorHighest = meanSquare(-50)               // above this plus talkMargin everything is let through
	talkMargin   = float32(math.Pow(10, 1.0))    // 10 dB over the floor: voice
	keepMargin   = float32(math.Pow(10, 0.6))    // 6 dB: still voice
	floorRise    = float32(math.Pow(10, 0.1/50)) // 1 dB/s
)

const (
	fullScale   = 32768 * 32768 / 2 // mean square of a full-scale sine
	hangOver    = 40                // frames: 0.8 s between words
	levelWindow = float32(1) / 25   // of the displayed level: half a second
	floorFall   = float32(1) / 8
)

func meanSquare(dbfs float64) float32 {
	return float32(fullScale * math.Pow(10, dbfs/10))
}

// update takes the next frame and tells whether it is to be heard. left is the mean square of what is not in the frame, as
// it was not decoded.
func (t *talk) update(frame []int16, left float32) bool {
	level := float32(power(frame))/float32(len(frame)) + left
	t.recent += (level - t.recent) * levelWindow
	if t.floor == 0 {
		t.floor = floorHighest // a talker who begins with the call is heard; noise sinks it soon
	}
	if level < t.floor {
		t.floor = max(t.floor+(level-t.floor)*floorFall, floorLowest)
	} else {
		t.floor = min(t.floor*floorRise, floorHighest)
	}
	threshold := t.floor * talkMargin
	if t.active {
		threshold = t.floor * keepMargin
	}
	if t.voiced = level > threshold; t.voiced {
		t.active, t.hang = true, hangOver
		if t.hold > 0 {
			t.hang = t.hold
		}
	} else if t.active {
		if t.hang--; t.hang <= 0 {
			t.active = false
		}
	}
	return t.active
}

// least is the mean square below which nothing of a frame is voice that begins: 3 dB below where a whole frame is.
func (t *talk) least() float32 { return t.floor * talkMargin / 2 }

// quiet stands in for a frame of silence, at no cost.
func (t *talk) quiet() bool {
	t.recent -= t.recent * levelWindow
	t.voiced = false
	if t.active {
		if t.hang--; t.hang <= 0 {
			t.active = false
		}
	}
	return t.active
}

// end forgets the voice: what was heard is a key.
func (t *talk) end() { t.active, t.voiced, t.hang = false, false, 0 }

// level is the displayed level in dBFS, -99 for silence.
func (t *talk) level() float64 {
	if t.recent < 1 {
		return -99
	}
	return 10 * math.Log10(float64(t.recent)/fullScale)
}
