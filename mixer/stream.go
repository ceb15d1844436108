package mixer

import (
	"bytes"
	"slices"

	"conclave/media"
)

// nearMost is how many frames a leg's own encoder codes of what a stream does before its far end is taken to follow the
// stream. Most times they give the same payload much sooner.
const nearMost = 25

// stream is frame after frame of one thing that many hear, in one coding that has state: what a payload means depends on
// those before it. A far end follows the stream once its decoder is where the stream's encoder is.
type stream struct {
	codec    media.Codec
	encoder  media.Successor
	adaptive media.Adaptive // the encoder, nil: it adapts to nothing
	packet   []byte
	frame    uint64  // the number of what is in packet
	tick     uint64  // in which it was made
	loss     float32 // the greatest that a listener has told of since the encoder was told
}

// lossEvery is how many ticks lie between two looks at what a listener loses.
const lossEvery = 64

// streams are those of one thing, in codings of a band that have state. There is one from when somebody came who may hear
// it in that coding: encoders are large.
type streams struct {
	all  []*stream     // the worker's
	made []media.Codec // belongs to the engine's mutex
}

// provide has a worker's streams have one in a coding, unless that has no state. The caller holds the engine's mutex.
func (s *streams) provide(w *worker, c media.Codec) {
	if c.Stateless() || slices.Contains(s.made, c) {
		return
	}
	st := &stream{codec: c, encoder: c.NewEncoder().(media.Successor), packet: make([]byte, packetRoom)}
	st.adaptive, _ = st.encoder.(media.Adaptive)
	s.made = append(s.made, c)
	w.later(func() { s.all = append(s.all, st) })
}

// of is the stream in a coding, nil if there is none.
func (s *streams) of(c media.Codec) *stream {
	for _, st := range s.all {
		if st.codec == c {
			return st
		}
	}
	return nil
}

// code makes the frame of a tick, once. pause tells that nobody talks in it.
func (st *stream) code(frame []int16, pause bool, tick uint64) {
	if st.tick == tick && st.frame > 0 {
		return
	}
	st.tick = tick
	st.frame++
	if a := st.adaptive; a != nil {
		a.Pause(pause)
		if st.frame%lossEvery == 0 {
			a.Expect(st.loss)
			st.loss = 0
		}
	}
	n := st.encoder.Encode(st.packet[media.HeaderRoom:packetRoom], frame)
	st.packet = st.packet[:media.HeaderRoom+n]
}

// share sends the leg what others hear, too. Where its far end does not follow the stream yet, the leg's own encoder codes
// the same sound until both say the same: from then on the decoder cannot tell them apart. A leg whose codec has changed since
// it was seated may find no stream. pause tells that nobody talks in the frame.
func (s *Seat) share(sh *shared, all *streams, frame []int16, pause bool, codec media.Codec, t media.Time) {
	if packet := sh.packet(codec, frame); packet != nil {
		s.leg.Send(packet, s.part.worker.out, t)
		return
	}
	st := all.of(codec)
	if st == nil {
		s.deliver(s.code(frame, pause, codec, t), pause, t)
		return
	}
	st.code(frame, pause, t.Tick)
	if st.adaptive != nil && (t.Tick+uint64(s.number))%lossEvery == 0 {
		st.loss = max(st.loss, s.leg.Loss())
	}
	a := s.aside
	if s.follows && a.stream == st && a.frame+1 == st.frame {
		a.frame = st.frame
		s.deliver(st.packet, pause, t)
		return
	}
	own := s.code(frame, pause, codec, t)
	if a.stream != st || a.frame+1 != st.frame {
		a.stream, a.near = st, 0
	}
	a.frame = st.frame
	a.near++
	s.follows = a.near >= nearMost || bytes.Equal(own[media.HeaderRoom:], st.packet[media.HeaderRoom:])
	s.deliver(own, pause, t)
}

// deliver sends the leg a packet with state.
func (s *Seat) deliver(packet []byte, pause bool, t media.Time) {
	if pause {
		s.leg.SendPause(packet, s.part.worker.out, t)
	} else {
		s.leg.Send(packet, s.part.worker.out, t)
	}
}

// code codes a frame for this leg alone, where its far end's decoder is.
func (s *Seat) code(frame []int16, pause bool, codec media.Codec, t media.Time) []byte {
	w, encoder := s.part.worker, s.leg.Encoder()
	if s.follows {
		s.follows = false
		if st := s.aside.stream; st.codec == codec {
			encoder.(media.Successor).Succeed(st.encoder, st.frame != s.aside.frame)
		}
	}
	if a, ok := encoder.(media.Adaptive); ok {
		a.Pause(pause)
		a.Expect(s.leg.Loss())
	}
	n := encoder.Encode(w.packet[media.HeaderRoom:packetRoom], frame)
	return w.packet[:media.HeaderRoom+n]
}
