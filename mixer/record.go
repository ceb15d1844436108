package mixer

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Recording is what a leg says from Record until Stop or the limit.
type Recording struct {
	rate   atomic.Int64 // that of the leg, once it has begun
	pcm    []int16      // room for all of it at 16 kHz, or at the leg's rate where that is higher
	most   int64        // samples of it, which are the worker's
	length atomic.Int64 // of what is there; behind it the worker writes
	done   chan struct{}
	once   sync.Once
	over   atomic.Bool // done is closed, told without a lock
	notice command     // finishes it, on the herald
}

// Record begins to record what the leg says, muted or not and in the mix or not, for at most limit; its
// memory is taken now. Nobody else hears of it. A recording of the seat that was under way ends.
func (s *Seat) Record(limit time.Duration) *Recording {
	c := s.part.conference
	limit = max(0, limit)
	rate := rates[wideBand]
	if codec := s.leg.Agreed(); codec != nil {
		rate = max(rate, codec.SampleRate())
	}
	r := &Recording{pcm: make([]int16, samples(limit, rate)), done: make(chan struct{})}
	r.rate.Store(narrowRate)
	r.notice.do = r.finish
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(r.pcm) == 0 || !slices.Contains(c.seats, s) {
		r.finish()
		return r
	}
	w := s.part.worker
	w.later(func() {
		if last := s.aside.recording; last != nil {
			w.notices.add(&last.notice)
		}
		r.rate.Store(int64(s.rate()))
		r.most = min(samples(limit, s.rate()), int64(len(r.pcm)))
		s.aside.recording, s.attended = r, true
	})
	return r
}

// Done is closed when nothing more is recorded: the limit is reached, the seat was released or begins
// another recording, its leg has another rate, or Stop was called.
func (r *Recording) Done() <-chan struct{} { return r.done }

// Stop ends the recording and returns what was said until now, and its rate in Hz.
func (r *Recording) Stop() (pcm []int16, rate int) {
	r.finish()
	n := r.length.Load()
	return r.pcm[:n:n], int(r.rate.Load())
}

func (r *Recording) finish() {
	r.once.Do(func() {
		r.over.Store(true)
		close(r.done)
	})
}

// record takes the leg's 20 ms. What a far end plays that has put the conference on hold is not said by
// anybody: it becomes silence.
func (s *Seat) record(frame []int16, speaks bool) {
	r := s.aside.recording
	if !r.over.Load() {
		if int64(s.rate()) == r.rate.Load() {
			n := r.length.Load()
			room := r.pcm[n:r.most]
			room = room[:min(len(room), len(frame))]
			if speaks {
				copy(room, frame)
			}
			n += int64(len(room))
			if r.length.Store(n); n < r.most {
				return
			}
		}
		s.part.worker.notices.add(&r.notice)
	}
	s.aside.recording = nil
	s.attended = s.aside.attends()
}

// samples is how many there are in a time.
func samples(d time.Duration, rate int) int64 { return int64(d) * int64(rate) / int64(time.Second) }
