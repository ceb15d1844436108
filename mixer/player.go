package mixer

import "conclave/media"

// prompt is one queued announcement: sounds that follow one another without a gap. It is made
// by the caller, so that the tick only links it in.
type prompt struct {
	id     uint64
	sounds []*media.Sound
	except []*Seat // in the room's queue: who do not hear it
	ending *ending
	next   *prompt
}

// player plays prompts one after another.
type player struct {
	head, tail *prompt
	position   int     // in the first sound of head, in samples of the narrow band
	last       *prompt // the last of those to be stopped; nil: none is
}

func (p *player) add(n *prompt) {
	if p.head == nil {
		p.head = n
	} else {
		p.tail.next = n
	}
	for p.tail = n; p.tail.next != nil; p.tail = p.tail.next {
	}
}

// stop ends all that is queued so far within the next frame. What is added after it is played.
func (p *player) stop() { p.last = p.tail }

// cancel ends one prompt of the queue, and leaves the others. The one that is being played ends within the next frame, as
// stop does it; of one that was not, it returns true, for nothing else will tell that it has ended.
func (p *player) cancel(id uint64) (unplayed bool) {
	if p.head == nil {
		return false
	}
	if p.head.id == id {
		if p.last == nil {
			p.last = p.head
		}
		return false
	}
	for before := p.head; before.next != nil; before = before.next {
		n := before.next
		if n.id != id {
			continue
		}
		if before.next = n.next; p.tail == n {
			p.tail = before
		}
		if p.last == n {
			p.last = before
		}
		return true
	}
	return false
}

func (p *player) playing() bool { return p.head != nil }

// read writes the next 20 ms of the queue at a rate in Hz, and reports whether there was anything.
func (p *player) read(frame []int16, rate int) bool {
	if p.head == nil {
		return false
	}
	ratio, rest := rate/narrowRate, frame
	n, sounds, position := p.head, p.head.sounds, p.position
	for len(rest) > 0 {
		if len(sounds) == 0 {
			if n == p.last || n.next == nil {
				break
			}
			n = n.next
			sounds, position = n.sounds, 0
			continue
		}
		length := len(sounds[0].PCM(narrowRate))
		now := rest[:min(len(rest), (length-position)*ratio)]
		sounds[0].Read(now, rate, position*ratio) // lengths at two rates differ by a sample
		rest, position = rest[len(now):], position+len(now)/ratio
		if position == length {
			sounds, position = sounds[1:], 0
		}
	}
	clear(rest)
	if p.last != nil {
		fade := ramp{gain: 1}
		fade.to(0, rampTime, rate)
		fade.apply(frame)
	}
	return true
}

// advance goes on by 20 ms, and tells the ids of the prompts that ended by done.
func (p *player) advance(done func(id uint64)) {
	stopping := p.last != nil
	rest := frameOf(narrowBand)
	for p.head != nil && (p.last != nil || !stopping) {
		if len(p.head.sounds) == 0 {
			p.pop(done)
			continue
		}
		if rest == 0 {
			break
		}
		length := len(p.head.sounds[0].PCM(narrowRate))
		n := min(rest, length-p.position)
		rest, p.position = rest-n, p.position+n
		if p.position == length {
			p.head.sounds, p.position = p.head.sounds[1:], 0
		}
	}
	if stopping {
		for p.last != nil {
			p.pop(done)
		}
	}
}

// pop takes the first prompt off the queue and tells that it has ended.
func (p *player) pop(done func(id uint64)) {
	ended := p.head
	p.head, p.position = ended.next, 0
	if p.head == nil {
		p.tail = nil
	}
	if ended == p.last {
		p.last = nil
	}
	if done != nil {
		done(ended.id)
	}
	if ended.ending != nil {
		ended.ending.one()
	}
}
