package media

import (
	"math"
	"testing"
	"time"
)

func TestRatingIsThatOfTheEModel(t *testing.T) {
	for _, tt := range []struct {
		name  string
		loss  float64
		delay time.Duration
		want  float64
		most  float64 // that it may be off
	}{
		// ITU-T G.107 7.7: all parameters at their default.
		{"default", 0, 0, 93.2, 0.05},
		// G.711 with echo control, as planners have it from the E-model; its default was 94 at the time.
		{"50 ms", 0, 50 * time.Millisecond, 93, 1.5},
		{"100 ms", 0, 100 * time.Millisecond, 92, 1.5},
		{"150 ms", 0, 150 * time.Millisecond, 90, 1.5},
		{"200 ms", 0, 200 * time.Millisecond, 87, 1.5},
		{"250 ms", 0, 250 * time.Millisecond, 80, 1.5},
		{"300 ms", 0, 300 * time.Millisecond, 74, 1.5},
		{"350 ms", 0, 350 * time.Millisecond, 68, 1.5},
		{"400 ms", 0, 400 * time.Millisecond, 63, 1.5},
		{"450 ms", 0, 450 * time.Millisecond, 59, 1.5},
		// ITU-T G.113: G.711 with concealment, Ie = 0, Bpl = 25.1; Ie,eff by G.107 7.5 at random loss is
		// 95 Ppl / (Ppl + 25.1).
		{"1 % lost", 0.01, 0, 93.2 - 3.64, 0.05},
		{"2 % lost", 0.02, 0, 93.2 - 7.01, 0.05},
		{"5 % lost", 0.05, 0, 93.2 - 15.78, 0.05},
		{"20 % lost", 0.2, 0, 93.2 - 42.13, 0.05},
		{"5 % lost and 300 ms", 0.05, 300 * time.Millisecond, 74 - 15.78, 1.5},
		// What cannot be counts as what can.
		{"less than nothing lost", -1, -time.Second, 93.2, 0.05},
		{"more than all lost", 2, 0, 93.2 - 75.94, 0.05},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, codec := range Codecs() { // in the band of the telephone they are all the same
				r, ok := Rating(codec.At(8000), tt.loss, tt.delay)
				if !ok || math.Abs(r-tt.want) > tt.most {
					t.Errorf("%s: R is %.2f %v, want %.2f", codec.Name(), r, ok, tt.want)
				}
			}
		})
	}
	if _, ok := Rating(unknownCodec{PCMU()}, 0, 0); ok {
		t.Error("a codec that nobody knows has a rating")
	}
}

// unknownCodec is one of which nobody knows how good it is.
type unknownCodec struct{ Codec }

func (unknownCodec) Name() string { return "VOICE" }

// ITU-T G.107.1 and G.113 Appendix IV: G.722 at 64 kbit/s has Ie,wb 13, and Ie,eff,wb grows as in G.107.
func TestRatingOfWideBandIsOnTheSameScale(t *testing.T) {
	for _, tt := range []struct {
		name  string
		loss  float64
		delay time.Duration
		r     float64
		mos   float64
	}{
		{"clean", 0, 0, 116, 4.34},
		{"2 % lost", 0.02, 0, 116 - 82*2/27.1, 4.21},
		{"5 % lost", 0.05, 0, 116 - 82*5/30.1, 3.99},
		{"300 ms", 0, 300 * time.Millisecond, 116 - 20.5, 3.78},
	} {
		r, ok := Rating(G722(), tt.loss, tt.delay)
		if mos := MOS(r, WideScale); !ok || math.Abs(r-tt.r) > 1 || math.Abs(mos-tt.mos) > 0.04 {
			t.Errorf("%s: R is %.2f and MOS %.2f, want %.2f and %.2f", tt.name, r, mos, tt.r, tt.mos)
		}
	}
	// A perfect telephone is 36 below the best of wide band (G.113), where it has no more than 3.7.
	if r, _ := Rating(PCMU(), 0, 0); math.Abs(129-36-r) > 0.5 || math.Abs(MOS(r, WideScale)-3.7) > 0.05 {
		t.Errorf("a perfect telephone has R %.2f and a MOS of %.2f in wide band", r, MOS(r, WideScale))
	}
	if opus, ok := Opus(); ok {
		r, _ := Rating(opus.At(16000), 0, 0)
		if g722, _ := Rating(G722(), 0, 0); r < g722 || r > 129 {
			t.Errorf("R of Opus is %.2f, of G.722 %.2f", r, g722)
		}
	}
}

func TestRatingFallsWithDelayAndLoss(t *testing.T) {
	last := 100.0
	for ms := 1; ms < 2000; ms++ {
		r, _ := Rating(PCMU(), 0, time.Duration(ms)*time.Millisecond)
		if r > last || math.IsNaN(r) {
			t.Fatalf("at %d ms R is %f, before it was %f", ms, r, last)
		}
		last = r
	}
	last = 100.0
	for loss := range 101 {
		r, _ := Rating(PCMU(), float64(loss)/100, 0)
		if r >= last {
			t.Fatalf("at %d %% R is %f, before it was %f", loss, r, last)
		}
		last = r
	}
}

// ITU-T G.107 Annex B, table B.1, and the MOS of the default.
func TestMOSOfRatings(t *testing.T) {
	for r, want := range map[float64]float64{
		-10: 1, 0: 1, 3: 1, 50: 2.58, 60: 3.10, 70: 3.60, 80: 4.03, 90: 4.34, 93.2: 4.41, 100: 4.5, 120: 4.5,
	} {
		if got := MOS(r, NarrowScale); math.Abs(got-want) > 0.007 {
			t.Errorf("MOS of R %g is %.3f, want %.2f", r, got, want)
		}
	}
}

func TestMOSOfALeg(t *testing.T) {
	for _, tt := range []struct {
		name  string
		stats Stats
		codec Codec
		want  float64 // 0: none
	}{
		{"clean", Stats{Received: 500}, PCMA(), 4.40},
		{"5 % lost", Stats{Received: 950, Lost: 50}, PCMU(), 3.89},
		{"5 % too late", Stats{Received: 1000, Buffer: JitterStats{Late: 50}}, PCMU(), 3.89},
		{"far away", Stats{Received: 500, RoundTrip: 460e6, Buffer: JitterStats{Delay: 50 * time.Millisecond}}, PCMU(), 3.72},
		{"nothing that could be heard", Stats{Received: 100, Lost: 100000}, PCMU(), 1.17},
		{"less than a second", Stats{Received: 49}, PCMU(), 0},
		{"silent", Stats{}, PCMU(), 0},
		{"a codec that nobody knows", Stats{Received: 500}, unknownCodec{PCMU()}, 0},
		{"wide band", Stats{Received: 500}, G722(), 4.33},
		{"wide band of a room that has none", Stats{Received: 500}, G722().At(8000), 4.40},
		{"what was lost and recovered", Stats{Received: 950, Lost: 50, Buffer: JitterStats{Recovered: 50}}, PCMU(), 4.40},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q, ok := tt.stats.Quality(tt.codec)
			if ok != (tt.want > 0) || ok && math.Abs(q.MOS-tt.want) > 0.02 {
				t.Errorf("MOS %.3f %v, want %.2f", q.MOS, ok, tt.want)
			}
			if wide := tt.codec.SampleRate() > 8000; ok && wide != (q.Scale == WideScale) {
				t.Errorf("the scale is %s", q.Scale)
			}
		})
	}
}
