package media

import "github.com/zaf/g711"

// FramesPerSecond is the rate of the clockwork: every leg gives and takes one frame of
// 20 ms at each tick, whatever the packet times of the far end are.
const FramesPerSecond = 50

// Codec is one audio coding: what a payload type of an offer stands for. Codecs are compared by ==: there is one value
// for each coding and rate.
type Codec interface {
	// Name is the encoding name of a=rtpmap (RFC 4566), e.g. "PCMU".
	Name() string
	// PayloadType is the static RTP payload type (RFC 3551 6), or the dynamic one of our offers.
	PayloadType() uint8
	// ClockRate is the rate of RTP timestamps in Hz, which is the one that a=rtpmap names.
	ClockRate() int
	// SampleRate is the rate of the decoded audio in Hz.
	SampleRate() int
	// At is the same coding with audio of the highest of its rates that is not above that one, in Hz, or of its lowest.
	At(rate int) Codec
	// Channels and Params are what a=rtpmap and a=fmtp say of the coding, an empty string being nothing.
	Channels() int
	Params() string
	// Samples is how many samples payload decodes to, 0 if it is none of this coding.
	Samples(payload []byte) int
	// PerOctet is how many samples each octet of a payload stands for; 0: the payload has to be looked at.
	PerOctet() int
	// Stateless tells that a frame is coded without regard to those before it. Then NewDecoder and NewEncoder return the
	// same value to all.
	Stateless() bool
	NewDecoder() Decoder
	NewEncoder() Encoder
}

// Decoder decodes one stream.
type Decoder interface {
	// Decode writes the samples of payload to dst and returns their number. It stops at
	// the end of the shorter of the two.
	Decode(dst []int16, payload []byte) int
}

// Recoverer is a Decoder of a coding whose packets have something of the ones before.
type Recoverer interface {
	// Recover writes to dst what a packet would have been that was lost, from the one after it.
	Recover(dst []int16, next []byte) bool
	// Repeats tells that a packet has something of the one before it.
	Repeats(payload []byte) bool
}

// Partial is a Decoder that need not decode what nobody hears.
type Partial interface {
	Decoder
	// DecodePart is Decode for a packet that is heard only if it is loud: if it has a mean square of at least least. Then,
	// or where it has to be decoded all the same, it does nothing and is not ok. Else dst has what can be had of it at
	// little cost, in which keys can be found unless least is +Inf, and what is missing there has the mean square left.
	DecodePart(dst []int16, payload []byte, least float32) (n int, left float32, ok bool)
	// CatchUp is told of the last packets that were given to DecodePart alone, the oldest first, before Decode goes on.
	// Behind is of how many at most.
	CatchUp(payload []byte)
	Behind() int
}

// Encoder codes one stream.
type Encoder interface {
	// Encode writes the coded pcm to dst and returns the number of octets. It stops at the
	// end of the shorter of the two.
	Encode(dst []byte, pcm []int16) int
}

// Successor is an Encoder of a coding that has state.
type Successor interface {
	Encoder
	// Succeed makes it go on where another encoder of the coding is, so that a decoder that has followed that one can
	// follow this one from now on. With before it goes on where that one was before its last frame.
	Succeed(other Successor, before bool)
}

// Adaptive is an Encoder that can make use of what is known of its sound and of the way to those who hear it.
type Adaptive interface {
	Encoder
	// Pause tells whether the frames that follow are a pause, in which nobody talks: a far end that wants nothing in pauses
	// gets next to nothing then (Pausing).
	Pause(on bool)
	// Expect tells the share of packets, 0 to 1, that is lost on the way to a far end, for as much to be sent once more.
	Expect(loss float32)
}

// Pausing is a Codec that can leave out pauses.
type Pausing interface {
	Codec
	// Pausing is the same coding for far ends that want nothing in pauses.
	Pausing() Codec
}

// PCMU is G.711 mu-law, payload type 0 at 8000 Hz (RFC 3551 4.5.14).
func PCMU() Codec { return pcmu }

// PCMA is G.711 A-law, payload type 8 at 8000 Hz (RFC 3551 4.5.14).
func PCMA() Codec { return pcma }

// Codecs lists what the server takes, in the order in which it offers them: the best first.
func Codecs() []Codec {
	if opus, ok := Opus(); ok {
		return []Codec{opus, g722Wide, pcmu, pcma}
	}
	return []Codec{g722Wide, pcmu, pcma}
}

var (
	pcmu = newG711("PCMU", payloadPCMU, g711.DecodeUlawFrame, g711.EncodeUlawFrame)
	pcma = newG711("PCMA", payloadPCMA, g711.DecodeAlawFrame, g711.EncodeAlawFrame)
)

// The static payload types (RFC 3551 6).
const (
	payloadPCMU = 0
	payloadPCMA = 8
)

// table is a G.711 coding laid out in memory, made from the library's functions at start. It does
// what the processor has no vectors for.
type table struct {
	name        string
	payloadType uint8
	linear      [256]int16
	coded       [65536]uint8 // indexed by the sample as uint16
}

func newG711(name string, payloadType uint8, decode func(uint8) int16, encode func(int16) uint8) *table {
	t := &table{name: name, payloadType: payloadType}
	for i := range t.linear {
		t.linear[i] = decode(uint8(i))
	}
	for i := range t.coded {
		t.coded[i] = encode(int16(uint16(i)))
	}
	return t
}

func (t *table) Name() string       { return t.name }
func (t *table) PayloadType() uint8 { return t.payloadType }
func (t *table) ClockRate() int     { return 8000 }
func (t *table) SampleRate() int    { return 8000 }
func (t *table) At(int) Codec       { return t }
func (t *table) Channels() int      { return 1 }
func (t *table) Params() string     { return "" }
func (t *table) PerOctet() int      { return 1 }
func (t *table) Stateless() bool    { return true }

func (t *table) Samples(payload []byte) int { return len(payload) }

func (t *table) NewDecoder() Decoder { return t }
func (t *table) NewEncoder() Encoder { return t }

func (t *table) Decode(dst []int16, payload []byte) int {
	n := min(len(dst), len(payload))
	dst = dst[:n]
	for i := t.decodeFast(dst, payload[:n]); i < n; i++ {
		dst[i] = t.linear[payload[i]]
	}
	return n
}

func (t *table) Encode(dst []byte, pcm []int16) int {
	n := min(len(dst), len(pcm))
	dst = dst[:n]
	for i := t.encodeFast(dst, pcm[:n]); i < n; i++ {
		dst[i] = t.coded[uint16(pcm[i])]
	}
	return n
}
