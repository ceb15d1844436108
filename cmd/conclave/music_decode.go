package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"conclave/media"
	"conclave/media/audiofile"

	"golang.org/x/sys/unix"
)

// musicDecodeCmd is the process that decodes a file of music, from its standard input to its standard output: how many samples
// are to come by what the file says (64 bits, little-endian, negative where it does not), then the samples, of 32-bit
// floating point, little-endian, mono, at media.PlaylistRate. It is one of its own because the file may come from anywhere:
// what a decoder takes it for may cost all memory that there is.
type musicDecodeCmd struct{}

// decodeMemory is what the process may take, in octets. The decoders keep a block, and the tables of the resampler are
// 100 MB for the oddest of rates.
const decodeMemory = 1 << 30

func (musicDecodeCmd) Run() error {
	limit := unix.Rlimit{Cur: decodeMemory, Max: decodeMemory}
	if err := unix.Setrlimit(unix.RLIMIT_DATA, &limit); err != nil {
		return fmt.Errorf("limit the memory: %w", err)
	}
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	return errors.Join(decodeMusic(os.Stdin, out), out.Flush())
}

func decodeMusic(in io.ReadSeeker, out io.Writer) error {
	file, err := audiofile.Open(in)
	if err != nil {
		return err
	}
	expected := file.Frames
	if expected >= 0 {
		expected = int64(float64(expected) / float64(file.Rate) * media.PlaylistRate)
	}
	if err := binary.Write(out, binary.LittleEndian, expected); err != nil {
		return fmt.Errorf("tell how many samples come: %w", err)
	}
	resampler := media.NewResampler(file.Rate, media.PlaylistRate)
	block := make([]float32, 4096)
	var converted []float32
	var text []byte
	for {
		n, err := file.Read(block)
		if err != nil && err != io.EOF {
			return err
		}
		converted = resampler.Append(converted[:0], block[:n])
		if err == io.EOF {
			converted = resampler.Finish(converted)
		}
		text = text[:0]
		for _, v := range converted {
			text = binary.LittleEndian.AppendUint32(text, math.Float32bits(v))
		}
		if _, err := out.Write(text); err != nil {
			return fmt.Errorf("hand the samples on: %w", err)
		}
		if err == io.EOF {
			return nil
		}
	}
}
