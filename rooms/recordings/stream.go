package recordings

import (
	"math"
	"slices"

	"conclave/media"
	"conclave/mixer"
)

// samplesOf is how many samples so many ticks have at a rate in Hz.
func samplesOf(ticks uint64, rate int) int64 { return int64(ticks) * int64(rate/media.FramesPerSecond) }

// stream is one file and what comes for it: stretches in the order of their ticks, with gaps where there was silence, at 8 or
// 16 kHz, which is not always the rate of the file.
type stream struct {
	name  string // of the file, without its ending
	file  *wavFile
	wider *widening // the file is being made anew at a higher rate; nil: it is not
	stays bool      // it cannot be

	// Where the rates differ. Stretches that follow one another are converted as one piece.
	converter *media.Converter
	from      int    // Hz
	open      bool   // it is within a piece
	begun     bool   // something of the piece has been written
	next      uint64 // tick that would continue the piece
	at        int64  // place of what the converter gives next
	in, out   []int32
}

// put writes a stretch at its place; its samples are not touched before the file is flushed. The recording begins at tick
// first, which has the place base, in samples of wideRate.
func (s *stream) put(f mixer.Stretch, base int64, first uint64) error {
	if s.wider != nil {
		if err := s.wider.put(f, base, first); err != nil {
			return err
		}
	}
	at := s.file.place(base) + samplesOf(f.Tick-first, s.file.rate)
	if f.Crossed {
		at += crossDelay(s.file.rate)
	}
	if f.Rate == s.file.rate {
		if err := s.end(); err != nil {
			return err
		}
		return s.file.put(at, f.PCM)
	}
	if !s.open || s.from != f.Rate || s.next != f.Tick {
		if err := s.end(); err != nil {
			return err
		}
		if s.from != f.Rate {
			s.converter, s.from = media.NewConverter(f.Rate, s.file.rate), f.Rate
		}
		s.converter.Reset()
		s.open, s.begun, s.at = true, false, at-crossDelay(s.file.rate)
	}
	s.next = f.Tick + uint64(len(f.PCM)*media.FramesPerSecond/f.Rate)
	return s.convert(f.PCM)
}

// convert writes samples at the rate of the file. Nothing is written before the piece begins or after it has ended: there may
// be other sound.
func (s *stream) convert(from []int16) error {
	s.in = s.in[:0]
	for _, v := range from {
		s.in = append(s.in, int32(v))
	}
	s.out = slices.Grow(s.out[:0], len(from)*s.file.rate/s.from)[:len(from)*s.file.rate/s.from]
	s.converter.Convert(s.out, s.in)
	pcm := make([]int16, len(s.out)) // the file has it until it is flushed
	for i, v := range s.out {
		pcm[i] = int16(max(math.MinInt16, min(v, math.MaxInt16)))
	}
	at := s.at
	s.at += int64(len(pcm))
	switch delay := crossDelay(s.file.rate); {
	case !s.begun:
		s.begun, at, pcm = true, at+delay, pcm[delay:]
	case !s.open:
		pcm = pcm[:delay]
	}
	return s.file.put(at, pcm)
}

// end writes what the converter still holds of a piece: the end of it, and silence.
func (s *stream) end() error {
	if !s.open {
		return nil
	}
	s.open = false
	return s.convert(make([]int16, s.from/media.FramesPerSecond))
}

// crossDelay is the delay of a converter in samples at a rate in Hz, that of narrow or of wide band.
func crossDelay(rate int) int64 { return int64(media.ConverterDelay * rate / 16000) }
