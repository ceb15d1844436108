package recordings

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/mewkiz/flac"
	"github.com/mewkiz/flac/frame"
	"github.com/mewkiz/flac/meta"
)

// OpenSound opens the mix of a recording, or the track of the member with a number that is not 0.
func OpenSound(dir string, r Recording, member int) (*os.File, error) {
	file := r.Name + mixSuffix
	if member != 0 {
		file = ""
		for _, m := range r.Members {
			if m.Number == member && m.Track != "" {
				file = filepath.Join(filepath.Dir(r.Name), filepath.Base(m.Track))
			}
		}
		if file == "" {
			return nil, fmt.Errorf("recording %s has no track of a member %d; `conclave recordings show` has those that there are", r.Name, member)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(file)
}

// ExportWAV writes the sound that a file of a recording has at the moment.
func ExportWAV(ctx context.Context, out *os.File, sound *os.File) error {
	rate, samples, err := readHeader(sound)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, 1<<16)
	if _, err := w.Write(header(rate, samples)); err != nil {
		return err
	}
	if err := eachBlock(ctx, sound, samples, func(pcm []int32) error {
		for _, v := range pcm {
			if err := errors.Join(w.WriteByte(byte(v)), w.WriteByte(byte(v>>8))); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return w.Flush()
}

// ExportFLAC writes it as FLAC (RFC 9639).
func ExportFLAC(ctx context.Context, out *os.File, sound *os.File) error {
	rate, samples, err := readHeader(sound)
	if err != nil {
		return err
	}
	w := &seekBuffer{bufio.NewWriterSize(out, 1<<16), out}
	encoder, err := flac.NewEncoder(w, &meta.StreamInfo{BlockSizeMin: blockSize, BlockSizeMax: blockSize, SampleRate: uint32(rate),
		NChannels: 1, BitsPerSample: 16, NSamples: uint64(samples)})
	if err != nil {
		return fmt.Errorf("begin FLAC: %w", err)
	}
	err = eachBlock(ctx, sound, samples, func(pcm []int32) error {
		return encoder.WriteFrame(&frame.Frame{
			Header:    frame.Header{BlockSize: uint16(len(pcm)), SampleRate: uint32(rate), Channels: frame.ChannelsMono, BitsPerSample: 16},
			Subframes: []*frame.Subframe{{SubHeader: frame.SubHeader{Pred: frame.PredVerbatim}, Samples: pcm, NSamples: len(pcm)}},
		})
	})
	if err == nil {
		err = encoder.Close() // which goes back to the begin to say how much there is
	}
	// What has failed first is what every further write fails with: the library's errors are for its authors.
	if failed := w.Flush(); failed != nil {
		err = failed
	}
	return err
}

// Blocks as FLAC has them: none but the last of all may be shorter than the least.
const (
	blockSize  = 4096
	leastBlock = 16
)

// eachBlock reads a file block by block.
func eachBlock(ctx context.Context, sound io.ReaderAt, samples int64, take func(pcm []int32) error) error {
	in := bufio.NewReaderSize(io.NewSectionReader(sound, headerSize, 2*samples), 1<<16)
	octets := make([]byte, 2*blockSize)
	for samples > 0 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n := min(samples, blockSize)
		if rest := samples - n; rest > 0 && rest < leastBlock {
			n -= leastBlock
		}
		if _, err := io.ReadFull(in, octets[:2*n]); err != nil {
			return fmt.Errorf("read the recording: %w", err)
		}
		pcm := make([]int32, n) // the encoder keeps and changes it
		for i := range pcm {
			pcm[i] = int32(int16(binary.LittleEndian.Uint16(octets[2*i:])))
		}
		if err := take(pcm); err != nil {
			return err
		}
		samples -= n
	}
	return nil
}

// seekBuffer is a buffered file in which one can go back.
type seekBuffer struct {
	*bufio.Writer
	file io.Seeker
}

func (b *seekBuffer) Seek(offset int64, whence int) (int64, error) {
	if err := b.Flush(); err != nil {
		return 0, err
	}
	return b.file.Seek(offset, whence)
}
