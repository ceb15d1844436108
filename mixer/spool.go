package mixer

import (
	"sync/atomic"
	"time"

	"conclave/media"
)

// spoolRoom is how many samples a spool holds: 1.2 s of the narrow band, 0.6 s of the wide.
const spoolRoom = 9600

// spool holds sound of one track that has no gap, in one piece, so that it can be written as it is. A worker fills it while
// its reader takes what is there.
type spool struct {
	seat    *Seat
	tick    uint64 // of the first frame
	frame   int    // samples
	crossed bool
	pcm     []int16
	filled  atomic.Int64 // samples
	full    atomic.Bool  // nothing more is put on it

	next *spool // of a stack

	// These belong to the reader.
	taken int64 // samples
	over  bool  // all is taken
}

// newSpools returns a chain of them.
func newSpools(n int) (first *spool) {
	room, all := make([]int16, n*spoolRoom), make([]spool, n)
	for i := range all {
		s := &all[i]
		s.pcm, room = room[:spoolRoom:spoolRoom], room[spoolRoom:]
		s.next, first = first, s
	}
	return first
}

// spoolsFor is how many hold what so many in the wide band say in reelTime.
func spoolsFor(talkers int) int {
	samples := int(reelTime/time.Second) * rates[wideBand]
	return talkers * (samples + spoolRoom - 1) / spoolRoom
}

func (s *spool) begin(seat *Seat, tick uint64, frame int, crossed bool) {
	s.seat, s.tick, s.frame, s.crossed = seat, tick, frame, crossed
	s.taken, s.over = 0, false
	s.filled.Store(0)
	s.full.Store(false)
}

// put appends the frame of a tick, and refuses it where it does not follow or has no room.
func (s *spool) put(tick uint64, pcm []int16, crossed bool) bool {
	at := int(s.filled.Load())
	if len(pcm) != s.frame || crossed != s.crossed || at+s.frame > len(s.pcm) || tick != s.tick+uint64(at/s.frame) {
		return false
	}
	copy(s.pcm[at:at+s.frame], pcm)
	s.filled.Store(int64(at + s.frame))
	return true
}

// end tells that nothing more comes; s may be nil.
func (s *spool) end() {
	if s != nil {
		s.full.Store(true)
	}
}

// drain takes what was put since the last time.
func (s *spool) drain(take func(Stretch)) {
	s.over = s.full.Load() // asked before: what is found now is all
	from, to := s.taken, s.filled.Load()
	if from == to {
		return
	}
	s.taken = to
	take(Stretch{Tick: s.tick + uint64(from)/uint64(s.frame), Seat: s.seat, Rate: s.frame * media.FramesPerSecond,
		PCM: s.pcm[from:to:to], Crossed: s.crossed})
}

// spoolStack hands spools over from one goroutine to another, the last one first. Nobody waits.
type spoolStack struct{ top atomic.Pointer[spool] }

// push adds a chain of spools.
func (c *spoolStack) push(first *spool) {
	last := first
	for last.next != nil {
		last = last.next
	}
	for {
		last.next = c.top.Load()
		if c.top.CompareAndSwap(last.next, first) {
			return
		}
	}
}

// pop takes the last one that was pushed, which is the likeliest to be near the processor. One goroutine alone may pop: then
// what it has looked at cannot come back meanwhile.
func (c *spoolStack) pop() *spool {
	for {
		s := c.top.Load()
		if s == nil || c.top.CompareAndSwap(s, s.next) {
			if s != nil {
				s.next = nil
			}
			return s
		}
	}
}

// take takes all.
func (c *spoolStack) take() *spool { return c.top.Swap(nil) }
