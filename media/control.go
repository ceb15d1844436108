package media

import (
	"math/rand/v2"
	"net/netip"
)

// rtcpInterval is the mean time between our reports (RFC 3550 6.2: 5 s at least for a session
// of two).
const rtcpInterval = 5e9 // ns

// control is the RTCP side of a leg.
type control struct {
	cname    string
	to       target
	hasTo    bool
	next     int64 // when the next report is due, ns
	buf      [256]byte
	lastSR   uint32 // of the far end
	lastSRAt int64  // when it came, ns

	roundTrip    int64 // ns
	farLost      uint8
	loss         float32 // share of what we sent that was lost of late: half of the way down with each report
	farLostTotal uint32
	reported     bool // the far end has told what it received
}

// interval is randomised over 0.5 to 1.5 times the mean, so that the reports of many legs
// do not fall together (RFC 3550 6.3.1).
func (c *control) interval() int64 { return rtcpInterval/2 + rand.Int64N(rtcpInterval) }

// keep does what is due about once a second: RTCP in and out.
func (l *Leg) keep(in *Inbox, t Time) {
	for range 4 {
		size, stamp := in.receive(&l.rtcp, true)
		if size < 0 {
			break
		}
		l.feedback(in.buf[:size], in, t.arrival(stamp, oldestReport), t)
	}
	if t.Now >= l.control.next {
		l.control.next = t.Now + l.control.interval()
		l.report(in.work, t, false)
	}
}

// relearn opens the socket to all once the locked source was silent for long: a NAT may have
// rebound, and admit knows who may speak for it.
func (l *Leg) relearn(t Time) {
	if l.rtp.connected && l.source.silent(t.Now) {
		l.rtp.disconnect()
		if l.hasTo = l.rtp.takes(l.source.locked); l.hasTo {
			l.to = newTarget(l.source.locked, l.rtp.v6)
		}
	}
}

// feedback takes a compound RTCP packet, which has waited since arrived for the look that found it. It counts only from the host
// that the audio comes from: a stranger's report must not keep a dead call alive.
func (l *Leg) feedback(b []byte, in *Inbox, arrived int64, t Time) {
	if g := l.settled.guard; g.on() {
		plain, verdict := g.in.report(in.work, b)
		if l.suspicious(verdict) {
			return
		}
		b = plain
	}
	if !l.settled.Mux {
		from := in.source()
		if from.Addr() != l.source.locked.Addr() {
			l.counters.WrongSource++
			return
		}
		l.learnControl(from)
	} else if !l.rtp.sealed && in.source() != l.source.locked {
		l.counters.WrongSource++
		return
	}
	f, valid := parseFeedback(b, l.out.ssrc)
	if !valid {
		l.counters.Malformed++
		return
	}
	l.heard = t.Now
	if f.senderReport != 0 {
		l.control.lastSR, l.control.lastSRAt = f.senderReport, arrived
	}
	if !f.about {
		return
	}
	l.control.farLost, l.control.farLostTotal, l.control.reported = f.fractionLost, f.lost, true
	now := float32(f.fractionLost) / 256
	l.control.loss = max(now, (l.control.loss+now)/2)
	if f.lastSR != 0 {
		// RFC 3550 6.4.1: arrival - LSR - DLSR, in 1/65536 s.
		trip := int64(int32(uint32(ntp(t.Wall-(t.Now-arrived))>>16) - f.lastSR - f.delay))
		if trip >= 0 {
			l.control.roundTrip = trip * 1e9 >> 16
		}
	}
}

// Loss is the share of what we send, 0 to 1, that is lost on the way of late. A far end that tells nothing by RTCP is taken to
// lose as much as is lost on the way here.
func (l *Leg) Loss() float32 {
	if !l.control.reported {
		return float32(l.far.fraction) / 256
	}
	return l.control.loss
}

// learnControl answers a far end behind NAT where its RTCP comes from.
func (l *Leg) learnControl(from netip.AddrPort) {
	if l.rtcp.takes(from) && from.Addr() != l.settled.RTCP.Addr() {
		l.control.to, l.control.hasTo = newTarget(from, l.rtcp.v6), true
	}
}

// report sends a sender or receiver report, the last one with BYE.
func (l *Leg) report(work *workspace, t Time, bye bool) {
	r := report{ssrc: l.out.ssrc, wall: t.Wall, timestamp: l.at(t), packets: l.out.packets, octets: l.out.octets,
		sent: l.out.packets != l.out.reported && t.Wall != 0, far: &l.far, lastSR: l.control.lastSR, cname: l.control.cname, bye: bye}
	if l.control.lastSR != 0 && t.Now != 0 {
		r.delaySR = uint32((t.Now - l.control.lastSRAt) << 16 / 1e9)
	}
	l.out.reported = l.out.packets
	b := r.appendTo(l.control.buf[:0])
	if g := l.settled.guard; g.on() {
		b = g.out.report(work, b)
	}
	switch {
	case !l.settled.Mux && l.control.hasTo:
		l.rtcp.sendTo(b, &l.control.to)
	case l.settled.Mux && l.rtp.connected:
		l.rtp.send(b)
	case l.settled.Mux && l.hasTo:
		l.rtp.sendTo(b, &l.to)
	}
}

// at is the place of a moment on the time line of what we send.
func (l *Leg) at(t Time) uint32 {
	if t.Now == 0 {
		return l.out.timestamp
	}
	return l.out.base + uint32(t.Tick*uint64(l.settled.step))
}
