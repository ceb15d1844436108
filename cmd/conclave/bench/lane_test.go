package bench

import (
	"encoding/binary"
	"testing"
	"time"
)

// The far end must see a stream that pauses: nothing lost, and a clock that went on.
func TestSilentCallersPauseTheirStream(t *testing.T) {
	far, err := openSocket()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(far.close)
	to, err := far.address()
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCaller(codings["pcmu"], codings["pcmu"].hush())
	if err != nil {
		t.Fatal(err)
	}
	clock, err := newClock()
	if err != nil {
		t.Fatal(err)
	}
	crowd := newCrowd(clock, []*caller{c}, 1)
	t.Cleanup(crowd.close)
	if err := c.connect(to); err != nil {
		t.Fatal(err)
	}

	type packet struct {
		kind      byte
		sequence  uint16
		timestamp uint32
		payload   []byte
	}
	var got []packet
	until := func(enough func() bool) {
		t.Helper()
		var buffer [2048]byte
		for deadline := time.Now().Add(10 * time.Second); !enough(); {
			if n := far.receive(buffer[:]); n >= 0 {
				got = append(got, packet{buffer[1], binary.BigEndian.Uint16(buffer[2:]), binary.BigEndian.Uint32(buffer[4:]),
					append([]byte(nil), buffer[12:n]...)})
			} else if time.Now().After(deadline) {
				t.Fatalf("only %d packets came", len(got))
			} else {
				time.Sleep(time.Millisecond)
			}
		}
	}
	const comfortNoise, turnsSilent = 13, 8
	until(func() bool { return len(got) == 5 })
	crowd.rest()
	until(func() bool { return got[len(got)-1].kind == comfortNoise })
	pauseAt := len(got) - 1
	time.Sleep((turnsSilent + 2) * tick)
	crowd.wake()
	until(func() bool { return len(got) == pauseAt+6 })

	for i, p := range got {
		if i == pauseAt {
			if len(p.payload) != 1 || p.payload[0] != 65 {
				t.Errorf("comfort noise % x, want its level alone, 65", p.payload)
			}
		} else if p.kind != 0 || len(p.payload) != payload {
			t.Errorf("packet %d of %d: type %d with %d octets, want %d of type 0", i+1, len(got), p.kind, len(p.payload), payload)
		}
		if i == 0 {
			continue
		}
		if step := p.sequence - got[i-1].sequence; step != 1 {
			t.Errorf("packet %d: sequence number %d after the one before", i+1, step)
		}
		step := p.timestamp - got[i-1].timestamp
		if step == 0 || step%rtpTick != 0 || i == pauseAt+1 && step < turnsSilent*rtpTick {
			t.Errorf("packet %d (the pause is before %d): %d samples after the one before", i+1, pauseAt+2, step)
		}
	}
}
