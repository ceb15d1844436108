//go:build speexdsp

package denoise

// #cgo pkg-config: speexdsp
// #cgo noescape speex_preprocess_run
// #cgo nocallback speex_preprocess_run
// #include <speex/speex_preprocess.h>
import "C"

import (
	"fmt"
	"unsafe"
)

const (
	// perSecond is how many pieces the sound of a second is worked on in. What comes out is one of them late: 10 ms.
	perSecond = 100
	// suppression is by how much noise is lowered, in dB: more of it makes what is left of it warble.
	suppression = -20
)

// Denoiser takes the noise out of the sound of one leg. It serves one goroutine. Its memory is not the Go heap's: Close
// gives it back.
type Denoiser struct {
	state *C.SpeexPreprocessState
	piece int // samples
}

// Available tells whether New works in this build: the error is nil or ErrMissing.
func Available() error { return nil }

// New returns a denoiser for sound of a rate in Hz: 8000, 16000 or 48000.
func New(rate int) (*Denoiser, error) {
	switch rate {
	case 8000, 16000, 48000:
	default:
		return nil, fmt.Errorf("denoise sound of %d Hz: want 8000, 16000 or 48000", rate)
	}
	d := &Denoiser{piece: rate / perSecond}
	if d.state = C.speex_preprocess_state_init(C.int(d.piece), C.int(rate)); d.state == nil {
		return nil, fmt.Errorf("denoise sound of %d Hz: no memory", rate)
	}
	d.set(C.SPEEX_PREPROCESS_SET_DENOISE, 1) // all else that it can do is off
	d.set(C.SPEEX_PREPROCESS_SET_NOISE_SUPPRESS, suppression)
	return d, nil
}

func (d *Denoiser) set(what, value C.int) {
	C.speex_preprocess_ctl(d.state, what, unsafe.Pointer(&value))
}

// Denoise takes the noise out of the next whole number of 10 ms, in place; what comes out was said 10 ms before. It
// allocates nothing and waits for nothing.
func (d *Denoiser) Denoise(frame []int16) {
	for ; len(frame) >= d.piece; frame = frame[d.piece:] {
		C.speex_preprocess_run(d.state, (*C.spx_int16_t)(unsafe.Pointer(&frame[0])))
	}
}

// Close gives the memory back. The denoiser is of no use after it.
func (d *Denoiser) Close() {
	C.speex_preprocess_state_destroy(d.state)
	d.state = nil
}
