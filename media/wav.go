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

// WAVFormat is what the fmt chunk of a WAV file says.
type WAVFormat struct {
	Code     uint16 // of the coding: 1 is PCM, 3 floating point
	Channels int
	Rate     int // Hz
	Bits     int // a sample
}

// readWAV reads 16-bit PCM and mixes it to mono.
func readWAV(r io.Reader) (rate int, pcm []int16, err error) {
	format, size, data, err := OpenWAV(r)
	if err == nil {
		err = format.checkPrompt()
	}
	if err != nil {
		return 0, nil, err
	}
	if pcm, err = readWAVData(io.LimitReader(data, size), format); err != nil {
		return 0, nil, err
	}
	return format.Rate, pcm, nil
}

// OpenWAV reads a WAV file up to its samples. size is how many octets of them the file says that it has, and data what
// follows to the end of the file.
//
//	"RIFF" size "WAVE" { name[4] size[4] content[size] pad to even }*     all little-endian
//
// The sizes are not trusted: programs that write into a pipe leave 0, 0x7ffff000 or 0xffffffff there, and a broken file
// anything. A chunk ends where it says or where the file ends, and memory is only taken for what was really read.
func OpenWAV(r io.Reader) (format WAVFormat, size int64, data io.Reader, err error) {
	in := bufio.NewReader(r)
	none := func(err error) (WAVFormat, int64, io.Reader, error) { return WAVFormat{}, 0, nil, err }
	var head [12]byte
	if n, err := io.ReadFull(in, head[:]); err != nil && !ended(err) {
		return none(fmt.Errorf("read WAV header: %w", err))
	} else if string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return none(fmt.Errorf("not a WAV file: it begins with %q, want \"RIFF\" and \"WAVE\"", head[:n]))
	}
	described := false
	for {
		var chunk [8]byte
		if _, err := io.ReadFull(in, chunk[:]); ended(err) {
			return none(errors.New("WAV file without a data chunk"))
		} else if err != nil {
			return none(fmt.Errorf("read WAV chunk: %w", err))
		}
		size := int64(binary.LittleEndian.Uint32(chunk[4:]))
		switch name := string(chunk[:4]); name {
		case "fmt ":
			var used int64
			if format, used, err = readWAVFormat(in, size); err != nil {
				return none(err)
			}
			described = true
			err = skip(in, size-used+size&1)
		case "data":
			if !described {
				return none(errors.New("WAV file with its data chunk before its fmt chunk"))
			}
			return format, size, in, nil
		default:
			err = skip(in, size+size&1)
		}
		if err != nil {
			return none(fmt.Errorf("read WAV chunk %q: %w", chunk[:4], err))
		}
	}
}

// readWAVFormat reads the fmt chunk as far as it matters and says how many octets it took.
//
//	code[2] channels[2] rate[4] octets-per-second[4] octets-per-frame[2] bits[2]
//	extensible, then: extra[2] valid-bits[2] speakers[4] code[2] rest-of-GUID[14]
func readWAVFormat(in io.Reader, size int64) (WAVFormat, int64, error) {
	var buf [40]byte
	n, err := io.ReadFull(in, buf[:min(size, int64(len(buf)))])
	if err != nil && !ended(err) {
		return WAVFormat{}, 0, fmt.Errorf("read WAV format: %w", err)
	}
	if n < 16 {
		return WAVFormat{}, 0, fmt.Errorf("WAV fmt chunk of %d octets, want 16 or more", n)
	}
	format := WAVFormat{
		Code:     binary.LittleEndian.Uint16(buf[0:]),
		Channels: int(binary.LittleEndian.Uint16(buf[2:])),
		Rate:     int(binary.LittleEndian.Uint32(buf[4:])),
		Bits:     int(binary.LittleEndian.Uint16(buf[14:])),
	}
	if format.Code == wavExtensible && n == 40 && bytes.Equal(buf[26:], wavPCMSubformat) {
		format.Code = binary.LittleEndian.Uint16(buf[24:])
	}
	return format, int64(n), nil
}

// CodingName is the name of the format's coding, for people.
func (f WAVFormat) CodingName() string {
	if f.Code == wavPCM {
		return "PCM"
	}
	if name, known := wavCodings[f.Code]; known {
		return name
	}
	return "an unknown coding"
}

// checkPrompt refuses what LoadWAV does not read.
func (f WAVFormat) checkPrompt() error {
	switch {
	case f.Code != wavPCM:
		return fmt.Errorf("WAV file holds %s (format code %d), want 16-bit PCM (1)", f.CodingName(), f.Code)
	case f.Bits != 16:
		return fmt.Errorf("WAV file has samples of %d bits, want 16", f.Bits)
	case f.Channels != 1 && f.Channels != 2:
		return fmt.Errorf("WAV file has %d channels, want 1 or 2", f.Channels)
	case !slices.Contains(wavRates, f.Rate):
		return fmt.Errorf("WAV file has %d samples per second, want one of %v", f.Rate, wavRates)
	}
	return nil
}

// readWAVData reads frames to the end of data; a last frame that is cut off is dropped.
func readWAVData(data io.Reader, format WAVFormat) ([]int16, error) {
	longest := int(longestWAV/time.Second) * format.Rate
	frame := 2 * format.Channels
	var pcm []int16
	for block := make([]byte, 8192*frame); ; {
		n, err := io.ReadFull(data, block)
		if err != nil && !ended(err) {
			return nil, fmt.Errorf("read WAV samples: %w", err)
		}
		for at := 0; at+frame <= n; at += frame {
			sample := int(int16(binary.LittleEndian.Uint16(block[at:])))
			if format.Channels == 2 {
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
	out, err := AppendWAVHeader(make([]byte, 0, wavHeader+2*len(pcm)), rate, int64(len(pcm)))
	if err != nil {
		return err
	}
	for _, sample := range pcm {
		out = binary.LittleEndian.AppendUint16(out, uint16(sample))
	}
	if _, err := w.Write(out); err != nil {
		return fmt.Errorf("write WAV: %w", err)
	}
	return nil
}

// wavHeader is the length of the header that AppendWAVHeader makes, in octets.
const wavHeader = 44

// AppendWAVHeader appends to out the header of a mono WAV file of 16-bit PCM at a rate in Hz, with so many samples. A WAV
// file cannot hold more than 4 GiB.
func AppendWAVHeader(out []byte, rate int, samples int64) ([]byte, error) {
	size := 2 * samples
	if size > math.MaxUint32-wavHeader {
		return nil, fmt.Errorf("write WAV: %d octets of samples, a WAV file holds at most 4 GiB", size)
	}
	le := binary.LittleEndian
	out = append(out, "RIFF"...)
	out = le.AppendUint32(out, uint32(wavHeader-8+size))
	out = append(out, "WAVEfmt "...)
	out = le.AppendUint32(out, 16)
	out = le.AppendUint16(out, wavPCM)
	out = le.AppendUint16(out, 1) // channels
	out = le.AppendUint32(out, uint32(rate))
	out = le.AppendUint32(out, uint32(2*rate)) // octets per second
	out = le.AppendUint16(out, 2)              // octets per frame
	out = le.AppendUint16(out, 16)             // bits
	out = append(out, "data"...)
	return le.AppendUint32(out, uint32(size)), nil
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
