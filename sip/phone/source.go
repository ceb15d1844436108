package phone

import "conclave/media/tone"

// Source is what a phone says: linear PCM at the rate of its codec. *tone.Sine and
// *tone.Noise are sources.
type Source interface {
	// Fill overwrites pcm with the next len(pcm) samples. It is called from
	// one goroutine at a time.
	Fill(pcm []int16)
}

// Tone returns a tone of hz at dBFS (0 is a sine that reaches full scale) without end, for a phone of 8000 Hz.
func Tone(hz, dBFS float64) Source { return tone.NewSine(clockRate, hz, dBFS) }

// Tone does so for a phone that speaks in this codec.
func (c Codec) Tone(hz, dBFS float64) Source { return tone.NewSine(c.Rate(), hz, dBFS) }

// Silence returns a source of zeros.
func Silence() Source { return &recorded{} }

// PCM returns a source of the samples of pcm once, then silence.
func PCM(pcm []int16) Source { return &recorded{pcm} }

type recorded struct{ rest []int16 }

func (r *recorded) Fill(pcm []int16) {
	n := copy(pcm, r.rest)
	r.rest = r.rest[n:]
	clear(pcm[n:])
}
