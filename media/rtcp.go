package media

import "encoding/binary"

// RTCP packet types (RFC 3550 12.1).
const (
	rtcpSenderReport   = 200
	rtcpReceiverReport = 201
	rtcpDescription    = 202
	rtcpGoodbye        = 203
)

// ntpEpoch is the number of seconds from 1900 to 1970.
const ntpEpoch = 2208988800

// ntp is a wall clock time in ns as the 64 bits of RFC 3550 4.
func ntp(wall int64) uint64 {
	seconds := uint64(wall/1e9) + ntpEpoch
	fraction := uint64(wall%1e9) << 32 / 1e9
	return seconds<<32 | fraction
}

// report is what one compound RTCP packet of ours says.
type report struct {
	ssrc            uint32
	wall            int64 // ns
	timestamp       uint32
	packets, octets uint32
	sent            bool // we have sent RTP since the last report: a sender report
	far             *reception
	lastSR          uint32 // middle 32 bits of the far end's last sender report
	delaySR         uint32 // since then, in 1/65536 s
	cname           string
	bye             bool
}

// appendTo writes the compound packet: SR or RR, then SDES with the CNAME (RFC 3550 6.1), and
// BYE at the end of a call.
func (r *report) appendTo(b []byte) []byte {
	start := len(b)
	kind := byte(rtcpReceiverReport)
	if r.sent {
		kind = rtcpSenderReport
	}
	blocks := byte(0)
	if r.far.started {
		blocks = 1
	}
	b = append(b, 0x80|blocks, kind, 0, 0)
	b = binary.BigEndian.AppendUint32(b, r.ssrc)
	if r.sent {
		b = binary.BigEndian.AppendUint64(b, ntp(r.wall))
		b = binary.BigEndian.AppendUint32(b, r.timestamp)
		b = binary.BigEndian.AppendUint32(b, r.packets)
		b = binary.BigEndian.AppendUint32(b, r.octets)
	}
	if blocks == 1 {
		fraction, lost, highest, jitter := r.far.report()
		b = binary.BigEndian.AppendUint32(b, r.far.ssrc)
		b = binary.BigEndian.AppendUint32(b, uint32(fraction)<<24|lost)
		b = binary.BigEndian.AppendUint32(b, highest)
		b = binary.BigEndian.AppendUint32(b, jitter)
		b = binary.BigEndian.AppendUint32(b, r.lastSR)
		b = binary.BigEndian.AppendUint32(b, r.delaySR)
	}
	setLength(b[start:])

	start = len(b)
	b = append(b, 0x81, rtcpDescription, 0, 0)
	b = binary.BigEndian.AppendUint32(b, r.ssrc)
	b = append(b, 1, byte(len(r.cname)))
	b = append(b, r.cname...)
	b = append(b, 0)
	for (len(b)-start)%4 != 0 {
		b = append(b, 0)
	}
	setLength(b[start:])

	if r.bye {
		start = len(b)
		b = append(b, 0x81, rtcpGoodbye, 0, 0)
		b = binary.BigEndian.AppendUint32(b, r.ssrc)
		setLength(b[start:])
	}
	return b
}

// setLength writes the length of RFC 3550 6.4.1: 32-bit words less one.
func setLength(packet []byte) { binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)/4-1)) }

// feedback is what a compound packet of the far end tells.
type feedback struct {
	senderReport  uint32 // middle 32 bits of its NTP time, 0: none
	about         bool   // it holds a report block on our SSRC
	fractionLost  uint8  // of what we sent, in 1/256
	lost          uint32 // of what we sent, over the whole session; more received than sent counts as 0
	lastSR, delay uint32 // for the round trip, as RFC 3550 6.4.1 has them
}

// parseFeedback reads a compound RTCP packet. It is not valid where a length lies outside the
// datagram or the first packet is no report (RFC 3550 A.2).
func parseFeedback(b []byte, ours uint32) (f feedback, valid bool) {
	for first := true; len(b) > 0; first = false {
		if len(b) < 8 || b[0]>>6 != 2 {
			return feedback{}, false
		}
		size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if size > len(b) {
			return feedback{}, false
		}
		kind, blocks := b[1], b[8:max(size, 8)]
		if first && kind != rtcpSenderReport && kind != rtcpReceiverReport {
			return feedback{}, false
		}
		if kind == rtcpSenderReport {
			if len(blocks) < 20 {
				return feedback{}, false
			}
			f.senderReport = binary.BigEndian.Uint32(blocks[2:])
			blocks = blocks[20:]
		}
		if kind == rtcpSenderReport || kind == rtcpReceiverReport {
			for n := int(b[0] & 31); n > 0 && len(blocks) >= 24; n-- {
				if binary.BigEndian.Uint32(blocks) == ours {
					f.about = true
					f.fractionLost = blocks[4]
					// 24 bits with a sign: duplicates make it negative (RFC 3550 6.4.1).
					f.lost = uint32(max(0, int32(binary.BigEndian.Uint32(blocks[4:])<<8)>>8))
					f.lastSR = binary.BigEndian.Uint32(blocks[16:])
					f.delay = binary.BigEndian.Uint32(blocks[20:])
				}
				blocks = blocks[24:]
			}
		}
		b = b[size:]
	}
	return f, true
}

// isRTCP tells RTCP from RTP on a shared port (RFC 5761 4).
func isRTCP(packet []byte) bool {
	return len(packet) >= 2 && packet[1] >= 192 && packet[1] <= 223
}
