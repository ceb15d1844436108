package media

import (
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// tickTime is the time of a tick in ns.
const tickTime = 1e9 / FramesPerSecond

// Monotonic is the clock that ticks are counted by, in ns: CLOCK_MONOTONIC of the machine, the same for a process and the one
// that follows it. So the time lines of streams go on over a restart.
func Monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // which cannot fail for this clock
	return ts.Nano()
}

// LegState is a leg as another process has to know it to go on with it: where it is, what was settled, and the stream that it
// sends.
type LegState struct {
	Local  netip.Addr  `json:"local"` // that its sockets are bound to
	Port   uint16      `json:"port"`  // of RTP
	Remote RemoteState `json:"remote"`
	Stream StreamState `json:"stream"`
}

// RemoteState is a Remote with its codec by name.
type RemoteState struct {
	Codec         string         `json:"codec"`         // encoding name
	Rate          int            `json:"rate"`          // of the audio, Hz
	PayloadType   uint8          `json:"payload_type"`  // 0-127
	Direction     Direction      `json:"direction"`     // ours
	Mux           bool           `json:"mux"`           // RTP and RTCP share a port
	EventType     int            `json:"event_type"`    // -1: none
	ComfortType   uint8          `json:"comfort_type"`  // 0: none
	Discontinuous bool           `json:"discontinuous"` // nothing is sent in silence
	PTime         int            `json:"ptime"`         // ms
	RTP           netip.AddrPort `json:"rtp"`
	RTCP          netip.AddrPort `json:"rtcp"`
	Encrypted     bool           `json:"encrypted,omitempty"` // by keys that are not kept
	Signalling    netip.Addr     `json:"signalling"`
	Networks      []netip.Prefix `json:"networks,omitempty"`
}

// StreamState is what a far end knows a stream of ours by (RFC 3550 5.1).
type StreamState struct {
	SSRC     uint32 `json:"ssrc"`
	Sequence uint16 `json:"sequence"` // of the packet that is due at Tick
	Base     uint32 `json:"base"`     // the timestamp at tick 0
	Tick     uint64 `json:"tick"`     // by Monotonic
}

// origin is what the goroutine that runs a leg's ticks tells others of the stream that it sends, when that begins or changes.
type origin struct {
	identity atomic.Uint64 // SSRC and, below it, the base of the timestamp
	mark     atomic.Uint64 // a tick and, in the lower 16 bits, the sequence number due at it; tick 0: none was sent yet
}

func (o *origin) tell(of *outgoing, tick uint64) {
	o.identity.Store(uint64(of.ssrc)<<32 | uint64(of.base))
	o.mark.Store(tick<<16 | uint64(of.seq))
}

// resume goes on with a stream.
func (o *outgoing) resume(s StreamState) { o.ssrc, o.seq, o.base = s.SSRC, s.Sequence, s.Base }

// State is the leg as it is now. It is false before the first Apply. It may be called from any goroutine, also after Close.
// Between two calls of Apply the sequence number is reckoned by the time gone: it may be ahead of the true one, by the packets
// that were not sent, and is never behind it.
func (l *Leg) State() (state LegState, ok bool) {
	l.wish.mu.Lock()
	defer l.wish.mu.Unlock()
	r := l.wish.remote
	if r == nil || r.Codec == nil {
		return LegState{}, false
	}
	remote := stateOf(*r)
	remote.Encrypted = l.wish.guard.on()
	return LegState{Local: l.local, Port: l.port, Remote: remote, Stream: l.stream(*r, uint64(Monotonic()/tickTime))}, true
}

func stateOf(r Remote) RemoteState {
	return RemoteState{Codec: r.Codec.Name(), Rate: r.Codec.SampleRate(), PayloadType: r.PayloadType, Direction: r.Direction, Mux: r.Mux,
		EventType: r.EventType, ComfortType: r.ComfortType, Discontinuous: r.Discontinuous, PTime: r.PTime, RTP: r.RTP, RTCP: r.RTCP,
		Signalling: r.Signalling, Networks: r.Networks}
}

// stream is the stream that the leg sends, as it is at a tick.
func (l *Leg) stream(r Remote, tick uint64) StreamState {
	identity, mark := l.origin.identity.Load(), l.origin.mark.Load()
	s := StreamState{SSRC: uint32(identity >> 32), Base: uint32(identity), Sequence: uint16(mark), Tick: mark >> 16}
	return s.at(tick, r)
}

// at is the stream as it is at a later tick, if a packet was sent whenever one was due.
func (s StreamState) at(tick uint64, r Remote) StreamState {
	if s.Tick != 0 && tick > s.Tick && r.Direction.Sends() {
		ptime := r.PTime
		if ptime <= 0 {
			ptime = 20
		}
		s.Sequence += uint16((tick-s.Tick)*20/uint64(ptime) + 1)
	}
	s.Tick = tick
	return s
}

// remote is the Remote that the state is of. The error names a codec that this build does not have.
func (s RemoteState) remote() (Remote, error) {
	r := Remote{PayloadType: s.PayloadType, Direction: s.Direction, Mux: s.Mux, EventType: s.EventType, ComfortType: s.ComfortType,
		Discontinuous: s.Discontinuous, PTime: s.PTime, RTP: s.RTP, RTCP: s.RTCP, Signalling: s.Signalling, Networks: s.Networks}
	for _, c := range Codecs() {
		if c.Name() == s.Codec {
			r.Codec = c.At(s.Rate)
			return r, nil
		}
	}
	return Remote{}, fmt.Errorf("codec %q: this build does not have it", s.Codec)
}

// Resume opens a leg that another process has had, on its port, and applies what was settled: it sends from the next tick on,
// to the address of the session description until the far end's source has qualified anew, and goes on with its stream. Where
// somebody else has the port meanwhile, the leg gets another one, of which the far end has to be told. One that was encrypted
// waits for Apply, with new keys, and sends a new stream. The error is ErrPortsExhausted where there is no port.
func (p *Ports) Resume(state LegState) (*Leg, error) {
	r, err := state.Remote.remote()
	if err != nil {
		return nil, err
	}
	if r.PTime < 0 || r.PTime > 1000 || state.Local.IsValid() && state.Local.Zone() != "" {
		return nil, fmt.Errorf("leg on port %d: its state cannot be: packets of %d ms from %v", state.Port, r.PTime, state.Local)
	}
	leg, err := p.reopen(state.Local, state.Port)
	if err != nil {
		leg, err = p.Open(state.Local)
	}
	if err != nil {
		return nil, err
	}
	if state.Remote.Encrypted {
		return leg, nil
	}
	// A clock that is behind has begun anew, with the machine: the old time line cannot be gone on with.
	if tick := uint64(Monotonic() / tickTime); state.Stream.Tick > 0 && state.Stream.Tick <= tick {
		s := state.Stream.at(tick, r)
		leg.out.resume(s)
		leg.origin.tell(&leg.out, 0)
	}
	leg.Apply(r)
	return leg, nil
}

// errNotFree tells that a port is not one that a leg could have now.
var errNotFree = errors.New("RTP port is not free")

// reopen binds the sockets of a leg on its port.
func (p *Ports) reopen(local netip.Addr, port uint16) (*Leg, error) {
	pair, ok := p.claim(port)
	if !ok {
		return nil, fmt.Errorf("%w: %d", errNotFree, port)
	}
	leg, err := openLeg(local, port)
	if errors.Is(err, syscall.EADDRINUSE) {
		p.rest(pair)
		return nil, fmt.Errorf("%w: %d", errNotFree, port)
	}
	if err != nil {
		p.rest(pair)
		return nil, fmt.Errorf("open RTP port %d: %w", port, err)
	}
	leg.closed = func() { p.rest(pair) }
	return leg, nil
}

// claim takes the pair of a port out of those that are free.
func (p *Ports) claim(port uint16) (pair uint16, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if port < p.first || port%2 != 0 {
		return 0, false
	}
	pair = (port - p.first) / 2
	for i, free := range p.free {
		if free == pair {
			last := len(p.free) - 1
			p.free[i] = p.free[last]
			p.free = p.free[:last]
			return pair, true
		}
	}
	return 0, false
}
