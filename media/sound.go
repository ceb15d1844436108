package media

import (
	"io"
	"time"
)

// Sound is mono audio of known length, ready to be played into a mix of 8, 16 or 48 kHz. It never changes after it was
// made, so any number of goroutines may play it at once. It has nothing above 8 kHz: at 48 kHz it would take three times the
// memory, and what is played at that rate is made from 16 kHz as it is played.
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

// Read writes the sound at a rate of 8000, 16000 or 48000 Hz from a place on, in samples of that rate, and zeros where it has
// ended. At 48 kHz the place and the length of dst are multiples of three. It is safe on the audio path.
func (s *Sound) Read(dst []int16, rate, at int) {
	if rate == 48000 {
		for ; len(dst) > 0; dst, at = dst[min(len(dst), raisedAtOnce):], at+raisedAtOnce {
			raise(dst[:min(len(dst), raisedAtOnce)], s.wide, at/3)
		}
		return
	}
	pcm := s.PCM(rate)
	clear(dst[copy(dst, pcm[min(at, len(pcm)):]):])
}

// raisedAtOnce is how many samples of 48 kHz are made at once: a frame.
const raisedAtOnce = 48000 / FramesPerSecond

// raise makes samples at three times the rate, from a place in pcm on. All of pcm is at hand: unlike a Converter it needs
// no memory of what was before.
func raise(dst []int16, pcm []int16, at int) {
	n := len(betweenThree[0])
	var near [raisedAtOnce/3 + 64]float32 // what the filter looks at
	x := near[:len(dst)/3+2*n-1]
	for i := range x {
		if from := at - n + i; from >= 0 && from < len(pcm) {
			x[i] = float32(pcm[from])
		}
	}
	var sum [raisedAtOnce]int32
	treble(sum[:len(dst)], x)
	for i := range dst {
		dst[i] = clip(int(sum[i]))
	}
}

// Duration is the length of the sound.
func (s *Sound) Duration() time.Duration { return s.duration }
