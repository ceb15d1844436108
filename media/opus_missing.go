//go:build !opus

package media

// Opus tells that this build has none: it needs libopus and the build tag opus, which the Makefile gives where that is.
func Opus() (Codec, bool) { return nil, false }
