package media

import (
	"encoding/binary"
	"math/rand/v2"
)

// outgoing is the RTP stream that we send.
type outgoing struct {
	ssrc      uint32
	seq       uint16
	rollover  uint32 // of seq, for encryption
	base      uint32 // of the timestamp: it follows the ticks, so that a gap in time shows
	timestamp uint32 // of the last packet
	packets   uint32
	octets    uint32
	total     uint64
	reported  uint32 // packets at the last sender report
	next      uint64 // the tick that follows the last packet without a gap
	hushed    bool   // the far end has been told that there is nothing to be sent
	paused    bool   // nothing was sent since somebody talked last
}

// begin chooses the numbers that RFC 3550 5.1 wants to be random.
func (o *outgoing) begin() {
	// The first sequence numbers leave room for losses before the first rollover (RFC 3711 3.3.1).
	*o = outgoing{ssrc: rand.Uint32(), seq: uint16(rand.Uint32N(1 << 15)), base: rand.Uint32(), total: o.total}
}

// Outbox is what a worker needs to send for its legs, one after another: where packets are encrypted to, for a payload is many
// legs'. It serves one goroutine.
type Outbox struct{ work *workspace }

// NewOutbox returns an Outbox.
func NewOutbox() *Outbox { return &Outbox{newWorkspace()} }

// Send sends a frame of 20 ms: packet has HeaderRoom octets, which are overwritten, and the
// payload in the leg's codec. It is called at each tick from the first Apply on, also with
// silence: firewalls and carriers drop legs that send nothing.
func (l *Leg) Send(packet []byte, out *Outbox, t Time) { l.send(packet, false, out, t) }

// SendPause is Send for a pause, in which nobody talks. A far end that wants nothing in pauses is sent the first packet that
// says nothing, which tells it that nothing is lost (RFC 7587 3.1.3), and those that have something.
func (l *Leg) SendPause(packet []byte, out *Outbox, t Time) { l.send(packet, true, out, t) }

func (l *Leg) send(packet []byte, pause bool, out *Outbox, t Time) {
	s, o := l.settled, &l.out
	if s == nil || !s.Direction.Sends() {
		return
	}
	if s.Discontinuous {
		empty := len(packet) <= headerSize+discontinued
		told := empty && o.hushed
		if o.hushed = empty; empty {
			o.paused = true
		} else if !pause && o.paused {
			o.paused, o.next = false, 0 // talk begins with the marker, whenever the last packet was sent (RFC 7587 4.1)
		}
		if told {
			return
		}
	}
	if s.packer != nil {
		s.packer.send(l, packet[headerSize:], out, t)
		return
	}
	l.write(packet, out, t.Tick*uint64(s.step), t.Tick, 1)
}

// write puts the header before a payload and sends it. place is the packet's on the
// time line of the leg, by the RTP clock, ticks the number of ticks it stands for.
func (l *Leg) write(packet []byte, out *Outbox, place, tick, ticks uint64) {
	o := &l.out
	o.timestamp = o.base + uint32(place)
	kind := l.settled.PayloadType
	if tick != o.next && !o.paused {
		kind |= 0x80 // the marker: first packet after a gap (RFC 3551 4.1)
	}
	o.next = tick + ticks
	packet[0] = 0x80
	packet[1] = kind
	binary.BigEndian.PutUint16(packet[2:], o.seq)
	binary.BigEndian.PutUint32(packet[4:], o.timestamp)
	binary.BigEndian.PutUint32(packet[8:], o.ssrc)
	octets := uint32(len(packet) - headerSize)
	if g := l.settled.guard; g.on() {
		packet = g.out.packet(out.work, packet, o.rollover)
	}
	if o.seq++; o.seq == 0 {
		o.rollover++
	}
	var ok bool
	switch {
	case l.rtp.connected:
		ok = l.rtp.send(packet)
	case l.hasTo:
		ok = l.rtp.sendTo(packet, &l.to)
	default:
		return
	}
	if !ok {
		l.counters.SendErrors++
		return
	}
	o.packets++
	o.octets += octets
	o.total++
}

// packer makes packets of another length than 20 ms out of the frames of a coding with an octet for each turn of the
// RTP clock.
type packer struct {
	size   int // octets of a payload
	frame  int // octets of 20 ms
	buf    []byte
	filled int    // octets after the header
	begins uint64 // place of the first of them on the time line
	next   uint64 // the tick that has to follow for the payload to be whole
}

// newPacker returns nil for packets of 20 ms, which need none.
func newPacker(c Codec, ptime int) *packer {
	if ptime == 20 || ptime <= 0 {
		return nil
	}
	frame := c.ClockRate() / FramesPerSecond
	size := frame * ptime / 20
	return &packer{size: size, frame: frame, buf: make([]byte, headerSize+size)}
}

// send appends a frame and writes as many packets as are full.
func (p *packer) send(l *Leg, payload []byte, out *Outbox, t Time) {
	if p.filled > 0 && t.Tick != p.next {
		p.filled = 0 // the clockwork was late: what was begun has no continuation
	}
	p.next = t.Tick + 1
	for offset := 0; offset < len(payload); {
		if p.filled == 0 {
			p.begins = t.Tick*uint64(p.frame) + uint64(offset)
		}
		n := copy(p.buf[headerSize+p.filled:], payload[offset:])
		p.filled += n
		offset += n
		if p.filled == p.size {
			p.filled = 0
			begin, end := p.begins*FramesPerSecond, (p.begins+uint64(p.size))*FramesPerSecond
			rate := uint64(p.frame * FramesPerSecond)
			l.write(p.buf, out, p.begins, begin/rate, end/rate-begin/rate)
		}
	}
}
