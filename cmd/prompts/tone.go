package main

import "math"

// note is a note of a tone.
type note struct {
	at, length float64 // seconds
	pitch      float64 // Hz
}

// tones are the sounds that nobody speaks. Join and leave are one interval up and down, D and G, which go with the key
// of the built-in music.
var tones = map[string][]note{
	"confbridge-join":  {{at: 0, length: .15, pitch: 587.33}, {at: .11, length: .17, pitch: 783.99}},
	"confbridge-leave": {{at: 0, length: .15, pitch: 783.99}, {at: .11, length: .17, pitch: 587.33}},
	"beep":             {{at: 0, length: .20, pitch: 880}},
}

// play sounds the notes, each a sine with a little of its octave and twelfth, without an edge that clicks.
func play(notes []note) take {
	const attack, release = .012, .060 // seconds
	var t take
	for _, n := range notes {
		first, length := int(n.at*rate), int(n.length*rate)
		if missing := first + length - len(t); missing > 0 {
			t = append(t, make(take, missing)...)
		}
		for i := range length {
			s := float64(i) / rate
			turn := 2 * math.Pi * n.pitch * s
			edge := raised(s/attack) * raised((n.length-s)/release)
			t[first+i] += edge * (math.Sin(turn) + .15*math.Sin(2*turn) + .05*math.Sin(3*turn))
		}
	}
	return t
}
