package mixer

import (
	"sync/atomic"
	"time"
)

// lateness counts how late the ticks of a worker began.
type lateness struct {
	counts [256]atomic.Uint64 // by 0.1 ms; the last holds all that were later
	missed atomic.Uint64      // ticks left out
	busy   atomic.Uint64      // ns spent in ticks
}

const latenessStep = int64(100 * time.Microsecond)

func (l *lateness) add(late int64) {
	at := min(max(late, 0)/latenessStep, int64(len(l.counts)-1))
	l.counts[at].Add(1)
}

// EngineStats is how the clockwork does.
type EngineStats struct {
	Workers int           `json:"workers"`
	Seats   int           `json:"seats"`
	Ticks   uint64        `json:"ticks"`
	Missed  uint64        `json:"missed_ticks"`
	Busy    time.Duration `json:"busy_ns"`
	// Load is the share of the last second that the busiest worker has spent in ticks, 0 to 1, and Full tells that no more legs
	// should be let in.
	Load float64 `json:"load"`
	Full bool    `json:"full"`
	// Late50, Late99 and Late999 are percentiles of how late ticks began since the start or
	// the last call of ResetStats, by steps of 0.1 ms up to 25.5 ms.
	Late50        time.Duration `json:"late_p50_ns"`
	Late99        time.Duration `json:"late_p99_ns"`
	Late999       time.Duration `json:"late_p999_ns"`
	EventsDropped uint64        `json:"events_dropped"`
	// Faults counts the legs that were given up because the work for them has failed, and events that were not taken.
	Faults    uint64 `json:"faults"`
	PartsLate uint64 `json:"parts_late"`
	// MusicLate counts the frames of playlists that a worker played as silence, as they had not been read in time.
	MusicLate uint64 `json:"music_late"`
}

// Stats returns the figures of all workers together.
func (e *Engine) Stats() EngineStats {
	s := EngineStats{Workers: len(e.workers), Load: float64(e.gauge.load.Load()) / 1e6, Full: e.Full()}
	var counts [256]uint64
	for _, w := range e.workers {
		for i := range counts {
			n := w.lateness.counts[i].Load()
			counts[i] += n
			s.Ticks += n
		}
		s.Missed += w.lateness.missed.Load()
		s.Busy += time.Duration(w.lateness.busy.Load())
		s.EventsDropped += w.events.dropped.Load()
	}
	s.Late50, s.Late99, s.Late999 = percentile(&counts, s.Ticks, 0.5), percentile(&counts, s.Ticks, 0.99), percentile(&counts, s.Ticks, 0.999)
	s.MusicLate, s.Faults = e.feeder.late(), e.faults.Count()
	e.mu.Lock()
	defer e.mu.Unlock()
	s.Seats = e.seats
	for c := range e.conferences {
		for _, p := range *c.parts.Load() {
			s.PartsLate += p.exchange.late.Load()
		}
	}
	return s
}

// ResetStats forgets the lateness counted so far, so that a measurement can begin.
func (e *Engine) ResetStats() {
	for _, w := range e.workers {
		for i := range w.lateness.counts {
			w.lateness.counts[i].Store(0)
		}
		w.lateness.missed.Store(0)
		w.lateness.busy.Store(0)
	}
}

// percentile is the upper edge of the step that holds a share of all ticks.
func percentile(counts *[256]uint64, total uint64, share float64) time.Duration {
	var seen uint64
	for i, n := range counts {
		if seen += n; total > 0 && float64(seen) >= share*float64(total) {
			return time.Duration(int64(i+1) * latenessStep)
		}
	}
	return 0
}
