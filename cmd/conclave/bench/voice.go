package bench

import (
	"math"

	"conclave/media/tone"

	"github.com/zaf/g711"
)

// voice is one second of audio in PCMU that joins onto itself.
type voice struct {
	coded [50 * payload]byte
}

func newVoice(pcm []int16) *voice {
	v := new(voice)
	for i := range v.coded {
		v.coded[i] = g711.EncodeUlawFrame(pcm[i%len(pcm)])
	}
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

func talk(hz float64) *voice {
	return newVoice(tone.Make(sampleRate, hz, talkLevel, sampleRate))
}

func hush() *voice {
	pcm := make([]int16, sampleRate)
	tone.NewNoise(1, hushLevel).Fill(pcm)
	return newVoice(pcm)
}

// decode turns what was heard into linear PCM.
func decode(coded []byte) []int16 {
	pcm := make([]int16, len(coded))
	for i, b := range coded {
		pcm[i] = g711.DecodeUlawFrame(b)
	}
	return pcm
}

// undistorted tells that the sum of n talkers' peaks stays below full scale.
func (b *bench) undistorted(n int) bool {
	return float64(n)*math.Pow(10, b.heardLevel/20) < 1
}
