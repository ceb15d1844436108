package media

// lateness knows how late packets come, by their own clock and against the first one: the
// 99th percentile of the last 4 s. It keeps the latest packets of each block of half a
// second, which makes the percentile exact over a window that slides.
type lateness struct {
	worst   int64 // the percentile, ns
	mean    int64 // over about 16 packets, ns
	latest  latest
	count   int // packets in this block
	block   int // packets that make a block
	total   int // packets in the blocks before
	at      int
	before  [7]latest
	counted [7]int
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

// reset forgets all. From now on so many packets make half a second.
func (l *lateness) reset(block int) {
	*l = lateness{block: block, worst: nobody, latest: latest{nobody, nobody, nobody}}
}

// known tells that enough packets came for the percentile to mean something.
func (l *lateness) known() bool { return l.total > 0 }

// add counts a packet that came so late.
func (l *lateness) add(late int64) {
	l.mean += (late - l.mean) >> 4
	l.count++
	if late > l.latest[2] {
		l.latest.add(late)
		if late > l.worst {
			l.measure()
		}
	}
	if l.count >= l.block {
		l.turn()
	}
}

// turn begins a new block in place of the oldest.
func (l *lateness) turn() {
	l.total += l.count - l.counted[l.at]
	l.before[l.at], l.counted[l.at] = l.latest, l.count
	l.at = (l.at + 1) % len(l.before)
	l.latest, l.count = latest{nobody, nobody, nobody}, 0
	l.measure()
}

// measure finds the lateness that one packet in a hundred exceeds. Among fewer than a
// hundred packets it is that of the latest one.
func (l *lateness) measure() {
	top := l.latest
	for i := range l.before {
		if l.counted[i] > 0 {
			for _, late := range l.before[i] {
				top.add(late)
			}
		}
	}
	l.worst = top[min((l.total+l.count)/100, len(top)-1)]
}
