// Package denoise takes steady noise (fans, roads, hum) out of speech, by the preprocessor of libspeexdsp. It is in builds
// with the tag speexdsp, which need that library; in others New says so.
package denoise

import "errors"

// ErrMissing is why New has no Denoiser to return in a build without the library.
var ErrMissing = errors.New("this conclave is built without libspeexdsp; install libspeexdsp-dev and pkg-config, and build it with make, or with -tags speexdsp")
