package media

import "encoding/binary"

// eventKeys are the keys of telephone-events 0 to 15 (RFC 4733 3.2).
const eventKeys = "0123456789*#ABCD"

const (
	// eventMemory is how many events are remembered, so that a packet of one of them that
	// comes late is not taken for another press.
	eventMemory = 16
	// eventReach is how much older than the newest event, in units of the timestamp, one may
	// be that was not heard of yet: a second at 8000 Hz.
	eventReach = 8000
	// segment is the longest duration that a packet can tell. A longer press goes on as an
	// event of its own, which begins where that ends (RFC 4733 2.5.1.3).
	segment = 0xFFFF
)

// EventReceiver finds the digits in the telephone-event packets of one leg (RFC 4733). Its
// zero value is ready. All packets of one press bear the timestamp of its begin; the first
// of them that comes reports the digit, whichever it is, the others do not. So the marker
// and the end packets may be lost, repeated or out of order.
type EventReceiver struct {
	known [eventMemory]uint32 // timestamps of the last events, in a ring
	count int                 // of them
	at    int                 // where the next one goes
	ssrc  uint32

	// The newest event:
	timestamp uint32
	seq       uint16 // of its latest packet
	key       byte   // event code
	ended     bool
	duration  uint32
}

// Packet takes a telephone-event payload and the header of its packet. It returns the digit
// (0-9, *, #, A-D) at the first packet of each press, else false. Of a payload with several
// events only the first is looked at: a press is always alone, since DTMF digits have a pause
// between them. Payloads that are malformed or name no digit are ignored.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|     event     |E|R| volume    |          duration             |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
func (r *EventReceiver) Packet(ssrc uint32, seq uint16, ts uint32, marker bool, payload []byte) (digit byte, ok bool) {
	if len(payload) < 4 || int(payload[0]) >= len(eventKeys) {
		return 0, false
	}
	if ssrc != r.ssrc {
		*r = EventReceiver{ssrc: ssrc}
	}
	key, end, duration := payload[0], payload[1]&0x80 != 0, uint32(binary.BigEndian.Uint16(payload[2:]))
	fresh := r.count == 0 || int16(seq-r.seq) > 0
	if fresh {
		r.seq = seq
	}
	switch {
	case r.count > 0 && ts == r.timestamp:
		r.ended = r.ended || end
		r.duration = max(r.duration, duration)
		return 0, false
	case r.remembers(ts):
		return 0, false
	case r.count == 0 || int32(ts-r.timestamp) > 0:
		goesOn := !marker && !r.ended && key == r.key && r.count > 0 &&
			(ts-r.timestamp <= r.duration || ts-r.timestamp == segment)
		r.remember(ts)
		r.timestamp, r.key, r.ended, r.duration = ts, key, end, duration
		if goesOn {
			return 0, false
		}
	case r.timestamp-ts <= eventReach:
		// All packets of this event so far were lost or overtaken by the next event.
		r.remember(ts)
	case fresh:
		// The far end's timestamps began anew.
		*r = EventReceiver{ssrc: ssrc, timestamp: ts, seq: seq, key: key, ended: end, duration: duration}
		r.remember(ts)
	default:
		return 0, false
	}
	return eventKeys[key], true
}

func (r *EventReceiver) remembers(ts uint32) bool {
	for _, t := range r.known[:r.count] {
		if t == ts {
			return true
		}
	}
	return false
}

func (r *EventReceiver) remember(ts uint32) {
	r.known[r.at] = ts
	r.at = (r.at + 1) % eventMemory
	r.count = min(r.count+1, eventMemory)
}
