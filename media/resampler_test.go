package media

import (
	"fmt"
	"math"
	"testing"
)

// level is the level of a tone in samples, dBFS of a sine, by correlation over whole periods or many of them.
func levelAt(samples []float32, rate int, hz float64) float64 {
	var re, im float64
	for i, v := range samples {
		// A Hann window: a tone beside it does not leak into the measurement.
		w := 1 - math.Cos(2*math.Pi*float64(i)/float64(len(samples)))
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / float64(rate))
		re += w * float64(v) * c
		im += w * float64(v) * s
	}
	return 20 * math.Log10(2*math.Hypot(re, im)/float64(len(samples))+1e-12)
}

// convertTone runs a second of a tone of full scale through a resampler in blocks of odd sizes, and drops its edges.
func convertTone(from, to int, hz float64) []float32 {
	r := NewResampler(from, to)
	in := make([]float32, from)
	for i := range in {
		in[i] = float32(math.Sin(2 * math.Pi * hz * float64(i) / float64(from)))
	}
	var out []float32
	for block := 1; len(in) > 0; block = block*3%1009 + 1 {
		n := min(block, len(in))
		out = r.Append(out, in[:n])
		in = in[n:]
	}
	out = r.Finish(out)
	return out[to/20 : to-to/20]
}

func TestResampledTonesKeepTheirLevelAndAliasIsBelow60dB(t *testing.T) {
	for _, c := range []struct{ from, to int }{
		{44100, 16000}, {48000, 16000}, {22050, 16000}, {11025, 16000}, {8000, 16000}, {96000, 16000}, {192000, 16000},
		{44101, 16000}, {16000, 8000},
	} {
		t.Run(fmt.Sprintf("%d to %d", c.from, c.to), func(t *testing.T) {
			nyquist := float64(min(c.from, c.to)) / 2
			for _, hz := range []float64{200, 1000, 0.5 * nyquist, 0.84 * nyquist} {
				out := convertTone(c.from, c.to, hz)
				if level := levelAt(out, c.to, hz); math.Abs(level) > 0.1 {
					t.Errorf("%.0f Hz: %.2f dB, want 0", hz, level)
				}
				rest := residue(out, c.to, hz)
				if rest > -70 {
					t.Errorf("%.0f Hz: %.1f dB of what is not the tone", hz, rest)
				}
			}
			for _, hz := range []float64{1.01 * nyquist, 1.3 * nyquist, 1.9 * nyquist, 2.3 * nyquist, 0.9 * float64(c.from) / 2} {
				if hz <= nyquist || hz >= float64(c.from)/2 {
					continue
				}
				if rest := residue(convertTone(c.from, c.to, hz), c.to, 0); rest > -70 {
					t.Errorf("%.0f Hz, which is above what the rate can hold, is at %.1f dB", hz, rest)
				}
			}
		})
	}
}

// residue is the level of all but one tone, dB of a full sine; hz 0: of everything.
func residue(samples []float32, rate int, hz float64) float64 {
	n := float64(len(samples))
	var re, im float64
	if hz > 0 {
		// Least squares: sine and cosine are not quite orthogonal over a stretch of any length.
		var cc, ss, cs, xc, xs float64
		for i, v := range samples {
			s, c := math.Sincos(2 * math.Pi * hz * float64(i) / float64(rate))
			cc, ss, cs, xc, xs = cc+c*c, ss+s*s, cs+c*s, xc+float64(v)*c, xs+float64(v)*s
		}
		d := cc*ss - cs*cs
		re, im = (xc*ss-xs*cs)/d, (xs*cc-xc*cs)/d
	}
	var sum float64
	for i, v := range samples {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / float64(rate))
		rest := float64(v)
		if hz > 0 {
			rest -= re*c + im*s
		}
		sum += rest * rest
	}
	return 10 * math.Log10(2*sum/n+1e-12)
}

func TestResamplerGivesAsManySamplesAsLastAsLong(t *testing.T) {
	for _, c := range []struct{ from, to, in, want int }{
		{44100, 16000, 44100, 16000}, {44100, 16000, 1, 1}, {192000, 16000, 13, 2}, {8000, 16000, 7, 14},
		{16000, 16000, 5, 5}, {48000, 16000, 0, 0},
	} {
		r := NewResampler(c.from, c.to)
		out := r.Append(nil, make([]float32, c.in))
		if out = r.Finish(out); len(out) != c.want {
			t.Errorf("%d samples from %d to %d Hz: %d, want %d", c.in, c.from, c.to, len(out), c.want)
		}
	}
}
