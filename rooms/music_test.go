package rooms

import (
	"slices"
	"testing"
	"time"

	"conclave/media/tone"
)

func TestBuiltinMusicLoops(t *testing.T) {
	music, err := builtinMusic()
	if err != nil {
		t.Fatal(err)
	}
	if d := music.Duration(); d < time.Minute {
		t.Errorf("music of %s, want a minute or more", d)
	}
	for _, rate := range []int{8000, 16000} {
		pcm := music.PCM(rate)
		if len(pcm)%(rate/50) != 0 {
			t.Errorf("at %d Hz: loop of %d samples ends within a tick of 20 ms", rate, len(pcm))
		}
		// A click is a burst of curvature; at the seam there is to be no more of it than anywhere else.
		second := rate
		if seam, elsewhere := curvature(slices.Concat(pcm[len(pcm)-10:], pcm[:10])), curvature(pcm[:second]); seam > elsewhere {
			t.Errorf("at %d Hz: the seam bends by %d, the music within a second by %d", rate, seam, elsewhere)
		}
		// No gap either: music on both sides.
		for _, edge := range [][]int16{pcm[:rate/10], pcm[len(pcm)-rate/10:]} {
			if level := tone.Level(edge); level < -35 {
				t.Errorf("at %d Hz: only %.1f dBFS within 100 ms of the seam", rate, level)
			}
		}
	}
}

// curvature is the largest second difference.
func curvature(pcm []int16) int {
	var most int
	for i := 2; i < len(pcm); i++ {
		d := int(pcm[i]) - 2*int(pcm[i-1]) + int(pcm[i-2])
		most = max(most, d, -d)
	}
	return most
}
