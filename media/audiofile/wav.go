package audiofile

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"conclave/media"
)

// wav reads samples as they stand in the file.
type wav struct {
	data     io.Reader
	sample   func([]byte) float32
	width    int // octets a sample
	channels int
	missing  int64 // octets that the header says are still to come; negative: it does not say
	buffer   []byte
}

// WAV format codes.
const (
	wavPCM   = 1
	wavFloat = 3
)

func openWAV(r io.Reader) (*File, error) {
	format, size, data, err := media.OpenWAV(r)
	if err != nil {
		return nil, err
	}
	w := &wav{data: data, width: format.Bits / 8, channels: format.Channels, missing: size}
	switch {
	case size == 0, size == 0x7ffff000, size >= 0xffffff00: // written into a pipe
		w.missing = -1
	default:
		w.data = io.LimitReader(data, size)
	}
	switch coding := [2]int{int(format.Code), format.Bits}; coding {
	case [2]int{wavPCM, 8}:
		w.sample = func(b []byte) float32 { return (float32(b[0]) - 128) / 128 }
	case [2]int{wavPCM, 16}:
		w.sample = func(b []byte) float32 { return float32(int16(binary.LittleEndian.Uint16(b))) / (1 << 15) }
	case [2]int{wavPCM, 24}:
		w.sample = func(b []byte) float32 {
			return float32(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)) / (1 << 31)
		}
	case [2]int{wavPCM, 32}:
		w.sample = func(b []byte) float32 { return float32(int32(binary.LittleEndian.Uint32(b))) / (1 << 31) }
	case [2]int{wavFloat, 32}:
		w.sample = func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
	case [2]int{wavFloat, 64}:
		w.sample = func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) }
	default:
		return nil, fmt.Errorf("WAV of %s with %d bits (format code %d), PCM of 8, 16, 24 or 32 and floating point of 32 or 64 bits are read",
			format.CodingName(), format.Bits, format.Code)
	}
	f := &File{Format: "WAV", Rate: format.Rate, Channels: format.Channels, Frames: -1, decoder: w}
	if w.missing > 0 && f.Channels > 0 {
		f.Frames = w.missing / int64(w.width*f.Channels)
	}
	return f, nil
}

func (w *wav) read(block []float32) (int, error) {
	frame := w.width * w.channels
	octets := len(block) * w.width
	if cap(w.buffer) < octets {
		w.buffer = make([]byte, octets)
	}
	n, err := io.ReadFull(w.data, w.buffer[:octets])
	if w.missing > 0 {
		w.missing -= int64(n)
	}
	frames := n / frame // a last one that is cut off is dropped
	samples := frames * w.channels
	for i := range samples {
		block[i] = w.sample(w.buffer[i*w.width:])
	}
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	if err == io.EOF && w.missing >= int64(frame) {
		err = fmt.Errorf("%w: it says that %d more octets of sound follow", ErrCutOff, w.missing)
	}
	return samples, err
}
