package media

import "time"

// FrameKind says what a frame of 20 ms was made of.
type FrameKind uint8

// The kinds of frames. A frame of mixed origin has the greatest of them.
const (
	FrameSilence   FrameKind = iota // zeros: nothing came yet, or the last sound has faded out
	FrameComfort                    // comfort noise
	FrameVoice                      // what was received
	FrameConcealed                  // made up for what was lost or late
)

// JitterStats is what a jitter buffer has met with.
type JitterStats struct {
	// Delay is the time from the arrival of sound to the tick that plays it, on average and
	// as of the last tick with voice.
	Delay time.Duration
	// Late packets came after their time was concealed, Duplicates were here before and
	// Reordered ones came after a later one.
	Late, Duplicates, Reordered uint64
	// Lost counts frames that were concealed; parts of frames add up.
	Lost uint64
	// Recovered counts packets that were lost and played from what the next one had of them.
	Recovered uint64
	// Stretched counts how often sound was made longer or shorter by some pitch periods.
	Stretched uint64
}

const (
	// jumpTime is how far a packet's time may be from the others' before it is taken for the
	// begin of another time line.
	jumpTime = int64(500 * time.Millisecond)
	// longest is the longest packet, in parts of a second: RFC 3551 4.2 asks a receiver to
	// take 200 ms.
	longest = 5
)

// state is what the newest sound on the tape is.
type state uint8

const (
	quiet      state = iota // silence or comfort noise
	speaking                // decoded from packets
	concealing              // made up
)

// Jitter turns the packets of one RTP stream into 20 ms of sound at each tick.
//
// Sound is played at the first tick after its arrival as long as packets come in time. As
// they come later, the 99th percentile of their lateness sets how much later they are
// played: sound is stretched ahead of a gap, or concealed in it, and shortened when the delay
// is no longer needed. Jitter has no clock of its own and serves one goroutine.
//
// The fields stand in the order in which a tick on a clean network touches them.
type Jitter struct {
	decoder Decoder
	tape    tape

	// The time line of the far end: its timestamp base was due at the time start.
	start  int64
	base   uint32
	ns     float64 // of a sample
	rate   int
	octet  int // samples of each octet, 0: the codec has to look at the payload
	frame  int // samples of a tick
	length int // samples of the last packet
	grain  int // the part of frame by which a packet can begin off a tick

	now       int64
	depth     int64  // how long a packet that comes on time waits, ns
	seen      uint64 // bit n: packet newestSeq-n was here
	next      uint32 // timestamp of the next sample to be decoded
	newest    uint32 // greatest timestamp that came, and the number of its packet
	newestSeq uint16
	nextSeq   uint16 // of the packet that begins with next
	restingAt uint32
	resting   quietness
	state     state
	anchored  bool    // the time line is known: a packet came since the begin or Reset
	linked    bool    // next is known: a packet was played since
	fresh     bool    // nothing was played ever
	least     float32 // what is fainter than this mean square nobody hears
	left      float32 // mean square of what was not decoded of the last packet
	stray     stray
	owed      int // samples made up since next
	stretch   stretch
	lateness  lateness
	history   history
	queue     queue

	unheard   unheard
	codec     Codec
	recoverer Recoverer // nil: the decoder is none
	clock     int       // rate of the timestamps that packets bear; all in here count samples
	line      int64     // the last of these timestamps, which wraps, without wrapping
	made      int       // samples made up ever
	conceal   concealer
	noise     comfort
	stats     JitterStats
}

// quietness is why there is no audio to be expected.
type quietness uint8

const (
	notResting quietness = iota
	byEvent              // RFC 4733 packets come instead
	byComfort            // RFC 3389 packets came
)

// stray is a packet that is off the time line, and may be the first of another.
type stray struct {
	set bool
	seq uint16
	ts  uint32
}

// NewJitter returns an empty buffer for packets of codec. At 8 kHz it takes 5 kB (9 kB with G.722), and up to 12 kB (16 kB) once
// packets have been delayed by half a second.
func NewJitter(codec Codec) *Jitter {
	rate := codec.SampleRate()
	frame := rate / FramesPerSecond
	j := &Jitter{codec: codec, decoder: codec.NewDecoder(), rate: rate, clock: codec.ClockRate(), line: lineBegin, frame: frame,
		fresh: true, ns: float64(time.Second) / float64(rate),
		queue: newQueue(160), tape: newTape(2*frame, 6*frame), conceal: newConcealer(rate), lateness: newLateness()}
	j.octet = codec.PerOctet()
	j.recoverer, _ = j.decoder.(Recoverer)
	j.unheard = newUnheard(j.decoder)
	if codec.Stateless() && j.octet > 0 {
		j.history.coded = make([]byte, 2*frame/j.octet)
	}
	j.measure(frame)
	j.lateness.reset(j.lateness.block)
	return j
}

// lineBegin is far above zero, and 0 as a timestamp.
const lineBegin = int64(6) << 40

// place turns a timestamp of a packet into one that counts samples.
func (j *Jitter) place(ts uint32) uint32 {
	if j.clock == j.rate {
		return ts
	}
	j.line += int64(int32(ts - uint32(j.line)))
	return uint32(j.line * int64(j.rate) / int64(j.clock))
}

// samples is how many samples a payload decodes to.
func (j *Jitter) samples(payload []byte) int {
	if j.octet > 0 {
		return len(payload) * j.octet
	}
	return j.codec.Samples(payload)
}

// Put takes in a packet: its RTP sequence number, timestamp and payload, and the time in ns at
// which it came, on the clock of Take. Packets longer than 200 ms are dropped. The payload is
// copied, except where last tells that nothing more is put before the next Take: then the
// caller leaves it as it is until that returns.
func (j *Jitter) Put(seq uint16, ts uint32, payload []byte, arrived int64, last bool) {
	if n := j.samples(payload); n == 0 || n > j.rate/longest {
		return
	}
	ts = j.place(ts)
	if !j.anchored {
		j.anchor(seq, ts, arrived)
	}
	late := arrived - j.time(ts)
	ahead, step := int32(ts-j.newest), int16(seq-j.newestSeq)
	if off := late - j.lateness.mean; off > jumpTime || off < -jumpTime || (ahead <= 0 && step > 0) {
		if !j.jump(seq, ts, arrived) {
			return
		}
		late, ahead, step = 0, 1, 1
	}
	j.stray.set = false
	if ahead > 0 {
		if step > 0 {
			j.seen = j.seen<<uint(step) | 1
		} else {
			j.seen = 1 // the numbers began anew, the time did not
		}
		j.newest, j.newestSeq = ts, seq
		if ts-j.base > 1<<30 {
			j.rebase()
		}
	} else {
		bit := uint64(1) << uint(-int(step)) // none, if it is too old to know
		if j.seen&bit != 0 {
			j.stats.Duplicates++
			return
		}
		j.seen |= bit
		j.stats.Reordered++
	}
	j.lateness.add(late)
	if ahead > 0 && step > 1 && j.recoverer != nil && j.recoverer.Repeats(payload) {
		j.lateness.add(late + int64(float64(j.length)*j.ns)) // what was lost comes with this one, a packet later
	}
	if j.linked && int32(ts-j.next) <= -int32(j.length) {
		j.stats.Late++
		return
	}
	if j.octet == 0 && len(payload) <= discontinued {
		j.rest(byComfort, ts)
	}
	if last && j.queue.lend(seq, ts, payload) {
		return
	}
	if !j.queue.push(seq, ts, payload) {
		// More has gathered than any jitter explains: the ticks stood still.
		j.restart()
		j.anchor(seq, ts, arrived)
		j.queue.push(seq, ts, payload)
	}
}

// discontinued is the length in octets of the longest packet that says no more than that silence begins (RFC 7587 3.1.3):
// where audio is missing after it, nothing was lost.
const discontinued = 2

// PutEvent takes note of a telephone-event packet (RFC 4733), which comes instead of audio:
// where audio is missing now, nothing was lost.
func (j *Jitter) PutEvent(ts uint32, _ int64) { j.rest(byEvent, j.place(ts)) }

// PutComfort takes in a comfort noise packet (RFC 3389). Where audio is missing from now on,
// there is noise of that level, in -dBov from 0 to 127, but not above -30 dBov.
func (j *Jitter) PutComfort(ts uint32, level int8, _ int64) {
	if j.rest(byComfort, j.place(ts)) {
		j.noise.set(level)
	}
}

// rest notes why audio pauses at ts, unless audio of a later time was played already.
func (j *Jitter) rest(why quietness, ts uint32) bool {
	if j.linked && int32(ts-j.next) < -int32(2*j.frame) {
		return false
	}
	j.resting, j.restingAt = why, ts
	return true
}

// Take writes the 20 ms to be played at the tick of the time now, in ns, to dst, which must
// have room for them, and says what they are. It is called once for each tick.
func (j *Jitter) Take(dst []int16, now int64) FrameKind {
	dst = dst[:j.frame]
	j.now = now
	if j.direct(dst) {
		return FrameVoice
	}
	j.recall()
	kind := FrameSilence
	if j.tape.waiting() > 0 {
		kind = FrameVoice
	}
	for j.tape.waiting() < j.frame {
		if j.feed() {
			kind = max(kind, FrameVoice)
		} else {
			kind = max(kind, j.fill(j.frame-j.tape.waiting()))
		}
	}
	if j.state != quiet && j.linked {
		j.adapt()
	}
	j.tape.play(dst)
	j.queue.keep()
	return kind
}

// Reset is for a far end that begins a new stream (another SSRC): what comes next has no
// relation to what came before, and is faded into.
func (j *Jitter) Reset() {
	j.restart()
	j.resting, j.noise.peak = notResting, 0
}

// MinimumDelay chooses how late packets are met: they are waited for, as many as one in a hundred
// are late, or with on they are not, so that the delay stays what it is on a clean network and
// what comes too late for it is concealed.
func (j *Jitter) MinimumDelay(on bool) {
	if j.lateness.hasty != on {
		j.lateness.hasty = on
		j.lateness.measure()
	}
}

// Stats tells how things are now.
func (j *Jitter) Stats() JitterStats {
	s := j.stats
	s.Lost = uint64(j.made / j.frame)
	s.Delay = max(0, time.Duration(j.depth-j.lateness.mean))
	return s
}

// time is when a sample with that timestamp came, had it come as the first packet did.
func (j *Jitter) time(ts uint32) int64 {
	return j.start + int64(float64(int32(ts-j.base))*j.ns)
}

// anchor begins a time line with a packet.
func (j *Jitter) anchor(seq uint16, ts uint32, arrived int64) {
	j.start, j.base = arrived, ts
	j.newest, j.newestSeq, j.seen = ts-1, seq-1, 0
	j.anchored = true
}

// rebase moves the begin of the time line on, by whole seconds so that it stays exact:
// timestamps wrap.
func (j *Jitter) rebase() {
	seconds := int64(j.newest-j.base) / int64(j.rate)
	j.start += seconds * int64(time.Second)
	j.base += uint32(seconds * int64(j.rate))
}

// restart drops what waits and begins anew with the next packet.
func (j *Jitter) restart() {
	j.recall()
	j.queue.clear()
	j.tape.drop()
	if j.state == speaking {
		j.conceal.start(j.tape.recent())
		j.state, j.owed = concealing, 0
	}
	j.lateness.reset(j.lateness.block)
	j.anchored, j.linked, j.stray.set = false, false, false
}

// jump decides about a packet whose timestamp does not fit the others. Unless nothing is
// heard anyway it takes two in sequence to change the time line (RFC 3550 A.1), so that one
// corrupt packet does no harm.
func (j *Jitter) jump(seq uint16, ts uint32, arrived int64) bool {
	s := &j.stray
	follows := s.set && seq-s.seq-1 < 3 && ts-s.ts-1 < uint32(j.rate/2)
	*s = stray{set: true, seq: seq, ts: ts}
	if !follows && j.state != quiet {
		return false
	}
	j.restart()
	j.anchor(seq, ts, arrived)
	return true
}
