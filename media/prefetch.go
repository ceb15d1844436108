//go:build amd64 || arm64

package media

import "unsafe"

// Prefetch asks the processor to have memory near by when it is needed, and does not wait. It
// never faults, whatever the address.
//
//go:noescape
func Prefetch(p unsafe.Pointer, size uintptr)
