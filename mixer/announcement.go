package mixer

import (
	"sync/atomic"

	"conclave/media"
)

// Announcement is what a whole conference hears.
type Announcement struct {
	// Sounds are played one after another.
	Sounds []*media.Sound
	// Except are those who do not hear it, a handful at most.
	Except []*Seat
	// Done, unless it is nil, is called once: when the announcement was played to its end for all, or
	// was dropped because the conference was closed. It runs on the engine's event goroutine and must
	// not block.
	Done func()
}

// Play plays an announcement to everybody in the mix, after those that are still being played. The
// conference is ducked by 12 dB under it, and so is the music that a member of it hears.
func (c *Conference) Play(a Announcement) {
	parts := *c.parts.Load()
	end := &ending{worker: c.engine.workers[0], notice: command{do: a.Done}}
	if a.Done == nil {
		end.notice.do = func() {}
	}
	if len(parts) == 0 { // nobody has ever been here
		end.left.Store(1)
		end.worker.later(end.one)
		return
	}
	end.left.Store(int32(len(parts)))
	for _, p := range parts {
		n := newPrompt(0, a.Sounds)
		n.except, n.ending = a.Except, end
		p.worker.later(func() {
			if p.closed {
				end.one()
				return
			}
			p.announcer.add(n)
		})
	}
}

// ending tells that an announcement has ended on all parts of its room.
type ending struct {
	left   atomic.Int32 // parts that have it to play
	worker *worker      // by whose notices it is told
	notice command
}

// one takes note that it has ended on one part.
func (e *ending) one() {
	if e.left.Add(-1) == 0 {
		e.worker.notices.add(&e.notice)
	}
}

// clear drops all that is queued.
func (p *player) clear() {
	for p.head != nil {
		p.pop(nil)
	}
}

// musicDucked tells that the member's music is lower than it was told to be, for an announcement.
func (s *Seat) musicDucked(m *mix) bool { return s.entered && !m.duck.resting(1) }

// addMusic adds a frame of music, ducked as the conference is. Each listener takes the same way of the
// ramp, so it starts from a copy.
func (s *Seat) addMusic(sum []int32, frame []int16, m *mix) {
	if !s.musicDucked(m) {
		s.music.addTo(sum, frame)
		return
	}
	duck := m.duck
	sum = sum[:len(frame)]
	for i, v := range frame {
		sum[i] += int32(float32(v) * s.music.next() * duck.next())
	}
}
