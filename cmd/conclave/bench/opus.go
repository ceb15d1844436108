//go:build opus

package bench

import (
	"github.com/hraban/opus"

	"conclave/media"
	"conclave/sip/phone"
)

var opusCoding = coding{byte(phone.Opus), 48000 / 50, encodeOpus, decodeOpus}

// encodeOpus codes in wide band, as telephones do.
func encodeOpus(pcm []int16) [][]byte {
	const rate, frame = 16000, 320
	encoder, err := opus.NewEncoder(rate, 1, opus.AppVoIP)
	if err != nil {
		panic(err) // of a rate that Opus has not
	}
	low, high := make([]int32, len(pcm)), make([]int32, 2*len(pcm))
	for i, v := range pcm {
		low[i] = int32(v)
	}
	media.NewConverter(sampleRate, rate).Convert(high, low)
	var packets [][]byte
	for ; len(high) >= frame; high = high[frame:] {
		var wide [frame]int16
		for i := range wide {
			wide[i] = int16(high[i])
		}
		coded := make([]byte, longest)
		n, err := encoder.Encode(wide[:], coded)
		if err != nil {
			panic(err)
		}
		packets = append(packets, coded[:n])
	}
	return packets
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
