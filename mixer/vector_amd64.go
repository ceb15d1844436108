package mixer

import "golang.org/x/sys/cpu"

// vectors tells that the processor has AVX2.
var vectors = cpu.X86.HasAVX2

//go:noescape
func sumUpVectors(sum *int32, frame *int16, n int)

//go:noescape
func mergeVectors(sum, other *int32, n int)

//go:noescape
func minusVectors(dst, sum *int32, own *int16, n int)

//go:noescape
func peakVectors(sum *int32, n int) int32

//go:noescape
func narrowVectors(dst *int16, sum *int32, n int)

//go:noescape
func scaleVectors(dst *int16, sum *int32, n int, gain, step float32)

//go:noescape
func amplifyVectors(sum *int32, frame *int16, n int, gain, step float32)

// powerVectors takes a multiple of 16.
//
//go:noescape
func powerVectors(frame *int16, n int) int64
