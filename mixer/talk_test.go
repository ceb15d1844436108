package mixer

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestTalkDetection(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	noise := func(dbfs float64) func() int16 {
		amplitude := 32768 * math.Pow(10, dbfs/20)
		return func() int16 { return int16(random.NormFloat64() * amplitude) }
	}
	type passage struct {
		level  float64 // dBFS
		frames int
		end    bool // talking at its end
	}
	tests := []struct {
		name     string
		passages []passage
	}{
		{"a talker is heard from the first frame", []passage{{-70, 500, false}, {-25, 1, true}}},
		{"faint noise is no talk", []passage{{-65, 1000, false}}},
		{"rising noise is no talk once the floor has followed", []passage{{-70, 500, false}, {-58, 1000, false}}},
		{"a quiet talker in a quiet room is heard", []passage{{-72, 500, false}, {-50, 10, true}}},
		{"pauses between words are bridged", []passage{{-70, 200, false}, {-25, 50, true}, {-70, 30, true}, {-25, 10, true}}},
		{"silence ends it", []passage{{-70, 200, false}, {-25, 50, true}, {-70, 60, false}}},
		{"a steady tone is never taken for noise", []passage{{-31, 3000, true}}},
		{"who begins with the call is heard", []passage{{-30, 1, true}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d talk
			frame := make([]int16, 160)
			for i, p := range tt.passages {
				sample, got := noise(p.level), false
				for range p.frames {
					for j := range frame {
						frame[j] = sample()
					}
					got = d.update(frame, 0)
				}
				if got != p.end {
					t.Errorf("passage %d (%g dBFS): talking %v, want %v", i+1, p.level, got, p.end)
				}
			}
		})
	}
}
