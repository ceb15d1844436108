package media

// Rules for reading the socket. One packet a tick is what a far end sends, so one read is
// the rule; an empty read costs half of a full one.
const (
	drainEvery   = 16       // ticks between full drains, which find a backlog of any origin
	keepEvery    = 64       // ticks between looks at RTCP
	relearnEvery = 4        // ticks between looks whether the far end has fallen silent: a NAT that rebinds costs them beside the 1.5 s
	stampEvery   = 8        // ticks between packets whose time of arrival is asked for on a calm network
	watchTicks   = 250      // ticks for which it is asked of each packet after something was amiss
	calmJitter   = 2000000  // ns: above this something is amiss
	drainMost    = 32       // packets read in one tick: a flood must not hold the tick up
	backlogAge   = 20000000 // ns: a packet older than a tick has others behind it
	comfortNoise = 13       // static payload type of RFC 3389
	eventUnknown = -1
	keepOffset   = 7   // such looks fall between two drains
	oldest       = 5e8 // ns: no packet waits longer for its tick
	oldestReport = 3e9 // ns: nor RTCP for its look
)

// Receive reads what the kernel has for this leg into the jitter buffer. Digits that were
// pressed are left in in.Digits.
func (l *Leg) Receive(in *Inbox, t Time) {
	in.Digits = in.Digits[:0]
	if s := l.pending.Load(); s != nil {
		l.settle(s, t)
	}
	if l.settled == nil {
		return
	}
	turn := t.Tick + uint64(l.port>>1) // legs take turns
	drain := turn%drainEvery == 0 || l.multiple || !l.rtp.sealed
	stamped := turn%stampEvery == 0 || drain || l.watchful > 0
	if l.watchful > 0 {
		l.watchful--
	}
	// In a drain a packet waits for what is read after it: the jitter buffer does less for the last.
	var held []byte
	var arrived int64
	for range drainMost {
		size, stamp := in.receive(&l.rtp, stamped)
		if held != nil {
			l.packet(held, in, arrived, stamped, size < 0, t)
			held = nil
		}
		if size < 0 {
			l.rtp.sealed = l.rtp.connected
			break
		}
		arrived = t.arrival(stamp, oldest)
		b := in.buf[:size]
		if !drain && !l.down && t.Now-arrived < backlogAge {
			l.packet(b, in, arrived, stamped, true, t)
			if l.down {
				continue // audio may come beside the events
			}
			break
		}
		if l.rtp.sealed {
			held = b
			in.turn()
		} else { // what is read next would take the place of its source
			l.packet(b, in, arrived, stamped, false, t)
		}
	}
	if held != nil {
		l.packet(held, in, arrived, stamped, false, t)
	}
	if l.keys.count > 0 {
		in.Digits = l.keys.take(in.Digits, t.Now)
	}
	if l.down && t.Now >= l.pressed.until {
		l.down = false
	}
	if turn%relearnEvery == keepOffset%relearnEvery {
		l.relearn(t)
	}
	if turn%keepEvery == keepOffset {
		in.turn() // the packet that Take will play is where it was read to
		l.keep(in, t)
	}
}

// suspicious counts a packet that is not authentic, and of which nothing must be learnt.
func (l *Leg) suspicious(v verdict) bool {
	switch v {
	case forged:
		l.counters.Forged++
	case replayed:
		l.counters.Replayed++
	}
	return v != genuine
}

// arrival turns a time stamp of the kernel's wall clock into Time.Now's; without one the packet
// came now. A wall clock that was set meanwhile must not make a packet older than it can be, or
// come from the future.
func (t Time) arrival(stamp, oldest int64) int64 {
	age := t.Wall - stamp
	if stamp == 0 || age < 0 || age > oldest {
		return t.Now
	}
	return t.Now - age
}

// packet takes b, a datagram of the RTP port. Unless it is stamped its time of arrival is taken to
// be as the stream's others': a stamp costs a tenth of a packet, and while packets come evenly
// one in some tells enough. last tells that no other is read in this tick.
func (l *Leg) packet(b []byte, in *Inbox, arrived int64, stamped, last bool, t Time) {
	if isRTCP(b) {
		if l.settled.Mux {
			l.feedback(b, in, arrived, t)
		}
		return
	}
	if g := l.settled.guard; g.on() {
		plain, verdict := g.in.packet(in.work, b)
		if l.suspicious(verdict) {
			return
		}
		b = plain
	}
	h := &in.header
	n, err := h.Unmarshal(b)
	if err != nil || h.Version != 2 {
		l.counters.Malformed++
		return
	}
	payload := b[n:]
	if h.Padding {
		if len(payload) == 0 || int(payload[len(payload)-1]) > len(payload) || payload[len(payload)-1] == 0 {
			l.counters.Malformed++
			return
		}
		payload = payload[:len(payload)-int(payload[len(payload)-1])]
	}
	event := int(h.PayloadType) == l.settled.EventType && l.settled.EventType != eventUnknown
	comfort := h.PayloadType == comfortNoise || h.PayloadType == l.settled.ComfortType && h.PayloadType != 0
	if !event && !comfort && h.PayloadType != l.settled.PayloadType {
		l.counters.WrongType++
		return
	}
	if !stamped {
		arrived = l.far.expect(h.SSRC, h.Timestamp, t.Now)
	}
	if l.rtp.sealed {
		if !l.source.follow(h.SSRC, h.SequenceNumber, arrived) {
			l.counters.WrongSource++
			return
		}
	} else if !l.source.admit(in.source(), h.SSRC, h.SequenceNumber, arrived) {
		l.counters.WrongSource++
		return
	} else if !l.rtp.connected {
		// A refused connect leaves the socket open to all; admit goes on sorting them.
		_ = l.rtp.connect(l.source.locked)
	}
	l.heard = t.Now
	if h.SSRC == l.out.ssrc {
		l.out.begin() // RFC 3550 8.2: a collision; ours is the one that can change
		l.origin.tell(&l.out, t.Tick)
	}
	if h.SSRC != l.far.ssrc || !l.far.started {
		if l.far.started {
			l.jitter.Reset()
		}
		l.theirs.Store(h.SSRC)
	}
	missing := l.far.missing(h.SSRC, h.SequenceNumber)
	l.far.packet(h.SSRC, h.SequenceNumber, h.Timestamp, arrived, event || !stamped)
	if missing {
		l.keys.gap(t.Now)
	}
	if missing || l.far.jitter>>4 > calmJitter {
		l.watchful = watchTicks
	}
	if !l.settled.Direction.Receives() {
		l.counters.OnHold++
		return
	}
	switch {
	case event:
		digit, begins := l.events.Packet(h.SSRC, h.SequenceNumber, h.Timestamp, h.Marker, payload)
		if begins {
			l.keys.add(digit, h.Timestamp, t.Now)
		}
		l.down = l.pressed.follow(&l.events, begins, t.Now)
		l.jitter.PutEvent(h.Timestamp, arrived)
	case comfort:
		if len(payload) > 0 {
			l.jitter.PutComfort(h.Timestamp, int8(payload[0]&0x7f), arrived)
		}
	case l.down && l.pressed.covers(h.Timestamp):
		l.jitter.PutEvent(h.Timestamp, arrived) // the same key as a tone, of which nobody is to hear
	default:
		l.multiple = l.jitter.samples(payload) < l.jitter.frame
		l.jitter.Put(h.SequenceNumber, h.Timestamp, payload, arrived, last)
	}
}
