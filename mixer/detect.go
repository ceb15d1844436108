package mixer

import (
	"math"
	"time"

	"conclave/media"
)

// TalkOptions is how a seat tells talk from noise. The zero value is how it does by itself: what is
// loud against the caller's noise is talk and is mixed, what is not fades out.
type TalkOptions struct {
	// Threshold is the mean magnitude of samples, 1 to 32768, from which on what is loud against
	// the caller's noise is talk; 0: all of it is.
	Threshold int
	// Silence is how long talk may pause, up to ten minutes; 0: 0.8 s.
	Silence time.Duration
	// Drop tells that what is below Threshold is not mixed. Without it Threshold is for EventTalking,
	// EventSilent and TalkTime alone.
	Drop bool
	// Always tells that everything is mixed, noise too.
	Always bool
}

// DetectTalk sets how talk is told from noise.
func (s *Seat) DetectTalk(o TalkOptions) {
	o.Threshold = max(0, min(o.Threshold, 32768))
	hang := int16(max(0, min(o.Silence/tickTime, math.MaxInt16)))
	s.part.worker.later(func() {
		a := s.aside
		a.detect, a.threshold = o, threshold{hold: hang}
		if hang == 0 {
			a.threshold.hold = hangOver
		}
		s.talk.hold, s.measured = 0, 0
		switch {
		case o.Threshold == 0:
			s.talk.hold = hang
		case a.threshold.hold >= hangOver:
			s.measured = measuredApart
		default:
			s.measured = 1
		}
		s.attended = a.attends()
	})
}

// measuredApart is how many ticks lie between two measurements of talk that goes on, where it may pause for long.
const measuredApart = 8

// paused is for how many ticks there has been no talk when a pause of it ends it. Where it is measured now and then, it is taken
// to have ended half of the way to the measurement that has found none.
func (s *Seat) paused() uint64 {
	switch {
	case s.aside.detect.Threshold > 0:
		apart := int(max(1, s.measured))
		return uint64((int(s.aside.threshold.hold)+apart-1)/apart*apart - apart/2)
	case s.talk.hold > 0:
		return uint64(s.talk.hold)
	}
	return hangOver
}

// attends tells that there is something to do with what comes in.
func (a *aside) attends() bool {
	return a.recording != nil || a.detect.Drop && a.detect.Threshold > 0 || a.detect.Always
}

// attend does it. voice is what the seat makes of the frame by itself; talks is whether it is to be told
// as talk, mixed whether the others are to hear it.
func (s *Seat) attend(frame []int16, kind media.FrameKind, speaks, voice bool) (talks, mixed bool) {
	a := s.aside
	if a.recording != nil {
		s.record(frame, speaks)
	}
	talks, mixed = voice, voice
	if a.detect.Threshold > 0 {
		passed := int16(s.measured)
		if s.attended {
			passed = 1
		}
		talks = a.threshold.update(frame, a.detect.Threshold, voice, passed)
		if a.detect.Drop {
			mixed = talks
		}
	}
	if a.detect.Always && kind != media.FrameSilence {
		mixed = true
	}
	return talks, mixed
}

// threshold tells by one level which of what is voice is talk, with hang-over. It decides within the frame that it looks
// at, so that the first syllable is whole. passed is how many frames have passed since the last one.
type threshold struct {
	hang, hold int16 // frames
}

func (t *threshold) update(frame []int16, least int, voice bool, passed int16) bool {
	sum := 0
	if voice {
		for _, s := range frame {
			sum += max(int(s), -int(s))
		}
	}
	if voice && sum >= least*len(frame) {
		t.hang = t.hold
	} else {
		t.hang = max(0, t.hang-passed)
	}
	return t.hang > 0
}
