package mixer

import "conclave/media"

// packetRoom holds a frame of any codec with the header before it.
const packetRoom = 1500

// shared is one frame in as many codings as somebody asked for: those who hear the same thing
// are sent the same payload, encoded once; only the header, written in place, differs. It has the
// codings of a band that have no state; streams are for the others.
type shared struct {
	versions []version
}

type version struct {
	codec   media.Codec
	encoder media.Encoder
	packet  []byte
	made    bool
}

func newShared(band int) (s shared) {
	for _, c := range codecs(band) {
		if c.Stateless() {
			s.versions = append(s.versions, version{codec: c, encoder: c.NewEncoder(), packet: make([]byte, packetRoom)})
		}
	}
	return s
}

// codecs are those whose audio has the rate of a band.
func codecs(band int) (all []media.Codec) {
	for _, c := range media.Codecs() {
		if c = c.At(rates[band]); c.SampleRate() == rates[band] {
			all = append(all, c)
		}
	}
	return all
}

// reset forgets the frame of the last tick.
func (s *shared) reset() {
	for i := range s.versions {
		s.versions[i].made = false
	}
}

// packet returns frame coded by c, nil if that is a coding with state.
func (s *shared) packet(c media.Codec, frame []int16) []byte {
	for i := range s.versions {
		v := &s.versions[i]
		if v.codec != c {
			continue
		}
		if !v.made {
			v.made = true
			n := v.encoder.Encode(v.packet[media.HeaderRoom:packetRoom], frame)
			v.packet = v.packet[:media.HeaderRoom+n]
		}
		return v.packet
	}
	return nil
}
