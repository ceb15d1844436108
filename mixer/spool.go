package mixer

import (
	"sync/atomic"
	"time"

	"conclave/media"
)

// spoolRoom is how many samples a spool holds: 1.2 s of the narrow band, 0.6 s of the wide.
const spoolRoom = 9600

// spool holds sound of one track that has no gap, in one piece, so that it can be written as it is. A worker fills it while
// its reader takes what is there. Until its end a frame is put on it in each tick, so the last tick says how far it is filled:
// the worker has to note nothing at each.
type spool struct {
	seat    *Seat
	tick    uint64 // of the first frame
	frame   int    // samples
	crossed bool
	pcm     []int16
	ended   atomic.Int64 // samples that it has, once nothing more is put on it; unended until then

	next *spool // of a stack

	// These belong to the reader.
	taken int64 // samples
	over  bool  // all is taken
}

const unended = -1

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
	s.ended.Store(unended)
}

// end tells that nothing comes behind the frame that was put last.
func (s *spool) end(last []int16) { s.ended.Store(int64(s.behind(last))) }

// behind is where a frame on the spool ends: its capacity is all that there is from its begin on.
func (s *spool) behind(frame []int16) int { return len(s.pcm) - cap(frame) + len(frame) }

// drain takes what was put since the last time. All is there up to the tick given, which was read before.
func (s *spool) drain(last uint64, take func(Stretch)) {
	from, to := s.taken, s.ended.Load()
	if s.over = to != unended; !s.over {
		to = (int64(last) - int64(s.tick) + 1) * int64(s.frame)
	}
	if from >= to {
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
