//go:build !amd64

package mixer

// vectors tells that there are none on this kind of processor: the functions below are not called.
const vectors = false

func sumUpVectors(sum *int32, frame *int16, n int)                       {}
func mergeVectors(sum, other *int32, n int)                              {}
func minusVectors(dst, sum *int32, own *int16, n int)                    {}
func peakVectors(sum *int32, n int) int32                                { return 0 }
func narrowVectors(dst *int16, sum *int32, n int)                        {}
func scaleVectors(dst *int16, sum *int32, n int, gain, step float32)     {}
func amplifyVectors(sum *int32, frame *int16, n int, gain, step float32) {}
func powerVectors(frame *int16, n int) int64                             { return 0 }
