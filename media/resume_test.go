package media

import (
	"encoding/json"
	"strings"
	"testing"
)

// restarted is the call with the leg that another process makes of its state.
func (c *call) restarted(change func(*LegState)) *call {
	c.t.Helper()
	state, ok := c.leg.State()
	if !ok {
		c.t.Fatal("the leg has no state")
	}
	if err := c.leg.Close(); err != nil {
		c.t.Fatal(err)
	}
	text, err := json.Marshal(state)
	if err != nil {
		c.t.Fatal(err)
	}
	var read LegState
	if err := json.Unmarshal(text, &read); err != nil {
		c.t.Fatal(err)
	}
	if change != nil {
		change(&read)
	}
	ports, err := NewPorts(23000, 24999)
	if err != nil {
		c.t.Fatal(err)
	}
	leg, err := ports.Resume(read)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { leg.Close() })
	return &call{t: c.t, leg: leg, phone: c.phone, in: NewInbox(), now: c.now, seq: c.seq, stamp: c.stamp}
}

func TestLegGoesOnInAnotherProcess(t *testing.T) {
	for name, ptime := range map[string]int{"packets of 20 ms": 20, "packets of 10 ms": 10, "packets of 40 ms": 40} {
		t.Run(name, func(t *testing.T) {
			c := newCall(t, func(r *Remote) { r.PTime = ptime })
			const down = 50                                                                                                               // ticks
			c.now = Time{Now: Monotonic(), Tick: uint64(Monotonic()/tickTime) - down}                                                     // as the clockwork has counted
			c.leg.Apply(Remote{RTP: c.address(), Signalling: loopback, Codec: PCMU(), EventType: 102, PTime: ptime, Direction: SendRecv}) // whose stream is marked now
			var last, first struct {
				seq       uint16
				timestamp uint32
				ssrc      uint32
			}
			for range 4 {
				c.tick(make([]byte, 160))
				for p := c.read(); p != nil; p = c.read() {
					last.seq, last.timestamp, last.ssrc = p.SequenceNumber, p.Timestamp, p.SSRC
				}
			}
			before := c.now.Tick
			again := c.restarted(nil)
			again.now.Tick = uint64(Monotonic() / tickTime)
			if again.leg.Port() != c.leg.Port() {
				t.Errorf("its port is %d, before it was %d", again.leg.Port(), c.leg.Port())
			}
			for first.ssrc == 0 {
				again.tick(make([]byte, 160))
				if p := again.read(); p != nil {
					first.seq, first.timestamp, first.ssrc = p.SequenceNumber, p.Timestamp, p.SSRC
				}
			}
			if first.ssrc != last.ssrc {
				t.Errorf("SSRC %x after %x", first.ssrc, last.ssrc)
			}
			// Telephones take what is not ahead for late.
			if ahead := int16(first.seq - last.seq); ahead < 1 {
				t.Errorf("sequence number %d after %d", first.seq, last.seq)
			}
			if gone, most := first.timestamp-last.timestamp, uint32(again.now.Tick-before+2)*160; gone < (down-4)*160 || gone > most {
				t.Errorf("the timestamp went on by %d, which is not the time that has passed", gone)
			}
			again.write(again.audio(nil))
			again.tick(nil)
			again.write(again.audio(nil))
			if frame, _ := again.tick(nil); !loud(frame) {
				t.Error("the far end is not heard")
			}
		})
	}
}

func TestLegWhosePortIsTakenGetsAnother(t *testing.T) {
	c := newCall(t, nil)
	other := newCall(t, nil)
	again := c.restarted(func(s *LegState) { s.Port = other.leg.Port() })
	if again.leg.Port() == other.leg.Port() {
		t.Fatal("two legs have one port")
	}
	again.tick(nil)
	again.tick(make([]byte, 160))
	if again.read() == nil {
		t.Error("nothing is sent")
	}
}

func TestTimeLineBeginsAnewWithTheMachine(t *testing.T) {
	c := newCall(t, nil)
	before, _ := c.leg.State()
	again := c.restarted(func(s *LegState) { s.Stream.Tick = 1 << 50 })
	if state, _ := again.leg.State(); state.Stream.SSRC == before.Stream.SSRC {
		t.Error("a stream is gone on with whose time line is of another run of the machine")
	}
}

func TestLegOfACodecThatIsMissingIsRefused(t *testing.T) {
	c := newCall(t, nil)
	state, _ := c.leg.State()
	state.Remote.Codec = "SIREN"
	ports, err := NewPorts(23000, 24999)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ports.Resume(state); err == nil || !strings.Contains(err.Error(), "SIREN") {
		t.Errorf("error %v, want one that names the codec", err)
	}
}
