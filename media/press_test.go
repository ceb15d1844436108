package media

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

// event is the phone's next packet of telephone-event, of a press that began at a timestamp.
func (c *call) event(key byte, begin uint32, duration int, end bool) []byte {
	c.t.Helper()
	c.seq++
	flags := byte(10)
	if end {
		flags |= 0x80
	}
	p := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 101, SequenceNumber: c.seq, Timestamp: begin, SSRC: 5},
		Payload: []byte{key, flags, byte(duration >> 8), byte(duration)}}
	b, err := p.Marshal()
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}

func TestPressLastsAsLongAsIsTold(t *testing.T) {
	const tail = int(pressTail / 20e6)
	tests := []struct {
		name string
		lost map[int]bool // packets of ten, the last three tell the end
		down int          // ticks from the first packet on, or a little more
	}{
		{"nothing lost", nil, 7 + tail},
		{"the begin lost", map[int]bool{0: true, 1: true}, 5 + tail},
		{"two lost in the middle", map[int]bool{3: true, 4: true}, 7 + tail},
		{"the end lost", map[int]bool{7: true, 8: true, 9: true}, 6 + 8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCall(t, nil)
			for range 10 {
				c.write(c.audio(nil))
				c.tick(nil)
			}
			begin, down, heard := c.stamp+160, 0, 0
			var last Press
			for i := range 40 {
				if i < 10 {
					b := c.event(5, begin, min(i+1, 8)*160, i >= 7)
					if !tt.lost[i] {
						c.write(b)
					}
				}
				c.write(c.audio(nil)) // the phone goes on sending audio
				frame, _ := c.tick(nil)
				if c.leg.Pressed() {
					down++
					last = c.leg.Press()
					if last.Key != '5' || last.Number != 1 {
						t.Fatalf("%+v, want key 5", last)
					}
				}
				if i >= 2 && i < 7 && loud(frame) {
					heard++
				}
			}
			if down < tt.down-1 || down > tt.down+1 {
				t.Errorf("down for %d ticks, want %d", down, tt.down)
			}
			if want := 160 * time.Millisecond; tt.lost[9] {
				want = 140 * time.Millisecond
				if last.Ended || last.Length != want {
					t.Errorf("%+v, want %v without an end", last, want)
				}
			} else if !last.Ended || last.Length != want {
				t.Errorf("%+v, want %v", last, want)
			}
			if heard > 0 && !tt.lost[0] {
				t.Errorf("%d frames of audio are heard while the key is down", heard)
			}
			if c.leg.Pressed() || c.leg.Press().Key != 0 {
				t.Errorf("the key is down in the end: %+v", c.leg.Press())
			}
			frame := make([]int16, 160)
			for range 3 {
				c.write(c.audio(nil))
				frame, _ = c.tick(nil)
			}
			if !loud(frame) {
				t.Error("the audio after the key is not heard")
			}
		})
	}
}
