package bench

import (
	"math"
	"slices"

	"conclave/media/tone"

	"github.com/gotranspile/g722"
	"github.com/zaf/g711"
)

// coding is what all members speak and hear, in packets of 20 ms. What is spoken and heard has 8000 samples a second: of
// wide band the lower half, which costs the server as much as both.
type coding struct {
	payloadType byte
	step        uint32 // of the RTP clock in a packet
	params      string // of a=fmtp in the offer, nothing: there is none
	encode      func(pcm []int16) (packets [][]byte)
	decode      func(packets [][]byte) (pcm []int16)
}

// codings are those that are measured, by name. Those of Opus are nothing in builds without.
var codings = map[string]coding{
	"pcmu": {0, rtpTick, "", cut(encodePCMU), joined(decodePCMU)},
	"g722": {9, rtpTick, "",
		cut(func(pcm []int16) []byte { return g722.Encode(pcm, g722.RateDefault, g722.FlagSampleRate8000) }),
		joined(func(coded []byte) []int16 { return g722.Decode(coded, g722.RateDefault, g722.FlagSampleRate8000) })},
	"opus":   opusCoding(48000),
	"opus16": opusCoding(16000),
}

// cut makes packets of what a coding with an octet for each sample gives.
func cut(encode func([]int16) []byte) func([]int16) [][]byte {
	return func(pcm []int16) [][]byte { return slices.Collect(slices.Chunk(encode(pcm), payload)) }
}

// joined is the way back.
func joined(decode func([]byte) []int16) func([][]byte) []int16 {
	return func(packets [][]byte) []int16 { return decode(slices.Concat(packets...)) }
}

func encodePCMU(pcm []int16) []byte {
	coded := make([]byte, len(pcm))
	for i, s := range pcm {
		coded[i] = g711.EncodeUlawFrame(s)
	}
	return coded
}

func decodePCMU(coded []byte) []int16 {
	pcm := make([]int16, len(coded))
	for i, b := range coded {
		pcm[i] = g711.DecodeUlawFrame(b)
	}
	return pcm
}

// voice is one second of audio that joins onto itself.
type voice struct {
	packets [][]byte
}

// newVoice codes the sound for the second time round, so that a coder with state is where it will be again.
func (c coding) newVoice(pcm []int16) *voice {
	var round []int16
	for len(round) < 2*sampleRate {
		round = append(round, pcm...)
	}
	return &voice{c.encode(round)[50:]}
}

// frame returns the nth 20 ms.
func (v *voice) frame(n int) []byte {
	return v.packets[n%50]
}

const (
	sampleRate  = 8000
	talkLevel   = -26.0 // dBFS of a talker's tone: what the network plans for speech
	levelled    = -20.0 // what automatic gain makes of it
	hushLevel   = -65.0 // of the noise of those who do not talk
	lowestTone  = 311   // Hz
	toneRange   = 3000  // Hz
	closestTone = 6     // Hz between two tones: told apart in a second and a half
)

// toneOf returns the frequency of talker k of all talkers, a whole number so that a second of it joins onto
// itself. With more than 500 talkers some share theirs.
func toneOf(k, all int) float64 {
	spacing := max(closestTone, toneRange/max(1, all))
	return float64(lowestTone + spacing*(k%(toneRange/spacing)))
}

func (c coding) talk(hz float64) *voice {
	return c.newVoice(tone.Make(sampleRate, hz, talkLevel, sampleRate))
}

func (c coding) hush() *voice {
	pcm := make([]int16, sampleRate)
	tone.NewNoise(1, hushLevel).Fill(pcm)
	return c.newVoice(pcm)
}

// undistorted tells that the sum of n talkers' peaks stays below full scale.
func (b *bench) undistorted(n int) bool {
	return float64(n)*math.Pow(10, b.heardLevel/20) < 1
}
