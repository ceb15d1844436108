package mixer

import (
	"math"
	"time"

	"conclave/media"
)

// The others do not hear the keys of a leg. Where they come as telephone-events, the leg is not mixed
// from the first packet of a press to a moment after its end; where they come as tones, from the first
// frame that holds nothing else. What slips through is the part of the frame before that one in which
// the tones begin, and a ramp: 25 ms at most.

const (
	dialLevel = -16.0                 // dBFS of each of the two tones that the others hear
	dialLeast = 60 * time.Millisecond // of one key
)

// PassDigits lets the others hear the leg's keys: as the tones that they are, or as tones made for
// as long as a telephone-event lasts. They do not by default, however keys are sent.
func (s *Seat) PassDigits(on bool) {
	s.part.worker.later(func() { s.aside.passes = on })
}

// key looks for keys in a frame and in what the far end tells of them. It returns whether the frame is
// to be kept from the mix, and whether a key's tones are in it. heard tells that the leg's voice would be heard.
func (s *Seat) key(frame []int16, kind media.FrameKind, heard bool) (keyed, tones bool) {
	a := s.aside
	tones, digit := a.dtmf.Take(frame, kind == media.FrameConcealed)
	if digit != 0 && !s.leg.TellsKeys() {
		s.part.worker.events.put(s, Event{Kind: EventDigit, Digit: digit})
	}
	keyed = tones && !a.passes
	if s.dialling || s.leg.Pressed() {
		keyed = true
		a.dial.follow(s.leg.Press(), a.passes && heard, s.rate())
		if a.dial.sounds() {
			s.dialling, s.shaped = true, true
		}
	}
	if keyed {
		s.talk.end()
	}
	s.keying = s.dialling || a.dtmf.Follows()
	return keyed, tones
}

// dial is the sound of a key that was told, made for the others.
type dial struct {
	number uint32 // of the press, as the leg counts them
	length time.Duration
	played time.Duration
	ended  bool
	gain   ramp
	tones  [2]oscillator
}

// oscillator makes a sine by the recurrence y[i+1] = 2 cos w y[i] - y[i-1].
type oscillator struct{ turn, now, last float64 }

func newOscillator(hz float64, rate int) oscillator {
	sin, cos := math.Sincos(2 * math.Pi * hz / float64(rate))
	return oscillator{turn: 2 * cos, last: -32767 * math.Pow(10, dialLevel/20) * sin}
}

func (o *oscillator) next() float64 {
	v := o.now
	o.now, o.last = o.turn*o.now-o.last, o.now
	return v
}

// sounds tells that there is something to be heard in the next frame.
func (d *dial) sounds() bool { return !d.gain.resting(0) }

// follow does what the leg tells of its keys. on tells that the others are to hear them.
func (d *dial) follow(p media.Press, on bool, rate int) {
	switch {
	case p.Key != 0 && p.Number != d.number && on && d.sounds():
		d.gain.to(0, rampTime, rate) // the new key begins with the next frame
		return
	case p.Key != 0 && p.Number != d.number:
		low, high := media.KeyTones(p.Key)
		*d = dial{number: p.Number, tones: [2]oscillator{newOscillator(low, rate), newOscillator(high, rate)}}
		if on {
			d.gain.to(1, rampTime, rate)
		}
	case p.Key == 0:
		d.ended = true
	}
	if p.Key != 0 {
		d.length, d.ended = p.Length, p.Ended
	}
	if !on || d.ended && d.played >= max(d.length, dialLeast) {
		d.gain.to(0, rampTime, rate)
	}
}

// addTo adds the next frame to what the leg gives.
func (d *dial) addTo(own []int16, rate int) {
	for i, v := range own {
		s := float64(d.gain.next()) * (d.tones[0].next() + d.tones[1].next())
		own[i] = int16(max(-32768, min(float64(v)+s, 32767)))
	}
	d.played += time.Duration(len(own)) * time.Second / time.Duration(rate)
}
