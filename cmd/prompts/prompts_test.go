package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

func TestCatalogueIsRead(t *testing.T) {
	got, err := readCatalogue("# remark\n\nbeep\t[a beep]\r\nconf-muted\tYou are \"muted\". Yes.\ndigits/40\tсорок,\t[[s'orVk]],\n")
	want := []prompt{
		{"beep", "[a beep]", "[a beep]"},
		{"conf-muted", `You are "muted". Yes.`, `You are "muted". Yes.`},
		{"digits/40", "сорок,", "[[s'orVk]],"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	for _, bad := range []string{"beep", "beep [a beep]", "../beep\tx", "/beep\tx", "two words\tx"} {
		if _, err := readCatalogue("beep\tx\n" + bad); err == nil || !strings.Contains(err.Error(), "line 2 is") {
			t.Errorf("%q: error %v, want one that names line 2", bad, err)
		}
	}
}

// speech is like a word: silence, a loud part, a pause, a softer part, silence.
func speech() take {
	t := make(take, 3*rate)
	for i := range t {
		v := math.Sin(2 * math.Pi * 500 * float64(i) / rate)
		switch s := float64(i) / rate; {
		case s >= 1 && s < 1.4:
			t[i] = .2 * v
		case s >= 1.7 && s < 2:
			t[i] = .1 * v
		}
	}
	return t
}

func TestTakeIsTrimmedToItsSound(t *testing.T) {
	got := speech().trim()
	if want := rate * (20 + 1000 + 50) / 1000; len(got) < want-10 || len(got) > want+10 {
		t.Errorf("%d samples, want about %d", len(got), want)
	}
	if n := len(make(take, rate).trim()); n > rate/10 {
		t.Errorf("%d samples of silence are kept", n)
	}
}

func TestLevelIsMeasuredWithoutPauses(t *testing.T) {
	pcm, err := speech().master(-20)
	if err != nil {
		t.Fatal(err)
	}
	// 0.4 s of one level and 0.3 s of 6 dB less, whose mean is the active level; a sine at 0 dBFS is at -3 dBov.
	loud := -20 + 3.01 - 10*math.Log10((.4+.3/4)/.7)
	if got := tone.Level(pcm[rate*11/10 : rate*13/10]); math.Abs(got-loud) > .1 {
		t.Errorf("loud part at %.2f dBFS, want %.2f", got, loud)
	}
}

func TestMasterRefusesSilenceAndOverload(t *testing.T) {
	if _, err := make(take, rate).master(-20); err == nil || !strings.Contains(err.Error(), "silent") {
		t.Errorf("silence: error %v", err)
	}
	if _, err := speech().master(0); err == nil || !strings.Contains(err.Error(), "peak of") {
		t.Errorf("overload: error %v", err)
	}
}

func TestPeaksAreTurnedDownAndNothingElse(t *testing.T) {
	pcm, err := speech().master(-20)
	if err != nil {
		t.Fatal(err)
	}
	click := speech()
	for i := range 8 { // half a period, 7 times as high as the loud part
		click[rate*12/10+i] = math.Sin(math.Pi*float64(i+1)/9) * 1.4
	}
	got, err := click.master(-20.05)
	if err != nil {
		t.Fatal(err)
	}
	if peak := tone.Amplitude(-1); float64(slices.Max(got)) > peak || float64(slices.Max(got)) < .95*peak {
		t.Errorf("peak of %d, want about %.0f", slices.Max(got), peak)
	}
	for _, at := range []int{rate * 11 / 10, rate * 13 / 10, rate * 18 / 10} {
		before, after := tone.Level(pcm[at:at+rate/20]), tone.Level(got[at:at+rate/20])
		if math.Abs(before-after) > .5 {
			t.Errorf("at sample %d: %.1f dBFS with a peak elsewhere, %.1f without", at, after, before)
		}
	}
}

func TestFadeLeavesNoEdge(t *testing.T) {
	flat := make(take, rate)
	for i := range flat {
		flat[i] = .5
	}
	flat.fade()
	for i := 1; i < len(flat); i++ {
		if math.Abs(flat[i]-flat[i-1]) > .01 {
			t.Fatalf("step from %.3f to %.3f at %d", flat[i-1], flat[i], i)
		}
	}
	if flat[0] != 0 || flat[rate-1] != 0 || flat[rate/2] != .5 {
		t.Errorf("%.3f at the beginning, %.3f in the middle, %.3f at the end; want 0, 0.5, 0", flat[0], flat[rate/2], flat[rate-1])
	}
}

func TestFilters(t *testing.T) {
	for _, c := range []struct {
		name     string
		filter   biquad
		hz, want float64 // dB
	}{
		{"high-pass far above", highPass(120), 2000, 0},
		{"high-pass at its corner", highPass(120), 120, -3.01},
		{"high-pass an octave below", highPass(120), 60, -12.3},
		{"shelf far below", highShelf(1200, 5), 100, 0},
		{"shelf at its middle", highShelf(1200, 5), 1200, 2.5},
		{"shelf far above", highShelf(1200, 5), 7000, 5},
	} {
		sine := make(take, 2*rate)
		for i := range sine {
			sine[i] = math.Sin(2 * math.Pi * c.hz * float64(i) / rate)
		}
		sine.filter(c.filter)
		var power float64
		for _, v := range sine[rate:] {
			power += 2 * v * v / rate
		}
		if got := 10 * math.Log10(power); math.Abs(got-c.want) > .1 {
			t.Errorf("%s: %.2f dB at %.0f Hz, want %.2f", c.name, got, c.hz, c.want)
		}
	}
}

func TestJoinRisesAndLeaveFalls(t *testing.T) {
	for name, want := range map[string][2]float64{"confbridge-join": {587.33, 783.99}, "confbridge-leave": {783.99, 587.33}} {
		pcm, err := play(tones[name]).master(toneLevel)
		if err != nil {
			t.Fatal(err)
		}
		if d := float64(len(pcm)) / rate; d < .2 || d > .3 {
			t.Errorf("%s lasts %.2f s, want 0.2 to 0.3", name, d)
		}
		first, last := pcm[:rate/10], pcm[len(pcm)-rate*12/100:]
		if one, other := tone.LevelAt(first, rate, want[0]), tone.LevelAt(first, rate, want[1]); one < other+20 {
			t.Errorf("%s begins with %.1f dBFS of its first note and %.1f of its second", name, one, other)
		}
		if one, other := tone.LevelAt(last, rate, want[1]), tone.LevelAt(last, rate, want[0]); one < other+20 {
			t.Errorf("%s ends with %.1f dBFS of its second note and %.1f of its first", name, one, other)
		}
	}
}

func TestPromptsAreWrittenUnderTheirNames(t *testing.T) {
	dir := t.TempDir()
	catalogue := filepath.Join(dir, "xx.tsv")
	if err := os.WriteFile(catalogue, []byte("beep\t[a beep]\nconfbridge-join\t[rising]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := produce(context.Background(), catalogue, dir, speaker{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"beep.wav", "confbridge-join.wav"} {
		file, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := media.LoadWAV(file); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatCannotBeSpokenIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	dir := t.TempDir()
	catalogue := filepath.Join(dir, "xx.tsv")
	for text, want := range map[string]string{
		"conf-muted\tYou are muted.": "make prompt conf-muted: run espeak-ng (Debian package espeak-ng)",
		"gong\t[a gong]":             "make prompt gong: text \"[a gong]\" in brackets, and the program has no tone",
	} {
		if err := os.WriteFile(catalogue, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := produce(context.Background(), catalogue, dir, speaker{voice: "en-us", speed: 150})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
}
