package media

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// wavRates are the sampling rates that sound files really have. The list is closed because a filter is computed per
// pair of rates, and its size follows from their ratio: a file must not be able to ask for one of a million taps.
var wavRates = []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}

// wavCodings names the format codes that people meet, for the error that refuses them.
var wavCodings = map[uint16]string{
	2: "Microsoft ADPCM", 3: "floating point", 6: "A-law", 7: "mu-law", 0x11: "IMA ADPCM", 0x31: "GSM 6.10", 0x55: "MP3",
}

const (
	wavPCM        = 1
	wavExtensible = 0xfffe
	longestWAV    = 30 * time.Minute
)

// wavPCMSubformat is what follows the format code in the GUID of an extensible format whose code is one of the classic.
var wavPCMSubformat = []byte("\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71")

type wavFormat struct {
	rate     int
	channels int
}

// readWAV reads 16-bit PCM and mixes it to mono.
//
//	"RIFF" size "WAVE" { name[4] size[4] content[size] pad to even }*     all little-endian
//
// The sizes are not trusted: programs that write into a pipe leave 0, 0x7ffff000 or 0xffffffff there, and a broken file
// anything. A chunk ends where it says or where the file ends, and memory is only taken for what was really read.
func readWAV(r io.Reader) (rate int, pcm []int16, err error) {
	in := bufio.NewReader(r)
	var head [12]byte
	if n, err := io.ReadFull(in, head[:]); err != nil && !ended(err) {
		return 0, nil, fmt.Errorf("read WAV header: %w", err)
	} else if string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return 0, nil, fmt.Errorf("not a WAV file: it begins with %q, want \"RIFF\" and \"WAVE\"", head[:n])
	}
	var format *wavFormat
	for {
		var chunk [8]byte
		if _, err := io.ReadFull(in, chunk[:]); ended(err) {
			return 0, nil, errors.New("WAV file without a data chunk")
		} else if err != nil {
			return 0, nil, fmt.Errorf("read WAV chunk: %w", err)
		}
		size := int64(binary.LittleEndian.Uint32(chunk[4:]))
		switch name := string(chunk[:4]); name {
		case "fmt ":
			var used int64
			if format, used, err = readWAVFormat(in, size); err != nil {
				return 0, nil, err
			}
			err = skip(in, size-used+size&1)
		case "data":
			if format == nil {
				return 0, nil, errors.New("WAV file with its data chunk before its fmt chunk")
			}
			if pcm, err = readWAVData(io.LimitReader(in, size), format); err != nil {
				return 0, nil, err
			}
			return format.rate, pcm, nil
		default:
			err = skip(in, size+size&1)
		}
		if err != nil {
			return 0, nil, fmt.Errorf("read WAV chunk %q: %w", chunk[:4], err)
		}
	}
}

// readWAVFormat reads the fmt chunk as far as it matters and says how many octets it took.
//
//	code[2] channels[2] rate[4] octets-per-second[4] octets-per-frame[2] bits[2]
//	extensible, then: extra[2] valid-bits[2] speakers[4] code[2] rest-of-GUID[14]
func readWAVFormat(in io.Reader, size int64) (*wavFormat, int64, error) {
	var buf [40]byte
	n, err := io.ReadFull(in, buf[:min(size, int64(len(buf)))])
	if err != nil && !ended(err) {
		return nil, 0, fmt.Errorf("read WAV format: %w", err)
	}
	if n < 16 {
		return nil, 0, fmt.Errorf("WAV fmt chunk of %d octets, want 16 or more", n)
	}
	code := binary.LittleEndian.Uint16(buf[0:])
	channels := int(binary.LittleEndian.Uint16(buf[2:]))
	rate := binary.LittleEndian.Uint32(buf[4:])
	bits := binary.LittleEndian.Uint16(buf[14:])
	if code == wavExtensible && n == 40 && bytes.Equal(buf[26:], wavPCMSubformat) {
		code = binary.LittleEndian.Uint16(buf[24:])
	}
	switch {
	case code != wavPCM:
		name, known := wavCodings[code]
		if !known {
			name = "an unknown coding"
		}
		return nil, 0, fmt.Errorf("WAV file holds %s (format code %d), want 16-bit PCM (1)", name, code)
	case bits != 16:
		return nil, 0, fmt.Errorf("WAV file has samples of %d bits, want 16", bits)
	case channels != 1 && channels != 2:
		return nil, 0, fmt.Errorf("WAV file has %d channels, want 1 or 2", channels)
	case !slices.Contains(wavRates, int(rate)):
		return nil, 0, fmt.Errorf("WAV file has %d samples per second, want one of %v", rate, wavRates)
	}
	return &wavFormat{rate: int(rate), channels: channels}, int64(n), nil
}

// readWAVData reads frames to the end of data; a last frame that is cut off is dropped.
func readWAVData(data io.Reader, format *wavFormat) ([]int16, error) {
	longest := int(longestWAV/time.Second) * format.rate
	frame := 2 * format.channels
	var pcm []int16
	for block := make([]byte, 8192*frame); ; {
		n, err := io.ReadFull(data, block)
		if err != nil && !ended(err) {
			return nil, fmt.Errorf("read WAV samples: %w", err)
		}
		for at := 0; at+frame <= n; at += frame {
			sample := int(int16(binary.LittleEndian.Uint16(block[at:])))
			if format.channels == 2 {
				sample = (sample + int(int16(binary.LittleEndian.Uint16(block[at+2:])))) / 2
			}
			pcm = append(pcm, int16(sample))
		}
		if len(pcm) > longest {
			return nil, fmt.Errorf("WAV file is longer than %s", longestWAV)
		}
		if err != nil {
			break
		}
	}
	if len(pcm) == 0 {
		return nil, errors.New("WAV file without samples")
	}
	return pcm, nil
}

// WriteWAV writes samples at a rate in Hz as a mono WAV file of 16-bit PCM. A WAV file cannot hold more than 4 GiB.
func WriteWAV(w io.Writer, rate int, pcm []int16) error {
	const header = 44
	size := 2 * int64(len(pcm))
	if size > math.MaxUint32-header {
		return fmt.Errorf("write WAV: %d octets of samples, a WAV file holds at most 4 GiB", size)
	}
	out := make([]byte, 0, header+size)
	le := binary.LittleEndian
	out = append(out, "RIFF"...)
	out = le.AppendUint32(out, uint32(header-8+size))
	out = append(out, "WAVEfmt "...)
	out = le.AppendUint32(out, 16)
	out = le.AppendUint16(out, wavPCM)
	out = le.AppendUint16(out, 1) // channels
	out = le.AppendUint32(out, uint32(rate))
	out = le.AppendUint32(out, uint32(2*rate)) // octets per second
	out = le.AppendUint16(out, 2)              // octets per frame
	out = le.AppendUint16(out, 16)             // bits
	out = append(out, "data"...)
	out = le.AppendUint32(out, uint32(size))
	for _, sample := range pcm {
		out = le.AppendUint16(out, uint16(sample))
	}
	if _, err := w.Write(out); err != nil {
		return fmt.Errorf("write WAV: %w", err)
	}
	return nil
}

func skip(in io.Reader, n int64) error {
	_, err := io.CopyN(io.Discard, in, n)
	if ended(err) {
		return nil // the next chunk header finds the end of the file
	}
	return err
}

// ended tells the end of the file, within a field or between two, from a reader that failed.
func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
