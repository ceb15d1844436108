//go:build opus

package media

import (
	"fmt"

	"github.com/hraban/opus"
)

// opusCodec is Opus (RFC 6716) by libopus, of mono audio in frames of 20 ms.
type opusCodec struct{ rate int }

var (
	opusFull   = &opusCodec{rate: 48000}
	opusWide   = &opusCodec{rate: 16000}
	opusNarrow = &opusCodec{rate: 8000}
)

// Opus is Opus with audio at 48, 16 or 8 kHz; false in a build without it.
func Opus() (Codec, bool) { return opusFull, true }

const (
	opusPayload = 107 // of our offers: a dynamic one
	// Bit/s, for sound of 8 and of 20 kHz bandwidth, without what is sent once more: as much as RFC 7587 3.1.1 has
	// for music, as tones above 12 kHz become noise with less. In speech most packets are smaller.
	opusBitrate     = 32000
	opusFullBitrate = 64000
	// opusEffort is libopus's complexity: above 5 it takes much longer for little.
	opusEffort = 5
	// opusWarm is how many frames an encoder has to code for another's decoder to follow it.
	opusWarm = 3
)

func (*opusCodec) Name() string       { return "opus" }
func (*opusCodec) PayloadType() uint8 { return opusPayload }
func (*opusCodec) ClockRate() int     { return 48000 } // RFC 7587 4.1, whatever is coded
func (c *opusCodec) SampleRate() int  { return c.rate }
func (*opusCodec) Channels() int      { return 2 } // RFC 7587 7: always, whatever is coded
func (*opusCodec) Stateless() bool    { return false }
func (*opusCodec) PerOctet() int      { return 0 }

// Params tells the rate that we make use of (RFC 7587 6.1): what is above it a far end need not send.
func (c *opusCodec) Params() string {
	return fmt.Sprintf("maxplaybackrate=%d;sprop-maxcapturerate=%d;stereo=0;useinbandfec=1;usedtx=1", c.rate, c.rate)
}

func (*opusCodec) At(rate int) Codec {
	switch {
	case rate < opusWide.rate:
		return opusNarrow
	case rate < opusFull.rate:
		return opusWide
	}
	return opusFull
}

// Samples reads the begin of a packet (RFC 6716 3.1): how long its frames are, and how many there are.
func (c *opusCodec) Samples(payload []byte) int {
	if len(payload) == 0 {
		return 0
	}
	config, count := int(payload[0]>>3), 0
	var unit int // of 2.5 ms
	switch {
	case config < 12: // SILK
		unit = [4]int{4, 8, 16, 24}[config&3]
	case config < 16: // hybrid
		unit = [2]int{4, 8}[config&1]
	default: // CELT
		unit = 1 << (config & 3)
	}
	switch payload[0] & 3 {
	case 0:
		count = 1
	case 1, 2:
		count = 2
	default:
		if len(payload) < 2 {
			return 0
		}
		count = int(payload[1] & 63)
	}
	if unit *= count; unit > 48 { // 120 ms
		return 0
	}
	return unit * c.rate / 400
}

func (c *opusCodec) NewDecoder() Decoder {
	d := &opusDecoder{codec: c}
	if err := d.state.Init(c.rate, 1); err != nil {
		panic(err) // of a rate that Opus has not
	}
	return d
}

func (c *opusCodec) bitrate() int {
	if c == opusFull {
		return opusFullBitrate
	}
	return opusBitrate
}

func (c *opusCodec) NewEncoder() Encoder {
	e := &opusEncoder{frame: c.rate / FramesPerSecond, last: make([]int16, (opusWarm+1)*c.rate/FramesPerSecond), scratch: make([]byte, 1500)}
	// What is mixed is not one voice, and may be music: libopus's profile for telephony would filter and waver.
	if err := e.state.Init(c.rate, 1, opus.AppAudio); err != nil {
		panic(err)
	}
	for _, err := range []error{e.state.SetBitrate(c.bitrate()), e.state.SetComplexity(opusEffort), e.state.SetInBandFEC(true)} {
		if err != nil {
			panic(err) // of a value that Opus has not
		}
	}
	return e
}

type opusDecoder struct {
	codec *opusCodec
	state opus.Decoder
	opusUnheard
}

func (d *opusDecoder) Decode(dst []int16, payload []byte) int {
	n := d.codec.Samples(payload)
	if n == 0 || n > len(dst) {
		return 0
	}
	if _, err := d.state.Decode(payload, dst[:n:n]); err != nil {
		return 0 // it is as if it had not come
	}
	d.heard(dst[:n], d.codec.rate)
	return n
}

// Recover is that of Recoverer: by what the next packet has of this one, or by what libopus makes up.
func (d *opusDecoder) Recover(dst []int16, next []byte) bool {
	return d.state.DecodeFEC(next, dst[:len(dst):len(dst)]) == nil
}

type opusEncoder struct {
	frame   int
	state   opus.Encoder
	last    []int16 // the last frames, the newest last
	scratch []byte
	opusManner
}

func (e *opusEncoder) Encode(dst []byte, pcm []int16) int {
	if len(pcm) != e.frame {
		return 0
	}
	copy(e.last, e.last[e.frame:])
	copy(e.last[len(e.last)-e.frame:], pcm)
	if e.leavesOut() {
		return copy(dst, e.nothing[:])
	}
	n, err := e.state.Encode(pcm, dst[:len(dst):len(dst)])
	if err != nil {
		return 0
	}
	e.nothing[0] = dst[0] &^ 3
	return n
}

// Succeed codes what the other has coded last: after that a decoder hears no difference.
func (e *opusEncoder) Succeed(other Successor, before bool) {
	last := other.(*opusEncoder).last
	if before {
		last = last[:len(last)-e.frame]
	} else {
		last = last[e.frame:]
	}
	for ; len(last) > 0; last = last[e.frame:] {
		e.Encode(e.scratch, last[:e.frame])
	}
}
