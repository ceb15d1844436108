//go:build !speexdsp

package denoise

// Denoiser is what this build has none of.
type Denoiser struct{}

// Available tells whether New works in this build: the error is nil or ErrMissing.
func Available() error { return ErrMissing }

// New returns ErrMissing.
func New(int) (*Denoiser, error) { return nil, ErrMissing }

// Denoise does nothing.
func (*Denoiser) Denoise([]int16) {}

// Close does nothing.
func (*Denoiser) Close() {}
