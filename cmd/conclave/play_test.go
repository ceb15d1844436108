package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"conclave/media"
	"conclave/media/tone"
	"conclave/sip/phone"
)

// soundFile writes a WAV file with a tone of so many seconds.
func soundFile(t *testing.T, rate int, hz float64, seconds int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sound.wav")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := media.WriteWAV(file, rate, tone.Make(rate, hz, -15, seconds*rate)); err != nil {
		t.Fatal(err)
	}
	return path
}

// loudest is the highest level of a tone in any half second of what a phone hears; of everything if hz is 0.
func loudest(pcm []int16, hz float64) float64 {
	most := -127.0
	for ; len(pcm) >= 4000; pcm = pcm[2000:] {
		if hz == 0 {
			most = max(most, tone.Level(pcm[:4000]))
		} else {
			most = max(most, tone.LevelAt(pcm[:4000], 8000, hz))
		}
	}
	return most
}

func TestFileIsPlayedToEverybodyInTheRoom(t *testing.T) {
	s := startServer(t, "--guests", "all")
	quiet(s, "1000")
	quiet(s, "1001")
	anna, bert := s.dial("1000", phone.Options{From: "anna"}), s.dial("1000", phone.Options{From: "bert"})
	other := s.dial("1001", phone.Options{From: "other"})
	s.wait("members", 5*time.Second, func() bool { return len(s.live("1000").Members) == 2 && len(s.live("1001").Members) == 1 })
	if out := s.run("play", "1000", soundFile(t, 44100, 1000, 2)); out != "playing 2s to room 1000\n" {
		t.Errorf("play printed %q", out)
	}
	pcm := anna.Listen(2500 * time.Millisecond)
	for name, heard := range map[string][]int16{"anna": pcm, "bert": bert.Heard(4 * time.Second)} {
		if level := loudest(heard, 1000); level < -25 {
			t.Errorf("%s hears the file at %.0f dBFS", name, level)
		}
	}
	if level := loudest(other.Heard(4*time.Second), 1000); level > -60 {
		t.Errorf("in another room it is heard at %.0f dBFS", level)
	}
}

func TestPromptsAreSaidToEverybodyInTheRoom(t *testing.T) {
	s := startServer(t, "--guests", "all")
	quiet(s, "1000")
	anna := s.dial("1000", phone.Options{From: "anna"})
	s.wait("member", 5*time.Second, func() bool { return len(s.live("1000").Members) == 1 })
	if level := loudest(anna.Listen(time.Second), 0); level > -60 {
		t.Fatalf("before it, %.0f dBFS are heard", level)
	}
	if out := s.run("say", "1000", "conf-locked", "digits/2"); out != "" {
		t.Errorf("say printed %q", out)
	}
	if level := loudest(anna.Listen(2*time.Second), 0); level < -40 {
		t.Errorf("the prompts are heard at %.0f dBFS", level)
	}
}

func TestSoundsThatCannotBePlayedAreRefused(t *testing.T) {
	s := startServer(t, "--guests", "all")
	quiet(s, "1000")
	quiet(s, "1001")
	s.dial("1000", phone.Options{})
	s.wait("member", 5*time.Second, func() bool { return len(s.live("1000").Members) == 1 })
	sized := func(name, head string, size int64) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(head), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := soundFile(t, 8000, 1000, 1)
	for _, tt := range []struct {
		name  string
		args  []string
		words []string
	}{
		{"no file", []string{"play", "1000", "no/such.wav"}, []string{"no/such.wav", "no such file"}},
		{"directory", []string{"play", "1000", s.data}, []string{"is a directory"}},
		{"no WAV", []string{"play", "1000", sized("song.mp3", "ID3", 3)}, []string{"song.mp3", "not a WAV file", `"ID3"`}},
		{"large, and no WAV", []string{"play", "1000", sized("large.mp3", "ID3", 19<<20)}, []string{"large.mp3", "not a WAV file"}},
		{"too large", []string{"play", "1000", sized("film.wav", "RIFF", 21<<20)}, []string{"film.wav", "larger than 20 MB"}},
		{"too long", []string{"play", "1000", soundFile(t, 8000, 1000, 11*60)}, []string{"lasts 11m0s", "10m0s is the most"}},
		{"empty room", []string{"play", "1001", good}, []string{"room 1001 has no members now"}},
		{"no room", []string{"play", "999", good}, []string{"no room 999"}},
		{"misspelt prompt", []string{"say", "1000", "conf-locked", "conf-kiked"}, []string{`no prompt "conf-kiked"`, "conf-kicked"}},
		{"no prompt", []string{"say", "1000"}, []string{"prompt"}},
		{"prompt to an empty room", []string{"say", "1001", "conf-locked"}, []string{"room 1001 has no members now"}},
		{"prompt to no room", []string{"say", "999", "conf-locked"}, []string{"no room 999"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conclave(t, nil, append([]string{"--data", s.data}, tt.args...)...).refused(t, tt.words...)
		})
	}
}
