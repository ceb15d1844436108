package mixer

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"conclave/media"
)

// ticking is an engine with two legs in a room, and the far ends of these.
type ticking struct {
	t      *testing.T
	engine *Engine
	legs   []*media.Leg
	phones []*net.UDPConn
}

func newTicking(t *testing.T) *ticking {
	t.Helper()
	c := &ticking{t: t}
	ports, err := media.NewPorts(25000, 26999)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		phone, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { phone.Close() })
		loopback := netip.MustParseAddr("127.0.0.1")
		leg, err := ports.Open(loopback)
		if err != nil {
			t.Fatal(err)
		}
		leg.Apply(media.Remote{RTP: phone.LocalAddr().(*net.UDPAddr).AddrPort(), Signalling: loopback, Codec: media.PCMU(), EventType: 101,
			PTime: 20, Direction: media.SendRecv})
		c.phones, c.legs = append(c.phones, phone), append(c.legs, leg)
	}
	c.engine = c.seat(Config{Workers: 2}, c.legs)
	return c
}

// seat makes an engine with the legs in a room.
func (c *ticking) seat(config Config, legs []*media.Leg) *Engine {
	c.t.Helper()
	e, err := New(config)
	if err != nil {
		c.t.Fatal(err)
	}
	conference := e.NewConference("1000")
	c.t.Cleanup(func() {
		for i := range legs {
			conference.seats[0].Release()
			legs[i].Close()
		}
		conference.Close()
		e.Close()
	})
	for _, leg := range legs {
		conference.Seat(leg, func(Event) {}).Enter()
	}
	return e
}

// header is the next packet of a phone.
func (c *ticking) header(phone int) (sequence uint16, timestamp, ssrc uint32) {
	c.t.Helper()
	b := make([]byte, 1500)
	if err := c.phones[phone].SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		c.t.Fatal(err)
	}
	if n, err := c.phones[phone].Read(b); err != nil || n < 12 {
		c.t.Fatalf("phone %d is sent nothing: %v", phone, err)
	}
	return binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
}

// follows reads packets of both phones, of which each is the next one of its stream; some ticks may have been too late to be run.
func (c *ticking) follows(packets int, numbers uint16) {
	c.t.Helper()
	for phone := range c.phones {
		sequence, timestamp, ssrc := c.header(phone)
		left := numbers
		for range packets {
			s, ts, same := c.header(phone)
			step := s - sequence
			if same != ssrc || step == 0 || step > 1+left || (ts-timestamp)%160 != 0 || ts == timestamp {
				c.t.Fatalf("phone %d: packet %d at %d of %x follows %d at %d of %x", phone, s, ts, same, sequence, timestamp, ssrc)
			}
			left -= step - 1
			sequence, timestamp = s, ts
		}
	}
}

func TestAnotherEngineGoesOnWithTheNextTurn(t *testing.T) {
	c := newTicking(t)
	c.follows(10, 0)
	c.engine.Hush()
	standstill := c.engine.Halt()
	if len(standstill.Seats) != 2 || standstill.Turn == 0 {
		t.Fatalf("the engine stands still with %+v", standstill)
	}
	ports, err := media.NewPorts(25000, 26999)
	if err != nil {
		t.Fatal(err)
	}
	var legs []*media.Leg
	for _, leg := range c.legs {
		state, _ := leg.State()
		rtp, rtcp := leg.Sockets()
		var twins [2]int
		for i, fd := range []int{rtp, rtcp} {
			if twins[i], err = unix.Dup(fd); err != nil {
				t.Fatal(err)
			}
		}
		heir, err := ports.Inherit(state, nil, twins[0], twins[1])
		if err != nil {
			t.Fatal(err)
		}
		legs = append(legs, heir)
	}
	next := c.seat(Config{Workers: 2, Halted: true}, legs)
	next.Continue(standstill)
	if err := next.Await(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	c.follows(20, 0) // of both engines, without a number that is missing or comes twice
}

func TestHaltedEngineSendsNothingUntilItGoesOn(t *testing.T) {
	for name, replaced := range map[string]bool{"as it was": false, "behind what another one may have sent": true} {
		t.Run(name, func(t *testing.T) {
			c := newTicking(t)
			c.follows(5, 0)
			c.engine.Hush()
			c.engine.Halt()
			ticks := c.engine.Stats().Ticks
			c.engine.all()[0].Snapshot() // orders are obeyed
			if got := c.engine.Stats().Ticks; got != ticks {
				t.Errorf("%d ticks while it stands still", got-ticks)
			}
			c.engine.GoOn(replaced)
			c.engine.Tell()
			most := uint16(0)
			if replaced {
				most = 1000
			}
			c.follows(20, most)
		})
	}
}
