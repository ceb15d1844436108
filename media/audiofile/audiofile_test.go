package audiofile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"conclave/media/audiofile"
	"conclave/media/tone"
)

// readAll decodes a file to its end.
func readAll(file *audiofile.File) ([]float32, error) {
	var all []float32
	block := make([]float32, 1000)
	for {
		n, err := file.Read(block)
		all = append(all, block[:n]...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

// pcm makes samples of 16 bits, for tone.Level.
func pcm(samples []float32) []int16 {
	out := make([]int16, len(samples))
	for i, v := range samples {
		out[i] = int16(math.Round(float64(v) * 32767))
	}
	return out
}

// wavFile makes a WAV file of frames that are coded already.
func wavFile(code, channels, rate, bits int, data []byte) []byte {
	le := binary.LittleEndian
	b := append([]byte("RIFF"), 0, 0, 0, 0)
	b = append(b, "WAVEfmt "...)
	width := bits / 8 * channels
	format := le.AppendUint16(nil, uint16(code))
	format = le.AppendUint16(format, uint16(channels))
	format = le.AppendUint32(format, uint32(rate))
	format = le.AppendUint32(format, uint32(rate*width))
	format = le.AppendUint16(format, uint16(width))
	format = le.AppendUint16(format, uint16(bits))
	if code == 0xfffe { // extensible, of floating point
		format = le.AppendUint16(format, 22)
		format = le.AppendUint16(format, uint16(bits))
		format = le.AppendUint32(format, 0)
		format = append(format, "\x03\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"...)
	}
	b = le.AppendUint32(b, uint32(len(format)))
	b = append(b, format...)
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(len(data)))
	b = append(b, data...)
	le.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

// coded codes half a second of a tone of 1 kHz at -20 dBFS, the same in all channels.
func coded(rate, channels int, sample func([]byte, float64) []byte) []byte {
	var data []byte
	for i := range rate / 2 {
		v := 0.1 * math.Sin(2*math.Pi*1000*float64(i)/float64(rate))
		for range channels {
			data = sample(data, v)
		}
	}
	return data
}

var codings = map[string]struct {
	code, bits int
	sample     func([]byte, float64) []byte
}{
	"8 bits":  {1, 8, func(b []byte, v float64) []byte { return append(b, byte(math.Round(128+127*v))) }},
	"16 bits": {1, 16, func(b []byte, v float64) []byte { return binary.LittleEndian.AppendUint16(b, uint16(int16(32767*v))) }},
	"24 bits": {1, 24, func(b []byte, v float64) []byte {
		u := uint32(int32(v * (1 << 23)))
		return append(b, byte(u), byte(u>>8), byte(u>>16))
	}},
	"32 bits": {1, 32, func(b []byte, v float64) []byte { return binary.LittleEndian.AppendUint32(b, uint32(int32(v*(1<<31)))) }},
	"float": {3, 32, func(b []byte, v float64) []byte {
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
	}},
	"double": {3, 64, func(b []byte, v float64) []byte { return binary.LittleEndian.AppendUint64(b, math.Float64bits(v)) }},
	"extended": {0xfffe, 32, func(b []byte, v float64) []byte {
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
	}},
}

func TestWAVOfEveryCodingIsRead(t *testing.T) {
	for name, c := range codings {
		for _, form := range []struct{ rate, channels int }{{8000, 1}, {44100, 2}, {192000, 8}} {
			data := wavFile(c.code, form.channels, form.rate, c.bits, coded(form.rate, form.channels, c.sample))
			file, err := audiofile.Open(bytes.NewReader(data))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			samples, err := readAll(file)
			if err != nil || len(samples) != form.rate/2 || file.Frames != int64(len(samples)) || file.Rate != form.rate || file.Channels != form.channels {
				t.Errorf("%s: %d samples of %d Hz and %d channels, %v; want %d, %d, %d", name, len(samples), file.Rate, file.Channels, err,
					form.rate/2, form.rate, form.channels)
				continue
			}
			if level := tone.LevelAt(pcm(samples), file.Rate, 1000); math.Abs(level+20) > 0.1 {
				t.Errorf("%s, %d channels: tone at %.1f dBFS, want -20", name, form.channels, level)
			}
		}
	}
}

func TestCompressedFilesAreRead(t *testing.T) {
	for _, c := range []struct {
		name, format   string
		rate, channels int
	}{
		{"tone.mp3", "MP3", 44100, 2}, {"mono.mp3", "MP3", 24000, 2}, {"tone.ogg", "Ogg Vorbis", 44100, 2}, {"tone.flac", "FLAC", 44100, 2},
	} {
		in, err := os.Open(filepath.Join("testdata", c.name))
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		file, err := audiofile.Open(in)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if file.Format != c.format || file.Rate != c.rate || file.Channels != c.channels {
			t.Errorf("%s: %s of %d Hz and %d channels, want %+v", c.name, file.Format, file.Rate, file.Channels, c)
		}
		samples, err := readAll(file)
		if seconds := float64(len(samples)) / float64(file.Rate); err != nil || seconds < 0.49 || seconds > 0.62 {
			t.Errorf("%s: %.3f s, %v; want 0.5 and what the coding adds", c.name, seconds, err)
			continue
		}
		// What it says of its length is known before, but for MP3 without a tag.
		if apart := float64(file.Frames-int64(len(samples))) / float64(file.Rate); math.Abs(apart) > 0.06 && (c.format != "MP3" || file.Frames >= 0) {
			t.Errorf("%s: it says that it has %d samples, and has %d", c.name, file.Frames, len(samples))
		}
		if level := tone.LevelAt(pcm(samples[file.Rate/10:file.Rate*4/10]), file.Rate, 1000); math.Abs(level+20) > 0.5 {
			t.Errorf("%s: tone at %.1f dBFS, want -20", c.name, level)
		}
	}
}

func TestChannelsAreMixedToTheirMean(t *testing.T) {
	data := binary.LittleEndian.AppendUint16(nil, 1000)
	data = binary.LittleEndian.AppendUint16(data, 3000)
	file, err := audiofile.Open(bytes.NewReader(wavFile(1, 2, 8000, 16, data)))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(file); err != nil || len(got) != 1 || got[0] != 2000.0/32768 {
		t.Errorf("%v, %v; want 2000/32768", got, err)
	}
}

func TestWAVWrittenIntoAPipeIsReadToItsEnd(t *testing.T) {
	whole := wavFile(1, 1, 8000, 16, coded(8000, 1, codings["16 bits"].sample))
	for _, size := range []uint32{0, 0x7ffff000, 0xffffffff} {
		data := bytes.Clone(whole)
		binary.LittleEndian.PutUint32(data[40:], size)
		file, err := audiofile.Open(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readAll(file); err != nil || len(got) != 4000 {
			t.Errorf("size %#x: %d samples, %v; want 4000", size, len(got), err)
		}
	}
}

func TestFilesThatAreCutOffAreRefused(t *testing.T) {
	files := map[string][]byte{"tone.wav": wavFile(1, 2, 44100, 16, coded(44100, 2, codings["16 bits"].sample))}
	for _, name := range []string{"tone.mp3", "tone.ogg", "tone.flac"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	for name, data := range files {
		file, err := audiofile.Open(bytes.NewReader(data[:len(data)/2]))
		if err == nil {
			_, err = readAll(file)
		}
		if !errors.Is(err, audiofile.ErrCutOff) {
			t.Errorf("half of %s: %v, want ErrCutOff", name, err)
		}
	}
}

func TestWhatIsNoMusicIsRefusedByWhatItIs(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"nothing", "", "empty"},
		{"one octet", "x", "nothing that is known as sound"},
		{"text", strings.Repeat("This is a letter, and no song. ", 300), "nothing that is known as sound"},
		{"zeros", string(make([]byte, 100000)), "nothing that is known as sound"},
		{"picture", "\x89PNG\r\n\x1a\n" + string(make([]byte, 1000)), "PNG"},
		{"M4A", "\x00\x00\x00\x20ftypM4A " + string(make([]byte, 1000)), "MP4"},
		{"Opus", "OggS" + string(make([]byte, 24)) + "OpusHead" + string(make([]byte, 1000)), "Opus"},
		{"tag alone", "ID3\x04\x00\x00\x00\x00\x00\x05hello", "nothing that is known as sound"},
		{"layer 2", "\xff\xfd\x80\x00" + string(make([]byte, 1000)), "layer 3"},
		{"WAV header", "RIFF\x00\x00\x00\x00WAVE", "without a data chunk"},
		{"WAV without samples", string(wavFile(1, 1, 8000, 16, nil)), "no sound"},
		{"WAV of mu-law", string(wavFile(7, 1, 8000, 8, []byte{1, 2})), "mu-law"},
		{"WAV of 12 bits", string(wavFile(1, 1, 8000, 12, []byte{1, 2})), "12 bits"},
		{"WAV of 9 channels", string(wavFile(1, 9, 8000, 16, make([]byte, 18))), "9 channels"},
		{"WAV of no channel", string(wavFile(1, 0, 8000, 16, make([]byte, 18))), "0 channels"},
		{"WAV of 384 kHz", string(wavFile(1, 1, 384000, 16, make([]byte, 18))), "384000"},
		{"FLAC header", "fLaC\x00\x00", "FLAC"},
		{"Vorbis header", "OggS" + string(make([]byte, 24)) + "\x01vorbis" + string(make([]byte, 60)), "damaged"},
	} {
		file, err := audiofile.Open(strings.NewReader(c.data))
		if err == nil {
			_, err = readAll(file)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", c.name, err, c.want)
		}
	}
}

func TestMP3ThatTheDecoderGetsWrongIsRefused(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "padded22050.mp3"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audiofile.Open(bytes.NewReader(data)); err == nil || !strings.Contains(err.Error(), "22050 Hz with padded frames") {
		t.Errorf("%v, want padded frames of 22050 Hz", err)
	}
}

func TestDamagedFilesAreRefusedOrHeardInPart(t *testing.T) {
	for _, name := range []string{"tone.mp3", "mono.mp3", "tone.ogg", "tone.flac"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 200 { // a different octet each time, past the headers that say how much memory is to be taken
			damaged := bytes.Clone(data)
			at := len(data)/2 + i*(len(data)/2)/200
			damaged[at] ^= byte(i) | 1
			file, err := audiofile.Open(bytes.NewReader(damaged))
			if err != nil {
				continue
			}
			samples, _ := readAll(file)
			if len(samples) > 2*file.Rate {
				t.Errorf("%s with octet %d changed: %d samples", name, at, len(samples))
			}
		}
	}
}
