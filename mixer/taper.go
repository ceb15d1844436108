package mixer

import "conclave/media"

// taper brings what a seat of the full band gives to the rate of the wide one, the highest that recordings have. It is then as
// late as it is in the mix of that band.
type taper struct {
	down  *media.Converter // nil: the seat has never been in the full band
	tick  uint64           // the last one
	frame []int16          // of it, which lies on the seat's track
}

// widen gives the seat what it needs in the full band: three times the memory, which others are better off without. It is done
// before the first tick, or once in the tick in which the codec of a call that goes on becomes one of that band.
func (s *Seat) widen() {
	s.aside.home = make([]int16, frameOf(fullBand))
	s.own = s.aside.home[:len(s.own)]
	down := media.NewConverter(rates[fullBand], rates[wideBand])
	down.Convert(make([]int32, frameOf(wideBand)), make([]int32, frameOf(fullBand))) // it takes its memory now
	s.aside.taper.down = down
}

// taken is what lies on the seat's track while there is one: the frame that it gives, or in the full band what taper makes of it.
func (s *Seat) taken() *[]int16 {
	if s.band == fullBand {
		return &s.aside.taper.frame
	}
	return &s.own
}

// lower makes the frame of a tick of what the seat gives.
func (d *taper) lower(own []int16, w *worker, tick uint64) {
	if tick != d.tick+1 {
		d.down.Reset()
	}
	d.tick = tick
	full, wide := w.rates[fullBand].risen, w.rates[wideBand].risen
	for i, v := range own {
		full[i] = int32(v)
	}
	d.down.Convert(wide, full)
	clip(d.frame, wide)
}
