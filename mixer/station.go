package mixer

import (
	"math"
	"sync/atomic"

	"conclave/media"
)

// How far a playlist is read ahead, in ticks. The ring holds more: a worker may be late by the rest, and still finds what it
// is looking at unharmed.
const (
	readAhead  = 150 // 3 s: a disk that sleeps needs some to wake
	ringLength = 256
	idleAfter  = 500 // ticks without a listener, after which nothing is read
)

// station is a playlist on the air: what is to be heard at each tick, read ahead by the feeder, for all who listen. The
// tick says where the music is, so it goes on where nobody listens, too: what was not heard is skipped.
type station struct {
	playlist *media.Playlist
	ring     [kept][]int16 // frames by tick modulo ringLength
	missing  [kept][]int16 // a frame of silence

	// The feeder writes from and ready, the workers asked and late. Frames from..ready-1 are in the ring.
	from, ready atomic.Uint64
	running     atomic.Bool // what is asked for should be there
	asked       atomic.Uint64
	late        atomic.Uint64

	// These belong to the feeder.
	next     uint64 // tick to be read, and where the playlist is
	down     *media.Resampler
	in, fell []float32 // of down
	closed   bool      // it is let go of when nobody listens
}

func newStation(playlist *media.Playlist, tick uint64) *station {
	s := &station{playlist: playlist, next: tick, down: media.NewResampler(rates[wideBand], rates[narrowBand]),
		in: make([]float32, frameOf(wideBand))}
	// With silence in place of what the filter looks ahead for, a frame yields a frame.
	s.fell = s.down.Append(s.fell, make([]float32, s.down.Delay()))[:0]
	for band := range s.ring {
		s.ring[band] = make([]int16, ringLength*frameOf(band))
		s.missing[band] = make([]int16, frameOf(band))
	}
	return s
}

// frame is what is heard at a tick: silence, where it has not been read yet. A worker calls it.
func (s *station) frame(tick uint64, band uint8) []int16 {
	s.asked.Store(tick)
	if tick < s.from.Load() || tick >= s.ready.Load() {
		if s.running.Load() {
			s.late.Add(1)
		}
		return s.missing[band]
	}
	return s.slot(tick, int(band))
}

func (s *station) slot(tick uint64, band int) []int16 {
	size := uint64(frameOf(band))
	at := tick % ringLength * size
	return s.ring[band][at : at+size]
}

// fill reads what is to be heard from a tick on. The error is one of the playlist's, which go on nevertheless.
func (s *station) fill(tick uint64) error {
	var failed error
	if s.next < tick {
		// Nobody has listened, or the disk was slow. What is in the ring is over.
		s.from.Store(tick)
		failed = s.playlist.Skip(int64(tick-s.next) * int64(frameOf(wideBand)))
		s.next = tick
	}
	for ; s.next < tick+readAhead; s.next++ {
		wide := s.slot(s.next, wideBand)
		if err := s.playlist.Read(wide); err != nil {
			failed = err
		}
		s.fall(s.slot(s.next, narrowBand), wide)
		s.ready.Store(s.next + 1)
	}
	s.running.Store(true)
	return failed
}

// fall makes a frame of the narrow band from one of the wide.
func (s *station) fall(narrow, wide []int16) {
	for i, v := range wide {
		s.in[i] = float32(v)
	}
	s.fell = s.down.Append(s.fell[:0], s.in)
	for i := range narrow {
		narrow[i] = int16(max(math.MinInt16, min(math.MaxInt16, math.Round(float64(s.fell[i])))))
	}
}

// idle tells that nobody has listened for a while, and then lets go of the file.
func (s *station) idle(tick uint64) bool {
	if s.asked.Load()+idleAfter > tick {
		return false
	}
	s.running.Store(false)
	s.playlist.Close()
	return true
}
