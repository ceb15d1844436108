package mixer

import "conclave/media"

// pause sends the leg what there is while it has nothing to hear: faint noise or silence, which is a pause to its coding. While
// nobody talks in the room at all the leg stays with the stream of its mix, if it follows that one: to change streams each time
// that somebody begins or ends to talk would have each leg's own encoder code for half a second.
func (s *Seat) pause(m *mix, codec media.Codec, t media.Time) {
	w := s.part.worker
	stays := len(m.streams.all) > 0 && m.bus.Contributors() == 0 && !m.announced && s.aside.stream != nil && s.aside.stream == m.streams.of(codec)
	switch band := &w.rates[s.band]; {
	case stays && s.comforted:
		s.share(&m.shared, &m.streams, w.engine.comfort.frame(w, t.Tick, s.band), true, codec, t)
	case stays:
		s.share(&m.shared, &m.streams, band.silent, true, codec, t)
	case s.comforted:
		s.hearLoop(w.engine.comfort, true, codec, t)
	default:
		s.share(&band.silence, &band.streams, band.silent, true, codec, t)
	}
}
