package bench

import (
	"math"

	"conclave/media/tone"

	"github.com/gotranspile/g722"
	"github.com/zaf/g711"
)

// coding is what all members speak and hear, at 8000 samples and octets a second: of G.722 the lower band, which costs
// the server as much as both.
type coding struct {
	payloadType byte
	encode      func(pcm []int16) []byte
	decode      func(coded []byte) []int16
}

// codings are those that are measured, by name.
var codings = map[string]coding{
	"pcmu": {0, encodePCMU, decodePCMU},
	"g722": {9,
		func(pcm []int16) []byte { return g722.Encode(pcm, g722.RateDefault, g722.FlagSampleRate8000) },
		func(coded []byte) []int16 { return g722.Decode(coded, g722.RateDefault, g722.FlagSampleRate8000) }},
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
	coded [50 * payload]byte
}

// newVoice codes the sound for the second time round, so that a coder with state is where it will be again.
func (c coding) newVoice(pcm []int16) *voice {
	var round []int16
	for len(round) < 2*sampleRate {
		round = append(round, pcm...)
	}
	v := new(voice)
	copy(v.coded[:], c.encode(round)[sampleRate:])
	return v
}

// frame returns the nth 20 ms.
func (v *voice) frame(n int) []byte {
	n %= 50
	return v.coded[n*payload : (n+1)*payload]
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
