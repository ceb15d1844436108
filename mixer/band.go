package mixer

import "conclave/media"

// The bands of a room. Legs of the same rate hear one another untouched, whoever else comes and goes.
const (
	narrowBand = iota // 8 kHz
	wideBand          // 16 kHz
	bands
)

// narrowRate is what time is counted by where both bands play the same thing.
const narrowRate = 8000

// rates are those of the bands in Hz, each a whole multiple of the first.
var rates = [bands]int{8000, 16000}

// frameOf is the number of samples that a tick has in a band.
func frameOf(band int) int { return rates[band] / media.FramesPerSecond }

// bandOf is the band whose ticks have so many samples.
func bandOf(frame int) int {
	if frame > frameOf(narrowBand) {
		return wideBand
	}
	return narrowBand
}

// band is the mix of a part's legs of one rate. In a room where all legs are narrow-band nothing is done for the other one.
type band struct {
	seats int
	bus   Bus // of what its legs give, then of the whole room
	mix   mix
}

func (b *band) open(i int, w *worker) {
	b.bus = *NewBus(frameOf(i))
	b.mix = newMix(i, &b.bus, w)
}

// crossing brings what the legs of one band give to those of the other, as a sum: once, however many there are. It leaves
// alone what a leg hears taken out of its own band.
type crossing struct {
	converter *media.Converter
	rings     bool // the end of what was given is still in it
}

func newCrossing(from, to int) crossing {
	return crossing{converter: media.NewConverter(rates[from], rates[to])}
}

// take writes to sum what crosses in this tick, and tells whether there is anything.
func (c *crossing) take(sum []int32, from *Bus, wanted bool) bool {
	if given := from.contributors > 0; wanted && (given || c.rings) {
		c.rings = given
		c.converter.Convert(sum, from.sum)
		return true
	}
	if c.rings {
		c.rings = false
		c.converter.Reset()
	}
	return false
}

// join makes of what each band's legs have given what the whole room has.
func (p *part) join() {
	low, high := &p.bands[narrowBand].bus, &p.bands[wideBand].bus
	if p.bands[wideBand].seats == 0 && high.contributors == 0 && !p.up.rings && !p.down.rings {
		return
	}
	up, down := p.worker.rates[wideBand].sum, p.worker.rates[narrowBand].sum
	rises := p.up.take(up, low, p.bands[wideBand].seats > 0)
	falls := p.down.take(down, high, p.bands[narrowBand].seats > 0)
	if rises {
		high.cross(up)
	}
	if falls {
		low.cross(down)
	}
	low.contributors += high.contributors
	high.contributors = low.contributors
}

// count counts the seats of each band anew.
func (p *part) count() {
	for i := range p.bands {
		p.bands[i].seats = 0
	}
	for _, l := range p.lanes {
		p.bands[l.seat.band].seats++
	}
	if p.reel != nil && p.reel.mixes {
		p.bands[p.reel.band].seats++
	}
}

// tune moves the seat to the band of its leg, whose codec has been settled, or has changed. What rises or falls to it goes
// on from where it is.
func (s *Seat) tune(frame int) {
	s.leaveTape()
	s.part.bands[s.band].seats--
	s.band = uint8(bandOf(frame))
	s.part.bands[s.band].seats++
	s.own = s.own[:frame]
}

// rate is that of the seat's leg in Hz.
func (s *Seat) rate() int { return rates[s.band] }
