package media

import "golang.org/x/sys/cpu"

// decodeFast decodes as many octets as whole vectors hold, and returns their number. dst is as
// long as payload.
func (t *table) decodeFast(dst []int16, payload []byte) int {
	n := len(payload) &^ 15
	if n == 0 || !cpu.X86.HasAVX2 {
		return 0
	}
	if t.payloadType == payloadPCMU {
		decodeUlawVectors(&dst[0], &payload[0], n)
	} else {
		decodeAlawVectors(&dst[0], &payload[0], n)
	}
	return n
}

// encodeFast does the same the other way round.
func (t *table) encodeFast(dst []byte, pcm []int16) int {
	n := len(pcm) &^ 15
	if n == 0 || !cpu.X86.HasAVX2 {
		return 0
	}
	if t.payloadType == payloadPCMU {
		encodeUlawVectors(&dst[0], &pcm[0], n)
	} else {
		encodeAlawVectors(&dst[0], &pcm[0], n)
	}
	return n
}

// Each takes a multiple of 16 samples.

//go:noescape
func decodeUlawVectors(dst *int16, payload *byte, n int)

//go:noescape
func decodeAlawVectors(dst *int16, payload *byte, n int)

//go:noescape
func encodeUlawVectors(dst *byte, pcm *int16, n int)

//go:noescape
func encodeAlawVectors(dst *byte, pcm *int16, n int)
