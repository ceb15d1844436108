package mixer

import (
	"slices"
	"testing"

	"conclave/media"
)

func constant(value int16, n int) []int16 { return slices.Repeat([]int16{value}, n) }

func sound(pcm []int16) *media.Sound { return media.NewSound(8000, pcm) }

// fill has the player play a frame of 8 kHz.
func fill(p *player, frame []int16, done func(id uint64)) bool {
	played := p.read(frame, 8000)
	p.advance(done)
	return played
}

func TestPlayerPlaysPromptsWithoutAGap(t *testing.T) {
	var p player
	p.add(&prompt{id: 1, sounds: []*media.Sound{sound(constant(1, 100)), sound(constant(2, 100))}})
	p.add(&prompt{id: 2, sounds: []*media.Sound{sound(constant(3, 50))}})
	p.add(&prompt{id: 3})
	p.add(&prompt{id: 4, sounds: []*media.Sound{sound(constant(4, 160))}})
	var out []int16
	var done []uint64
	frame := make([]int16, 160)
	for fill(&p, frame, func(id uint64) { done = append(done, id) }) {
		out = append(out, frame...)
	}
	want := slices.Concat(constant(1, 100), constant(2, 100), constant(3, 50), constant(4, 160), constant(0, 70))
	if !slices.Equal(out, want) {
		t.Errorf("heard %d samples %v…", len(out), out[:8])
	}
	if !slices.Equal(done, []uint64{1, 2, 3, 4}) {
		t.Errorf("ended: %v, want 1 to 4", done)
	}
}

func TestPlayerStopsWithinAFrameAndTellsEveryPrompt(t *testing.T) {
	var p player
	p.add(&prompt{id: 1, sounds: []*media.Sound{sound(constant(1000, 8000))}})
	p.add(&prompt{id: 2, sounds: []*media.Sound{sound(constant(1000, 8000))}})
	frame := make([]int16, 160)
	fill(&p, frame, nil)
	p.stop()
	var done []uint64
	fill(&p, frame, func(id uint64) { done = append(done, id) })
	if !slices.Equal(done, []uint64{1, 2}) || p.playing() {
		t.Errorf("ended: %v, playing %v", done, p.playing())
	}
	if frame[0] < 900 || frame[39] != 0 || frame[159] != 0 {
		t.Errorf("no ramp of 5 ms: %v", frame[:48])
	}
	if fill(&p, frame, nil) {
		t.Error("it plays on after the stop")
	}
}

func TestRampOf5msHasNoStep(t *testing.T) {
	var r ramp
	r.to(1, rampTime, 8000)
	frame := constant(10000, 160)
	r.apply(frame)
	for i := 1; i < len(frame); i++ {
		if d := frame[i] - frame[i-1]; d > 251 || d < 0 {
			t.Fatalf("sample %d jumps by %d", i, d)
		}
	}
	if frame[39] < 9990 || !r.resting(1) {
		t.Errorf("after 5 ms %d, want 10000", frame[39])
	}
}
