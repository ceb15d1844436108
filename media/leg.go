// Package media is one leg's audio: its sockets, the jitter buffer, codecs, concealment,
// digits, RTCP and sound files. It knows nothing of conferences or SIP.
//
// A sample comes in by Leg.Receive, which reads the socket and fills the jitter buffer, and
// Leg.Take, which gives the 20 ms due; it goes out by Leg.Send. The mixer calls the three at
// each tick on the one goroutine that owns the leg; nothing here allocates, locks or waits.
package media

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
)

// headerSize is the RTP header without CSRCs or extensions (RFC 3550 5.1). Whoever encodes
// a payload leaves so much room in front of it.
const headerSize = 12

// HeaderRoom is the number of octets that a packet given to Leg.Send has before its payload.
const HeaderRoom = headerSize

// Time is the moment of a tick.
type Time struct {
	Now  int64  // ns of a monotonic clock
	Wall int64  // the same moment in ns since 1970
	Tick uint64 // counts 20 ms; a number is left out where the clockwork was late
}

// Leg is one call's audio: two sockets on ports of its own and all that is known about the
// far end. It is made by Ports.Open. Apply and Port may be called from any goroutine; all
// else belongs to the one that runs the leg's ticks, and Close to whoever comes after it.
//
// The fields stand in the order in which a tick touches them: with a thousand legs on a core
// each line of memory that a tick needs has to come from afar.
type Leg struct {
	rtp      socket
	pending  atomic.Pointer[settled]
	settled  *settled // what the last Apply said: own.settled, nil before the first
	jitter   *Jitter  // own.jitter, nil before the first Apply
	heard    int64    // when RTP or RTCP last came from the far end, ns
	port     uint16
	watchful uint16 // ticks for which every packet's time of arrival is asked for
	multiple bool   // packets shorter than a tick: read on until there is none
	down     bool   // a key of the far end is: pressed

	far    reception
	out    outgoing
	source source   // its first fields, on the clean path
	own    struct { // in one piece with the leg: fewer pages to go through
		settled settled
		jitter  Jitter
	}

	// Below is touched once in a while.
	events   EventReceiver
	keys     keys
	pressed  press
	hasty    bool   // as MinimumDelay said last
	to       target // of RTP while the socket is not connected
	hasTo    bool
	rtcp     socket
	control  control
	wish     wish
	origin   origin
	local    netip.Addr // that the sockets are bound to
	counters Counters
	theirs   atomic.Uint32 // as SSRC has it
	closed   func()
}

// SSRC is that of the stream which the far end sends (RFC 3550 3); 0: nothing has come yet. It may be called from any
// goroutine.
func (l *Leg) SSRC() uint32 { return l.theirs.Load() }

// settled is a Remote with what could be prepared for it outside the tick.
type settled struct {
	packer *packer // nil for packets of 20 ms
	guard  guard   // of a plain leg: the zero value
	step   uint32  // of the RTP clock in a tick
	Remote
	jitter  *Jitter
	encoder Encoder
}

// wish is what Apply and LimitRate have said, for either to be said again.
type wish struct {
	mu     sync.Mutex
	remote *Remote
	limit  int   // Hz; 0: none
	guard  guard // that the last Apply has made
}

// Counters are the packets of a leg that were dropped, by reason, and the errors of sending. Forged and Replayed are of an
// encrypted leg: nothing else is learnt from such packets.
type Counters struct {
	Malformed, WrongType, WrongSource, OnHold, SendErrors uint64
	Forged, Replayed                                      uint64
}

// openLeg binds RTP to port and RTCP to the next one.
func openLeg(local netip.Addr, port uint16) (*Leg, error) {
	rtp, err := openSocket(netip.AddrPortFrom(local, port))
	if err != nil {
		return nil, err
	}
	rtcp, err := openSocket(netip.AddrPortFrom(local, port+1))
	if err != nil {
		return nil, errors.Join(err, rtp.close())
	}
	l := &Leg{rtp: rtp, rtcp: rtcp, port: port, local: local}
	l.out.begin()
	l.origin.tell(&l.out, 0)
	l.control.cname = strconv.FormatUint(rand.Uint64(), 36)
	return l, nil
}

// Port is the port of RTP; RTCP has the next one.
func (l *Leg) Port() uint16 { return l.port }

// Apply tells the leg what offer and answer settled: the first time, and again for a
// re-INVITE, UPDATE, hold or resume. It may be called from any goroutine and takes effect
// at the next tick. What is as it was touches nothing: a session that is only refreshed (RFC 4028).
func (l *Leg) Apply(r Remote) {
	l.wish.mu.Lock()
	defer l.wish.mu.Unlock()
	g := newGuard(r.Security, l.wish.guard)
	r.Security = nil // the guard has it
	if l.wish.remote != nil && l.wish.guard == g && reflect.DeepEqual(*l.wish.remote, r) {
		return
	}
	l.wish.guard = g
	l.wish.remote = &r
	l.prepare(r)
}

// LimitRate has the leg give and take audio of at most this rate in Hz, whatever its codec could do; 0 is no limit. It
// may be called from any goroutine and takes effect as Apply does.
func (l *Leg) LimitRate(hz int) {
	w := &l.wish
	w.mu.Lock()
	defer w.mu.Unlock()
	if hz != w.limit {
		if w.limit = hz; w.remote != nil {
			l.prepare(*w.remote)
		}
	}
}

// Agreed is the codec of the last Apply, as LimitRate leaves it; nil: there was none. It may be called from any goroutine.
func (l *Leg) Agreed() Codec {
	l.wish.mu.Lock()
	defer l.wish.mu.Unlock()
	if l.wish.remote == nil {
		return nil
	}
	return l.wish.limited(*l.wish.remote).Codec
}

// limited is a Remote whose codec keeps to the limit, and leaves out what the far end does not want.
func (w *wish) limited(r Remote) Remote {
	if r.Codec != nil && w.limit > 0 {
		r.Codec = r.Codec.At(w.limit)
	}
	if c, ok := r.Codec.(Pausing); ok && r.Discontinuous {
		r.Codec = c.Pausing()
	}
	return r
}

// prepare leaves a Remote for the next tick. The caller holds l.wish.mu.
func (l *Leg) prepare(r Remote) {
	r = l.wish.limited(r)
	s := &settled{Remote: r, guard: l.wish.guard}
	if r.Codec != nil {
		s.step = uint32(r.Codec.ClockRate() / FramesPerSecond)
		s.jitter = NewJitter(r.Codec)
		s.encoder = r.Codec.NewEncoder()
		s.packer = newPacker(r.Codec, r.PTime)
	}
	l.pending.Store(s)
}

// settle takes over what Apply left.
func (l *Leg) settle(s *settled, t Time) {
	now := t.Now
	l.pending.Store(nil)
	l.origin.tell(&l.out, t.Tick)
	s.RTP = netip.AddrPortFrom(s.RTP.Addr().Unmap(), s.RTP.Port())
	s.RTCP = netip.AddrPortFrom(s.RTCP.Addr().Unmap(), s.RTCP.Port())
	if l.settled == nil || l.settled.Codec != s.Codec {
		l.own.jitter = *s.jitter
		l.jitter = &l.own.jitter
		l.jitter.MinimumDelay(l.hasty)
	} else {
		s.encoder = l.settled.encoder
	}
	before := guard{}
	if l.settled == nil {
		l.control.next = now + l.control.interval()
	} else {
		before = l.settled.guard
	}
	if s.guard.succeed(before) {
		l.out.begin()
	}
	l.own.settled = *s
	l.settled = &l.own.settled
	l.far.rate = int64(s.Codec.ClockRate())
	l.heard = now // an RTP timeout counts from here
	if l.source.describe(s.RTP, s.Signalling, s.Networks) {
		l.rtp.disconnect()
	}
	l.hasTo = l.rtp.takes(s.RTP)
	if l.hasTo {
		l.to = newTarget(s.RTP, l.rtp.v6)
	}
	if l.rtp.takes(s.RTCP) {
		l.control.to, l.control.hasTo = newTarget(s.RTCP, l.rtp.v6), true
	}
}

// takes tells whether packets can be sent to an address at all by this socket.
func (s *socket) takes(to netip.AddrPort) bool {
	return to.IsValid() && !to.Addr().IsUnspecified() && to.Port() != 0 && to.Addr().Is6() == s.v6
}

// Ready tells that the far end is known: before that a leg gives and takes nothing.
func (l *Leg) Ready() bool { return l.settled != nil || l.pending.Load() != nil }

// Codec is what the leg's packets are coded in. It is nil until the first tick after Apply.
func (l *Leg) Codec() Codec {
	if l.settled == nil {
		return nil
	}
	return l.settled.Codec
}

// Suite is how the leg is encrypted; Plain: it is not. It is what the last Apply said, and may be called from any goroutine.
func (l *Leg) Suite() Suite {
	l.wish.mu.Lock()
	defer l.wish.mu.Unlock()
	if !l.wish.guard.on() {
		return Plain
	}
	return l.wish.guard.in.suite
}

// Frame is the number of samples that Take writes and Send's payload stands for: 20 ms. It is 0 until the first tick
// after Apply.
func (l *Leg) Frame() int {
	if l.jitter == nil {
		return 0
	}
	return l.jitter.frame
}

// Encoder codes what is for this leg alone. It is nil until the first tick after Apply.
func (l *Leg) Encoder() Encoder {
	if l.settled == nil {
		return nil
	}
	return l.settled.encoder
}

// Hears tells that the far end wants our audio: it has not put us on hold.
func (l *Leg) Hears() bool { return l.settled != nil && l.settled.Direction.Sends() }

// Speaks tells that what the far end sends is speech. A far end that only sends has put the
// conference on hold, and what comes from it is its hold music (RFC 3264 8.4).
func (l *Leg) Speaks() bool { return l.settled != nil && l.settled.Direction == SendRecv }

// Rests tells that the far end has said by a packet of comfort noise that it is silent, and has sent no audio since: it need
// not send anything for as long as its noise stays the same (RFC 3389 5).
func (l *Leg) Rests() bool { return l.jitter != nil && l.jitter.resting == byComfort }

// TellsKeys tells that the far end sends the keys of its phone as telephone-events, as was negotiated.
func (l *Leg) TellsKeys() bool { return l.settled != nil && l.settled.EventType != eventUnknown }

// MinimumDelay holds the jitter buffer at its minimum depth, or lets it follow the network again: see
// Jitter.MinimumDelay.
func (l *Leg) MinimumDelay(on bool) {
	l.hasty = on
	if l.jitter != nil {
		l.jitter.MinimumDelay(on)
	}
}

// LastHeard is when the far end was last heard of by RTP or RTCP, or last changed its session,
// in ns of Time.Now.
func (l *Leg) LastHeard() int64 { return l.heard }

// Take writes the 20 ms that are due to dst, which holds a frame of the codec's rate.
func (l *Leg) Take(dst []int16, t Time) FrameKind {
	if l.jitter == nil {
		clear(dst)
		return FrameSilence
	}
	kind := l.jitter.Take(dst, t.Now)
	if kind == FrameConcealed {
		l.watchful = watchTicks
	}
	return kind
}

// Stats is what a leg can tell of its audio.
type Stats struct {
	Received, Lost uint64 // RTP packets over the whole call
	Sent           uint64
	Jitter         int64 // ns, RFC 3550 A.8
	RoundTrip      int64 // ns, by RTCP; 0: unknown
	FarLost        uint8 // what the far end lost of late, in 1/256
	// FarLostTotal is how many of the packets sent the far end says it has not received, if FarReported: it has said
	// something of it.
	FarLostTotal uint64
	FarReported  bool
	Suite        Suite // by which the audio is encrypted; Plain: it is not
	Buffer       JitterStats
	Counters     Counters
}

// Stats returns the counters as they are now.
func (l *Leg) Stats() Stats {
	s := Stats{Received: l.far.total, Lost: l.far.lost(), Sent: l.out.total, Jitter: l.far.jitter >> 4,
		RoundTrip: l.control.roundTrip, FarLost: l.control.farLost,
		FarLostTotal: uint64(l.control.farLostTotal), FarReported: l.control.reported, Counters: l.counters}
	if l.jitter != nil {
		s.Buffer = l.jitter.Stats()
	}
	if l.settled != nil && l.settled.guard.on() {
		s.Suite = l.settled.guard.in.suite
	}
	return s
}

// Close says goodbye by RTCP and gives the ports back. The mixer must have let go of the leg.
func (l *Leg) Close() error {
	if l.settled != nil {
		work := new(workspace)
		if l.settled.guard.on() {
			work = newWorkspace()
		}
		l.report(work, Time{}, true)
		l.settled.guard.forget()
		l.settled = nil
	}
	l.wish.guard.forget()
	err := errors.Join(l.rtp.close(), l.rtcp.close())
	if l.closed != nil {
		l.closed()
	}
	return err
}
