package media

import (
	"bytes"
	"encoding/gob"
	"testing"

	"github.com/pion/rtp"
	"golang.org/x/sys/unix"
)

// inherited is the call with the leg that another process makes of its sockets and of how far it has come.
func (c *call) inherited() *call {
	c.t.Helper()
	state, ok := c.leg.State()
	progress, begun := c.leg.Progress()
	if !ok || !begun {
		c.t.Fatal("the leg has no state")
	}
	var text bytes.Buffer
	if err := gob.NewEncoder(&text).Encode(progress); err != nil {
		c.t.Fatal(err)
	}
	var read LegProgress
	if err := gob.NewDecoder(&text).Decode(&read); err != nil {
		c.t.Fatal(err)
	}
	var sockets [2]int
	rtp, rtcp := c.leg.Sockets()
	for i, fd := range []int{rtp, rtcp} {
		var err error
		if sockets[i], err = unix.Dup(fd); err != nil {
			c.t.Fatal(err)
		}
	}
	ports, err := NewPorts(23000, 24999)
	if err != nil {
		c.t.Fatal(err)
	}
	leg, err := ports.Inherit(state, c.leg.Security(), sockets[0], sockets[1])
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { leg.Close() })
	next := c.now
	next.Tick++
	leg.Continue(read, next)
	return &call{t: c.t, leg: leg, phone: c.phone, in: NewInbox(), out: NewOutbox(), now: c.now, seq: c.seq, stamp: c.stamp}
}

func TestLegIsGoneOnWithWhereItWas(t *testing.T) {
	security := &Security{Suite: AEADAES128GCM, Local: AEADAES128GCM.RandomKey(), Remote: AEADAES128GCM.RandomKey()}
	for name, s := range map[string]*Security{"plain": nil, "encrypted": security} {
		t.Run(name, func(t *testing.T) {
			c := newCall(t, func(r *Remote) { r.Security = s })
			phone := newGuard(&Security{Suite: AEADAES128GCM, Local: security.Remote, Remote: security.Local}, guard{})
			work := newWorkspace()
			say := func(c *call) {
				t.Helper()
				b := c.audio(nil)
				if s != nil {
					b = phone.out.packet(work, b, 0)
				}
				c.write(b)
			}
			const key = 5
			press := func(c *call, n int) {
				t.Helper()
				b := c.audio(func(p *rtp.Packet) {
					p.PayloadType, p.Timestamp = 101, 77777
					p.Payload = []byte{key, 10, 0, byte(160 * n)}
				})
				if s != nil {
					b = phone.out.packet(work, b, 0)
				}
				c.write(b)
			}
			var digits string
			var last *rtp.Packet
			tick := func(c *call) (frame []int16) {
				frame, pressed := c.tick(make([]byte, 160))
				digits += pressed
				p := c.read()
				if p == nil {
					t.Fatal("nothing is sent")
				}
				if last != nil && (p.SSRC != last.SSRC || p.SequenceNumber != last.SequenceNumber+1 || p.Timestamp != last.Timestamp+160 || p.Marker) {
					t.Fatalf("%v follows %v", p.Header, last.Header)
				}
				last = p
				return frame
			}
			for range 20 {
				say(c)
				tick(c)
			}
			press(c, 1)
			tick(c)
			received := c.leg.Stats().Received
			say(c) // it waits in the socket
			again := c.inherited()
			press(again, 2) // of the same press
			tick(again)
			for range 3 {
				say(again)
				if !loud(tick(again)) {
					t.Error("the far end is not heard")
				}
			}
			if digits != "5" {
				t.Errorf("the key counts as %q", digits)
			}
			stats := again.leg.Stats()
			if stats.Received != received+5 || stats.Lost != 0 || stats.Counters != (Counters{}) {
				t.Errorf("received %d after %d, lost %d, %+v", stats.Received, received, stats.Lost, stats.Counters)
			}
			// Nothing that the far end has sent before counts once more, and no number of ours comes twice.
			if s != nil {
				again.seq--
				say(again)
				again.tick(nil)
				if got := again.leg.Stats().Counters.Replayed; got != 1 {
					t.Errorf("%d replayed packets, 1 was", got)
				}
			}
			again.leg.Skip(3)
			again.tick(make([]byte, 160))
			if p := again.read(); p == nil || p.SequenceNumber-last.SequenceNumber < 4 {
				t.Errorf("%v follows %v, though another one may have sent 3 ticks", p, last.Header)
			}
		})
	}
}

func TestSocketsThatAreNoneOfALegAreRefused(t *testing.T) {
	c := newCall(t, nil)
	state, _ := c.leg.State()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	rtp, _ := c.leg.Sockets()
	twin, err := unix.Dup(rtp)
	if err != nil {
		t.Fatal(err)
	}
	ports, err := NewPorts(23000, 24999)
	if err != nil {
		t.Fatal(err)
	}
	if leg, err := ports.Inherit(state, nil, twin, fd); err == nil {
		leg.Close()
		t.Error("a TCP socket is taken for that of RTCP")
	}
}
