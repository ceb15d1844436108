package media

// reception keeps what RFC 3550 6.4.1 and appendix A want to know of the packets received
// from one SSRC, for receiver reports and for display.
type reception struct {
	ssrc     uint32
	started  bool
	base     uint32 // extended sequence number of the first packet
	highest  uint32 // extended sequence number of the newest
	received uint32
	transit  int64 // ns, of the newest packet
	jitter   int64 // ns, times 16 (RFC 3550 A.8)
	rate     int64 // of the RTP clock, Hz

	priorExpected, priorReceived uint32 // at the last report
	fraction                     uint8  // lost before that, in 1/256

	// total and totalLost go on over changes of SSRC.
	total, totalLost uint64
}

// packet counts an RTP packet that arrived at the given time in ns. It may tell nothing of
// jitter: the timestamp of a telephone-event stands still while its packets follow one another.
func (r *reception) packet(ssrc uint32, seq uint16, timestamp uint32, arrived int64, timeless bool) {
	if !r.started || ssrc != r.ssrc || jumped(seq, uint16(r.highest)) {
		r.totalLost = r.lost()
		*r = reception{ssrc: ssrc, started: true, rate: r.rate, total: r.total, totalLost: r.totalLost,
			base: 1<<16 | uint32(seq), highest: 1<<16 | uint32(seq), transit: arrived - r.nanoseconds(timestamp)}
	}
	r.received++
	r.total++
	if ahead := int16(seq - uint16(r.highest)); ahead > 0 {
		r.highest += uint32(ahead)
	} else if ahead < 0 {
		return // a late packet says nothing of the network's delay now
	}
	if timeless {
		return
	}
	transit := arrived - r.nanoseconds(timestamp)
	d := transit - r.transit
	r.transit = transit
	if d < 0 {
		d = -d
	}
	if d < int64(1e9) { // a jump of the timestamp is no jitter
		r.jitter += d - (r.jitter+8)>>4
	}
}

// expect is when a packet should have come by the last one whose time of arrival is known. It is
// now where there is none, and where the timestamp has jumped.
func (r *reception) expect(ssrc, timestamp uint32, now int64) int64 {
	arrived := r.transit + r.nanoseconds(timestamp)
	if !r.started || ssrc != r.ssrc || arrived > now || now-arrived > oldest {
		return now
	}
	return arrived
}

// missing tells that a packet that is about to be counted does not simply follow the others: it
// leaves a gap before it, or was overtaken itself, as others before it may have been.
func (r *reception) missing(ssrc uint32, seq uint16) bool {
	return r.started && ssrc == r.ssrc && seq != uint16(r.highest)+1
}

// jumped tells a sender that began again (RFC 3550 A.1, MAX_DROPOUT) from one whose packets
// were lost or came late.
func jumped(seq, highest uint16) bool {
	const most = 3000
	d := int16(seq - highest)
	return d > most || d < -most
}

func (r *reception) nanoseconds(timestamp uint32) int64 {
	return int64(timestamp) * 1e9 / r.rate
}

// lost is the number of packets that never came, over the whole call.
func (r *reception) lost() uint64 {
	expected := r.highest - r.base + 1
	if !r.started || expected <= r.received {
		return r.totalLost
	}
	return r.totalLost + uint64(expected-r.received)
}

// report fills in the report block of RFC 3550 6.4.1 but for the last two fields.
func (r *reception) report() (fraction uint8, lost uint32, highest uint32, jitter uint32) {
	expected := r.highest - r.base + 1
	if expected > r.received {
		lost = min(expected-r.received, 0x7fffff)
	}
	interval := expected - r.priorExpected
	got := r.received - r.priorReceived
	r.priorExpected, r.priorReceived = expected, r.received
	if interval > got && interval > 0 {
		fraction = uint8(min(255, (interval-got)<<8/interval))
	}
	r.fraction = fraction
	return fraction, lost, r.highest, uint32(r.jitter >> 4 * r.rate / 1e9)
}
