package media_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"conclave/media"
)

// wavChunk is a chunk of a WAV file with its true size.
func wavChunk(name string, content []byte) []byte {
	return wavChunkClaiming(uint32(len(content)), name, content)
}

// wavChunkClaiming is a chunk with another size in its header.
func wavChunkClaiming(size uint32, name string, content []byte) []byte {
	out := binary.LittleEndian.AppendUint32([]byte(name), size)
	return append(out, content...)
}

func wavFormat(code, channels uint16, rate uint32, bits uint16, extra ...byte) []byte {
	le := binary.LittleEndian
	out := le.AppendUint16(nil, code)
	out = le.AppendUint16(out, channels)
	out = le.AppendUint32(out, rate)
	out = le.AppendUint32(out, rate*uint32(channels)*uint32(bits)/8)
	out = le.AppendUint16(out, channels*bits/8)
	out = le.AppendUint16(out, bits)
	return append(out, extra...)
}

func wavSamples(pcm ...int16) []byte {
	var out []byte
	for _, s := range pcm {
		out = binary.LittleEndian.AppendUint16(out, uint16(s))
	}
	return out
}

func wavFile(chunks ...[]byte) []byte {
	body := bytes.Join(chunks, nil)
	return append(wavChunkClaiming(uint32(len(body)+4), "RIFF", []byte("WAVE")), body...)
}

var (
	wavMono       = wavChunk("fmt ", wavFormat(1, 1, 8000, 16))
	wavStereo     = wavChunk("fmt ", wavFormat(1, 2, 8000, 16))
	wavThree      = wavSamples(1, -2, 3)
	wavExtensible = append(binary.LittleEndian.AppendUint16(nil, 22), "\x10\x00\x04\x00\x00\x00\x01\x00"+
		"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"...)
)

func TestLoadWAVReads(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte
		want []int16
	}{
		{"mono", wavFile(wavMono, wavChunk("data", wavThree)), []int16{1, -2, 3}},
		{"stereo mixed to mono", wavFile(wavStereo, wavChunk("data", wavSamples(100, 200, -32768, -32768, 32767, 32767, 5, -5))),
			[]int16{150, -32768, 32767, 0}},
		{"the extensible format", wavFile(wavChunk("fmt ", wavFormat(0xfffe, 1, 8000, 16, wavExtensible...)), wavChunk("data", wavThree)),
			[]int16{1, -2, 3}},
		{"a long format chunk", wavFile(wavChunk("fmt ", wavFormat(1, 1, 8000, 16, make([]byte, 100)...)), wavChunk("data", wavThree)),
			[]int16{1, -2, 3}},
		{"an odd format chunk", wavFile(wavChunk("fmt ", wavFormat(1, 1, 8000, 16, 9, 9, 9)), []byte{0}, wavChunk("data", wavThree)),
			[]int16{1, -2, 3}},
		{"other chunks before and after", wavFile(wavChunk("LIST", make([]byte, 33)), []byte{0}, wavMono, wavChunk("fact", make([]byte, 4)),
			wavChunk("data", wavThree), wavChunk("LIST", make([]byte, 8))), []int16{1, -2, 3}},
		{"a pipe's size of 0xffffffff", wavFile(wavMono, wavChunkClaiming(0xffffffff, "data", wavThree)), []int16{1, -2, 3}},
		{"a pipe's size of 0x7ffff000", wavFile(wavMono, wavChunkClaiming(0x7ffff000, "data", wavThree)), []int16{1, -2, 3}},
		{"a data chunk shorter than the file", wavFile(wavMono, wavChunkClaiming(4, "data", wavThree)), []int16{1, -2}},
		{"a last sample cut in half", wavFile(wavMono, wavChunk("data", append(wavThree, 7))), []int16{1, -2, 3}},
		{"a wrong size of the whole", slices.Concat([]byte("RIFF\xff\xff\xff\xffWAVE"), wavMono, wavChunk("data", wavThree)),
			[]int16{1, -2, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := media.LoadWAV(bytes.NewReader(c.file))
			if err != nil {
				t.Fatal(err)
			}
			if got := s.PCM(8000); !slices.Equal(got, c.want) {
				t.Errorf("samples %v, want %v", got, c.want)
			}
		})
	}
}

func TestLoadWAVNamesWhatItCannotRead(t *testing.T) {
	data := wavChunk("data", wavThree)
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"an empty file", nil, `not a WAV file: it begins with ""`},
		{"an MP3 file", []byte("ID3\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00"), `not a WAV file: it begins with "ID3`},
		{"a RIFF file of another kind", []byte("RIFF\x00\x00\x00\x00AVI LIST"), `want "RIFF" and "WAVE"`},
		{"a header cut off", []byte("RIFF\x00\x00"), "not a WAV file"},
		{"no chunk", wavFile(), "without a data chunk"},
		{"no data", wavFile(wavMono), "without a data chunk"},
		{"no samples", wavFile(wavMono, wavChunk("data", nil)), "without samples"},
		{"half a sample", wavFile(wavMono, wavChunk("data", []byte{1})), "without samples"},
		{"data before format", wavFile(data, wavMono), "data chunk before its fmt chunk"},
		{"a short format", wavFile(wavChunk("fmt ", []byte{1, 0, 1, 0}), data), "fmt chunk of 4 octets, want 16 or more"},
		{"mu-law", wavFile(wavChunk("fmt ", wavFormat(7, 1, 8000, 8)), data), "holds mu-law (format code 7), want 16-bit PCM"},
		{"floating point in the extensible format", wavFile(wavChunk("fmt ", wavFormat(0xfffe, 1, 8000, 16,
			append([]byte{22, 0, 16, 0, 4, 0, 0, 0, 3, 0}, wavExtensible[10:]...)...)), data), "floating point (format code 3)"},
		{"an unknown GUID", wavFile(wavChunk("fmt ", wavFormat(0xfffe, 1, 8000, 16, make([]byte, 24)...)), data), "format code 65534"},
		{"8 bits", wavFile(wavChunk("fmt ", wavFormat(1, 1, 8000, 8)), data), "samples of 8 bits, want 16"},
		{"24 bits", wavFile(wavChunk("fmt ", wavFormat(1, 1, 8000, 24)), data), "samples of 24 bits, want 16"},
		{"no channels", wavFile(wavChunk("fmt ", wavFormat(1, 0, 8000, 16)), data), "0 channels, want 1 or 2"},
		{"5.1", wavFile(wavChunk("fmt ", wavFormat(1, 6, 48000, 16)), data), "6 channels, want 1 or 2"},
		{"rate 0", wavFile(wavChunk("fmt ", wavFormat(1, 1, 0, 16)), data), "0 samples per second, want one of [8000 "},
		{"96 kHz", wavFile(wavChunk("fmt ", wavFormat(1, 1, 96000, 16)), data), "96000 samples per second, want one of [8000 "},
		{"a chunk that swallows the rest", wavFile(wavMono, wavChunkClaiming(0xfffffff0, "LIST", data)), "without a data chunk"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := media.LoadWAV(bytes.NewReader(c.file))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestLoadWAVReportsReadErrors(t *testing.T) {
	broken := errors.New("disk on fire")
	file := wavFile(wavChunk("LIST", make([]byte, 40)), wavMono, wavChunk("data", wavThree))
	for n := range file {
		if _, err := media.LoadWAV(io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Fatalf("after %d octets: error %v, want %v", n, err, broken)
		}
	}
}

// endlessSilence is an endless file, after its header.
type endlessSilence struct{}

func (endlessSilence) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestLoadWAVRefusesEndlessFiles(t *testing.T) {
	head := wavFile(wavMono, wavChunkClaiming(0xffffffff, "data", nil))
	_, err := media.LoadWAV(io.MultiReader(bytes.NewReader(head), endlessSilence{}))
	if err == nil || !strings.Contains(err.Error(), "longer than 30m0s") {
		t.Errorf("error %v, want one that names the limit", err)
	}
}

func TestWriteWAVIsReadBack(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		want := []int16{0, 1, -1, 32767, -32768}
		var file bytes.Buffer
		if err := media.WriteWAV(&file, rate, want); err != nil {
			t.Fatal(err)
		}
		if n := file.Len(); n != 44+2*len(want) {
			t.Errorf("file of %d octets, want %d", n, 44+2*len(want))
		}
		s, err := media.LoadWAV(&file)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.PCM(rate); !slices.Equal(got, want) {
			t.Errorf("samples %v, want %v", got, want)
		}
	}
}

// FuzzLoadWAV holds that any octets are either refused or become a sound that both rates have.
func FuzzLoadWAV(f *testing.F) {
	f.Add(wavFile(wavMono, wavChunk("data", wavThree)))
	f.Add(wavFile(wavStereo, wavChunkClaiming(0xffffffff, "data", wavThree)))
	f.Add(wavFile(wavChunk("fmt ", wavFormat(0xfffe, 1, 44100, 16, wavExtensible...)), wavChunk("LIST", []byte{1}), wavChunk("data", wavThree)))
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := media.LoadWAV(bytes.NewReader(file))
		if err != nil {
			return
		}
		if len(s.PCM(8000)) == 0 || len(s.PCM(16000)) == 0 || s.Duration() <= 0 {
			t.Errorf("sound without samples: %d, %d, %s", len(s.PCM(8000)), len(s.PCM(16000)), s.Duration())
		}
	})
}
