package rooms

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"conclave/media/fault"
	"conclave/store"
)

// How failures are written: no caller waits for the database, and a killed process loses those of its last half second.
const (
	saveEvery  = 500 * time.Millisecond
	saveWithin = 10 * time.Second
)

// NewPINGuard returns a guard that knows the failures in a database, and keeps them there until Close; with db nil it begins
// anew. log and faults may be nil.
func NewPINGuard(ctx context.Context, db *store.DB, log *slog.Logger, faults *fault.Log) (*PINGuard, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	g := &PINGuard{log: log, faults: faults, db: db, failed: make(map[string][]time.Time), stop: func() {}}
	if db == nil {
		return g, nil
	}
	if err := g.Read(ctx); err != nil {
		return nil, err
	}
	stopped := make(chan struct{})
	g.stop = sync.OnceFunc(func() { close(stopped) })
	g.work.Go(func() { g.faults.Keep(stopped, "keep failures at PINs", func() { g.keep(stopped) }) })
	return g, nil
}

// Read has the guard know the failures in the database, and no others: those that another process has written.
func (g *PINGuard) Read(ctx context.Context) error {
	stored, err := g.db.PINFailures(ctx, time.Now().Add(-failureDay))
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.failed)
	for _, f := range stored {
		if f.At.Before(time.Now()) { // a clock that was set back must not bar anybody for long
			g.count(f.Who, f.At)
		}
	}
	return nil
}

// Write brings the failures of until now to the database.
func (g *PINGuard) Write() error { return g.save() }

// Close writes what is not written yet.
func (g *PINGuard) Close() {
	g.stop()
	g.work.Wait()
}

// keep writes what has come until stop is closed; then once more.
func (g *PINGuard) keep(stop <-chan struct{}) {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	failed := false
	for ended := false; !ended; {
		select {
		case <-tick.C:
		case <-stop:
			ended = true
		}
		err := g.save()
		switch {
		case err != nil && (ended || !failed):
			g.log.Error("PIN failures are not stored; that is tried again, and a restart would forget them", "error", err)
		case err == nil && failed:
			g.log.Info("PIN failures are stored again")
		}
		failed = err != nil
	}
}

// save writes what has come since the last time. What could not be written is kept, as far as it counts.
func (g *PINGuard) save() error {
	g.mu.Lock()
	failures := g.unsaved
	g.unsaved = nil
	g.mu.Unlock()
	if len(failures) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), saveWithin)
	defer cancel()
	stored := false
	defer func() {
		if stored {
			return
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		failures = append(failures, g.unsaved...)
		g.unsaved = failures[max(0, len(failures)-mostFailing):]
	}()
	err := g.db.AddPINFailures(ctx, failures, time.Now().Add(-failureDay))
	stored = err == nil
	return err
}

// Clear forgets the failures of a caller or a room, named as Bans does, or with an empty who all; it returns of how many.
func (g *PINGuard) Clear(ctx context.Context, who string) (n int, err error) {
	g.mu.Lock()
	for other := range g.failed {
		if who == "" || who == other {
			delete(g.failed, other)
			n++
		}
	}
	var left []store.PINFailure
	for _, f := range g.unsaved {
		if who != "" && who != f.Who {
			left = append(left, f)
		}
	}
	g.unsaved = left
	g.mu.Unlock()
	if g.db != nil {
		err = g.db.ClearPINFailures(ctx, who)
	}
	return n, err
}
