package media

// window is how far behind the newest packet one is still told from a replayed one (RFC 3711 3.3.2: 64 at least).
const window = 64

// mostStreams is how many SSRCs of the far end are remembered under one key. A phone has one, or a new one after each
// hold. When there are more the one not heard for the longest is forgotten, and could be replayed; better that than a
// phone that is not heard any more.
const mostStreams = 32

// progress tells how far the streams of a far end have come: the packets that were authentic. The one heard last comes first.
type progress struct {
	count   int
	streams [mostStreams]stream
}

type stream struct {
	ssrc    uint32
	report  uint32 // index of the newest RTCP packet
	index   uint64 // of the newest RTP packet: rollover counter and sequence number
	seen    uint64 // bit n: RTP packet index-n came
	reports uint64 // likewise
}

// at finds a stream; nil: nothing authentic came of it.
func (p *progress) at(ssrc uint32) *stream {
	for i := range p.streams[:p.count] {
		if p.streams[i].ssrc == ssrc {
			return &p.streams[i]
		}
	}
	return nil
}

// estimate is the index of a packet by its sequence number (RFC 3711 3.3.1 and appendix A); not ok: it was there already, or
// is too old to know.
func (p *progress) estimate(ssrc uint32, seq uint16) (index uint64, ok bool) {
	s := p.at(ssrc)
	if s == nil || s.seen == 0 {
		return uint64(seq), true
	}
	index = s.index + uint64(int64(int16(seq-uint16(s.index)))) // wraps below 0 to what is far ahead
	if index>>48 != 0 {
		return 0, false
	}
	return index, index > s.index || !had(s.seen, s.index-index)
}

func (p *progress) hadReport(ssrc, index uint32) bool {
	s := p.at(ssrc)
	return s != nil && s.reports != 0 && index <= s.report && had(s.reports, uint64(s.report-index))
}

// had tells whether the packet so far behind the newest was there, or is outside of the window.
func had(seen uint64, behind uint64) bool { return behind >= window || seen>>behind&1 != 0 }

// took notes an authentic RTP packet.
func (p *progress) took(ssrc uint32, index uint64) {
	s := p.first(ssrc)
	s.index, s.seen = note(s.index, s.seen, index)
}

// tookReport notes an authentic RTCP packet.
func (p *progress) tookReport(ssrc, index uint32) {
	s := p.first(ssrc)
	newest, seen := note(uint64(s.report), s.reports, uint64(index))
	s.report, s.reports = uint32(newest), seen
}

// note adds one to what was seen.
func note(newest, seen, index uint64) (uint64, uint64) {
	switch {
	case seen == 0:
		return index, 1
	case index > newest:
		return index, seen<<min(index-newest, window) | 1
	}
	return newest, seen | 1<<(newest-index)
}

// first brings a stream to the first place.
func (p *progress) first(ssrc uint32) *stream {
	i := 0
	for i < p.count && p.streams[i].ssrc != ssrc {
		i++
	}
	if i == 0 && p.count > 0 {
		return &p.streams[0]
	}
	s := stream{ssrc: ssrc}
	if i < p.count {
		s = p.streams[i]
	} else {
		p.count = min(p.count+1, mostStreams)
		i = p.count - 1
	}
	copy(p.streams[1:i+1], p.streams[:i])
	p.streams[0] = s
	return &p.streams[0]
}
