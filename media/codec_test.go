package media

import (
	"testing"

	"github.com/zaf/g711"
)

func TestCodecsGiveWhatTheLibraryGives(t *testing.T) {
	for _, tt := range []struct {
		codec  Codec
		decode func(uint8) int16
		encode func(int16) uint8
	}{
		{PCMU(), g711.DecodeUlawFrame, g711.EncodeUlawFrame},
		{PCMA(), g711.DecodeAlawFrame, g711.EncodeAlawFrame},
	} {
		pcm, coded := make([]int16, 65536), make([]byte, 65536)
		for i := range pcm {
			pcm[i] = int16(i - 32768)
		}
		for i := range coded {
			coded[i] = byte(i)
		}
		// Whatever a loop does with whole vectors: pieces of any length give the same.
		for _, piece := range []int{1, 15, 16, 17, 160, 65536} {
			for from := 0; from < 65536; from += piece {
				to := min(from+piece, 65536)
				octets, samples := make([]byte, to-from), make([]int16, to-from)
				if n := tt.codec.NewEncoder().Encode(octets, pcm[from:to]); n != to-from {
					t.Fatalf("%s encodes %d samples of %d", tt.codec.Name(), n, to-from)
				}
				if n := tt.codec.NewDecoder().Decode(samples, coded[from:to]); n != to-from {
					t.Fatalf("%s decodes %d octets of %d", tt.codec.Name(), n, to-from)
				}
				for i := range octets {
					if want := tt.encode(pcm[from+i]); octets[i] != want {
						t.Fatalf("%s makes %#x of %d, want %#x", tt.codec.Name(), octets[i], pcm[from+i], want)
					}
					if want := tt.decode(coded[from+i]); samples[i] != want {
						t.Fatalf("%s makes %d of %#x, want %d", tt.codec.Name(), samples[i], coded[from+i], want)
					}
				}
			}
		}
	}
}

func BenchmarkCodec(b *testing.B) {
	pcm, coded := make([]int16, 160), make([]byte, 160)
	for i := range pcm {
		pcm[i], coded[i] = int16(i*i-12000), byte(i)
	}
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			pcmu.Decode(pcm, coded)
		}
	})
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			pcmu.Encode(coded, pcm)
		}
	})
}
