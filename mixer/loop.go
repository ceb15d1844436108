package mixer

import "conclave/media"

// Music is hold music without an end that runs on whether anybody listens or not, so that whoever
// hears it hears the same place and it is encoded once for all of them on a worker. It is one piece
// that is played again and again, or a playlist.
type Music struct {
	pcm     [kept][]int16 // longer than its period by a frame, so that each frame is one slice
	station *station      // of a playlist, else nil
	taps    []tap         // one a worker
}

// kept is how many of the bands music is kept for. What the full one hears of it is made from the wide one, once in a tick for
// all of a worker.
const kept = wideBand + 1

// tap is a worker's place in the music.
type tap struct {
	tick  uint64
	bands [bands]piece

	raised uint64 // the tick that full is of
	full   []int16
	up     *media.Converter
}

// piece is the frame of a tick in the codings of a band.
type piece struct {
	shared  shared
	streams streams
}

func newLoop(sound *media.Sound, workers int) *Music {
	l := newMusic(workers)
	period := len(sound.PCM(narrowRate))
	for band := range l.pcm {
		pcm, ratio := sound.PCM(rates[band]), rates[band]/narrowRate
		l.pcm[band] = make([]int16, period*ratio+frameOf(band))
		for i := range l.pcm[band] {
			if period > 0 {
				l.pcm[band][i] = pcm[i%(period*ratio)%len(pcm)]
			}
		}
	}
	return l
}

// newMusic is music of which nothing is there yet but each worker's place.
func newMusic(workers int) *Music {
	l := &Music{taps: make([]tap, workers)}
	for i := range l.taps {
		l.taps[i] = tap{tick: ^uint64(0), raised: ^uint64(0), full: make([]int16, frameOf(fullBand)),
			up: media.NewConverter(rates[wideBand], rates[fullBand])}
		for band := range l.taps[i].bands {
			l.taps[i].bands[band] = piece{shared: newShared(band)}
		}
	}
	return l
}

// frame is what a worker plays at a tick.
func (l *Music) frame(w *worker, tick uint64, band uint8) []int16 {
	if band == fullBand {
		return l.tap(w.index, tick).raise(l, w)
	}
	return l.recorded(tick, band)
}

// raise makes the frame of the full band, if nobody has asked for it yet. Where nobody has asked for the one before, the music
// fades in.
func (t *tap) raise(l *Music, w *worker) []int16 {
	if t.raised == t.tick {
		return t.full
	}
	if t.raised+1 != t.tick {
		t.up.Reset()
	}
	t.raised = t.tick
	wide, full := w.rates[wideBand].risen, w.rates[fullBand].risen
	for i, v := range l.recorded(t.tick, wideBand) {
		wide[i] = int32(v)
	}
	t.up.Convert(full, wide)
	clip(t.full, full)
	return t.full
}

// recorded is what there is for a tick in a band that music is kept for.
func (l *Music) recorded(tick uint64, band uint8) []int16 {
	if l.station != nil {
		return l.station.frame(tick, band)
	}
	pcm, size := l.pcm[band], uint64(frameOf(int(band)))
	period := uint64(len(pcm)) - size
	if period == 0 {
		return pcm
	}
	at := tick * size % period
	return pcm[at : at+size]
}

// tap is a worker's place at a tick.
func (l *Music) tap(worker int, tick uint64) *tap {
	t := &l.taps[worker]
	if t.tick != tick {
		t.tick = tick
		for i := range t.bands {
			t.bands[i].shared.reset()
		}
	}
	return t
}

// provide has a worker code the loop once for all who hear it in a coding. The caller holds the engine's mutex.
func (l *Music) provide(w *worker, c media.Codec) {
	l.taps[w.index].bands[bandOf(c.SampleRate()/media.FramesPerSecond)].streams.provide(w, c)
}
