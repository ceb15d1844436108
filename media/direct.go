package media

// history keeps the payloads of the last two frames that were played without the tape, coded:
// a quarter of the memory that the sound would take. With a thousand legs on a core it is
// memory that a tick waits for. A decoder with state cannot do it again: of such a codec nothing is kept.
type history struct {
	coded []byte // two frames, the next one at at
	at    int
	count int
}

func (h *history) add(payload []byte) {
	copy(h.coded[h.at:], payload)
	h.at = len(payload) - h.at // the other half
	h.count = min(h.count+1, 2)
}

// direct plays the oldest packet straight to dst, where that is all there is to do: it continues
// what was played, is one frame long, no sound waits before it and the delay is right. This is the
// way of nearly all packets on a clean network.
func (j *Jitter) direct(dst []int16) bool {
	p := j.queue.first()
	if p == nil || j.state != speaking || p.ts != j.next || j.tape.waiting() > 0 ||
		j.length != j.frame || int(p.size)*2 != len(j.history.coded) || j.resting != notResting {
		return false
	}
	if spare := j.spare(j.next); j.lateness.known() && (spare < marginTime || spare > int64(float64(j.grain)*j.ns)+marginTime+slackTime) {
		return false
	}
	j.depth = j.now - j.time(j.next)
	j.stretch.early, j.stretch.rest = 0, max(0, j.stretch.rest-1)
	j.nextSeq = p.seq + 1
	payload := j.queue.pop()
	j.next += uint32(j.decoder.Decode(dst, payload))
	j.history.add(payload)
	return true
}

// recall puts on the tape what was played without it, before anybody looks back on it.
func (j *Jitter) recall() {
	h := &j.history
	frame := len(h.coded) / 2
	for ; h.count > 0; h.count-- {
		from := h.at // the older one of two
		if h.count == 1 {
			from = frame - h.at
		}
		t := &j.tape
		t.end += j.decoder.Decode(t.room(j.frame), h.coded[from:from+frame])
		t.head = t.end
	}
}
