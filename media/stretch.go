package media

import "time"

const (
	// marginTime is how long before its tick a packet should be here.
	marginTime = int64(time.Millisecond)
	// slackTime is what it may be here earlier than the delay that would do, before sound is
	// shortened. It keeps sound from being lengthened and shortened in turn.
	slackTime = int64(time.Millisecond)
	// slackTicks is for how many ticks in a row it must have been: a tick that came late
	// makes all packets look early.
	slackTicks = 5

	// retryTicks is the time between two searches for a place to cut.
	retryTicks = 5
	// quietLevel is the mean magnitude, about -50 dBov, below which any cut will do.
	quietLevel = 80
)

// stretch is the state of making sound longer or shorter.
type stretch struct {
	early int // ticks in a row that packets came earlier than needed
	rest  int // ticks until the next search for a cut
}

// spare is how long before it is needed the last packet of a hundred comes, should the
// sample ts be played now.
//
// A packet is needed at the tick that plays its first sample, even if that is the tick's
// last one. Packets begin at any multiple of grain within a tick; the one that begins at the
// last of them has the least time, and it is the one that counts.
func (j *Jitter) spare(ts uint32) int64 {
	return j.now - j.time(ts) - j.lateness.worst - int64(float64(j.frame-j.grain)*j.ns)
}

// adapt makes the sound that waits longer or shorter, should the delay be wrong.
func (j *Jitter) adapt() {
	waiting := j.tape.waiting()
	head := j.next + uint32(j.owed) - uint32(waiting)
	j.depth = j.now - j.time(head)
	over := waiting % j.grain // this much adds to the delay and helps no packet to be in time
	spare := j.spare(head + uint32(over))
	grain := int64(float64(j.grain) * j.ns)
	s := &j.stretch
	excess := spare > grain+marginTime+slackTime && j.lateness.known()
	if excess {
		s.early++
	} else {
		s.early = 0
	}
	s.rest = max(0, s.rest-1)
	switch {
	case spare < marginTime && j.lateness.known():
		j.lengthen(j.grain - over)
	case j.state != speaking: // what is made up ends with the loss
	case excess && s.early >= slackTicks:
		j.shorten(over + int((spare-marginTime)/grain)*j.grain)
	case over > j.slop() && spare > marginTime+slackTime:
		j.shorten(over) // nearer to the margin, it may be the begin of what has to be longer still
	}
}

// slop is what may be left over of a stretch: 3 ms.
func (j *Jitter) slop() int { return j.rate * 3 / 1000 }

// shortest is the shortest lag that is looked for: 2.5 ms.
func (j *Jitter) shortest() int { return j.rate / 400 }

// overlap of two sounds that are joined: 10 ms.
func (j *Jitter) glide() int { return j.frame / 2 }

// lengthen makes the sound longer by some of its periods: by want samples or less, the rest
// following with the next frames, or a little more. If there is no such period, it takes a
// longer one: better too much than to be late again. Silence has no period, and becomes as long as it should.
func (j *Jitter) lengthen(want int) {
	t := &j.tape
	if isQuiet(t.buf[t.head-want : t.end]) {
		t.insert(want, j.glide())
		j.stats.Stretched++
		return
	}
	lag, best := j.period()
	if most := want + j.rate/200; most < lag {
		l, alike := bestLag(t.buf, j.rate, t.head, j.glide(), j.shortest(), most, false)
		if alikeEnough(alike, best) {
			lag = l
		}
	}
	t.insert(lag, j.glide())
	j.stats.Stretched++
}

// period finds at what lag of 20 ms or less the sound repeats best, and how well.
func (j *Jitter) period() (lag int, alike float64) {
	return bestLag(j.tape.buf, j.rate, j.tape.head, j.glide(), j.shortest(), j.frame, false)
}

// alikeEnough tells that sounds can be joined that are so much alike, when the best there is
// is best: the phase of a tone must be right, while noise can be cut anywhere.
func alikeEnough(alike, best float64) bool { return 1-alike <= 2*(1-best)+0.01 }

// shorten makes the sound shorter by want samples or less. In silence it goes all the way.
func (j *Jitter) shorten(want int) {
	t := &j.tape
	for want >= j.shortest() {
		for t.waiting() < j.frame+min(want, j.frame) {
			p := j.queue.first()
			if p == nil || p.ts != j.next {
				break
			}
			j.decode()
		}
		most := min(want, j.frame, t.waiting()-j.frame)
		if most < j.shortest() {
			return
		}
		if isQuiet(t.ahead()[:most+j.frame]) {
			t.remove(most, j.glide())
			j.stats.Stretched++
			want -= most
			continue
		}
		if j.stretch.rest > 0 {
			return
		}
		lag, alike := bestLag(t.buf, j.rate, t.head, j.glide(), j.shortest(), most, true)
		if _, best := j.period(); !alikeEnough(alike, best) {
			j.stretch.rest = retryTicks
			return
		}
		t.remove(lag, j.glide())
		j.stats.Stretched++
		return
	}
}

// isQuiet tells that nobody misses a piece of this sound.
func isQuiet(sound []int16) bool {
	sum := 0
	for _, s := range sound {
		sum += max(int(s), -int(s))
	}
	return sum < quietLevel*len(sound)
}
