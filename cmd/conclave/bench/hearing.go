package bench

import (
	"math"
	"slices"
	"time"

	"conclave/media/tone"
)

// Hearing is what sampled members heard of the talkers' tones.
type Hearing struct {
	Ears    int     `json:"ears"`         // members that were sampled
	Tones   int     `json:"tones"`        // that they should have heard, together
	Heard   int     `json:"tones_heard"`  // that they did hear
	Weakest float64 `json:"weakest_dbfs"` // of those that they should have heard
	Loudest float64 `json:"loudest_dbfs"`
	Own     float64 `json:"own_dbfs"`   // loudest own tone that a talker was sent
	Stray   float64 `json:"stray_dbfs"` // loudest tone of another room
}

// maxTones is how many talkers of a room are looked for at each ear.
const maxTones = 16

// hearing judges the last seconds of what the ears took. Talkers whose sum stays
// below full scale must come at the level at which they are to be heard, within 1 dB;
// where the limiter must turn the sum down they must stand out by 10 dB from
// what lies between the tones.
func (b *bench) hearing(callers []*caller) Hearing {
	h := Hearing{Weakest: math.Inf(1), Loudest: tone.Silence, Own: tone.Silence, Stray: tone.Silence}
	for _, c := range callers {
		e := c.ear
		if e == nil {
			continue
		}
		h.Ears++
		pcm := e.pcm(3 * time.Second)
		level := func(hz float64) float64 { return tone.LevelAt(pcm, sampleRate, hz) }
		step := max(1, b.Talkers/maxTones)
		for k := e.room % step; k < b.Talkers; k += step {
			hz := b.toneOf(e.room, k)
			if k == e.talker || b.shared() && hz == b.toneOf(e.room, e.talker) {
				continue
			}
			h.Tones++
			got := level(hz)
			h.Weakest, h.Loudest = min(h.Weakest, got), max(h.Loudest, got)
			if b.undistorted(b.Talkers) && math.Abs(got-b.heardLevel) <= 1 || !b.undistorted(b.Talkers) && got >= level(hz+closestTone/2)+10 {
				h.Heard++
			}
		}
		if e.talker >= 0 && !b.shared() {
			h.Own = max(h.Own, level(b.toneOf(e.room, e.talker)))
		}
		if b.Rooms > 1 && b.Talkers > 0 && !b.shared() {
			h.Stray = max(h.Stray, level(b.toneOf((e.room+1)%b.Rooms, 0)))
		}
	}
	if h.Tones == 0 {
		h.Weakest = tone.Silence
	}
	return h
}

// Delay is how much later than the sender's packet the same sound left for the
// listener, at the first sample: what the server adds to the way from mouth to ear.
type Delay struct {
	quantiles
	Sounds int `json:"sounds"` // that were said to the ears; Count is how many of them were recognised
}

// The sound whose delay is measured: 40 ms of noise at the beginning of each second of a voice.
const (
	burstLength = 2 * payload
	burstLevel  = -15.0 // dBFS
)

func burst(talker int) []int16 {
	pcm := make([]int16, burstLength)
	tone.NewNoise(uint64(talker+2), burstLevel).Fill(pcm)
	return pcm
}

// burstVoice is faint noise but for the burst.
func (c coding) burstVoice(talker int) *voice {
	pcm := make([]int16, sampleRate)
	tone.NewNoise(1, hushLevel).Fill(pcm)
	copy(pcm, burst(talker))
	return c.newVoice(pcm)
}

// delay finds each sound of the talkers in what the other ears of their room took.
func (b *bench) delay(callers []*caller) Delay {
	var all []time.Duration
	var d Delay
	for _, talker := range callers {
		if talker.ear == nil || talker.ear.talker < 0 {
			continue
		}
		said := burst(b.voiceNumber(talker.ear.room, talker.ear.talker))
		for _, listener := range callers {
			if listener.ear == nil || listener == talker || listener.ear.room != talker.ear.room {
				continue
			}
			found, sounds := delays(talker.ear, listener.ear, said)
			all = append(all, found...)
			d.Sounds += sounds
		}
	}
	d.quantiles = quantilesOf(all)
	return d
}

// delays finds the sound that the talker said at the beginning of each second within the
// half second after it.
func delays(talker, listener *ear, said []int16) (found []time.Duration, sounds int) {
	heard := listener.decoded()
	for _, spoken := range talker.spoken {
		if spoken.frame%50 != 0 {
			continue
		}
		from, _ := slices.BinarySearchFunc(listener.packets, spoken.at, func(a arrival, t int64) int { return int(a.at - t) })
		const search = 25 // packets
		if from == 0 || from+search > len(listener.packets) {
			continue // at the edges of the measurement
		}
		sounds++
		const alike = 0.6
		at, similarity := tone.Find(heard[from*payload:(from+search)*payload], said)
		if similarity < alike {
			continue
		}
		p := listener.packets[from+at/payload]
		played := p.at + int64(at%payload)*second/sampleRate
		found = append(found, time.Duration(played-spoken.at))
	}
	return found, sounds
}
