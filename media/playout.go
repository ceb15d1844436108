package media

// feed puts the sound of the oldest packet on the tape. It returns false when that packet
// is missing or must wait.
func (j *Jitter) feed() bool {
	p := j.queue.first()
	if p == nil {
		return false
	}
	if j.state == speaking && p.ts == j.next {
		j.decode()
		return true
	}
	return j.resume(p)
}

// decode puts a packet on the tape that continues what is there.
func (j *Jitter) decode() {
	j.follow(*j.queue.first())
	payload := j.queue.pop()
	n := j.render(j.tape.room(j.samples(payload)), payload)
	j.tape.end += n
	j.next += uint32(n)
	if n != j.length {
		j.measure(n)
	}
}

// follow moves the expected place to packet p.
func (j *Jitter) follow(p packet) {
	j.next, j.nextSeq = p.ts, p.seq+1
	if j.resting != notResting && int32(p.ts-j.restingAt) > 0 {
		j.resting, j.noise.peak = notResting, 0
	}
}

// measure learns the length of the far end's packets.
func (j *Jitter) measure(n int) {
	if n == 0 {
		return
	}
	j.length = n
	j.lateness.block = max(1, j.rate/2/n)
	a, b := n, j.frame
	for b != 0 {
		a, b = b, a%b
	}
	j.grain = a
}

// resume decides whether packet p, which does not simply continue what is on the tape, is to
// be played now, and plays it.
func (j *Jitter) resume(p *packet) bool {
	joined := j.linked
	if !joined {
		p = j.link()
	}
	gap := int(int32(p.ts - j.next))
	switch {
	case j.state == quiet:
		if j.early(p) > 0 {
			return false
		}
	case gap > 0 && (j.state == speaking || gap > j.owed):
		return false
	case joined && j.lateness.hasty && j.state == concealing:
		j.merge(max(0, j.owed-gap), false) // what was made up stands for what comes too late
		return true
	}
	// When what was made up is not as long as the gap, the place at which the packet is
	// played moves, and it can move a little more to be in phase.
	j.merge(max(0, -gap), j.state == concealing && (!joined || gap != j.owed))
	return true
}

// early is by how many samples it is too early to play packet p now. A pause is the place to
// set the delay right: play as soon as the packets to follow will be in time, and not
// before.
func (j *Jitter) early(p *packet) int {
	spare := j.spare(p.ts - uint32(j.tape.waiting()))
	if j.lateness.known() {
		spare -= marginTime
	}
	if spare >= 0 {
		return 0
	}
	grain := int64(float64(j.grain) * j.ns)
	return int((grain-1-spare)/grain) * j.grain
}

// link begins to play. Of packets that have gathered before, those that are too old for the
// delay that is needed are left out.
func (j *Jitter) link() *packet {
	p := j.queue.first()
	j.measure(j.samples(j.queue.front()))
	for p.next != none && j.spare(j.queue.packets[p.next].ts) >= marginTime {
		j.queue.pop()
		p = j.queue.first()
	}
	j.next, j.linked = p.ts, true
	return p
}

// merge plays a packet that begins known samples before what is expected. After a loss or
// silence, what was heard goes on for a moment and glides into it; with align it goes on
// until it is in phase.
func (j *Jitter) merge(known int, align bool) {
	p := *j.queue.first()
	payload := j.queue.pop()
	glide := 0
	if j.state != speaking && !j.fresh {
		glide = j.rate / 200 // 5 ms
	}
	if j.state == concealing {
		glide += min(j.conceal.made/8, glide)
	}
	lead := glide
	if align {
		lead += j.conceal.period
	}
	room := j.tape.room(lead + j.samples(payload))
	n := j.render(room[lead:], payload)
	if n <= known {
		j.stats.Late++
		return
	}
	sound := room[lead+known : lead+n]
	glide = min(glide, len(sound))
	shift := 0
	if j.state == concealing {
		j.conceal.write(room[:lead])
		if align {
			begin := lead + known
			lag, _ := bestLag(room, j.rate, begin, glide, begin-j.conceal.period, begin, false)
			shift = begin - lag
		}
	} else {
		j.noise.write(room[:lead])
	}
	for i := range glide {
		room[shift+i] = blend(room[shift+i], sound[i], i+1, glide+1)
	}
	copy(room[shift+glide:], sound[glide:])
	j.tape.end += shift + len(sound)
	j.follow(p)
	j.next += uint32(n)
	j.measure(n)
	j.state, j.owed, j.fresh = speaking, 0, false
}

// fill puts n samples on the tape, or less, where there is no packet to be played.
func (j *Jitter) fill(n int) FrameKind {
	p := j.queue.first()
	if j.state != quiet && j.resting != notResting {
		return j.hush(n)
	}
	if j.state == speaking {
		if p != nil && p.seq == j.nextSeq {
			return j.hush(n) // no number is missing: the far end was silent
		}
		if p != nil && j.recover(p) {
			return FrameVoice
		}
		j.conceal.start(j.tape.recent())
		j.state, j.owed = concealing, 0
	}
	if j.state == concealing {
		if p != nil {
			n = min(n, int(int32(p.ts-j.next))-j.owed) // to where it begins, which is ahead
		}
		j.conceal.write(j.tape.room(n)[:n])
		j.tape.end += n
		j.owed += n
		j.made += n
		if j.conceal.silent() {
			j.state = quiet
		}
		return FrameConcealed
	}
	if p != nil {
		n = min(n, j.early(p))
	}
	j.noise.write(j.tape.room(n))
	j.tape.end += n
	if j.noise.peak != 0 {
		return FrameComfort
	}
	return FrameSilence
}

// recover plays the one packet that is missing before packet p from what p has of it.
func (j *Jitter) recover(p *packet) bool {
	gap := int(int32(p.ts - j.next))
	if j.recoverer == nil || p.seq != j.nextSeq+1 || gap != j.length {
		return false
	}
	if !j.recoverer.Recover(j.tape.room(gap)[:gap], j.queue.front()) {
		return false
	}
	j.tape.end += gap
	j.next, j.nextSeq = p.ts, p.seq
	j.stats.Recovered++
	return true
}

// hush ends the sound within 5 ms where the far end pauses.
func (j *Jitter) hush(n int) FrameKind {
	if j.state == speaking {
		j.conceal.start(j.tape.recent())
	}
	room := j.tape.room(n)
	fade := min(n, j.rate/200)
	j.conceal.write(room[:fade])
	j.noise.write(room[fade:])
	for i := range fade {
		room[i] = blend(room[i], 0, i+1, fade+1)
	}
	j.tape.end += n
	j.state = quiet
	return FrameVoice
}
