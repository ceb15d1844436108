package audiofile

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/mewkiz/flac"
)

// flacFile reads FLAC, whose frames each have a checksum.
type flacFile struct {
	stream  *flac.Stream
	scale   float32
	samples int64   // still to come by the header; negative: it does not say
	rest    []frame // of one frame of the file, what has not been read
	at      int
}

// frame is one channel of a FLAC frame.
type frame []int32

func openFLAC(r io.Reader) (*File, error) {
	stream, err := flac.New(bufio.NewReader(r)) // skips pictures and tags
	if err != nil {
		return nil, fmt.Errorf("FLAC: %w", err)
	}
	info := stream.Info
	f := &flacFile{stream: stream, scale: 1 / float32(int64(1)<<(max(info.BitsPerSample, 1)-1)), samples: int64(info.NSamples)}
	if info.NSamples == 0 {
		f.samples = -1
	}
	return &File{Format: "FLAC", Rate: int(info.SampleRate), Channels: int(info.NChannels), Frames: f.samples, decoder: f}, nil
}

func (f *flacFile) read(block []float32) (int, error) {
	if len(f.rest) == 0 || f.at == len(f.rest[0]) {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	channels := len(f.rest)
	frames := min(len(block)/channels, len(f.rest[0])-f.at)
	for c, samples := range f.rest {
		for i := range frames {
			block[i*channels+c] = float32(samples[f.at+i]) * f.scale
		}
	}
	f.at += frames
	return frames * channels, nil
}

// next decodes a frame of the file.
func (f *flacFile) next() error {
	parsed, err := f.stream.ParseNext()
	switch {
	case errors.Is(err, io.EOF) && f.samples > 0, errors.Is(err, io.ErrUnexpectedEOF):
		return ErrCutOff
	case errors.Is(err, io.EOF):
		return io.EOF
	case err != nil:
		return err
	case len(parsed.Subframes) != int(f.stream.Info.NChannels):
		return fmt.Errorf("a frame of %d channels among those of %d", len(parsed.Subframes), f.stream.Info.NChannels)
	}
	f.rest, f.at = f.rest[:0], 0
	for _, s := range parsed.Subframes {
		f.rest = append(f.rest, s.Samples)
		if len(s.Samples) != len(f.rest[0]) {
			return errors.New("channels of different length")
		}
	}
	f.samples -= int64(len(f.rest[0]))
	return nil
}
