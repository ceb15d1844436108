package media

import (
	"net/netip"
	"slices"
)

// LegProgress is how far a leg has come between two ticks: what another process, that has its sockets and its LegState, needs to
// go on with it so exactly that the far end notices nothing. Of an encrypted leg it has no keys.
type LegProgress struct {
	Port     uint16 // of RTP
	Sent     SentProgress
	Heard    HeardProgress
	Source   SourceProgress
	Keys     KeyProgress
	Control  ControlProgress
	Secure   SecureProgress
	Jitter   JitterProgress
	Counters Counters
	Last     int64          // when something of the far end came last, ns of Monotonic
	To       netip.AddrPort // where RTP goes to while the socket is not connected; not valid: nowhere
	Short    bool           // packets are shorter than a tick
}

// SentProgress is the stream that we send.
type SentProgress struct {
	SSRC, Base, Timestamp, Packets, Octets, Reported uint32
	Sequence                                         uint16
	Rollover                                         uint32
	Total, Next                                      uint64
}

// HeardProgress is what was received of the far end (RFC 3550 A).
type HeardProgress struct {
	SSRC, Base, Highest, Received, PriorExpected, PriorReceived uint32
	Started                                                     bool
	Transit, Jitter                                             int64
	Total, Lost                                                 uint64
}

// SourceProgress is where audio is taken from.
type SourceProgress struct {
	Heard      int64
	SSRC       uint32
	Sequence   uint16
	Rival      uint32
	RivalSince int64
	Locked     netip.AddrPort
	Described  netip.AddrPort
	Signalling netip.Addr
	Sealed     bool // the socket is connected, and nothing of others is in its queue
	Connected  bool
}

// KeyProgress is which keys of the far end were told already (RFC 4733).
type KeyProgress struct {
	Known                     []uint32
	At                        int
	SSRC, Timestamp, Duration uint32
	Sequence                  uint16
	Key                       byte
	Ended                     bool

	Waiting     []WaitingKey
	Due, Unsure int64

	Down, PressedEnded     bool
	Pressed                byte
	Presses, Began, Length uint32
	Until                  int64
}

// WaitingKey is one that waits for others that were pressed before it.
type WaitingKey struct {
	Digit     byte
	Timestamp uint32
}

// ControlProgress is that of RTCP.
type ControlProgress struct {
	CNAME                string
	To                   netip.AddrPort
	Next, LastSRAt, Trip int64
	LastSR, FarLostTotal uint32
	FarLost              uint8
	Reported             bool
	Index                uint32 // of our last encrypted report
}

// SecureProgress is how far the streams of the far end have come (RFC 3711 3.3.2), by which replayed packets are known.
type SecureProgress struct{ Streams []SecureStream }

// SecureStream is one of them.
type SecureStream struct {
	SSRC, Report         uint32
	Index, Seen, Reports uint64
}

// Progress is how far the leg has come. The mixer does not touch it meanwhile. It is false where nothing was settled yet.
func (l *Leg) Progress() (p LegProgress, ok bool) {
	s := l.settled
	if s == nil {
		return LegProgress{}, false
	}
	o, f, src := &l.out, &l.far, &l.source
	p = LegProgress{Port: l.port, Counters: l.counters, Last: l.heard, Short: l.multiple,
		Sent: SentProgress{SSRC: o.ssrc, Base: o.base, Timestamp: o.timestamp, Packets: o.packets, Octets: o.octets, Reported: o.reported,
			Sequence: o.seq, Rollover: o.rollover, Total: o.total, Next: o.next},
		Heard: HeardProgress{SSRC: f.ssrc, Base: f.base, Highest: f.highest, Received: f.received, PriorExpected: f.priorExpected,
			PriorReceived: f.priorReceived, Started: f.started, Transit: f.transit, Jitter: f.jitter, Total: f.total, Lost: f.totalLost},
		Source: SourceProgress{Heard: src.heard, SSRC: src.ssrc, Sequence: src.seq, Rival: src.rival, RivalSince: src.rivalSince,
			Locked: src.locked, Described: src.described, Signalling: src.signalling, Sealed: l.rtp.sealed, Connected: l.rtp.connected},
		Control: ControlProgress{CNAME: l.control.cname, Next: l.control.next, LastSR: l.control.lastSR, LastSRAt: l.control.lastSRAt,
			Trip: l.control.roundTrip, FarLost: l.control.farLost, FarLostTotal: l.control.farLostTotal, Reported: l.control.reported},
		Keys: l.keyProgress(), Jitter: l.jitter.progress()}
	if l.hasTo {
		p.To = l.to.address(l.rtp.v6)
	}
	if l.control.hasTo {
		p.Control.To = l.control.to.address(l.rtcp.v6)
	}
	if g := s.guard; g.on() {
		p.Control.Index = g.out.index
		for _, st := range g.in.streams.streams[:g.in.streams.count] {
			p.Secure.Streams = append(p.Secure.Streams, SecureStream{SSRC: st.ssrc, Report: st.report, Index: st.index, Seen: st.seen, Reports: st.reports})
		}
	}
	return p, true
}

// Continue goes on where the leg of another process has come to, whose sockets and session it has; t is the next tick. It comes
// before the leg's first tick.
func (l *Leg) Continue(p LegProgress, t Time) {
	if s := l.pending.Load(); s != nil {
		l.settle(s, t)
	}
	if l.settled == nil {
		return
	}
	l.counters, l.heard, l.multiple = p.Counters, p.Last, p.Short
	s, h, src := p.Sent, p.Heard, p.Source
	l.out = outgoing{ssrc: s.SSRC, seq: s.Sequence, rollover: s.Rollover, base: s.Base, timestamp: s.Timestamp, packets: s.Packets,
		octets: s.Octets, total: s.Total, reported: s.Reported, next: s.Next}
	l.origin.tell(&l.out, t.Tick)
	l.far = reception{ssrc: h.SSRC, started: h.Started, base: h.Base, highest: h.Highest, received: h.Received, transit: h.Transit,
		jitter: h.Jitter, rate: l.far.rate, priorExpected: h.PriorExpected, priorReceived: h.PriorReceived, total: h.Total, totalLost: h.Lost}
	l.theirs.Store(h.SSRC)
	l.source = source{heard: src.Heard, ssrc: src.SSRC, seq: src.Sequence, rival: src.Rival, rivalSince: src.RivalSince, locked: src.Locked,
		described: src.Described, signalling: src.Signalling, networks: l.source.networks}
	l.rtp.connected, l.rtp.sealed = src.Connected, src.Sealed
	if l.hasTo = p.To.IsValid(); l.hasTo {
		l.to = newTarget(p.To, l.rtp.v6)
	}
	c := p.Control
	l.control.cname, l.control.next, l.control.lastSR, l.control.lastSRAt = c.CNAME, c.Next, c.LastSR, c.LastSRAt
	l.control.roundTrip, l.control.farLost, l.control.farLostTotal, l.control.reported = c.Trip, c.FarLost, c.FarLostTotal, c.Reported
	if l.control.hasTo = c.To.IsValid(); l.control.hasTo {
		l.control.to = newTarget(c.To, l.rtcp.v6)
	}
	l.continueKeys(p.Keys)
	l.jitter.proceed(p.Jitter)
	if g := l.settled.guard; g.on() {
		g.out.index = c.Index
		in := &g.in.streams
		in.count = min(len(p.Secure.Streams), mostStreams)
		for i, st := range p.Secure.Streams[:in.count] {
			in.streams[i] = stream{ssrc: st.SSRC, report: st.Report, index: st.Index, seen: st.Seen, reports: st.Reports}
		}
	}
}

// Skip leaves out what another process may have sent in this leg's place in so many ticks: nothing is sent twice under one number, which
// an encrypted stream must never do (RFC 3711 9.1).
func (l *Leg) Skip(ticks uint64) {
	if l.settled == nil {
		return
	}
	const perTick = 2 // packets of 10 ms
	if seq := uint64(l.out.seq) + perTick*ticks; seq>>16 != 0 {
		l.out.rollover++
		l.out.seq = uint16(seq)
	} else {
		l.out.seq = uint16(seq)
	}
	if g := l.settled.guard; g.on() {
		g.out.index += uint32(ticks)
	}
}

func (l *Leg) keyProgress() KeyProgress {
	e, k, p := &l.events, &l.keys, &l.pressed
	progress := KeyProgress{Known: slices.Clone(e.known[:e.count]), At: e.at, SSRC: e.ssrc, Timestamp: e.timestamp, Duration: e.duration,
		Sequence: e.seq, Key: e.key, Ended: e.ended, Due: k.due, Unsure: k.unsure, Down: l.down, Pressed: p.key, PressedEnded: p.ended,
		Presses: p.number, Began: p.timestamp, Length: p.length, Until: p.until}
	for _, w := range k.waiting[:k.count] {
		progress.Waiting = append(progress.Waiting, WaitingKey{w.digit, w.timestamp})
	}
	return progress
}

func (l *Leg) continueKeys(p KeyProgress) {
	l.events = EventReceiver{at: p.At % eventMemory, ssrc: p.SSRC, timestamp: p.Timestamp, seq: p.Sequence, key: p.Key, ended: p.Ended,
		duration: p.Duration}
	l.events.count = copy(l.events.known[:], p.Known)
	l.keys = keys{due: p.Due, unsure: p.Unsure}
	for _, w := range p.Waiting[:min(len(p.Waiting), len(l.keys.waiting))] {
		l.keys.waiting[l.keys.count].digit, l.keys.waiting[l.keys.count].timestamp = w.Digit, w.Timestamp
		l.keys.count++
	}
	l.down = p.Down
	l.pressed = press{key: p.Pressed, ended: p.PressedEnded, number: p.Presses, timestamp: p.Began, length: p.Length, until: p.Until}
}
