package mixer

import "conclave/media"

// packetRoom holds a frame of any codec with the header before it.
const packetRoom = 1500

// shared is one frame in as many codings as somebody asked for: those who hear the same thing
// are sent the same payload, encoded once; only the header, written in place, differs.
type shared struct {
	versions [2]struct {
		codec  media.Codec
		packet []byte
	}
}

func newShared() shared {
	var s shared
	for i := range s.versions {
		s.versions[i].packet = make([]byte, packetRoom)
	}
	return s
}

// reset forgets the frame of the last tick.
func (s *shared) reset() {
	for i := range s.versions {
		s.versions[i].codec = nil
	}
}

// packet returns frame coded by c.
func (s *shared) packet(c media.Codec, frame []int16) []byte {
	for i := range s.versions {
		v := &s.versions[i]
		if v.codec == nil {
			v.codec = c
			n := c.Encode(v.packet[media.HeaderRoom:packetRoom], frame)
			v.packet = v.packet[:media.HeaderRoom+n]
		}
		if v.codec == c {
			return v.packet
		}
	}
	panic("mixer: more codecs than shared has versions")
}
