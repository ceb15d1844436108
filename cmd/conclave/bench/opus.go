//go:build opus

package bench

import (
	"fmt"

	"github.com/hraban/opus"

	"conclave/media"
	"conclave/sip/phone"
)

// opusCoding is Opus of a phone that has audio of 48 or of 16 kHz, and says so.
func opusCoding(rate int) coding {
	return coding{payloadType: byte(phone.Opus), step: 48000 / 50, params: fmt.Sprintf("maxplaybackrate=%d", rate),
		encode: func(pcm []int16) [][]byte { return encodeOpus(pcm, rate) }, decode: decodeOpus}
}

// encodeOpus codes at a rate in Hz, as telephones do.
func encodeOpus(pcm []int16, rate int) (packets [][]byte) {
	encoder, err := opus.NewEncoder(rate, 1, opus.AppVoIP)
	if err != nil {
		panic(err) // of a rate that Opus has not
	}
	for wide := raised(pcm, rate); len(wide) >= rate/50; wide = wide[rate/50:] {
		coded := make([]byte, longest)
		n, err := encoder.Encode(wide[:rate/50], coded)
		if err != nil {
			panic(err)
		}
		packets = append(packets, coded[:n])
	}
	return packets
}

// raised brings a sound to a higher rate.
func raised(pcm []int16, rate int) []int16 {
	sums := make([]int32, len(pcm))
	for i, v := range pcm {
		sums[i] = int32(v)
	}
	for from := sampleRate; from < rate; {
		to := min(rate, 3*from)
		if from == sampleRate {
			to = 2 * from
		}
		higher := make([]int32, len(sums)*to/from)
		media.NewConverter(from, to).Convert(higher, sums)
		sums, from = higher, to
	}
	out := make([]int16, len(sums))
	for i, v := range sums {
		out[i] = int16(v)
	}
	return out
}

func decodeOpus(packets [][]byte) []int16 {
	decoder, err := opus.NewDecoder(sampleRate, 1)
	if err != nil {
		panic(err)
	}
	all := make([]int16, 0, len(packets)*payload)
	for _, p := range packets {
		var pcm [payload]int16
		if _, err := decoder.Decode(p, pcm[:]); err != nil {
			clear(pcm[:])
		}
		all = append(all, pcm[:]...)
	}
	return all
}
