// Package history keeps calls that are over, and what operators have ordered of a running server. It writes both to the database
// beside the calls' way, and removes what has become old.
package history

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"conclave/media/fault"
	"conclave/store"
)

const (
	// queued is how many calls may wait to be written, some hundred octets each.
	queued = 4096
	// batchMost calls are written in one transaction, and none waits for others longer than gatherTime: a transaction
	// costs the disk about the same however much is in it.
	batchMost  = 256
	gatherTime = time.Second
	// What cannot be written is tried again after pauses that double, and given up after the last of them, so that one
	// call that is refused for what it is does not keep all others out.
	firstPause = time.Second
	lastPause  = 32 * time.Second
)

// Config is what a Book needs.
type Config struct {
	// DB must stay open until the book is closed.
	DB *store.DB
	// Log gets an alarm when calls cannot be written, and a line when they can be again; nil: none.
	Log *slog.Logger
	// Faults counts what has failed in the program itself; nil: nobody does.
	Faults *fault.Log
	// Days is for how long calls are kept, at most MaxDays; 0: none is.
	Days int
}

// MaxDays is the longest that calls can be kept.
const MaxDays = 36500

// Stats counts calls since the begin.
type Stats struct {
	Written uint64
	Lost    uint64 // could not be written in time
	LeftOut uint64 // of strangers, beyond what is kept of them
}

// Book is the history of calls. All methods but Close may be called from any goroutine.
type Book struct {
	db        *store.DB
	log       *slog.Logger
	faults    *fault.Log
	days      int
	queue     chan store.Call
	strangers allowance

	written, lost, leftOut atomic.Uint64
	alarmed                atomic.Bool

	work    sync.WaitGroup
	closing chan struct{}
	writing context.Context // until Close waits no longer
	sweeper context.Context // until Close
	stop    func()          // ends sweeper
	giveUp  func()          // ends writing
}

// Open begins to write calls, and to remove old ones.
func Open(config Config) *Book {
	log := config.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	b := &Book{db: config.DB, log: log, faults: config.Faults, days: config.Days, queue: make(chan store.Call, queued), closing: make(chan struct{})}
	b.writing, b.giveUp = context.WithCancel(context.Background())
	b.sweeper, b.stop = context.WithCancel(b.writing)
	b.work.Go(func() { b.faults.Keep(b.closing, "write the history", b.write) })
	b.work.Go(func() { b.faults.Keep(b.sweeper.Done(), "sweep the history", b.sweep) })
	return b
}

// Add has a call written soon. It never waits, whatever the disk does: a call for which there is no room is lost and
// counted. Of strangers who did not get into a room no more is kept than an allowance.
func (b *Book) Add(call store.Call) {
	if b.days == 0 {
		return
	}
	if stranger(call) && !b.strangers.take(time.Now()) {
		b.leftOut.Add(1)
		return
	}
	select {
	case b.queue <- call:
	default:
		b.lost.Add(1)
		b.alarm("error", "the disk is too slow", "waiting", queued)
	}
}

// Close writes what waits and returns when that is done or cannot be, or soon after ctx is. No call may be added any more.
func (b *Book) Close(ctx context.Context) {
	b.stop()
	close(b.closing)
	defer context.AfterFunc(ctx, b.giveUp)()
	b.work.Wait()
	b.giveUp()
	if s := b.Stats(); s.Lost > 0 || s.LeftOut > 0 {
		b.log.Warn("call history is not complete", "written", s.Written, "lost", s.Lost, "strangers_left_out", s.LeftOut)
	}
}

// Stats tells what has become of the calls so far.
func (b *Book) Stats() Stats {
	return Stats{Written: b.written.Load(), Lost: b.lost.Load(), LeftOut: b.leftOut.Load()}
}

// alarm logs once that calls cannot be written, until they can be again.
func (b *Book) alarm(attrs ...any) {
	if !b.alarmed.Swap(true) {
		b.log.Error("call history cannot be written; calls go on, and are missing in it if that lasts", attrs...)
	}
}

// write works off the queue until the book is closed.
func (b *Book) write() {
	for {
		batch := b.gather()
		if len(batch) == 0 {
			return
		}
		if !b.store(batch) {
			b.lost.Add(uint64(len(batch)))
			continue
		}
		b.written.Add(uint64(len(batch)))
		if len(b.queue) == 0 && b.alarmed.Swap(false) {
			b.log.Info("call history is written again", "lost", b.lost.Load())
		}
	}
}

// gather takes calls from the queue, of which one has come at least; none when the book is closed and nothing waits.
func (b *Book) gather() (batch []store.Call) {
	var enough <-chan time.Time
	for len(batch) < batchMost {
		select {
		case call := <-b.queue:
			if batch = append(batch, call); enough == nil {
				enough = time.After(gatherTime)
			}
		case <-enough:
			return batch
		case <-b.closing:
			return b.rest(batch)
		}
	}
	return batch
}

// rest fills a batch with what waits now.
func (b *Book) rest(batch []store.Call) []store.Call {
	for len(batch) < batchMost {
		select {
		case call := <-b.queue:
			batch = append(batch, call)
		default:
			return batch
		}
	}
	return batch
}

// store writes a batch, and tries again where that fails: not after Close, and not for ever.
func (b *Book) store(batch []store.Call) bool {
	for pause := firstPause; ; pause *= 2 {
		err := b.add(batch)
		if err == nil {
			return true
		}
		b.alarm("error", err)
		if pause > lastPause {
			return false
		}
		select {
		case <-time.After(pause):
		case <-b.closing:
			return b.add(batch) == nil
		}
	}
}

func (b *Book) add(batch []store.Call) error {
	return b.faults.Do("write calls", func() error { return b.db.AddCalls(b.writing, batch) })
}
