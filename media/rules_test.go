package media

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// at opens another socket of the far end's host, or of a stranger's.
func (c *call) at(address string) *net.UDPConn {
	c.t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 0)))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	return conn
}

// from sends raw octets to the leg's RTP port from a socket.
func (c *call) from(conn *net.UDPConn, b []byte) {
	c.t.Helper()
	if _, err := conn.WriteToUDPAddrPort(b, netip.AddrPortFrom(loopback, c.leg.Port())); err != nil {
		c.t.Fatal(err)
	}
}

// Before a source has qualified RTP goes to the address of the session description and nowhere else, whoever sends.
func TestBeforeItsSourceHasQualifiedALegSendsToTheDescribedAddress(t *testing.T) {
	c := newCall(t, nil)
	stranger := c.at("127.0.0.2")
	for range 20 {
		c.from(stranger, c.audio(func(p *rtp.Packet) { p.SSRC = 66 }))
		c.tick(make([]byte, 160))
	}
	if c.read() == nil {
		t.Error("nothing is sent to the address of the session description")
	}
	if err := stranger.SetReadDeadline(aMoment()); err != nil {
		t.Fatal(err)
	}
	if n, _ := stranger.Read(make([]byte, 1500)); n > 0 {
		t.Error("a stranger is sent audio")
	}
	if s := c.leg.Stats(); s.Received != 0 || s.Counters.WrongSource != 20 {
		t.Errorf("%d of a stranger's packets count, %d are counted as dropped", s.Received, s.Counters.WrongSource)
	}
}

// A NAT that gives a phone another port in mid call is followed within 2 s: by the same stream, and by no other.
func TestNATThatRebindsIsFollowedWithinTwoSeconds(t *testing.T) {
	for _, tt := range []struct {
		name     string
		change   func(*rtp.Packet)
		followed bool
	}{
		{"the same stream goes on", nil, true},
		{"another SSRC", func(p *rtp.Packet) { p.SSRC = 66 }, false},
		{"the SSRC, and a sequence from elsewhere", func(p *rtp.Packet) { p.SequenceNumber += 9000 }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCall(t, nil)
			for range 50 {
				c.write(c.audio(nil))
				c.tick(make([]byte, 160))
			}
			moved := c.at("127.0.0.1")
			lost, heard := c.now.Now, int64(0)
			for c.now.Now-lost < 3e9 && heard == 0 {
				c.from(moved, c.audio(tt.change))
				before := c.leg.Stats().Received
				c.tick(make([]byte, 160))
				if c.leg.Stats().Received > before {
					heard = c.now.Now
				}
			}
			if heard == 0 != !tt.followed {
				t.Fatalf("followed %v, want %v", heard != 0, tt.followed)
			}
			if took := heard - lost; tt.followed && took > 2e9 {
				t.Errorf("it took %d ms, 2000 are the most", took/1e6)
			}
			if !tt.followed {
				return
			}
			t.Logf("heard again after %d ms", (heard-lost)/1e6)
			c.tick(make([]byte, 160))
			if err := moved.SetReadDeadline(aMoment()); err != nil {
				t.Fatal(err)
			}
			if n, err := moved.Read(make([]byte, 1500)); n == 0 {
				t.Errorf("nothing is sent to the new port: %v", err)
			}
		})
	}
}

// A BYE of RTCP says that a source has gone, not that a call is over: that is for SIP to say.
func TestGoodbyeByRTCPEndsNothing(t *testing.T) {
	c := newCall(t, func(r *Remote) { r.Mux = true })
	bye, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 5}, &rtcp.Goodbye{Sources: []uint32{5}}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		c.write(c.audio(nil))
		if i == 10 {
			c.write(bye)
		}
		c.tick(make([]byte, 160))
	}
	c.tick(nil) // the last packet, after which the BYE has taken its turn
	if s := c.leg.Stats(); s.Received != 20 || s.Counters != (Counters{}) || !c.leg.Speaks() {
		t.Errorf("after a BYE %d of 20 packets were received: %+v", s.Received, s.Counters)
	}
}

// A far end that has chosen our SSRC keeps it (RFC 3550 8.2).
func TestSSRCThatIsOursIsGivenUp(t *testing.T) {
	c := newCall(t, nil)
	c.write(c.audio(nil))
	c.tick(make([]byte, 160))
	first := c.read()
	if first == nil {
		t.Fatal("nothing is sent")
	}
	for range 10 { // it counts once the one before has been silent for 100 ms
		c.write(c.audio(func(p *rtp.Packet) { p.SSRC = first.SSRC }))
		c.tick(make([]byte, 160))
	}
	var last *rtp.Packet
	for p := c.read(); p != nil; p = c.read() {
		last = p
	}
	if last == nil || last.SSRC == first.SSRC {
		t.Errorf("it sends with the SSRC of the far end: %v", last)
	}
}

// Keys count from the locked source alone, and as what was negotiated.
func TestKeysOfOthersDoNotCount(t *testing.T) {
	press := func(c *call, payloadType uint8) []byte {
		return c.audio(func(p *rtp.Packet) { p.PayloadType, p.Payload = payloadType, []byte{5, 0x80 | 10, 0, 160} })
	}
	for _, tt := range []struct {
		name        string
		from        string // empty: the far end
		payloadType uint8
		want        string
	}{
		{"the far end's", "", 101, "5"},
		{"of another payload type", "", 96, ""},
		{"of another port of its host", "127.0.0.1", 101, ""},
		{"of a stranger", "127.0.0.2", 101, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCall(t, nil)
			for range 20 {
				c.write(c.audio(nil))
				c.tick(nil)
			}
			source := c.phone
			if tt.from != "" {
				source = c.at(tt.from)
			}
			got := ""
			for range 3 {
				c.from(source, press(c, tt.payloadType))
				_, digits := c.tick(nil)
				got += digits
				c.stamp -= 160 // the same press
			}
			for range 20 {
				c.write(c.audio(nil))
				_, digits := c.tick(nil)
				got += digits
			}
			if got != tt.want {
				t.Errorf("digits %q, want %q", got, tt.want)
			}
		})
	}
}

// aMoment is a deadline for what must have come already.
func aMoment() time.Time { return time.Now().Add(5 * time.Millisecond) }
