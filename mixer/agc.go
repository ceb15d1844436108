package mixer

import (
	"math"

	"conclave/media"
)

// Automatic gain control brings the speech of all members to one level. It knows frames of 20 ms, not samples, so
// that its times hold at any rate.
const (
	// agcTarget is the level that speech is brought to, pauses not counted (ITU-T P.56): a tone of that level and
	// speech as loud as it pass unchanged. It is what a gain of agcRange makes of the faintest and the loudest talkers
	// who are telephoned with, and leaves 20 dB to the peaks.
	agcTarget = -20.0 // dBFS
	agcRange  = 12.0  // dB, either way
	// agcBand is how far speech may be from the target before the gain moves: then it goes all the way. A talker at
	// the right level is left alone, and the gain does not follow each word.
	agcBand = 1.0 // dB
	// agcRise and agcFall are how fast the gain moves while there is speech.
	agcRise, agcFall = 3.0, 10.0 // dB/s
	// agcMargin is how far below the level of speech a frame may be and still be counted (ITU-T P.56).
	agcMargin = 15.9 // dB
	// agcMemory is how many frames of speech the level is the mean of: 3 s.
	agcMemory = 150
	// agcFaint is after how many frames of nothing but fainter voice the level is measured anew: another one speaks
	// on this phone, or from further away.
	agcFaint = 100
)

var (
	agcLevel  = meanSquare(agcTarget)
	agcLeast  = float32(math.Pow(10, -agcMargin/10))
	agcSoft   = float32(math.Pow(10, -agcRange/20))
	agcLoud   = float32(math.Pow(10, agcRange/20))
	agcWithin = float32(math.Pow(10, agcBand/20))
	agcUp     = float32(math.Pow(10, agcRise/20/media.FramesPerSecond))
	agcDown   = float32(math.Pow(10, -agcFall/20/media.FramesPerSecond))
)

// agc is the automatic gain of a leg. A new one leaves the leg at its level.
type agc struct {
	level  float32 // mean square of the speech
	frames int16   // that it is the mean of
	faint  int16   // frames in a row that were too faint to count
	on     bool
	moving bool    // the gain is on its way to what level asks for
	gain   float32 // that speech has to get
	given  ramp    // what it is given
}

func newAGC() agc { return agc{gain: 1, given: ramp{gain: 1, target: 1}} }

// AutomaticGain has the voice of this leg brought to -20 dBFS, by 12 dB at most, before it is mixed; off, which is how a
// seat begins, it is mixed as it comes. The gain moves while the leg talks, slowly, and is held in pauses. What is measured
// of the leg's voice (its level, talk, a Recording) is measured before the gain.
func (s *Seat) AutomaticGain(on bool) {
	s.part.worker.later(func() {
		a := &s.aside.agc
		if s.shaped, a.on = true, on; !on {
			given := a.given
			given.to(1, rampTime, s.rate())
			*a = agc{gain: 1, given: given}
		}
	})
}

// adapt sets the gain for a frame that is mixed. What is no talk is not made louder, and keys keep the level that
// they have.
func (s *Seat) adapt(frame []int16, kind media.FrameKind, key bool) {
	a, rate := &s.aside.agc, s.rate()
	switch {
	case key:
		a.given.to(1, rampTime, rate)
	case !s.talk.active:
		a.given.to(min(a.gain, 1), gateTime, rate)
	default:
		if s.talk.voiced && kind == media.FrameVoice {
			a.hear(float32(power(frame)) / float32(len(frame)))
		}
		a.given.to(a.gain, rampTime, rate)
	}
}

// hear moves the gain for a frame of speech of that mean square.
func (a *agc) hear(level float32) {
	if level < a.level*agcLeast {
		if a.faint++; a.faint < agcFaint {
			return
		}
		a.frames = 0
	}
	a.faint = 0
	a.frames = min(a.frames+1, agcMemory)
	a.level += (level - a.level) / float32(a.frames)
	wanted := max(agcSoft, min(float32(math.Sqrt(float64(agcLevel/a.level))), agcLoud))
	if !a.moving && wanted < a.gain*agcWithin && wanted > a.gain/agcWithin {
		return
	}
	a.gain = max(a.gain*agcDown, min(wanted, a.gain*agcUp))
	a.moving = a.gain != wanted
}

// apply writes a frame with the gain to sum.
func (a *agc) apply(sum []int32, frame []int16) {
	from := a.given.gain
	a.given.pass(len(frame))
	amplify(sum, frame, from, (a.given.gain-from)/float32(len(frame)))
}
