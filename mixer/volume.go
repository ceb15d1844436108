package mixer

import (
	"math"

	"conclave/media"
)

const (
	// loudest is how far a volume can be from what it is by itself, either way.
	loudest = 12.0 // dB
	// volumeTime is how long a volume takes from 0 dB to silence, were it to go there.
	volumeTime = 0.02 // s
)

func newAside() *aside {
	return &aside{home: make([]int16, frameOf(wideBand)), agc: newAGC(), hearing: ramp{gain: 1, target: 1}, talking: ramp{gain: 1, target: 1}, peaks: open}
}

// gainOf is the factor of a volume in dB.
func gainOf(dB float64) float32 {
	return float32(math.Pow(10, max(-loudest, min(dB, loudest))/20))
}

// HearVolume sets how loud the conference is to this leg, in dB from -12 to 12; what is beyond is
// taken for the nearest of them. Prompts, announcements and music keep their level.
func (s *Seat) HearVolume(dB float64) {
	gain := gainOf(dB)
	s.part.worker.later(func() {
		s.aside.hearing.to(gain, volumeTime, s.rate())
		s.scaled = true
	})
}

// scale brings the conference to the volume at which this leg hears it.
func (s *Seat) scale(sum []int32) {
	r := &s.aside.hearing
	r.applyWide(sum)
	s.scaled = !r.resting(1)
}

// TalkVolume sets how loud this leg is to the others, in dB from -12 to 12; what is beyond is taken
// for the nearest of them. What would be louder than full scale is limited, not clipped.
func (s *Seat) TalkVolume(dB float64) {
	gain := gainOf(dB)
	s.part.worker.later(func() {
		s.aside.talking.to(gain, volumeTime, s.rate())
		s.shaped = true
	})
}

// shape turns what the leg gives into what the others are to hear of it, in place: what is added to the
// mix is what is taken out of it for the leg itself. frame is what came from it, key that this is a key's tones.
func (s *Seat) shape(frame []int16, kind media.FrameKind, key bool) {
	a, sum := s.aside, s.part.worker.sum[:len(s.own)]
	if a.agc.on {
		s.adapt(frame, kind, key)
	}
	if !a.gainsRest() {
		a.agc.apply(sum, s.own)
		a.talking.applyWide(sum)
		a.peaks.apply(s.own, sum)
	}
	if s.dialling {
		a.dial.addTo(s.own, s.rate())
		s.dialling = a.dial.sounds()
	}
	s.shaped = s.dialling || a.agc.on || !a.gainsRest()
}

// gainsRest tells that the leg's voice is neither louder nor softer than it came, and stays so.
func (a *aside) gainsRest() bool {
	return a.agc.given.resting(1) && a.talking.resting(1) && a.peaks == open
}
