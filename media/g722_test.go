package media

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	lib "github.com/gotranspile/g722"

	"conclave/media/tone"
)

// various is a sound of everything: noise, tones low and high, silence, a step.
func various(rate int, dBFS float64) []int16 {
	pcm := make([]int16, 0, 4*rate)
	add := func(s interface{ Fill([]int16) }) {
		piece := make([]int16, rate/2)
		s.Fill(piece)
		pcm = append(pcm, piece...)
	}
	add(tone.NewNoise(1, dBFS-12))
	add(tone.NewSine(rate, 437, dBFS))
	pcm = append(pcm, make([]int16, rate/5)...)
	add(tone.NewSine(rate, 0.41*float64(rate), dBFS))
	pcm = append(pcm, slices.Repeat([]int16{int16(tone.Amplitude(dBFS))}, rate/5)...)
	add(tone.NewNoise(2, -70))
	return pcm
}

func TestG722IsTheRecommendationsToTheLastBit(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		for _, dBFS := range []float64{-3, -20, -50} {
			t.Run(fmt.Sprintf("%d Hz, %.0f dBFS", rate, dBFS), func(t *testing.T) {
				codec, flags := G722().At(rate), lib.Flags(0)
				if rate == 8000 {
					flags = lib.FlagSampleRate8000
				}
				pcm := various(rate, dBFS)
				want := lib.Encode(pcm, lib.RateDefault, flags)
				encoder, got, frame := codec.NewEncoder(), []byte(nil), rate/FramesPerSecond
				for from := 0; from < len(pcm); from += frame { // whatever the pieces, it is one stream
					coded := make([]byte, 160)
					got = append(got, coded[:encoder.Encode(coded, pcm[from:from+frame])]...)
				}
				if !bytes.Equal(got, want) {
					t.Fatal("it codes something else")
				}
				heard, decoder := make([]int16, codec.Samples(got)), codec.NewDecoder()
				if n := decoder.Decode(heard[:codec.Samples(got[:1000])], got); n != codec.Samples(got[:1000]) {
					t.Fatalf("%d samples are decoded where there is room for those of 1000 octets", n)
				}
				decoder.Decode(heard[codec.Samples(got[:1000]):], got[1000:])
				for i, v := range lib.Decode(want, lib.RateDefault, flags) {
					if v != heard[i] {
						t.Fatalf("sample %d is decoded to %d, want %d", i, heard[i], v)
					}
				}
			})
		}
	}
}

// At full scale a filter rings over it.
func TestG722LimitsWhatIsTooLoudInsteadOfOverflowing(t *testing.T) {
	for _, hz := range []float64{400, 1000, 5000, 6500} {
		pcm := tone.Make(16000, hz, 0, 16000)
		coded, heard := make([]byte, 8000), make([]int16, 16000)
		G722().NewEncoder().Encode(coded, pcm)
		G722().NewDecoder().Decode(heard, coded)
		if level := tone.LevelAt(heard[1600:], 16000, hz); math.Abs(level) > 0.7 {
			t.Errorf("%.0f Hz at 0 dBFS is decoded to %.2f dBFS", hz, level)
		}
	}
}

// A decoder that has followed one encoder goes on with another that has succeeded it.
func TestG722EncoderSucceedsAnother(t *testing.T) {
	pcm := various(16000, -10)
	for _, before := range []bool{false, true} {
		first, second := G722().NewEncoder().(Successor), G722().NewEncoder().(Successor)
		want, got := make([]byte, 160), make([]byte, 160)
		second.Encode(got, pcm[:320])
		for at := 0; at < 320*60; at += 320 {
			first.Encode(want, pcm[at:at+320])
		}
		next := pcm[320*60 : 320*61]
		if before {
			first.Encode(want, next)
			second.Succeed(first, true)
		} else {
			second.Succeed(first, false)
			first.Encode(want, next)
		}
		second.Encode(got, next)
		if !bytes.Equal(got, want) {
			t.Errorf("before %v: the next frame is coded differently", before)
		}
	}
}

func BenchmarkG722(b *testing.B) {
	pcm, coded := make([]int16, 320), make([]byte, 160)
	tone.NewNoise(1, -30).Fill(pcm)
	e, d := G722().NewEncoder(), G722().NewDecoder()
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e.Encode(coded, pcm)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d.Decode(pcm, coded)
		}
	})
	theirs, back := lib.NewEncoder(lib.RateDefault, 0), lib.NewDecoder(lib.RateDefault, 0)
	b.Run("encode by the library", func(b *testing.B) {
		for b.Loop() {
			theirs.Encode(coded, pcm)
		}
	})
	b.Run("decode by the library", func(b *testing.B) {
		for b.Loop() {
			back.Decode(pcm, coded)
		}
	})
}
