package media

import (
	"math"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// call is a leg and its far end, whose ticks a test runs one by one.
type call struct {
	t     *testing.T
	leg   *Leg
	phone *net.UDPConn // RTP of the far end
	in    *Inbox
	out   *Outbox
	now   Time
	seq   uint16
	stamp uint32
	early time.Duration // how long before its tick a packet comes
}

func newCall(t *testing.T, change func(*Remote)) *call {
	t.Helper()
	ports, err := NewPorts(23000, 24999)
	if err != nil {
		t.Fatal(err)
	}
	leg, err := ports.Open(loopback)
	if err != nil {
		t.Fatal(err)
	}
	phone, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	c := &call{t: t, leg: leg, phone: phone, in: NewInbox(), out: NewOutbox(), now: Time{Now: 1e12, Tick: 1000}}
	r := Remote{RTP: c.address(), Signalling: loopback, Codec: PCMU(), EventType: 101, PTime: 20, Direction: SendRecv}
	if change != nil {
		change(&r)
	}
	leg.Apply(r)
	t.Cleanup(func() { leg.Close(); phone.Close() })
	c.tick(nil)
	return c
}

func (c *call) address() netip.AddrPort {
	a := c.phone.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// write sends raw octets to the leg.
func (c *call) write(b []byte) {
	c.t.Helper()
	if _, err := c.phone.WriteToUDPAddrPort(b, netip.AddrPortFrom(loopback, c.leg.Port())); err != nil {
		c.t.Fatal(err)
	}
}

// audio is the phone's next packet of 20 ms, a full-scale square wave.
func (c *call) audio(change func(*rtp.Packet)) []byte {
	c.t.Helper()
	c.seq++
	c.stamp += 160
	p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: c.seq, Timestamp: c.stamp, SSRC: 5}, Payload: make([]byte, 160)}
	for i := range p.Payload {
		p.Payload[i] = 0x80
	}
	if change != nil {
		change(p)
	}
	b, err := p.Marshal()
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}

// tick runs one tick and returns what was played; out is sent, where it is not nil.
func (c *call) tick(out []byte) (frame []int16, digits string) {
	c.now.Now += 20e6
	c.now.Tick++
	c.now.Wall = time.Now().Add(c.early).UnixNano()
	frame = make([]int16, 160)
	c.leg.Receive(c.in, c.now)
	c.leg.Take(frame, c.now)
	if out != nil {
		c.leg.Send(append(make([]byte, HeaderRoom), out...), c.out, c.now)
	}
	return frame, string(c.in.Digits)
}

// read is the next RTP packet at the phone, nil where none comes.
func (c *call) read() *rtp.Packet {
	b := make([]byte, 1500)
	_ = c.phone.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
	n, err := c.phone.Read(b)
	if err != nil {
		return nil
	}
	p := &rtp.Packet{}
	if err := p.Unmarshal(b[:n]); err != nil {
		c.t.Fatalf("the leg sent %x: %v", b[:n], err)
	}
	return p
}

func loud(frame []int16) bool {
	for _, s := range frame {
		if math.Abs(float64(s)) > 1000 {
			return true
		}
	}
	return false
}

func TestLegTakesOnlyGoodPackets(t *testing.T) {
	tests := []struct {
		name   string
		packet func(c *call) []byte
		heard  bool
		count  func(Counters) uint64
	}{
		{"a plain packet", func(c *call) []byte { return c.audio(nil) }, true, nil},
		{"with CSRCs", func(c *call) []byte {
			return c.audio(func(p *rtp.Packet) { p.CSRC = []uint32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} })
		}, true, nil},
		{"with an extension", func(c *call) []byte {
			return c.audio(func(p *rtp.Packet) {
				if err := p.SetExtension(1, []byte{1, 2, 3}); err != nil {
					c.t.Fatal(err)
				}
			})
		}, true, nil},
		{"padded", func(c *call) []byte {
			b := c.audio(nil)
			b[0] |= 0x20
			return append(b, 0, 0, 0, 4)
		}, true, nil},
		{"padded beyond its size", func(c *call) []byte {
			b := c.audio(nil)
			b[0] |= 0x20
			return append(b, 255)
		}, false, func(k Counters) uint64 { return k.Malformed }},
		{"padded by nothing", func(c *call) []byte {
			b := c.audio(nil)
			b[0] |= 0x20
			return append(b, 0)
		}, false, func(k Counters) uint64 { return k.Malformed }},
		{"of version 1", func(c *call) []byte { b := c.audio(nil); b[0] = b[0]&0x3f | 0x40; return b }, false, func(k Counters) uint64 { return k.Malformed }},
		{"of another payload type", func(c *call) []byte { return c.audio(func(p *rtp.Packet) { p.PayloadType = 18 }) }, false, func(k Counters) uint64 { return k.WrongType }},
		{"cut in the header", func(c *call) []byte { return c.audio(nil)[:11] }, false, func(k Counters) uint64 { return k.Malformed }},
		{"cut in the CSRCs", func(c *call) []byte { b := c.audio(nil)[:20]; b[0] |= 15; return b }, false, func(k Counters) uint64 { return k.Malformed }},
		{"cut in the extension", func(c *call) []byte { b := c.audio(nil)[:14]; b[0] |= 0x10; return b }, false, func(k Counters) uint64 { return k.Malformed }},
		{"empty", func(c *call) []byte { return nil }, false, func(k Counters) uint64 { return k.Malformed }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCall(t, nil)
			c.write(tt.packet(c))
			frame, _ := c.tick(nil)
			if loud(frame) != tt.heard {
				t.Errorf("heard %v, want %v", loud(frame), tt.heard)
			}
			if tt.count != nil && tt.count(c.leg.Stats().Counters) != 1 {
				t.Errorf("counters %+v: the drop is not counted", c.leg.Stats().Counters)
			}
			c.write(c.audio(nil))
			c.tick(nil)
			c.write(c.audio(nil))
			if frame, _ := c.tick(nil); !loud(frame) {
				t.Error("good packets after it are not heard")
			}
		})
	}
}

func TestWhatAStrangerSentBeforeTheLockIsNotHeard(t *testing.T) {
	c := newCall(t, nil)
	stranger, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.2:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	leg := netip.AddrPortFrom(loopback, c.leg.Port())
	c.write(c.audio(nil))
	for range 100 { // more than are read in a tick: some are in the queue when the socket is connected
		if _, err := stranger.WriteToUDPAddrPort(c.audio(func(p *rtp.Packet) { p.SSRC = 66 }), leg); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		c.tick(nil)
	}
	if s := c.leg.Stats(); s.Received != 1 || s.Counters.WrongSource != 100 {
		t.Errorf("%d packets counted as audio and %d as a stranger's, want 1 and 100", s.Received, s.Counters.WrongSource)
	}
}

func TestLegSendsPacketsOfTheNegotiatedTime(t *testing.T) {
	for _, ptime := range []int{10, 20, 30, 40, 60} {
		c := newCall(t, func(r *Remote) { r.PTime = ptime })
		var stamp uint32
		var seq uint16
		packets := 0
		for tick := range 30 {
			payload := make([]byte, 160)
			for i := range payload {
				payload[i] = byte(tick*160+i) % 251
			}
			c.tick(payload)
			for p := c.read(); p != nil; p = c.read() {
				if packets > 0 && (p.SequenceNumber != seq+1 || p.Timestamp != stamp+uint32(8*ptime) || p.Marker) {
					t.Fatalf("%d ms: packet %d has sequence +%d, timestamp +%d, marker %v", ptime, packets, p.SequenceNumber-seq, p.Timestamp-stamp, p.Marker)
				}
				if packets == 0 && !p.Marker {
					t.Errorf("%d ms: the first packet has no marker", ptime)
				}
				if len(p.Payload) != 8*ptime {
					t.Fatalf("%d ms: %d octets", ptime, len(p.Payload))
				}
				seq, stamp = p.SequenceNumber, p.Timestamp
				packets++
			}
		}
		if want := 600 / ptime; packets != want {
			t.Errorf("%d ms: %d packets in 600 ms, want %d", ptime, packets, want)
		}
	}
}

func TestLegTimeFollowsTheClockOverMissedTicks(t *testing.T) {
	c := newCall(t, nil)
	c.tick(make([]byte, 160))
	before := c.read()
	c.now.Tick += 7
	c.tick(make([]byte, 160))
	after := c.read()
	if after.Timestamp-before.Timestamp != 8*160 || after.SequenceNumber != before.SequenceNumber+1 || !after.Marker {
		t.Errorf("after 7 missed ticks: timestamp +%d, sequence +%d, marker %v; want +1280, +1, true",
			after.Timestamp-before.Timestamp, after.SequenceNumber-before.SequenceNumber, after.Marker)
	}
}

func TestLegOnHold(t *testing.T) {
	tests := []struct {
		name         string
		change       func(*Remote)
		sends, heard bool
		speaks       bool
	}{
		{"sendrecv", func(r *Remote) {}, true, true, true},
		{"far end sendonly: its hold music is no speech", func(r *Remote) { r.Direction = RecvOnly }, false, true, false},
		{"far end recvonly", func(r *Remote) { r.Direction = SendOnly }, true, false, false},
		{"inactive", func(r *Remote) { r.Direction = Inactive }, false, false, false},
		{"c=0.0.0.0", func(r *Remote) { r.RTP = netip.AddrPortFrom(netip.IPv4Unspecified(), r.RTP.Port()) }, false, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCall(t, tt.change)
			c.write(c.audio(nil))
			frame, _ := c.tick(make([]byte, 160))
			if sent := c.read() != nil; sent != tt.sends {
				t.Errorf("sends %v, want %v", sent, tt.sends)
			}
			if loud(frame) != tt.heard || c.leg.Speaks() != tt.speaks {
				t.Errorf("takes audio %v, speaks %v; want %v, %v", loud(frame), c.leg.Speaks(), tt.heard, tt.speaks)
			}
		})
	}
}

func TestDigitsOfALegAreReported(t *testing.T) {
	c := newCall(t, nil)
	var got string
	for _, event := range []byte{1, 2, 11} {
		stamp := c.stamp
		for n := range 5 {
			end := byte(0)
			if n >= 3 {
				end = 0x80
			}
			c.write(c.audio(func(p *rtp.Packet) {
				p.PayloadType, p.Timestamp = 101, stamp
				p.Payload = []byte{event, end | 10, 0, byte(160 * (n + 1))}
			}))
			_, digits := c.tick(nil)
			got += digits
		}
		c.stamp += 1600
	}
	if got != "12#" {
		t.Errorf("digits %q, want 12#", got)
	}
}

// A session that is only refreshed, by whichever side, is the same: the leg goes on as if nobody had said anything.
func TestWhatIsAppliedAgainTouchesNothing(t *testing.T) {
	var settled Remote
	c := newCall(t, func(r *Remote) { settled = *r })
	for range 20 {
		c.write(c.audio(nil))
		c.tick(make([]byte, 160))
	}
	heard, jitter := c.leg.LastHeard(), c.leg.jitter
	c.leg.Apply(settled)
	if c.leg.pending.Load() != nil {
		t.Error("what was settled before is to be settled once more")
	}
	c.tick(make([]byte, 160))
	if c.leg.LastHeard() != heard || c.leg.jitter != jitter {
		t.Error("the leg has begun anew")
	}
	settled.Direction = RecvOnly
	c.leg.Apply(settled)
	c.tick(make([]byte, 160))
	if c.leg.LastHeard() == heard || c.leg.Hears() {
		t.Error("a hold was not taken")
	}
}

func TestLegReportsByRTCPAndHearsReports(t *testing.T) {
	control, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	c := newCall(t, func(r *Remote) { r.RTCP = control.LocalAddr().(*net.UDPAddr).AddrPort() })
	began := time.Now()
	for range 50 {
		c.write(c.audio(nil))
		c.tick(make([]byte, 160))
	}
	b := make([]byte, 1500)
	if s := c.leg.Stats(); s.FarReported {
		t.Error("before any report the far end has reported")
	}
	heard := c.leg.LastHeard()
	for range 400 { // 8 s: a report is due by 7.5 s at the latest
		c.tick(make([]byte, 160))
	}
	_ = control.SetReadDeadline(time.Now().Add(time.Second))
	n, err := control.Read(b)
	if err != nil {
		t.Fatalf("no report: %v", err)
	}
	packets, err := rtcp.Unmarshal(b[:n])
	if err != nil {
		t.Fatal(err)
	}
	sr, ok := packets[0].(*rtcp.SenderReport)
	if !ok || len(sr.Reports) != 1 || sr.Reports[0].SSRC != 5 {
		t.Fatalf("got %v, want a sender report on SSRC 5", packets)
	}
	time.Sleep(5 * time.Millisecond)
	rr, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 5, Reports: []rtcp.ReceptionReport{{SSRC: sr.SSRC, FractionLost: 64, TotalLost: 12, LastSenderReport: uint32(sr.NTPTime >> 16)}}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := control.WriteToUDPAddrPort(rr, netip.AddrPortFrom(loopback, c.leg.Port()+1)); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	c.early = time.Second // the report has to wait so long for the look that finds it, which is no part of the round trip
	for range keepEvery {
		c.tick(make([]byte, 160))
	}
	if s := c.leg.Stats(); s.FarLost != 64 || s.FarLostTotal != 12 || !s.FarReported || s.RoundTrip < 4e6 || s.RoundTrip > int64(took) {
		t.Errorf("from the far end's report: lost %d/256, %d in all, round trip %v", s.FarLost, s.FarLostTotal, time.Duration(s.RoundTrip))
	}
	if c.leg.LastHeard() <= heard {
		t.Error("RTCP of a silent far end does not count as a sign of life")
	}
}

func TestCodecTablesAreTheLibrarysAndQuiet(t *testing.T) {
	for _, c := range []Codec{PCMU(), PCMA()} {
		pcm, coded, back := make([]int16, 65536), make([]byte, 65536), make([]int16, 65536)
		for i := range pcm {
			pcm[i] = int16(i - 32768)
		}
		if n := c.NewEncoder().Encode(coded, pcm); n != len(pcm) {
			t.Fatalf("%s encoded %d samples", c.Name(), n)
		}
		c.NewDecoder().Decode(back, coded)
		for i, s := range pcm {
			// A step of G.711 is a 16th of the segment: 3 % of the sample, 16 at the least.
			if d, most := math.Abs(float64(back[i])-float64(s)), math.Abs(float64(s))/30+16; d > most {
				t.Fatalf("%s makes %d of %d", c.Name(), back[i], s)
			}
		}
	}
}

// FuzzPacket gives any datagram to a leg: it must neither panic nor make the leg deaf.
func FuzzPacket(f *testing.F) {
	f.Add([]byte{0x80, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 5, 1, 2, 3})
	f.Add([]byte{0xbf, 0x80, 0, 1, 0, 0, 0, 160, 0, 0, 0, 5, 1, 2, 3})
	f.Add([]byte{0x80, 101, 0, 1, 0, 0, 0, 160, 0, 0, 0, 5, 1, 0x8a, 3, 32})
	f.Add([]byte{0x90, 13, 0, 1, 0, 0, 0, 160, 0, 0, 0, 5, 0xbe, 0xde, 0, 1, 0x10, 1, 0, 0, 64})
	f.Add([]byte{0x81, 200, 0, 12, 0, 0, 0, 5})
	f.Fuzz(func(t *testing.T, b []byte) {
		far := netip.MustParseAddrPort("192.0.2.1:4000")
		l := &Leg{}
		l.out.begin()
		l.Apply(Remote{RTP: far, Mux: true, Codec: PCMU(), EventType: 101, PTime: 20, Direction: SendRecv})
		l.settle(l.pending.Load(), Time{})
		in := NewInbox()
		in.from.Family = 0
		l.source.locked = far
		l.rtp.connected, l.rtp.sealed = true, true
		for i := range 3 {
			n := copy(in.buf[:], b)
			now := Time{Now: int64(i) * 20e6, Tick: uint64(i)}
			l.packet(in.buf[:n], in, now.Now, i != 1, i != 0, now)
			l.Take(make([]int16, 160), now)
		}
	})
}

func TestReportsOfTheFarEndLeaveItsAudioAlone(t *testing.T) {
	c := newCall(t, nil)
	c.early = 10 * time.Millisecond // played from where it was read to
	report, err := (&rtcp.SenderReport{SSRC: 5}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * keepEvery {
		c.write(c.audio(nil))
		if _, err := c.phone.WriteToUDPAddrPort(report, netip.AddrPortFrom(loopback, c.leg.Port()+1)); err != nil {
			t.Fatal(err)
		}
		frame, _ := c.tick(nil)
		for _, s := range frame {
			if i > keepEvery && s != frame[0] {
				t.Fatalf("tick %d: a steady sound became %d and %d", i, frame[0], s)
			}
		}
	}
}
