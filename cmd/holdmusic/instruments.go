package main

import "math"

// An instrument adds a note to the loop; what sounds on past the end of the loop is added at its beginning.

// piano is an electric piano in the manner of a tine and a pickup: a sine that modulates its own phase, brighter when
// struck harder, and the short ring of the tine.
func piano(loop *ring, n note) {
	loop.add(n, 3.5, .12, func(t float64) float64 {
		attack := 1 - math.Exp(-t/.003)
		decay := .4*math.Exp(-t/.28) + .6*math.Exp(-t/(1.5*math.Sqrt(330/n.pitch)))
		bright := n.strength * (.45 + 1.5*math.Exp(-t/.5))
		body := sine(n.pitch*t + bright/(2*math.Pi)*sine(n.pitch*t))
		tine := .16 * n.strength * math.Exp(-t/.09) * sine(7*n.pitch*t)
		tremolo := 1 + .05*sine(4.4*t)
		return .30 * n.strength * attack * (decay*body*tremolo + tine)
	})
}

// vibes is a vibraphone with soft mallets: bars tuned to the fourth partial, the motor turning slowly. The second and
// third partials, which no bar has, give it body on a telephone.
func vibes(loop *ring, n note) {
	loop.add(n, 4, .35, func(t float64) float64 {
		attack := 1 - math.Exp(-t/.005)
		motor := 1 + .10*sine(4.9*t-.25)
		tone := sine(n.pitch*t) + .20*math.Exp(-t/.6)*sine(2*n.pitch*t) + .10*math.Exp(-t/.3)*sine(3*n.pitch*t)
		if 4*n.pitch < rate*.45 {
			tone += .16 * math.Exp(-t/.22) * sine(4*n.pitch*t)
		}
		return .28 * n.strength * attack * math.Exp(-t/1.3) * motor * tone
	})
}

// bass lives by its overtones: the fundamental of its low notes is lost on a telephone.
func bass(loop *ring, n note) {
	loop.add(n, 3, .10, func(t float64) float64 {
		attack := 1 - math.Exp(-t/.008)
		tone := sine(n.pitch*t) + .55*math.Exp(-t/.9)*sine(2*n.pitch*t) +
			.25*math.Exp(-t/.5)*sine(3*n.pitch*t) + .08*math.Exp(-t/.3)*sine(4*n.pitch*t)
		return .22 * n.strength * attack * math.Exp(-t/1.4) * tone
	})
}

// pad is soft strings: two players a little out of tune with each other, swelling in and out over the change of chord.
func pad(loop *ring, n note) {
	const swell, fade = .7, .8 // seconds
	held := n.held / rate
	n.held += fade * rate // it fades by itself
	loop.add(n, held+fade, .1, func(t float64) float64 {
		level := 1.0
		if t < swell {
			level = .5 - .5*math.Cos(math.Pi*t/swell)
		}
		if t > held {
			level *= .5 + .5*math.Cos(math.Pi*(t-held)/fade)
		}
		tone := bowed.at(.9988*n.pitch*t) + .6*bowed.at(1.0014*n.pitch*t)
		return .034 * n.strength * level * tone
	})
}

// wave is one turn of a periodic sound; its first value is there again at the end for the interpolation. A table is
// several times faster than computing sines, and as good as 16 bits need.
type wave [4097]float64

var (
	pure  = newWave(1)
	bowed = newWave(1, .38, .22, .14, .09, .06, .04, .03)
)

// newWave makes a wave of partials of the given strengths, from the fundamental upwards.
func newWave(partials ...float64) *wave {
	var w wave
	for i := range w {
		for k, strength := range partials {
			w[i] += strength * math.Sin(2*math.Pi*float64((k+1)*i)/float64(len(w)-1))
		}
	}
	return &w
}

// at is the value of the wave after a number of turns.
func (w *wave) at(turns float64) float64 {
	at := (turns - math.Floor(turns)) * float64(len(w)-1)
	i := int(at)
	return w[i] + (at-float64(i))*(w[i+1]-w[i])
}

func sine(turns float64) float64 { return pure.at(turns) }
