package loudness_test

import (
	"math"
	"testing"

	"conclave/media"
	"conclave/media/loudness"
)

// sine makes so many seconds of a tone at dBFS.
func sine(rate int, hz, dBFS, seconds float64) []float32 {
	out := make([]float32, int(seconds*float64(rate)))
	for i := range out {
		out[i] = float32(math.Pow(10, dBFS/20) * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return out
}

func measure(rate int, parts ...[]float32) float64 {
	m := loudness.NewMeter(rate)
	for _, p := range parts {
		m.Add(p)
	}
	return m.Integrated()
}

// The cases are those of EBU Tech 3341, which are for two equal channels: one alone is 3.01 LU softer.
func TestLoudnessIsThatOfTheStandard(t *testing.T) {
	const mono = -3.01
	for _, rate := range []int{16000, 48000} {
		tone := func(dBFS, seconds float64) []float32 { return sine(rate, 1000, dBFS, seconds) }
		for _, c := range []struct {
			name string
			got  float64
			want float64
		}{
			{"997 Hz at full scale (BS.1770-4)", measure(rate, sine(rate, 997, 0, 5)), mono},
			{"case 1", measure(rate, tone(-23, 20)), -23 + mono},
			{"case 2", measure(rate, tone(-33, 20)), -33 + mono},
			{"case 3, relative gate", measure(rate, tone(-36, 10), tone(-23, 60), tone(-36, 10)), -23 + mono},
			{"case 4, both gates", measure(rate, tone(-72, 10), tone(-36, 10), tone(-23, 60), tone(-36, 10), tone(-72, 10)), -23 + mono},
			{"case 5", measure(rate, tone(-26, 20), tone(-20, 20.1), tone(-26, 20)), -23 + mono},
			{"shorter than a block", measure(rate, tone(-23, 0.25)), -23 + mono},
		} {
			if math.Abs(c.got-c.want) > 0.15 {
				t.Errorf("%d Hz, %s: %.2f LUFS, want %.2f", rate, c.name, c.got, c.want)
			}
		}
		if got := measure(rate, tone(-80, 2)); got != loudness.Silence {
			t.Errorf("%d Hz: below the absolute gate: %v, want Silence", rate, got)
		}
	}
	if got := measure(16000); got != loudness.Silence {
		t.Errorf("nothing: %v, want Silence", got)
	}
}

// limit runs samples through a limiter in blocks of odd sizes.
func limit(in []float32, gain, ceiling float64) []float32 {
	l := loudness.NewLimiter(16000, gain, ceiling)
	var out []float32
	for block := 1; len(in) > 0; block = block*5%997 + 1 {
		n := min(block, len(in))
		out = l.Append(out, in[:n])
		in = in[n:]
	}
	return l.Finish(out)
}

func TestLimiterLeavesAloneWhatIsBelowItsCeiling(t *testing.T) {
	in := sine(16000, 440, -20, 1)
	out := limit(in, 6, -1)
	if len(out) != len(in) {
		t.Fatalf("%d samples of %d", len(out), len(in))
	}
	gain := math.Pow(10, 6.0/20)
	for i := range in {
		if math.Abs(float64(out[i])-gain*float64(in[i])) > 1e-6 {
			t.Fatalf("sample %d: %v of %v, want 6 dB more", i, out[i], in[i])
		}
	}
}

func TestLimiterKeepsPeaksAtItsCeilingBetweenSamplesToo(t *testing.T) {
	// A tone of a quarter of the rate, sampled 45 degrees off its peaks: they lie 3 dB above the samples.
	in := make([]float32, 16000)
	for i := range in {
		in[i] = float32(0.9 * math.Sin(math.Pi/2*float64(i)+math.Pi/4))
		if i/1600%2 == 1 {
			in[i] /= 50
		}
	}
	out := limit(in, 12, -1)
	if len(out) != len(in) {
		t.Fatalf("%d samples of %d", len(out), len(in))
	}
	fine := media.NewResampler(16000, 128000)
	peak := 0.0
	for _, v := range fine.Finish(fine.Append(nil, out)) {
		peak = max(peak, math.Abs(float64(v)))
	}
	if dB := 20 * math.Log10(peak); dB > -0.8 || dB < -2 {
		t.Errorf("peak at %.2f dBFS, want -1", dB)
	}
}
