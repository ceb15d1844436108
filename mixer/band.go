package mixer

import (
	"math"

	"conclave/media"
)

// The bands of a room. Legs of the same rate hear one another untouched, whoever else comes and goes.
const (
	narrowBand = iota // 8 kHz
	wideBand          // 16 kHz
	fullBand          // 48 kHz
	bands
)

// narrowRate is what time is counted by where all bands play the same thing.
const narrowRate = 8000

// rates are those of the bands in Hz, each a whole multiple of the one before.
var rates = [bands]int{8000, 16000, 48000}

// frameOf is the number of samples that a tick has in a band.
func frameOf(band int) int { return rates[band] / media.FramesPerSecond }

// bandOf is the band whose ticks have so many samples.
func bandOf(frame int) int {
	band := narrowBand
	for frame > frameOf(band) && band < bands-1 {
		band++
	}
	return band
}

// band is the mix of a part's legs of one rate. In a room where all legs are narrow-band nothing is done for the other ones.
type band struct {
	seats int
	bus   Bus // of what its legs give, then of the whole room
	mix   mix
}

func (b *band) open(i int, w *worker) {
	b.bus = *NewBus(frameOf(i))
	b.mix = newMix(i, &b.bus, w)
}

// way is that between a band and the next one above.
type way struct{ up, down crossing }

func newWay(below int) way {
	low, high := rates[below], rates[below+1]
	return way{crossing{converter: media.NewConverter(low, high)}, crossing{converter: media.NewConverter(high, low)}}
}

// crossing brings what the legs of one band give, and what has come to it from the bands on its other side, to the next band as
// a sum: once, however many there are. It leaves alone what a leg hears taken out of its own band.
type crossing struct {
	converter *media.Converter
	rings     bool // the end of what was given is still in it
}

// take writes to sum what crosses in this tick, and tells whether there is anything. from is silent unless something was given.
func (c *crossing) take(sum, from []int32, given, wanted bool) bool {
	if wanted && (given || c.rings) {
		c.rings = given
		c.converter.Convert(sum, from)
		return true
	}
	if c.rings {
		c.rings = false
		c.converter.Reset()
	}
	return false
}

// join makes of what each band's legs have given what the whole room has. It goes up from band to band, and then down, and
// takes along what the legs of the bands on its way have given.
func (p *part) join() {
	for p.reach > 1 && p.deserted(int(p.reach-1)) {
		p.reach--
	}
	top := int(p.reach) - 1
	if top == narrowBand {
		return
	}
	all := &p.worker.rates
	var risen, fallen [bands]bool
	for i := range top {
		from, given := p.crosses(i, all[i].risen, risen[i])
		risen[i+1] = p.ways[i].up.take(all[i+1].risen, from, given, p.wanted(i+1, top))
	}
	for i := top; i > 0; i-- {
		from, given := p.crosses(i, all[i].fallen, fallen[i])
		fallen[i-1] = p.ways[i-1].down.take(all[i-1].fallen, from, given, p.wanted(0, i-1))
	}
	contributors := 0
	for i := range top + 1 {
		bus := &p.bands[i].bus
		contributors += bus.contributors
		if risen[i] {
			bus.cross(all[i].risen)
		}
		if fallen[i] {
			bus.cross(all[i].fallen)
		}
	}
	for i := range top + 1 {
		p.bands[i].bus.contributors = contributors
	}
}

// deserted tells that nobody gives anything to a band or hears it, and that nothing rings on the way to it.
func (p *part) deserted(band int) bool {
	b, below := &p.bands[band], &p.ways[band-1]
	return b.seats == 0 && b.bus.contributors == 0 && !below.up.rings && !below.down.rings
}

// wanted tells that somebody hears one of these bands.
func (p *part) wanted(lowest, highest int) bool {
	for i := lowest; i <= highest; i++ {
		if p.bands[i].seats > 0 {
			return true
		}
	}
	return false
}

// crosses is what leaves a band: what its legs have given, and what has come to it on the same way. It is silent where nothing
// was given.
func (p *part) crosses(band int, come []int32, has bool) (sum []int32, given bool) {
	bus := &p.bands[band].bus
	switch {
	case !has:
		return bus.sum, bus.contributors > 0
	case bus.contributors == 0:
		return come, true
	}
	sum = p.worker.sum[:len(come)]
	copy(sum, come)
	merge(sum, bus.sum)
	return sum, true
}

// count counts the seats of each band anew.
func (p *part) count() {
	for i := range p.bands {
		p.bands[i].seats = 0
	}
	for _, l := range p.lanes {
		p.tally(int(l.seat.band), 1)
	}
	if p.reel != nil && p.reel.mixes {
		p.tally(p.reel.band, 1)
	}
}

// tally takes note that there are so many more seats in a band.
func (p *part) tally(band, more int) {
	p.bands[band].seats += more
	p.reach = max(p.reach, uint8(band+1))
}

// tune moves the seat to the band of its leg, whose codec has been settled, or has changed. What rises or falls to it goes
// on from where it is.
func (s *Seat) tune(frame int) {
	s.leaveTape()
	s.part.tally(int(s.band), -1)
	s.band = uint8(bandOf(frame))
	s.part.tally(int(s.band), 1)
	if frame > cap(s.own) {
		s.widen()
	}
	s.own = s.own[:frame]
}

// rate is that of the seat's leg in Hz.
func (s *Seat) rate() int { return rates[s.band] }

// clip writes sums as samples.
func clip(dst []int16, sum []int32) {
	for i, v := range sum {
		dst[i] = int16(max(math.MinInt16, min(v, math.MaxInt16)))
	}
}
