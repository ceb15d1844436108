package history

import (
	"context"
	"time"
)

const (
	// sweepEvery is the time between two looks for calls that have become old.
	sweepEvery = time.Hour
	// removeMost are removed in one transaction, with a pause after it in which others can write.
	removeMost  = 500
	removePause = 50 * time.Millisecond
	// keepMost bounds the history to some hundred MB, however long it is to be kept: where everybody may call, everybody
	// may call often.
	keepMost = 1_000_000
)

// sweep removes old calls at once and each hour, and tells of strangers' calls that were left out.
func (b *Book) sweep() {
	var told uint64
	for {
		if err := b.prune(b.sweeper, keepMost); err != nil && b.sweeper.Err() == nil {
			b.log.Warn("old calls are not removed from the history", "error", err)
		}
		if n := b.leftOut.Load(); n > told {
			b.log.Warn("calls of strangers who did not get in are left out of the history: there were too many", "calls", n-told)
			told = n
		}
		if !wait(b.sweeper, sweepEvery) {
			return
		}
	}
}

// prune removes the calls that are older than the days allow, and the oldest of more than most.
func (b *Book) prune(ctx context.Context, most int) error {
	before := time.Now().AddDate(0, 0, -b.days)
	latest, err := b.db.LatestCalls(ctx, most)
	if err != nil {
		return err
	}
	if latest.After(before) {
		before = latest
	}
	return removeBefore(ctx, before, b.db.RemoveCalls)
}

// removeBefore removes what is older, removeMost at once.
func removeBefore(ctx context.Context, before time.Time, remove func(ctx context.Context, before time.Time, most int) (int, error)) error {
	for {
		n, err := remove(ctx, before, removeMost)
		if err != nil || n < removeMost || !wait(ctx, removePause) {
			return err
		}
	}
}

// wait returns true after a time, or false when ctx is done.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
