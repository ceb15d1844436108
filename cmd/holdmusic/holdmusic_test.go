package main

import (
	"bytes"
	"math"
	"os"
	"slices"
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

// storedMusic is the piece as the repository has it.
func storedMusic(t *testing.T) *media.Sound {
	file, err := os.ReadFile("../../rooms/music/default.wav")
	if err != nil {
		t.Fatal(err)
	}
	sound, err := media.LoadWAV(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return sound
}

func TestMusicInTheRepositoryIsWhatTheProgramPlays(t *testing.T) {
	stored := storedMusic(t).PCM(rate)
	played, err := render()
	if err != nil {
		t.Fatal(err)
	}
	if len(stored) != len(played) {
		t.Fatalf("file of %d samples, the program plays %d: run `make sounds`", len(stored), len(played))
	}
	for i := range played {
		// Processors differ in how they fuse a multiplication with an addition: a step of rounding may be different.
		if d := int(played[i]) - int(stored[i]); d < -1 || d > 1 {
			t.Fatalf("sample %d is %d, the program plays %d: run `make sounds`", i, stored[i], played[i])
		}
	}
}

func TestMusicHasNoSeam(t *testing.T) {
	// Whoever begins in the middle of the piece must get the same recording, turned round: then the place where the
	// file begins is like any other.
	notes, err := perform()
	if err != nil {
		t.Fatal(err)
	}
	notes = slices.DeleteFunc(notes, func(n note) bool { return n.at > 8*samplesPerBeat && n.at < 88*samplesPerBeat })
	began := *record(notes)
	half := len(began) / 2
	for i := range notes {
		notes[i].at += float64(half)
	}
	turned := *record(notes)
	turned = slices.Concat(turned[half:], turned[:half])
	for i := range began {
		if math.Abs(began[i]-turned[i]) > 1e-6 {
			t.Fatalf("sample %d is %f when the piece begins at its beginning, %f when in the middle", i, began[i], turned[i])
		}
	}
}

func TestMusicSuitsATelephone(t *testing.T) {
	sound := storedMusic(t)
	wide := sound.PCM(rate)
	const sineToSquare = 3.01 // dB: tone.Level is relative to a sine
	level := tone.Level(wide) - sineToSquare
	if math.Abs(level-loudness) > .1 {
		t.Errorf("music at %.1f dBov, want %.1f", level, loudness)
	}
	if got := tone.Level(sound.PCM(8000)) - sineToSquare; got < level-.5 {
		t.Errorf("music at %.1f dBov, of which a telephone carries %.1f", level, got)
	}
	var sum, peak float64
	for _, s := range wide {
		sum += float64(s)
		peak = max(peak, math.Abs(float64(s)))
	}
	if dc := sum / float64(len(wide)); math.Abs(dc) > 3 {
		t.Errorf("offset of %.1f steps", dc)
	}
	if got := 20 * math.Log10(peak/math.MaxInt16); got > highest {
		t.Errorf("peak of %.1f dBFS, want at most %.1f", got, highest)
	}
	if seconds := len(wide) / rate; seconds < 60 || len(wide)%(rate/50) != 0 {
		t.Errorf("music of %d samples, want a minute or more in whole ticks of 20 ms", len(wide))
	}
	// Nobody shall be startled or believe that the line is dead.
	for bar := range bars {
		one := wide[bar*len(wide)/bars : (bar+1)*len(wide)/bars]
		if got := tone.Level(one) - sineToSquare; math.Abs(got-loudness) > 3 {
			t.Errorf("bar %d at %.1f dBov, want within 3 dB of %.1f", bar+1, got, loudness)
		}
	}
}

func TestPitch(t *testing.T) {
	for name, want := range map[string]float64{"A4": 440, "A3": 220, "C4": 261.63, "F#4": 369.99, "Eb4": 311.13, "B5": 987.77} {
		if got, err := pitch(name); err != nil || math.Abs(got-want) > .01 {
			t.Errorf("%s at %.2f Hz, %v; want %.2f", name, got, err, want)
		}
	}
	for _, name := range []string{"", "A", "H4", "a4", "Ax4", "A#", "4"} {
		if got, err := pitch(name); err == nil {
			t.Errorf("%q is taken for a note of %.2f Hz", name, got)
		}
	}
}
