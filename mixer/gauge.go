package mixer

import (
	"sync/atomic"
	"time"
)

// How much a worker may have to do before no more legs are let in. Up to there a leg more makes no tick late; what calls do beside
// the ticks, and those that are let in until the gauge looks again, have the rest.
const (
	gaugeEvery = 250 * time.Millisecond
	gaugeSpan  = 4 // that it looks back, in steps of gaugeEvery
	// MaxLoad is the share of its time that a worker may spend in ticks, unless Config says otherwise.
	MaxLoad = 0.75
	// lateLoad is the load from which ticks that begin late are the workers' own doing, and lateShare how many of them may.
	lateLoad, lateShare = 0.25, 0.05
	// lateBy is from when a tick counts as late, in steps of latenessStep.
	lateBy = 50 // 5 ms: a slot
)

// gauge measures, beside the workers, how much they have to do.
type gauge struct {
	most    float64
	load    atomic.Uint64 // of the busiest worker, in millionths
	full    atomic.Bool
	closing chan struct{}
	done    chan struct{}
}

func newGauge(most float64) *gauge {
	if most <= 0 {
		most = MaxLoad
	}
	return &gauge{most: most, closing: make(chan struct{}), done: make(chan struct{})}
}

// reading is what a worker's counters say at one time.
type reading struct {
	at          time.Duration
	busy        time.Duration
	ticks, late uint64
}

// run looks at all workers until the engine closes.
func (g *gauge) run(e *Engine) {
	defer close(g.done)
	e.faults.Keep(g.closing, "measure the load", func() { g.watch(e) })
}

func (g *gauge) watch(e *Engine) {
	ticker := time.NewTicker(gaugeEvery)
	defer ticker.Stop()
	past := make([][]reading, len(e.workers))
	for {
		select {
		case <-ticker.C:
		case <-g.closing:
			return
		}
		var load float64
		full := false
		for i, w := range e.workers {
			now := w.lateness.read(time.Duration(e.clock()))
			past[i] = append(past[i], now)
			if len(past[i]) > gaugeSpan+1 {
				past[i] = past[i][1:]
			}
			share, over := judge(past[i][0], now, g.most)
			load, full = max(load, share), full || over
		}
		g.load.Store(uint64(load * 1e6))
		g.full.Store(full)
	}
}

// judge tells how busy a worker was between two readings, and whether that is too much.
func judge(before, now reading, most float64) (load float64, full bool) {
	// Counters that were reset meanwhile tell nothing.
	if now.at <= before.at || now.busy < before.busy || now.ticks < before.ticks || now.late < before.late {
		return 0, false
	}
	load = min(1, float64(now.busy-before.busy)/float64(now.at-before.at))
	late := float64(now.late-before.late) > lateShare*float64(now.ticks-before.ticks)
	return load, load >= most || load >= lateLoad && late
}

// read takes what was counted.
func (l *lateness) read(at time.Duration) reading {
	r := reading{at: at, busy: time.Duration(l.busy.Load()), late: l.missed.Load()}
	r.ticks = r.late
	for i := range l.counts {
		n := l.counts[i].Load()
		r.ticks += n
		if i >= lateBy {
			r.late += n
		}
	}
	return r
}

// Full tells whether the workers have so much to do that a leg more would harm those that are there. It looks back a second.
func (e *Engine) Full() bool { return e.gauge.full.Load() }
