package mixer

import (
	"slices"
	"testing"

	"conclave/media"
)

func TestPlayerCancelsOnePromptAndPlaysTheOthers(t *testing.T) {
	tests := []struct {
		name     string
		cancel   []uint64
		stop     bool // all that is queued before it
		unplayed []bool
		done     []uint64 // told in the next frame
		rest     []int16  // what is left to play then
	}{
		{"the one that is played", []uint64{1}, false, []bool{false}, []uint64{1}, []int16{2000, 3000}},
		{"the next one", []uint64{2}, false, []bool{true}, nil, []int16{1000, 3000}},
		{"the last one", []uint64{3}, false, []bool{true}, nil, []int16{1000, 2000}},
		{"all of them", []uint64{3, 1, 2}, false, []bool{true, false, true}, []uint64{1}, nil},
		{"one that is not there", []uint64{4}, false, []bool{false}, nil, []int16{1000, 2000, 3000}},
		{"the one that is played, after a stop", []uint64{1}, true, []bool{false}, []uint64{1, 2, 3}, nil},
		{"the last one, after a stop", []uint64{3}, true, []bool{true}, []uint64{1, 2}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var p player
			for id := range int16(3) {
				p.add(&prompt{id: uint64(id) + 1, sounds: []*media.Sound{sound(constant(1000*(id+1), 320))}})
			}
			frame := make([]int16, 160)
			fill(&p, frame, nil)
			if test.stop {
				p.stop()
			}
			for i, id := range test.cancel {
				if got := p.cancel(id); got != test.unplayed[i] {
					t.Errorf("cancel of %d: unplayed %t, want %t", id, got, test.unplayed[i])
				}
			}
			p.add(&prompt{id: 9, sounds: []*media.Sound{sound(constant(9000, 160))}})
			var done []uint64
			tell := func(id uint64) {
				if id != 9 {
					done = append(done, id)
				}
			}
			fill(&p, frame, tell)
			if test.done != nil && !slices.Equal(done, test.done) {
				t.Errorf("ended: %v, want %v", done, test.done)
			}
			var heard []int16
			if test.done == nil {
				heard = append(heard, frame[0])
			}
			for p.playing() {
				fill(&p, frame, tell)
				if len(heard) == 0 || heard[len(heard)-1] != frame[0] {
					heard = append(heard, frame[0])
				}
			}
			if want := append(test.rest, 9000); !slices.Equal(heard, want) {
				t.Errorf("heard %v, want %v", heard, want)
			}
		})
	}
}
