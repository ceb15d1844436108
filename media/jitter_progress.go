package media

import "slices"

// JitterProgress is how far a jitter buffer has come: the far end's time line, the delay that its network needs, and the sound that waits to
// be played. What a decoder remembers is not in it, so one with state finds its way anew.
type JitterProgress struct {
	Start                         int64
	Base, Next, Newest, RestingAt uint32
	Seen                          uint64
	NewestSeq, NextSeq            uint16
	Length, Owed, Made            int
	Depth, Line                   int64
	State, Resting                uint8
	Anchored, Linked, Fresh       bool
	Lateness                      LatenessProgress
	Past, Ahead                   []int16 // samples that were played last, and those that are to be played
	Packets                       []QueuedPacket
	Stats                         JitterStats
}

// LatenessProgress is what was learnt of how late packets come.
type LatenessProgress struct {
	Worst, Mean             int64
	Latest                  [3]int64
	Count, Block, Total, At int
	Blocks                  [7]LateBlock
}

// LateBlock is half a second of it.
type LateBlock struct {
	Latest  [3]int64
	Counted int
}

// QueuedPacket is a packet that has come and waits.
type QueuedPacket struct {
	Timestamp uint32 // in samples
	Sequence  uint16
	Payload   []byte
}

func (j *Jitter) progress() JitterProgress {
	j.recall()
	l, t := &j.lateness, &j.tape
	p := JitterProgress{Start: j.start, Base: j.base, Next: j.next, Newest: j.newest, RestingAt: j.restingAt, Seen: j.seen,
		NewestSeq: j.newestSeq, NextSeq: j.nextSeq, Length: j.length, Owed: j.owed, Made: j.made, Depth: j.depth, Line: j.line,
		State: uint8(j.state), Resting: uint8(j.resting), Anchored: j.anchored, Linked: j.linked, Fresh: j.fresh, Stats: j.stats,
		Lateness: LatenessProgress{Worst: l.worst, Mean: l.mean, Latest: l.latest, Count: l.count, Block: l.block, Total: l.total, At: l.at},
		Past:     slices.Clone(t.buf[t.head-t.past : t.head]), Ahead: slices.Clone(t.ahead())}
	for i, b := range l.blocks {
		p.Lateness.Blocks[i] = LateBlock{b.latest, b.counted}
	}
	for i := j.queue.head; i != none; i = j.queue.packets[i].next {
		q := j.queue.packets[i]
		at := int(i) * j.queue.slot
		p.Packets = append(p.Packets, QueuedPacket{q.ts, q.seq, slices.Clone(j.queue.data[at : at+int(q.size)])})
	}
	return p
}

// proceed goes on where another buffer of the same codec has come to; nothing was put into this one yet. What cannot be is passed over, and
// the buffer begins with the next packet.
func (j *Jitter) proceed(p JitterProgress) {
	if len(p.Past) != j.tape.past || len(p.Ahead) > j.rate || p.Length <= 0 || p.Length > j.rate/longest || p.Owed < 0 || p.Made < 0 ||
		p.State > uint8(concealing) || p.Resting > uint8(byComfort) || p.Lateness.At < 0 || p.Lateness.At >= len(p.Lateness.Blocks) {
		return
	}
	t := &j.tape
	t.head, t.end = t.past, t.past
	copy(t.buf, p.Past)
	room := t.room(len(p.Ahead))
	t.end += copy(room, p.Ahead)
	j.measure(p.Length)
	j.start, j.base, j.next, j.newest, j.restingAt, j.seen = p.Start, p.Base, p.Next, p.Newest, p.RestingAt, p.Seen
	j.newestSeq, j.nextSeq, j.owed, j.made, j.depth, j.line = p.NewestSeq, p.NextSeq, p.Owed, p.Made, p.Depth, p.Line
	j.state, j.resting, j.anchored, j.linked, j.fresh, j.stats = state(p.State), quietness(p.Resting), p.Anchored, p.Linked, p.Fresh, p.Stats
	l := &j.lateness
	l.worst, l.mean, l.latest, l.count, l.total, l.at = p.Lateness.Worst, p.Lateness.Mean, p.Lateness.Latest, p.Lateness.Count, p.Lateness.Total, p.Lateness.At
	for i, b := range p.Lateness.Blocks {
		l.blocks[i] = lateBlock{b.Latest, b.Counted}
	}
	for _, q := range p.Packets {
		j.queue.push(q.Sequence, q.Timestamp, q.Payload)
	}
	if j.state == concealing {
		j.conceal.start(t.recent())
	}
}
