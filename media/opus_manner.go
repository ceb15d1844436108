//go:build opus

package media

const (
	// opusHush is how many frames of a pause are coded before anything is left out, as libopus does: 0.2 s, in which a decoder
	// learns what the pause sounds like.
	opusHush = 10
	// opusRefresh is that of so many frames of a pause one is coded: 0.4 s, as libopus does.
	opusRefresh = 20
	// opusMostLoss is the greatest loss in % that packets are meant for. What is sent once more becomes better up to there.
	opusMostLoss = 12
)

// opusManner is what an encoder knows of its sound and of the way to those who hear it. Pauses are told by the mix, which knows
// who talks. libopus guesses: it takes steady tones for pauses, and in CELT digital silence alone.
type opusManner struct {
	pauses  bool // the far ends want nothing in pauses
	paused  bool
	quiet   int     // frames of the pause so far
	nothing [1]byte // a packet that says nothing: its frame is empty (RFC 6716 3.2.2)
	loss    int     // %
	bitrate int     // in bit/s without loss; 0: not known yet
}

// leavesOut tells that the next frame is a pause that is not coded.
func (m *opusManner) leavesOut() bool {
	if !m.paused {
		m.quiet = 0
		return false
	}
	m.quiet++
	return m.quiet > opusHush && (m.quiet-opusHush)%opusRefresh != 0
}

// Pause is that of Adaptive.
func (m *opusManner) Pause(on bool) { m.paused = on && m.pauses }

// Expect is that of Adaptive. What is sent once more comes on top of the bit rate, so that nobody hears worse because another
// one loses packets.
func (e *opusEncoder) Expect(loss float32) {
	percent := min(int(100*loss+0.5), opusMostLoss)
	if percent == e.loss {
		return
	}
	if e.bitrate == 0 {
		rate, err := e.state.Bitrate()
		if err != nil {
			return
		}
		e.bitrate = rate
	}
	rate := e.bitrate
	if percent > 0 {
		rate += rate / 4
	}
	if e.state.SetPacketLossPerc(percent) == nil && e.state.SetBitrate(rate) == nil {
		e.loss = percent
	}
}

// Repeats is that of Recoverer. The first bits of SILK, which are as if they were not coded, tell for each of its frames of
// 20 ms whether there is voice, and then whether what was before is there once more (RFC 6716 4.2.3).
func (*opusDecoder) Repeats(payload []byte) bool {
	if len(payload) < 2 || payload[0]>>3 >= 16 || payload[0]&3 != 0 { // CELT has none; of several frames in a packet it may stand further behind
		return false
	}
	frames := 1
	if payload[0]>>3 < 12 {
		frames = max(1, int(payload[0]>>3&3))
	}
	return payload[1]>>(7-frames)&1 != 0
}

// pausingOpus is Opus for far ends that want nothing in pauses.
type pausingOpus struct{ *opusCodec }

// Pausing is that of Pausing.
func (c *opusCodec) Pausing() Codec { return pausingOpus{c} }

func (c pausingOpus) At(rate int) Codec { return pausingOpus{c.opusCodec.At(rate).(*opusCodec)} }

func (c pausingOpus) NewEncoder() Encoder {
	e := c.opusCodec.NewEncoder().(*opusEncoder)
	e.pauses = true
	return e
}
