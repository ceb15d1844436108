package mixer

// mix is what a part's members hear in one tick.
type mix struct {
	bus *Bus // of the whole room

	duck            ramp // of the room under an announcement
	announced       bool
	announcedExcept []*Seat

	limiter limiter
	before  limiter // as it was when the tick began
	made    bool    // the frame that listeners share has been made
	streams streams // of it
	*scratch
}

// scratch is what is made for a part while it sends: of no use after it, so that all parts of a
// worker take turns with the same memory, which stays near the processor.
type scratch struct {
	announcement []int16
	frame        []int16 // what listeners share
	sum          []int32
	shared       shared
}

func newScratch(band int) *scratch {
	frame := frameOf(band)
	return &scratch{announcement: make([]int16, frame), frame: make([]int16, frame), sum: make([]int32, frame), shared: newShared(band)}
}

func newMix(band int, bus *Bus, w *worker) mix {
	return mix{bus: bus, duck: ramp{gain: 1, target: 1}, limiter: open, scratch: w.rates[band].scratch}
}

// begin prepares the tick: the announcement that everybody hears and the ducking under it.
func (m *mix) begin(announcer *player, rate int) {
	if !m.made {
		m.limiter = open // nobody has listened to it: there is nothing to go on from
	}
	m.made = false
	m.before = m.limiter
	m.shared.reset()
	m.duck.pass(len(m.announcement)) // the way that every sum of the last tick took
	m.announcedExcept = nil
	if announcer.playing() {
		m.announcedExcept = announcer.head.except
	}
	m.announced = announcer.read(m.announcement, rate)
	if m.announced {
		m.duck.to(duckGain, duckTime, rate)
	} else {
		m.duck.to(1, duckTime, rate)
	}
}

// duckUnder lowers a sum under the announcement. Each listener's sum takes the same way, so it
// starts from a copy.
func (m *mix) duckUnder(sum []int32) {
	duck := m.duck
	duck.applyWide(sum)
}

// listen is what all those hear who add nothing to the mix and hear nothing of their own.
func (m *mix) listen() []int16 {
	if !m.made {
		m.made = true
		m.bus.Full(m.sum)
		m.duckUnder(m.sum)
		if m.announced {
			for i, v := range m.announcement {
				m.sum[i] += int32(v)
			}
		}
		m.limiter.apply(m.frame, m.sum)
	}
	return m.frame
}
