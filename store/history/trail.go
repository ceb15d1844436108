package history

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"conclave/media/fault"
	"conclave/store"
)

const (
	// trailQueued is how many lines may wait for the disk.
	trailQueued = 1024
	// trailPause lies between two attempts to write one.
	trailPause = time.Second
)

// TrailConfig is what a Trail needs.
type TrailConfig struct {
	// DB must stay open until the trail is closed.
	DB *store.DB
	// Log gets an alarm when lines cannot be written, and each line that is never written; nil: none.
	Log *slog.Logger
	// Faults counts what has failed in the program itself; nil: nobody does.
	Faults *fault.Log
	// Days is for how long lines are kept, at most MaxDays; 0: for ever.
	Days int
}

// Trail writes the audit of what is ordered of a running server, and removes what has become old. What it is ordered to do does
// not depend on the disk: a line that cannot be written waits until it can be. All methods but Close may be called from any
// goroutine.
type Trail struct {
	db     *store.DB
	log    *slog.Logger
	faults *fault.Log
	days   int
	queue  chan trailEntry
	stuck  atomic.Bool // a line cannot be written

	work    sync.WaitGroup
	closing chan struct{}
	writing context.Context // until Close waits no longer
	sweeper context.Context // until Close
	stop    func()          // ends sweeper
	giveUp  func()          // ends writing
}

// trailEntry is the begin of an order, or its end where it has a result.
type trailEntry struct {
	order   *store.Order
	result  store.AuditResult
	reason  string
	written chan<- struct{}
}

// OpenTrail begins to write lines, and to remove old ones.
func OpenTrail(config TrailConfig) *Trail {
	log := config.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	t := &Trail{db: config.DB, log: log, faults: config.Faults, days: config.Days, queue: make(chan trailEntry, trailQueued), closing: make(chan struct{})}
	t.writing, t.giveUp = context.WithCancel(context.Background())
	t.sweeper, t.stop = context.WithCancel(t.writing)
	t.work.Go(func() { t.faults.Keep(t.closing, "write the audit", t.write) })
	t.work.Go(func() { t.faults.Keep(t.sweeper.Done(), "sweep the audit", t.sweep) })
	return t
}

// Begin has the line of an order written, and returns when it is, or ctx is done, or the disk is known to take none.
func (t *Trail) Begin(ctx context.Context, order *store.Order) { t.add(ctx, trailEntry{order: order}) }

// End is Begin for how an order has ended.
func (t *Trail) End(ctx context.Context, order *store.Order, result store.AuditResult, reason string) {
	t.add(ctx, trailEntry{order: order, result: result, reason: reason})
}

func (t *Trail) add(ctx context.Context, entry trailEntry) {
	written := make(chan struct{}, 1)
	entry.written = written
	select {
	case t.queue <- entry:
	default:
		t.lose(entry, errors.New("too many lines wait"))
		return
	}
	if t.stuck.Load() {
		return
	}
	select {
	case <-written:
	case <-ctx.Done():
	}
}

// Close writes what waits and returns when that is done or cannot be, or soon after ctx is. No line may be added any more.
func (t *Trail) Close(ctx context.Context) {
	t.stop()
	close(t.closing)
	defer context.AfterFunc(ctx, t.giveUp)()
	t.work.Wait()
	t.giveUp()
}

func (t *Trail) write() {
	for {
		select {
		case entry := <-t.queue:
			t.store(entry)
		case <-t.closing:
			for {
				select {
				case entry := <-t.queue:
					t.store(entry)
				default:
					return
				}
			}
		}
	}
}

// store writes a line, and tries again until that succeeds, or the trail is closed: then it is tried once more.
func (t *Trail) store(entry trailEntry) {
	for last := false; ; {
		err := t.faults.Do("write the audit", func() error { return t.put(entry) })
		if err == nil {
			if t.stuck.Swap(false) {
				t.log.Warn("the audit is written again")
			}
			entry.written <- struct{}{}
			return
		}
		if last {
			t.lose(entry, err)
			return
		}
		if !t.stuck.Swap(true) {
			t.log.Error("the audit cannot be written; what operators order is done meanwhile, and written later", "error", err)
		}
		select {
		case <-time.After(trailPause):
		case <-t.closing:
			last = true
		}
	}
}

func (t *Trail) put(entry trailEntry) error {
	if entry.result == "" {
		return t.db.BeginOrder(t.writing, entry.order)
	}
	return t.db.EndOrder(t.writing, entry.order, entry.result, entry.reason)
}

// lose has the log tell what the audit will not.
func (t *Trail) lose(entry trailEntry, err error) {
	l := entry.order.Line()
	t.log.Error("a line is not in the audit", "user", l.User, "uid", l.UID, "sudo_user", l.SudoUser, "command", l.Command,
		"result", string(entry.result), "reason", entry.reason, "error", err)
}

// sweep removes old lines at once and each hour.
func (t *Trail) sweep() {
	if t.days == 0 {
		return
	}
	for {
		if err := t.prune(t.sweeper); err != nil && t.sweeper.Err() == nil {
			t.log.Warn("old lines are not removed from the audit", "error", err)
		}
		if !wait(t.sweeper, sweepEvery) {
			return
		}
	}
}

func (t *Trail) prune(ctx context.Context) error {
	return removeBefore(ctx, time.Now().AddDate(0, 0, -t.days), t.db.RemoveAudit)
}
