// Package denoise takes steady noise (fans, roads, hum) out of speech, by the preprocessor of libspeexdsp. It is in builds
// with the tag speexdsp, which need that library; in others New says so.
package denoise

import "errors"

// ErrMissing is why New has no Denoiser to return in a build without the library.
var ErrMissing = errors.New("this conclave is built without libspeexdsp; install libspeexdsp-dev and pkg-config, and build it with make, or with -tags speexdsp")

const (
	// perSecond is how many pieces the sound of a second is worked on in. What comes out is one of them late: 10 ms.
	perSecond = 100
	// suppression is by how much noise is lowered, in dB: more of it makes what is left of it warble.
	suppression = -20
)
