package media

// lateness knows how late packets come, by their own clock and against the first one: the
// 99th percentile of the last 4 s. It keeps the latest packets of each block of half a
// second, which makes the percentile exact over a window that slides.
type lateness struct {
	worst  int64 // the percentile, ns; with hasty the mean, once it is known
	mean   int64 // over about 16 packets, ns
	latest latest
	count  int // packets in this block
	block  int // packets that make a block
	total  int // packets in the blocks before
	at     int
	hasty  bool          // packets that are later than most are not waited for
	blocks *[7]lateBlock // before this one, in a ring
}

// lateBlock is what is kept of half a second.
type lateBlock struct {
	latest  latest
	counted int // packets
}

// latest are the three latest packets, the latest first.
type latest [3]int64

// nobody is earlier than any packet.
const nobody = -1 << 62

func (l *latest) add(late int64) {
	switch {
	case late <= l[2]:
	case late <= l[1]:
		l[2] = late
	case late <= l[0]:
		l[1], l[2] = late, l[1]
	default:
		l[0], l[1], l[2] = late, l[0], l[1]
	}
}

func newLateness() lateness { return lateness{blocks: new([7]lateBlock)} }

// reset forgets all. From now on so many packets make half a second.
func (l *lateness) reset(block int) {
	*l.blocks = [7]lateBlock{}
	*l = lateness{block: block, worst: nobody, latest: latest{nobody, nobody, nobody}, hasty: l.hasty, blocks: l.blocks}
}

// known tells that enough packets came for the percentile to mean something.
func (l *lateness) known() bool { return l.total > 0 }

// add counts a packet that came so late.
func (l *lateness) add(late int64) {
	l.mean += (late - l.mean) >> 4
	l.count++
	if late > l.latest[2] {
		l.latest.add(late)
		if late > l.worst && !(l.hasty && l.known()) {
			l.measure()
		}
	}
	if l.count >= l.block {
		l.turn()
	}
}

// turn begins a new block in place of the oldest.
func (l *lateness) turn() {
	oldest := &l.blocks[l.at]
	l.total += l.count - oldest.counted
	*oldest = lateBlock{l.latest, l.count}
	l.at = (l.at + 1) % len(l.blocks)
	l.latest, l.count = latest{nobody, nobody, nobody}, 0
	l.measure()
}

// measure finds the lateness that one packet in a hundred exceeds. Among fewer than a
// hundred packets it is that of the latest one.
func (l *lateness) measure() {
	if l.hasty && l.known() {
		l.worst = l.mean
		return
	}
	top := l.latest
	for i := range l.blocks {
		if l.blocks[i].counted > 0 {
			for _, late := range l.blocks[i].latest {
				top.add(late)
			}
		}
	}
	l.worst = top[min((l.total+l.count)/100, len(top)-1)]
}
