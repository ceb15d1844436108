package phone

import (
	"fmt"
	"strings"

	"github.com/gotranspile/g722"
	"github.com/zaf/g711"
)

// Codec is an audio coding by its payload type: that of RFC 3551 where it has one.
type Codec uint8

// The codings that a phone speaks. They are others' code than the server's, where there is any.
const (
	PCMU Codec = 0
	PCMA Codec = 8
	G722 Codec = 9
	Opus Codec = 111 // of 48 kHz, which is in builds with the tag opus alone
)

// mappings are the codings as a=rtpmap has them.
var mappings = map[Codec]string{PCMU: "PCMU/8000", PCMA: "PCMA/8000", G722: "G722/8000", Opus: "opus/48000/2"}

// String returns the encoding name as in a=rtpmap.
func (c Codec) String() string {
	name, _, _ := strings.Cut(mappings[c], "/")
	return name
}

// Rate is that of the audio in Hz.
func (c Codec) Rate() int {
	switch c {
	case Opus:
		return 48000
	case G722:
		return 16000
	}
	return 8000
}

// clock is that of its timestamps.
func (c Codec) clock() int {
	if c == Opus {
		return 48000
	}
	return clockRate
}

// codecOf finds the coding of an a=rtpmap.
func codecOf(mapping string) (Codec, bool) {
	for c, m := range mappings {
		if strings.EqualFold(m, mapping) || strings.EqualFold(m+"/1", mapping) {
			return c, true
		}
	}
	return 0, false
}

// coder codes one direction of a call.
type coder interface {
	encode(pcm []int16) []byte
	decode(payload []byte) []int16
}

func (c Codec) coder() coder {
	switch c {
	case PCMU:
		return g711Coder{g711.EncodeUlawFrame, g711.DecodeUlawFrame}
	case PCMA:
		return g711Coder{g711.EncodeAlawFrame, g711.DecodeAlawFrame}
	case G722:
		return g722Coder{g722.NewEncoder(g722.RateDefault, 0), g722.NewDecoder(g722.RateDefault, 0)}
	case Opus:
		return newOpus(c.Rate())
	}
	panic(fmt.Sprintf("phone: no codec %d", c))
}

type g711Coder struct {
	encoded func(int16) uint8
	decoded func(uint8) int16
}

func (c g711Coder) encode(pcm []int16) []byte {
	payload := make([]byte, len(pcm))
	for i, s := range pcm {
		payload[i] = c.encoded(s)
	}
	return payload
}

func (c g711Coder) decode(payload []byte) []int16 {
	pcm := make([]int16, len(payload))
	for i, b := range payload {
		pcm[i] = c.decoded(b)
	}
	return pcm
}

type g722Coder struct {
	encoder *g722.Encoder
	decoder *g722.Decoder
}

func (c g722Coder) encode(pcm []int16) []byte {
	payload := make([]byte, len(pcm)/2)
	return payload[:c.encoder.Encode(payload, pcm)]
}

func (c g722Coder) decode(payload []byte) []int16 {
	pcm := make([]int16, 2*len(payload))
	return pcm[:c.decoder.Decode(pcm, payload)]
}
