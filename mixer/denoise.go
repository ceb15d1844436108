package mixer

import (
	"slices"

	"conclave/media"
	"conclave/media/denoise"
)

// denoisers take the noise out of what comes from a leg, one for each rate that it may have.
type denoisers struct {
	of    [bands]*denoise.Denoiser // nil: not asked for yet
	rings bool                     // the end of what came is still in the one that is in use
}

// Denoise takes the noise out of the leg's voice where it is heard, before it is told from talk, at the price of 10 ms of
// delay; off, which is how a seat begins, it is left as it is. The error is denoise.ErrMissing in a build that cannot, or
// that there is no memory. A seat that was released is left alone.
func (s *Seat) Denoise(on bool) error {
	c, d := s.part.conference, &s.aside.denoisers
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.seats, s) || !on && d.of[narrowBand] == nil {
		return nil
	}
	if d.of[narrowBand] == nil {
		var made [bands]*denoise.Denoiser
		for i, rate := range rates {
			var err error
			if made[i], err = denoise.New(rate); err != nil {
				for _, done := range made[:i] {
					done.Close()
				}
				return err
			}
		}
		d.of = made // no worker looks at it before the command
	}
	s.part.worker.later(func() { s.denoised = on })
	return nil
}

// close gives their memory back. The worker has let go of the seat.
func (d *denoisers) close() {
	for _, one := range d.of {
		if one != nil {
			one.Close()
		}
	}
	d.of = [bands]*denoise.Denoiser{}
}

// denoise takes the noise out of a frame and returns it as it was: keys are looked for in that, for noise reduction takes
// steady tones for noise. It goes on for a frame of silence, as what comes out is late.
func (s *Seat) denoise(frame []int16, kind media.FrameKind) (said []int16) {
	d := &s.aside.denoisers
	said = s.part.worker.said[:len(frame)]
	copy(said, frame)
	sounds := kind != media.FrameSilence
	if sounds || d.rings {
		d.of[s.band].Denoise(frame)
	}
	d.rings = sounds
	return said
}
