package mixer

import "math"

// mostReturns is how many legs that nobody heard may be heard again in a slot of a worker: the decoder of each has to find
// its way back, which takes ten times as long as a frame. When all are unmuted at once the last ones are heard some ticks
// later.
const mostReturns = 32

// heed has the leg decode what may be heard of the next frame.
func (s *Seat) heed(heard bool) {
	least, w := s.audible(heard), s.part.worker
	if !math.IsInf(float64(least), 1) && s.leg.Ignored() {
		if w.returns == 0 {
			return
		}
		w.returns--
	}
	s.leg.Attend(least)
}

// audible is the mean square from which on what comes from the leg may be heard by anybody; below that it is not decoded but
// for its level, and keys in it (media.Leg.Attend). heard tells that its voice would be.
func (s *Seat) audible(heard bool) float32 {
	switch {
	case s.attended || s.keying || !s.give.resting(0) || heard && (s.denoised || s.talk.active):
		return 0
	case heard:
		return s.talk.least()
	case s.leg.TellsKeys():
		return float32(math.Inf(1))
	}
	return math.MaxFloat32
}
