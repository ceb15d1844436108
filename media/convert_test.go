package media_test

import (
	"fmt"
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

// convert brings a sound to another rate as the mix does, in frames of 20 ms.
func convert(from, to int, pcm []int16) []int16 {
	c := media.NewConverter(from, to)
	src, dst, out := make([]int32, from/50), make([]int32, to/50), make([]int16, 0, len(pcm)*to/from)
	for ; len(pcm) >= len(src); pcm = pcm[len(src):] {
		for i := range src {
			src[i] = int32(pcm[i])
		}
		c.Convert(dst, src)
		for _, s := range dst {
			out = append(out, int16(s))
		}
	}
	return out
}

func TestConverterKeepsWhatBothRatesHaveAndNothingElse(t *testing.T) {
	for _, tt := range []struct {
		from, to int
		hz       float64
		stays    bool
	}{
		{8000, 16000, 300, true}, {8000, 16000, 1000, true}, {8000, 16000, 3400, true},
		{16000, 8000, 300, true}, {16000, 8000, 1000, true}, {16000, 8000, 3400, true},
		{16000, 8000, 4600, false}, {16000, 8000, 5000, false}, {16000, 8000, 7000, false},
		{16000, 48000, 300, true}, {16000, 48000, 3400, true}, {16000, 48000, 7000, true}, {16000, 48000, 7200, true},
		{48000, 16000, 300, true}, {48000, 16000, 3400, true}, {48000, 16000, 7000, true}, {48000, 16000, 7200, true},
		{48000, 16000, 8800, false}, {48000, 16000, 12000, false}, {48000, 16000, 15000, false}, {48000, 16000, 17000, false},
		{48000, 16000, 23000, false},
	} {
		t.Run(fmt.Sprintf("%.0f Hz from %d to %d", tt.hz, tt.from, tt.to), func(t *testing.T) {
			out := convert(tt.from, tt.to, tone.Make(tt.from, tt.hz, -6, tt.from))[tt.to/10:]
			level := tone.LevelAt(out, tt.to, tt.hz)
			if tt.stays && (level < -6.05 || level > -5.95) {
				t.Errorf("it comes out at %.2f dBFS, want -6", level)
			}
			low := float64(min(tt.from, tt.to))
			for _, ghost := range []float64{low - tt.hz, low + tt.hz, tt.hz - low, 2*low - tt.hz} { // images, or aliases
				if ghost <= 0 || ghost >= float64(tt.to)/2 || ghost == tt.hz {
					continue
				}
				if level := tone.LevelAt(out, tt.to, ghost); level > -6-70 {
					t.Errorf("%.0f Hz is at %.1f dBFS", ghost, level)
				}
			}
		})
	}
}

func TestConverterHasNoSeamBetweenFrames(t *testing.T) {
	for _, rates := range [][2]int{{8000, 16000}, {16000, 8000}, {16000, 48000}, {48000, 16000}} {
		out := convert(rates[0], rates[1], tone.Make(rates[0], 700, -6, rates[0]))[rates[1]/10:]
		if c := tone.Continuous(out, rates[1], 700); c.Click > 0.001 || c.Slip > 0.001 {
			t.Errorf("from %d to %d Hz: %+v", rates[0], rates[1], c)
		}
	}
}

func TestConverterDelaysByWhatItSays(t *testing.T) {
	for _, rates := range [][2]int{{8000, 16000}, {16000, 8000}} {
		click := make([]int16, rates[0])
		click[1000] = 20000
		at, highest := 0, int16(0)
		for i, v := range convert(rates[0], rates[1], click) {
			if v > highest {
				at, highest = i, v
			}
		}
		// Half a sample of the lower rate lies between two.
		if late := at*16000/rates[1] - 1000*16000/rates[0]; late < media.ConverterDelay-1 || late > media.ConverterDelay+1 {
			t.Errorf("from %d to %d Hz a click comes %d samples of 16 kHz later, want %d", rates[0], rates[1], late, media.ConverterDelay)
		}
	}
}

func BenchmarkConverter(b *testing.B) {
	for _, rates := range [][2]int{{8000, 16000}, {16000, 8000}, {16000, 48000}, {48000, 16000}} {
		b.Run(fmt.Sprintf("from %d to %d Hz", rates[0], rates[1]), func(b *testing.B) {
			c, src, dst := media.NewConverter(rates[0], rates[1]), make([]int32, rates[0]/50), make([]int32, rates[1]/50)
			b.ReportAllocs()
			for b.Loop() {
				c.Convert(dst, src)
			}
		})
	}
}
