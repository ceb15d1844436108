package media

import (
	"fmt"
	"testing"

	"github.com/pion/rtp"

	"conclave/media/tone"
)

func TestComfortNoisePacketsAreHeardAsNoise(t *testing.T) {
	for _, tt := range []struct {
		negotiated, sent uint8
		heard            bool
	}{
		{13, 13, true}, {98, 98, true}, {98, 13, true},
		{0, 13, true}, // from a far end that did not ask
		{0, 98, false}, {97, 98, false},
	} {
		t.Run(fmt.Sprintf("%d where %d was negotiated", tt.sent, tt.negotiated), func(t *testing.T) {
			c := newCall(t, func(r *Remote) { r.ComfortType = tt.negotiated })
			for range 10 {
				c.write(c.audio(nil))
				c.tick(nil)
			}
			if c.leg.Rests() {
				t.Error("it rests while it speaks")
			}
			c.write(c.audio(func(p *rtp.Packet) { p.PayloadType, p.Payload = tt.sent, []byte{50, 1, 2} })) // with a spectrum
			for range 10 {
				c.tick(nil)
			}
			frame, _ := c.tick(nil)
			const want = -47 // dBFS of 50 dB below the overload
			if level := tone.Level(frame); (level > want-3 && level < want+3) != tt.heard || c.leg.Rests() != tt.heard {
				t.Errorf("%.0f dBFS are heard, rests: %v", level, c.leg.Rests())
			}
			if n := c.leg.Stats().Counters.WrongType; (n == 0) != tt.heard {
				t.Errorf("%d packets of a wrong type", n)
			}
			c.stamp += 11 * 160
			c.write(c.audio(nil))
			c.tick(nil)
			if frame, _ := c.tick(nil); !loud(frame) && c.leg.Rests() {
				t.Error("the voice does not return")
			}
		})
	}
}
