package main

import (
	"fmt"
	"math/rand/v2"
)

// note is one note as it is played, after the player's liberties with the score.
type note struct {
	instrument func(*ring, note)
	at         float64 // samples from the beginning
	held       float64 // samples until it is let go
	pitch      float64 // Hz
	strength   float64 // 0 to 1
}

// part is how a section of the piece is played.
type part struct {
	chords   int       // how many chords it lasts
	figure   []stroke  // what the electric piano makes of a chord
	bass     []float64 // beats within a chord at which the bass plays
	dynamics float64
	double   bool // the melody is doubled an octave lower
}

// stroke is one or more voices of a chord, numbered from the lowest, struck at a beat of it.
type stroke struct {
	beat     float64
	voices   []int
	strength float64
}

var (
	// flowing is the accompaniment of the outer sections, broken chords in quavers.
	flowing = []stroke{
		{0, []int{0}, .70}, {.5, []int{1}, .50}, {1, []int{2}, .60}, {1.5, []int{3}, .62},
		{2, []int{1}, .58}, {2.5, []int{2}, .50}, {3, []int{3}, .56}, {3.5, []int{2}, .46},
	}
	// weaving is the same with crossed voices, for the return.
	weaving = []stroke{
		{0, []int{0, 2}, .62}, {.5, []int{1}, .48}, {1, []int{3}, .60}, {1.5, []int{1}, .50},
		{2, []int{2}, .56}, {2.5, []int{0}, .46}, {3, []int{3}, .54}, {3.5, []int{1}, .44},
	}
	// resting is whole chords, for the middle.
	resting = []stroke{
		{0, []int{0, 1, 2, 3}, .60}, {1.5, []int{1, 2, 3}, .42}, {3, []int{2, 3}, .40},
	}

	form = []part{
		{chords: 10, figure: flowing, bass: []float64{0, 2.5}, dynamics: .86},
		{chords: 10, figure: resting, bass: []float64{0, 3}, dynamics: 1},
		{chords: 8, figure: weaving, bass: []float64{0, 2.5}, dynamics: .92, double: true},
		{chords: 5, figure: flowing, bass: []float64{0}, dynamics: .82},
	}
)

const (
	roll = .018 * rate // samples between the voices of a chord struck at once
	lag  = .012 * rate // the melody sings a little behind the beat
)

// perform turns the score into notes. The liberties are drawn from a fixed seed.
func perform() ([]note, error) {
	chords, err := readHarmony()
	if err != nil {
		return nil, err
	}
	tunes, err := readMelody()
	if err != nil {
		return nil, err
	}
	p := player{chance: rand.New(rand.NewPCG(24, 84))}
	for _, part := range form {
		last := chords[part.chords-1]
		for _, c := range chords[:part.chords] {
			p.accompany(part, c)
		}
		chords = chords[part.chords:]
		for len(tunes) > 0 && tunes[0].at < last.at+last.beats {
			p.sing(part, tunes[0])
			tunes = tunes[1:]
		}
	}
	if len(chords) > 0 {
		return nil, fmt.Errorf("the form leaves %d chords unplayed", len(chords))
	}
	return p.notes, nil
}

type player struct {
	chance *rand.Rand
	notes  []note
}

func (p *player) accompany(part part, c chord) {
	end := (c.at + c.beats) * samplesPerBeat
	for _, beat := range part.bass {
		if beat < c.beats {
			strength := .8 - .3*min(beat, 1)
			at := (c.at + beat) * samplesPerBeat
			p.play(bass, at, end-at, c.bass, strength*part.dynamics)
		}
	}
	for _, s := range part.figure {
		if s.beat >= c.beats {
			break
		}
		for i, voice := range s.voices {
			at := (c.at+s.beat)*samplesPerBeat + float64(i)*roll
			p.play(piano, at, end-at, c.voices[voice], s.strength*part.dynamics)
		}
	}
	for _, voice := range c.voices {
		p.notes = append(p.notes, note{pad, c.at * samplesPerBeat, c.beats * samplesPerBeat, voice, part.dynamics})
	}
}

func (p *player) sing(part part, t tune) {
	// Long and high notes are meant, short ones pass.
	strength := (.62 + .08*min(t.beats, 2) + .10*(t.pitch-600)/600) * part.dynamics
	at, held := t.at*samplesPerBeat+lag, t.beats*samplesPerBeat
	p.play(vibes, at, held, t.pitch, strength)
	if part.double {
		p.play(piano, at+lag, held, t.pitch/2, .55*strength)
	}
}

// play adds a note with the small unevenness of a hand: about 5 ms and 5 %.
func (p *player) play(instrument func(*ring, note), at, held, pitch, strength float64) {
	at += .005 * rate * max(-2, min(2, p.chance.NormFloat64()))
	strength *= 1 + .05*max(-2, min(2, p.chance.NormFloat64()))
	p.notes = append(p.notes, note{instrument, at, held, pitch, strength})
}
