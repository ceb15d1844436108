package bench

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync/atomic"
)

// caller is the media of one member: what it sends each 20 ms, and what it
// makes of what comes. But for the atomics, its lane's thread alone touches it once it is in one.
type caller struct {
	socket      socket
	active      atomic.Bool // sends and receives
	packet      [12 + longest]byte
	payloadType byte
	step        uint32 // of the RTP clock in a packet
	voice       *voice
	frame       int      // of the voice, next to be sent
	ear         *ear     // keeps what is heard, nil for most
	inbox       *mailbox // of the lane's buffer, for the ear's time stamps

	crypt     *crypt // nil: it is plain
	heard     bool   // a packet came: the next two are valid
	sequence  uint16
	timestamp uint32
	counts    counts
	heardAt   atomic.Int64 // when a talker was heard first since it was set to 0, by clock; only with now
	now       func() int64 // clock; nil: nobody asks for heardAt
	// continuity is that of the stream that it is sent; nil: nobody asks for it.
	continuity *continuity
	loss       atomic.Int64 // packets of ours that the far end missed, by its RTCP; -1: not told
	// lossBefore and lossAfter are loss when the measurement began and ended; they are not the lane's.
	lossBefore, lossAfter int64
}

// counts are those of the time measured.
type counts struct {
	sent, received int64
	lost           int64 // by sequence number
	skipped        int64 // frames that the timestamp says were never sent
	refused        int64 // sends that the kernel did not take
}

func newCaller(coding coding, v *voice) (*caller, error) {
	s, err := openSocket()
	if err != nil {
		return nil, err
	}
	c := &caller{socket: s, voice: v, payloadType: coding.payloadType, step: coding.step}
	c.loss.Store(-1)
	c.packet[0], c.packet[1] = 2<<6, c.payloadType // RTP version 2
	address, err := s.address()
	if err != nil {
		s.close()
		return nil, err
	}
	port := uint32(address.Port())
	binary.BigEndian.PutUint32(c.packet[8:], port<<16|port) // an SSRC as unique as the port
	c.frame = int(port)                                     // not all in step
	return c, nil
}

// connect sends to and receives from the far end only, and starts.
func (c *caller) connect(to netip.AddrPort) error {
	if err := c.socket.connect(to); err != nil {
		return err
	}
	c.active.Store(true)
	return nil
}

// speak sends the next packet.
func (c *caller) speak(count bool) {
	p := c.packet[:]
	p = p[:12+copy(p[12:], c.voice.frame(c.frame))]
	if c.ear != nil && count {
		c.ear.spoke(c.frame)
	}
	taken := c.send(p)
	if count {
		c.counts.sent++
		if !taken {
			c.counts.refused++
		}
	}
}

// fallSilent sends comfort noise in place of the next packet (RFC 3389 4): where audio ends without it
// the far end takes what does not come for lost.
func (c *caller) fallSilent() {
	const comfortNoise = 13
	p := c.packet[:13]
	p[1], p[12] = comfortNoise, -hushLevel
	c.send(p)
	p[1] = c.payloadType
}

// send sends p, the packet or its beginning, as the next one.
func (c *caller) send(p []byte) bool {
	binary.BigEndian.PutUint16(p[2:], binary.BigEndian.Uint16(p[2:])+1)
	c.hold(1)
	if c.crypt != nil {
		p = c.crypt.seal(p)
	}
	return c.socket.send(p)
}

// hold lets so many frames pass unsent.
func (c *caller) hold(frames int64) {
	binary.BigEndian.PutUint32(c.packet[4:], binary.BigEndian.Uint32(c.packet[4:])+uint32(frames)*c.step)
	c.frame += int(frames)
}

// listen reads all that has come.
func (c *caller) listen(buffer []byte, count bool) {
	if c.ear == nil && c.continuity == nil {
		for {
			n := c.socket.receive(buffer)
			if n < 0 {
				return
			}
			c.take(buffer[:n], 0, count)
		}
	}
	for {
		n, arrived := c.socket.receiveStamped(c.inbox)
		if n < 0 {
			return
		}
		c.take(buffer[:n], arrived, count)
	}
}

func (c *caller) take(p []byte, arrived int64, count bool) {
	if len(p) < 12 {
		return
	}
	control := p[1] >= 192 && p[1] <= 223 // RTCP on the same port (RFC 5761 4)
	if c.crypt != nil && (control || c.ear != nil) {
		if p = c.crypt.open(p, control); p == nil {
			return // it counts as lost
		}
	}
	if control {
		c.report(p)
		return
	}
	c.follow(p, arrived)
	sequence, timestamp := binary.BigEndian.Uint16(p[2:]), binary.BigEndian.Uint32(p[4:])
	if c.heard && count {
		c.counts.received++
		step := int64(int16(sequence - c.sequence))
		c.counts.lost += step - 1 // a late packet takes back its loss
		c.counts.skipped += int64(int32(timestamp-c.timestamp))/int64(c.step) - step
	}
	c.heard, c.sequence, c.timestamp = true, sequence, timestamp
	if c.now != nil && c.heardAt.Load() == 0 && loud(p[12:]) {
		c.heardAt.Store(c.now())
	}
	if c.ear != nil && count {
		c.ear.hear(p[12:], timestamp, arrived)
	}
}

// follow notes how a packet continues the stream, if anybody asks for that.
func (c *caller) follow(p []byte, arrived int64) {
	if c.continuity == nil {
		return
	}
	step := int64(int16(binary.BigEndian.Uint16(p[2:]) - c.sequence))
	ticks := int64(int32(binary.BigEndian.Uint32(p[4:])-c.timestamp)) / int64(c.step)
	c.continuity.take(p, arrived, step-1, ticks-step)
}

// report takes the cumulative loss from the first report block of a sender or
// receiver report (RFC 3550 6.4).
func (c *caller) report(p []byte) {
	const senderReport, receiverReport = 200, 201
	block := 8
	switch p[1] {
	case senderReport:
		block = 28
	case receiverReport:
	default:
		return
	}
	if p[0]&0x1f == 0 || len(p) < block+24 {
		return
	}
	lost := int32(binary.BigEndian.Uint32(p[block+4:])<<8) >> 8 // 24 bits, signed
	c.loss.Store(int64(lost))
}

// loud tells whether a frame in PCMU has somebody's talk in it, by its peak: beyond -40 dBFS, which is far above the hush.
func loud(frame []byte) bool {
	const segment = 3 << 4 // of the octet's magnitude, which is inverted (G.711)
	for _, octet := range frame {
		if ^octet&0x7f >= segment {
			return true
		}
	}
	return false
}

// name is that by which the server knows the caller.
func (c *caller) name() (string, error) {
	address, err := c.socket.address()
	return fmt.Sprintf("bench%d", address.Port()), err
}
