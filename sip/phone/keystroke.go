package phone

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// keystroke is one key on its way into RTP as a telephone-event (RFC 4733).
type keystroke struct {
	event    byte
	press    Press
	start    uint32 // timestamp of all its packets
	elapsed  uint32 // samples since the key went down
	frames   int    // packets since
	ends     int    // end packets so far
	released chan struct{}
}

type eventPacket struct {
	marker, lost bool
	timestamp    uint32
	payload      [4]byte
}

const (
	endPackets  = 3  // RFC 4733 2.5.1.4
	eventVolume = 10 // -10 dBm0
)

// next advances the key by the samples of one packet, and returns the event to
// send in it unless it belongs to the pause that follows.
func (k *keystroke) next(now, samples uint32) (p eventPacket, on bool) {
	if k.frames == 0 {
		k.start = now
	}
	k.elapsed += samples
	k.frames++
	if k.ends == endPackets {
		return p, false
	}
	duration, end := k.elapsed, byte(0)
	if total := inSamples(k.press.Duration); duration >= total {
		duration, end = total, 0x80
		k.ends++
	}
	// RFC 4733 2.3: event, E R volume, duration.
	p.payload[0] = k.event
	p.payload[1] = end | eventVolume
	binary.BigEndian.PutUint16(p.payload[2:], uint16(duration))
	p.timestamp = k.start
	p.marker = k.frames == 1 && !k.press.NoMarker
	p.lost = k.press.LoseEnd && end != 0 || k.frames <= k.press.LoseFirst
	return p, true
}

// over tells whether the pause after the key has passed.
func (k *keystroke) over() bool {
	return k.ends == endPackets && k.elapsed >= inSamples(k.press.Duration+k.press.Gap)
}

func inSamples(d time.Duration) uint32 { return uint32(d * clockRate / time.Second) }

// events holds the keys by their event code (RFC 4733 3.2).
const events = "0123456789*#ABCD"

// Press presses the keys of digits ("0" to "9", "*", "#", "A" to "D") one after
// the other and returns when the last was released and its pause has passed.
func (c *Call) Press(digits string, p Press) error {
	p = p.withDefaults()
	if p.Duration > 8*time.Second {
		return fmt.Errorf("press keys for %v: an event lasts 8 s at most", p.Duration)
	}
	var keys []*keystroke
	for _, digit := range digits {
		event := strings.IndexRune(events, digit)
		if event < 0 {
			return fmt.Errorf("press %q: there is no key %q, only %s", digits, digit, events)
		}
		keys = append(keys, &keystroke{event: byte(event), press: p, released: make(chan struct{})})
	}
	if len(keys) == 0 {
		return nil
	}
	s := c.stream
	s.mu.Lock()
	if s.eventType == NoEvents {
		s.mu.Unlock()
		return errors.New("press keys: the far end takes no telephone-event")
	}
	s.keys = append(s.keys, keys...)
	s.mu.Unlock()
	select {
	case <-keys[len(keys)-1].released:
		return nil
	case <-c.done:
		return fmt.Errorf("press keys: the call is over: %s", c.Ending())
	}
}
