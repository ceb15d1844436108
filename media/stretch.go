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

	alikeEnough = 0.7 // what is heard as periodic
	patience    = 5   // searches in vain before what is not periodic is cut too
	retryTicks  = 5   // between two of them
	// quietLevel is the mean magnitude, about -50 dBov, below which any cut will do.
	quietLevel = 80
)

// stretch is the state of making sound longer or shorter.
type stretch struct {
	early int // ticks in a row that packets came earlier than needed
	rest  int // ticks until the next search
	vain  int // searches without a result
}

// spare is how long before it is needed the last packet of a hundred comes, should the
// sample ts be played now.
//
// Packets are needed at ticks. One that begins grain samples after a tick is needed at that
// tick, and it is the one whose first sample is last in its tick that has the least time.
func (j *Jitter) spare(ts uint32) int64 {
	return j.now - j.time(ts) - j.lateness.worst - int64(float64(j.frame-j.grain)*j.ns)
}

// adapt makes the sound that waits longer or shorter, should the delay be wrong.
func (j *Jitter) adapt() {
	waiting := j.tape.waiting()
	head := j.next - uint32(waiting)
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
	if s.rest > 0 {
		s.rest--
		return
	}
	switch {
	case spare < marginTime && j.lateness.known():
		j.lengthen(j.grain-over, spare < 0)
	case excess && s.early >= slackTicks:
		j.shorten(over + int((spare-marginTime)/grain)*j.grain)
	case over > j.slop():
		j.shorten(over)
	default:
		s.vain = 0
	}
}

// slop is what may be left over of a stretch: 3 ms.
func (j *Jitter) slop() int { return j.rate * 3 / 1000 }

// shortest is the shortest lag that is looked for: 2.5 ms.
func (j *Jitter) shortest() int { return j.rate / 400 }

// overlap of two sounds that are joined: 10 ms.
func (j *Jitter) glide() int { return j.frame / 2 }

// lengthen makes the sound longer by some of its periods, which are want samples or less: the
// rest follows with the next frames. A little too much is better than to be late again.
func (j *Jitter) lengthen(want int, urgent bool) {
	most := min(want+j.rate/200, j.frame)
	if j.stretch.vain >= patience {
		most = j.frame
	}
	t := &j.tape
	lag, alike := bestLag(t.buf, t.head, j.glide(), j.shortest(), most, j.rate/4000, false)
	if j.accept(alike, urgent) {
		t.insert(lag, j.glide())
	}
}

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
		lag, alike := bestLag(t.buf, t.head, j.glide(), j.shortest(), most, j.rate/4000, true)
		if j.accept(alike, false) {
			t.remove(lag, j.glide())
		}
		return
	}
}

// accept decides whether sound can be cut where it is so much alike. What is not periodic
// at all can be cut anywhere, but better a little later at a better place.
func (j *Jitter) accept(alike float64, urgent bool) bool {
	s := &j.stretch
	if alike < alikeEnough && (alike < 0 || !urgent && s.vain < patience) {
		s.vain++
		s.rest = retryTicks
		return false
	}
	s.vain = 0
	j.stats.Stretched++
	return true
}

// isQuiet tells that nobody misses a piece of this sound.
func isQuiet(sound []int16) bool {
	sum := 0
	for _, s := range sound {
		sum += max(int(s), -int(s))
	}
	return sum < quietLevel*len(sound)
}
