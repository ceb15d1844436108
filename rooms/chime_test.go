package rooms

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestTonesOfManyWhoComeAtOnceAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p programme
		steps := []struct {
			after time.Duration
			tone  string
			want  bool
		}{
			{0, "join", true},                        // sounds at once, to 1.0 s
			{100 * time.Millisecond, "join", true},   // follows, to 2.0 s
			{100 * time.Millisecond, "join", false},  // the one that follows does for this, too
			{100 * time.Millisecond, "leave", true},  // from 2.0 to 3.0 s
			{100 * time.Millisecond, "leave", false}, // the same
			{700 * time.Millisecond, "join", true},   // at 1.1 s: from 3.0 s
			{800 * time.Millisecond, "join", false},  // at 1.9 s
			{3 * time.Second, "join", true},          // at 4.9 s all is over
			{time.Second, "leave", true},
		}
		for i, step := range steps {
			time.Sleep(step.after)
			got := p.due(step.tone)
			if got != step.want {
				t.Errorf("step %d, %s: got %t, want %t", i, step.tone, got, step.want)
			}
			if got {
				p.add(time.Second)
			}
		}
	})
}
