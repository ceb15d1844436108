package media

import (
	"io"
	"time"
)

// Sound is mono audio of known length, ready to be played into a mix of either rate. It never changes after it was
// made, so any number of goroutines may play it at once.
type Sound struct {
	narrow   []int16 // at 8 kHz
	wide     []int16 // at 16 kHz
	duration time.Duration
}

// NewSound makes a sound of samples at a rate in Hz, which must be positive. The samples are kept: the caller must not
// change them afterwards. Music that will be looped passes its seam unharmed through the conversion to other rates.
func NewSound(rate int, pcm []int16) *Sound {
	return &Sound{
		narrow:   resample(pcm, rate, 8000),
		wide:     resample(pcm, rate, 16000),
		duration: time.Duration(len(pcm)) * time.Second / time.Duration(rate),
	}
}

// LoadWAV reads a sound from a WAV file: 16-bit PCM, mono or stereo (mixed to mono), at one of the usual rates from 8 to
// 48 kHz, at most half an hour. The error names what else the file holds.
func LoadWAV(r io.Reader) (*Sound, error) {
	rate, pcm, err := readWAV(r)
	if err != nil {
		return nil, err
	}
	return NewSound(rate, pcm), nil
}

// PCM returns the samples at a rate of 8000 or 16000 Hz, nil for any other rate. It costs nothing and is safe on the
// audio path; the samples are shared and must not be changed.
func (s *Sound) PCM(rate int) []int16 {
	switch rate {
	case 8000:
		return s.narrow
	case 16000:
		return s.wide
	}
	return nil
}

// Duration is the length of the sound.
func (s *Sound) Duration() time.Duration { return s.duration }
