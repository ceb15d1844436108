package media

import "time"

const (
	// pressPatience is how long a key counts as down after a packet that says so: a far end sends
	// one each 50 ms at least (RFC 4733 2.5.1.2), and two may be lost.
	pressPatience = 150e6 // ns
	// pressTail is for how long it does after the first packet that tells its end: what a phone
	// sends next may still hold the rest of the tone.
	pressTail = 40e6 // ns
)

// Press is a key of the far end that is down, by RFC 4733.
type Press struct {
	Key    byte          // 0-9, *, #, A-D; 0: none is down
	Number uint32        // of presses on this leg so far
	Length time.Duration // as far as was told
	Ended  bool
}

// press is what a leg knows of the newest key.
type press struct {
	key       byte // 0: there was none
	ended     bool
	number    uint32
	timestamp uint32 // of its begin, or of the begin of its newest segment
	length    uint32 // since then, in units of the timestamp
	until     int64  // when it counts as over, ns
}

// follow takes note of what a packet told, and says whether a key is down. begins tells that it was
// the first packet of a press.
func (p *press) follow(e *EventReceiver, begins bool, now int64) (down bool) {
	if e.count == 0 {
		return false
	}
	if p.key != 0 && p.timestamp == e.timestamp && p.ended {
		return now < p.until // the end is told three times
	}
	if begins && (p.key == 0 || p.timestamp != e.timestamp) {
		p.number++
	}
	p.key, p.timestamp, p.length, p.ended = eventKeys[e.key], e.timestamp, e.duration, e.ended
	p.until = now + pressPatience
	if p.ended {
		p.until = now + pressTail
	}
	return true
}

// covers tells that audio of that time is of the key.
func (p *press) covers(timestamp uint32) bool {
	after := int32(timestamp - p.timestamp)
	return after >= 0 && !(p.ended && after >= int32(p.length))
}

// Pressed tells that a key of the far end is down, or was a moment ago.
func (l *Leg) Pressed() bool { return l.down }

// Press is the key that is down.
func (l *Leg) Press() Press {
	if !l.down {
		return Press{Number: l.pressed.number}
	}
	return Press{Key: l.pressed.key, Number: l.pressed.number, Ended: l.pressed.ended,
		Length: time.Duration(l.pressed.length) * time.Second / time.Duration(l.settled.Codec.ClockRate())}
}
