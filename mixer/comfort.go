package mixer

import (
	"math"
	"math/rand/v2"

	"conclave/media"
)

const (
	// comfortLevel is that of the noise which tells that the line is not dead: as faint as a quiet room, and the least
	// that G.711 can make noise of.
	comfortLevel = -66.0 // dBFS
	comfortTime  = 4     // s until it is the same again
	comfortRest  = 10    // times as long as others a far end may be silent that has said that it is
)

// ComfortNoise gives this leg very faint noise where it would hear nothing at all; off, which is how a seat begins, it
// hears digital silence.
func (s *Seat) ComfortNoise(on bool) {
	s.part.worker.later(func() { s.comforted = on })
}

// newComfort makes the noise: a loop as hold music is, so that it is coded once for all who hear it. It is fainter the
// higher it is, as that of rooms.
func newComfort(workers int) *Music {
	rate := rates[wideBand]
	random := rand.New(rand.NewPCG(1, 2))
	smooth, now, power := math.Exp(-2*math.Pi*500/float64(rate)), 0.0, 0.0
	wave := make([]float64, comfortTime*rate)
	for i := range wave {
		now += (random.NormFloat64() - now) * (1 - smooth)
		wave[i] = now
		power += now * now / float64(len(wave))
	}
	scale := math.Sqrt(float64(meanSquare(comfortLevel)) / power)
	pcm := make([]int16, len(wave))
	for i, v := range wave {
		pcm[i] = int16(math.Round(v * scale))
	}
	return newLoop(media.NewSound(rate, pcm), workers)
}
