package audiofile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"conclave/media/audiofile"
)

// mostSamples bounds what a fuzzed file is read for.
const mostSamples = 1 << 20

// decode reads a file as far as it goes. It must neither panic nor go on without an end.
func decode(t *testing.T, data []byte) {
	file, err := audiofile.Open(bytes.NewReader(data))
	if err != nil {
		return
	}
	block := make([]float32, 4096)
	for n := 0; n < mostSamples; {
		got, err := file.Read(block)
		if err != nil {
			return
		}
		if got == 0 {
			t.Fatal("no samples, and no error")
		}
		for _, v := range block[:got] {
			if v != v {
				t.Fatal("a sample that is no number")
			}
		}
		n += got
	}
}

func seed(f *testing.F, names ...string) {
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
}

func FuzzWAV(f *testing.F) {
	for _, c := range codings {
		f.Add(wavFile(c.code, 2, 8000, c.bits, coded(200, 2, c.sample)))
	}
	f.Fuzz(decode)
}

func FuzzMP3(f *testing.F) {
	seed(f, "tone.mp3", "mono.mp3")
	f.Fuzz(decode)
}

func FuzzFLAC(f *testing.F) {
	seed(f, "tone.flac")
	f.Fuzz(decode)
}

// FuzzVorbis changes what comes after the headers: what those may ask for is bounded by the process that decodes.
func FuzzVorbis(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("testdata", "tone.ogg"))
	if err != nil {
		f.Fatal(err)
	}
	audio := bytes.LastIndex(data, []byte("OggS"))
	if audio <= 0 {
		f.Fatal("no second page in tone.ogg")
	}
	f.Add(data[audio:])
	f.Fuzz(func(t *testing.T, pages []byte) {
		decode(t, append(bytes.Clone(data[:audio]), pages...))
	})
}
