package phone

import (
	"cmp"
	"slices"
	"time"
)

// Packet is one RTP packet that the phone received.
type Packet struct {
	Arrived     time.Time
	Sequence    uint16
	Timestamp   uint32
	SSRC        uint32
	PayloadType uint8
	Marker      bool
	PCM         []int16 // decoded; nil for what is not audio
	Rate        int     // of PCM in Hz
	clock       int     // of Timestamp; 0: clockRate
}

// Packets returns all packets received in this call so far, in order of
// arrival. The caller must not change them.
func (c *Call) Packets() []Packet {
	c.stream.mu.Lock()
	defer c.stream.mu.Unlock()
	n := len(c.stream.packets)
	return c.stream.packets[:n:n]
}

// Heard returns the last d of the audio received so far, less if there was less,
// all of it if d is 0. It has the rate of its codec.
func (c *Call) Heard(d time.Duration) []int16 {
	packets := c.Packets()
	pcm, rate := Assemble(packets), clockRate
	for _, p := range packets {
		rate = max(rate, p.Rate)
	}
	if n := int(d * time.Duration(rate) / time.Second); n > 0 && n < len(pcm) {
		return pcm[len(pcm)-n:]
	}
	return pcm
}

// maxGap is the longest time without packets that a recording keeps as
// silence; a larger jump of the timestamp is taken as a new beginning.
const maxGap = 60 * clockRate

// Assemble orders the audio of packets by RTP timestamp and returns it with
// zeros for what is missing. Each new SSRC, and each new rate, begins where the one before ended.
func Assemble(packets []Packet) []int16 {
	var out []int16
	for len(packets) > 0 {
		// A run of one SSRC without a jump; offsets are from its first packet.
		n, rate := 0, 0
		last := packets[0].Timestamp
		var from, to int
		offset := func(p Packet) int {
			return int(int32(p.Timestamp-packets[0].Timestamp)) * rate / cmp.Or(packets[0].clock, clockRate)
		}
		for n < len(packets) && packets[n].SSRC == packets[0].SSRC {
			p := packets[n]
			if step := int32(p.Timestamp - last); step > maxGap || step < -maxGap {
				break
			}
			if p.PCM != nil {
				if rate != 0 && rate != p.Rate {
					break
				}
				rate = p.Rate
				from, to = min(from, offset(p)), max(to, offset(p)+len(p.PCM))
				last = p.Timestamp
			}
			n++
		}
		run := make([]int16, to-from)
		for _, p := range packets[:n] {
			if p.PCM != nil {
				copy(run[offset(p)-from:], p.PCM)
			}
		}
		out = append(out, run...)
		packets = packets[n:]
	}
	return out
}

// after returns the packets that arrived after since.
func after(packets []Packet, since time.Time) []Packet {
	for i, p := range packets {
		if p.Arrived.After(since) {
			return packets[i:]
		}
	}
	return nil
}

// Stalls returns when the phone sent a packet more than 2 ms late: the machine had no time for it.
func (c *Call) Stalls() []time.Time {
	c.stream.mu.Lock()
	defer c.stream.mu.Unlock()
	return slices.Clone(c.stream.stalls)
}

// Stats counts a call's RTP.
type Stats struct {
	Sent     uint64        // packets, those that the network lost included
	Received uint64        // packets
	Lost     uint64        // of those that should have come, by sequence number
	MaxGap   time.Duration // longest time between two packets
}

// Stats returns the counts so far.
func (c *Call) Stats() Stats {
	packets := c.Packets()
	c.stream.mu.Lock()
	s := Stats{Sent: c.stream.sent, Received: uint64(len(packets))}
	c.stream.mu.Unlock()
	for len(packets) > 0 {
		// Distinct numbers, unwrapped, of one SSRC.
		first, seen := packets[0], make(map[int]bool)
		low, high, number := 0, 0, 0
		n := 0
		for ; n < len(packets) && packets[n].SSRC == first.SSRC; n++ {
			if n > 0 {
				number += int(int16(packets[n].Sequence - packets[n-1].Sequence))
				s.MaxGap = max(s.MaxGap, packets[n].Arrived.Sub(packets[n-1].Arrived))
			}
			low, high = min(low, number), max(high, number)
			seen[number] = true
		}
		s.Lost += uint64(high - low + 1 - len(seen))
		packets = packets[n:]
	}
	return s
}
