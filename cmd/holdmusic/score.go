package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The piece: a slow ballad in G of 24 bars in the form A B A', which turns back into its own beginning.
const (
	rate           = 16000
	samplesPerBeat = 11400 // 84 beats a minute; the whole is 3420 ticks of 20 ms, so that a loop never ends within one
	beatsPerBar    = 4
	bars           = 24
)

// harmony is the chords as "bass: voices/beats". The voices are written out, because it is their leading that makes the
// progression flow: most of them stay or move by a step.
const harmony = `
	G3: B3 D4 F#4 A4 /4
	E3: B3 D4 F#4 G4 /4
	A3: C4 E4 G4 A4 /4
	D3: C4 E4 G4 A4 /2    D3: C4 E4 F#4 A4 /2
	B3: D4 F#4 A4 B4 /4
	E3: D4 F4 G#4 B4 /4
	A3: C4 E4 G4 A4 /4
	D3: C4 E4 G4 A4 /2    D3: C4 E4 F#4 A4 /2

	C4: E4 G4 B4 D5 /4
	B3: D4 F#4 A4 D5 /4
	A3: C4 E4 G4 C5 /4
	G3: B3 D4 F#4 B4 /4
	C4: E4 G4 B4 D5 /4
	F3: Eb4 G4 A4 D5 /4
	B3: D4 F#4 A4 D5 /2   E3: D4 F4 G#4 B4 /2
	A3: C4 E4 G4 C5 /2    D3: C4 E4 F#4 B4 /2

	G3: B3 D4 F#4 A4 /4
	E3: B3 D4 F#4 G4 /4
	A3: C4 E4 G4 A4 /4
	D3: C4 E4 G4 A4 /2    D3: C4 E4 F#4 A4 /2
	B3: D4 F#4 A4 B4 /2   E3: D4 F4 G#4 B4 /2
	A3: C4 E4 G4 A4 /2    D3: C4 E4 F#4 B4 /2
	G3: B3 D4 E4 A4 /2    G3: C4 Eb4 G4 A4 /2
	G3: B3 D4 E4 A4 /2    D3: C4 E4 G4 A4 /2
`

// melody is the upper voice, a bar per line, as "note/beats"; "-" is a rest.
const melody = `
	-/1 D5/.5 F#5/.5 B5/1.5 A5/.5
	G5/1.5 F#5/.5 D5/2
	-/1 E5/.5 G5/.5 C6/1.5 B5/.5
	A5/1.5 G5/.5 E5/1 F#5/1
	-/1 F#5/.5 A5/.5 D6/1.5 B5/.5
	B5/1.5 A5/.5 G#5/2
	-/.5 E5/.5 A5/1 B5/.5 C6/1 B5/.5
	A5/3 -/1

	D6/2 B5/1 G5/1
	A5/3 F#5/1
	C6/2 B5/1 E5/1
	F#5/1.5 G5/.5 A5/2
	B5/1 D6/1 E6/1.5 D6/.5
	D6/1.5 C6/.5 A5/2
	B5/1.5 A5/.5 G#5/1 B5/1
	C6/1 B5/.5 A5/.5 F#5/2

	-/1 D5/.5 F#5/.5 B5/1.5 A5/.5
	G5/1 A5/.5 F#5/.5 D5/2
	-/1 E5/.5 G5/.5 C6/1.5 B5/.5
	A5/1.5 B5/.5 C6/1 A5/1
	D6/1.5 B5/.5 G#5/1.5 B5/.5
	C6/1 B5/.5 A5/.5 F#5/1 A5/1
	G5/2 A5/1 G5/1
	B5/3 -/1
`

type chord struct {
	at, beats float64
	bass      float64   // Hz
	voices    []float64 // Hz, lowest first
}

type tune struct {
	at, beats float64
	pitch     float64 // Hz
}

func readHarmony() ([]chord, error) {
	var chords []chord
	var at float64
	var now chord
	for _, word := range strings.Fields(harmony) {
		switch {
		case strings.HasSuffix(word, ":"):
			bass, err := pitch(strings.TrimSuffix(word, ":"))
			if err != nil {
				return nil, err
			}
			now = chord{at: at, bass: bass}
		case strings.HasPrefix(word, "/"):
			beats, err := strconv.ParseFloat(word[1:], 64)
			if err != nil {
				return nil, fmt.Errorf("length of the chord at beat %g: %w", at, err)
			}
			now.beats = beats
			chords = append(chords, now)
			at += beats
		default:
			voice, err := pitch(word)
			if err != nil {
				return nil, err
			}
			now.voices = append(now.voices, voice)
		}
	}
	if at != bars*beatsPerBar {
		return nil, fmt.Errorf("harmony of %g beats, want %d", at, bars*beatsPerBar)
	}
	return chords, nil
}

func readMelody() ([]tune, error) {
	var notes []tune
	var at float64
	for _, word := range strings.Fields(melody) {
		name, length, _ := strings.Cut(word, "/")
		beats, err := strconv.ParseFloat(length, 64)
		if err != nil {
			return nil, fmt.Errorf("length of %q: %w", word, err)
		}
		if name != "-" {
			hz, err := pitch(name)
			if err != nil {
				return nil, err
			}
			notes = append(notes, tune{at: at, beats: beats, pitch: hz})
		}
		at += beats
	}
	if at != bars*beatsPerBar {
		return nil, fmt.Errorf("melody of %g beats, want %d", at, bars*beatsPerBar)
	}
	return notes, nil
}

// pitch is the frequency of a note such as "F#4" in equal temperament, A4 at 440 Hz.
func pitch(name string) (float64, error) {
	semitones := map[byte]int{'C': -9, 'D': -7, 'E': -5, 'F': -4, 'G': -2, 'A': 0, 'B': 2}
	if len(name) < 2 {
		return 0, fmt.Errorf("note %q, want a letter, # or b if any, and the octave", name)
	}
	n, known := semitones[name[0]]
	octave, err := strconv.Atoi(name[len(name)-1:])
	if !known || err != nil {
		return 0, fmt.Errorf("note %q, want a letter, # or b if any, and the octave", name)
	}
	switch name[1 : len(name)-1] {
	case "":
	case "#":
		n++
	case "b":
		n--
	default:
		return 0, fmt.Errorf("note %q has a sign that is neither # nor b", name)
	}
	return 440 * math.Pow(2, float64(n)/12+float64(octave-4)), nil
}
