package media_test

import (
	"testing"

	"conclave/media"
)

func BenchmarkJitterClean(b *testing.B) {
	const tick = int64(tickTime)
	j := media.NewJitter(media.PCMU())
	payload, frame := make([]byte, 160), make([]int16, 160)
	b.ReportAllocs()
	for i := range b.N {
		at := int64(i) * tick
		j.Put(uint16(i), uint32(i)*160, payload, at-5e6, true)
		j.Take(frame, at)
	}
}

// BenchmarkDecode is the part of BenchmarkJitterClean that is the codec's.
func BenchmarkDecode(b *testing.B) {
	payload, frame := make([]byte, 160), make([]int16, 160)
	codec := media.PCMU()
	for b.Loop() {
		codec.NewDecoder().Decode(frame, payload)
	}
}

// BenchmarkJitterConceal loses each second packet.
func BenchmarkJitterConceal(b *testing.B) {
	const tick = int64(tickTime)
	j := media.NewJitter(media.PCMU())
	pcm, payload, frame := make([]int16, 160), make([]byte, 160), make([]int16, 160)
	voice := sine(440, 10000)
	for i := range pcm {
		pcm[i] = int16(voice(i))
	}
	media.PCMU().NewEncoder().Encode(payload, pcm)
	b.ReportAllocs()
	for i := range b.N {
		at := int64(2*i) * tick
		j.Put(uint16(2*i), uint32(2*i)*160, payload, at-5e6, true)
		j.Take(frame, at)
		j.Take(frame, at+tick)
	}
}
