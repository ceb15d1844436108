//go:build !amd64 && !arm64

package media

import "unsafe"

// Prefetch does nothing on this kind of processor.
func Prefetch(unsafe.Pointer, uintptr) {}
