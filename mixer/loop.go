package mixer

import "conclave/media"

// loop is hold music: one endless piece that runs on whether anybody listens or not, so that
// whoever hears it hears the same place and it is encoded once for all of them on a worker.
type loop struct {
	pcm  []int16 // longer than its period by a frame, so that each frame is one slice
	taps []tap   // one a worker
}

// tap is a worker's place in a loop.
type tap struct {
	tick   uint64
	shared shared
}

func newLoop(sound *media.Sound, rate, workers int) *loop {
	pcm := sound.PCM(rate)
	frame := rate / media.FramesPerSecond
	l := &loop{pcm: make([]int16, len(pcm)+frame), taps: make([]tap, workers)}
	for i := range l.pcm {
		if len(pcm) > 0 {
			l.pcm[i] = pcm[i%len(pcm)]
		}
	}
	for i := range l.taps {
		l.taps[i] = tap{tick: ^uint64(0), shared: newShared()}
	}
	return l
}

// frame is what the loop plays at a tick.
func (l *loop) frame(tick uint64, size int) []int16 {
	period := uint64(len(l.pcm) - size)
	if period == 0 {
		return l.pcm
	}
	at := tick * uint64(size) % period
	return l.pcm[at : at+uint64(size)]
}

// packet is the frame of a tick, coded by c.
func (l *loop) packet(worker int, c media.Codec, tick uint64, size int) []byte {
	t := &l.taps[worker]
	if t.tick != tick {
		t.tick = tick
		t.shared.reset()
	}
	return t.shared.packet(c, l.frame(tick, size))
}
