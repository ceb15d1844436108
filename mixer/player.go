package mixer

// prompt is one queued announcement: sounds that follow one another without a gap. It is made
// by the caller, so that the tick only links it in.
type prompt struct {
	id     uint64
	sounds [][]int16
	except *Seat // in the room's queue: who does not hear it
	next   *prompt
}

// player plays prompts one after another.
type player struct {
	head, tail *prompt
	position   int // in the first sound of head
	stopping   bool
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

// stop ends all that is queued within the next frame.
func (p *player) stop() { p.stopping = p.head != nil }

func (p *player) playing() bool { return p.head != nil }

// fill writes the next frame of the queue, and tells the ids of the prompts that ended by done.
// It reports whether anything was written.
func (p *player) fill(frame []int16, rate int, done func(id uint64)) bool {
	if p.head == nil {
		return false
	}
	rest := frame
	for len(rest) > 0 && p.head != nil {
		if len(p.head.sounds) == 0 {
			if ended := p.pop(); done != nil {
				done(ended.id)
			}
			continue
		}
		n := copy(rest, p.head.sounds[0][p.position:])
		rest, p.position = rest[n:], p.position+n
		if p.position == len(p.head.sounds[0]) {
			p.head.sounds, p.position = p.head.sounds[1:], 0
		}
	}
	clear(rest)
	if p.stopping {
		fade := ramp{gain: 1}
		fade.to(0, rampTime, rate)
		fade.apply(frame)
		for p.head != nil {
			if ended := p.pop(); done != nil {
				done(ended.id)
			}
		}
		p.stopping = false
	} else if p.head != nil && len(p.head.sounds) == 0 {
		if ended := p.pop(); done != nil {
			done(ended.id)
		}
	}
	return true
}

func (p *player) pop() *prompt {
	ended := p.head
	p.head, p.position = ended.next, 0
	if p.head == nil {
		p.tail = nil
	}
	return ended
}
