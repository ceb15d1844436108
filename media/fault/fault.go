// Package fault keeps a panic in one piece of work from ending the process, in which everybody else's calls go on. Of a goroutine that
// works for one call or message, that is given up; one that works for as long as the process lives goes on with the next piece.
package fault

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Pauses before work that lasts is begun anew. They double while it fails again within longestPause.
const (
	firstPause   = time.Second
	longestPause = time.Minute
)

// Log counts faults, and has each logged with the stack of where it happened. A nil Log is one that nobody reads. All methods may be
// called from any goroutine.
type Log struct {
	log   *slog.Logger
	count atomic.Uint64
}

// NewLog returns a Log without faults; log may be nil.
func NewLog(log *slog.Logger) *Log {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Log{log: log}
}

// Count is how many faults there have been.
func (l *Log) Count() uint64 {
	if l == nil {
		return 0
	}
	return l.count.Load()
}

// Add notes what recover has returned, in the deferred function that called it. log is that of what has failed; nil: that of l.
func (l *Log) Add(log *slog.Logger, what string, fault any) {
	if l == nil {
		return
	}
	if log == nil {
		log = l.log
	}
	l.Tally()
	log.Error(what, "panic", fmt.Sprint(fault), "stack", string(debug.Stack()))
}

// Tell is Add for who may not log where the fault was: it has happened with the stack, and was not counted yet.
func (l *Log) Tell(what string, fault any, stack []byte) {
	l.Tally()
	l.log.Error(what, "panic", fmt.Sprint(fault), "stack", string(stack))
}

// Tally counts a fault of which the log has enough already. It waits for nothing and allocates nothing.
func (l *Log) Tally() { l.count.Add(1) }

// Survive, deferred, ends a panic in the function that has deferred it, whose work is given up.
func (l *Log) Survive(what string) {
	if fault := recover(); fault != nil {
		l.Add(nil, what, fault)
	}
}

// Do does a piece of work. A panic in it is an error.
func (l *Log) Do(what string, work func() error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			l.Add(nil, what, fault)
			err = fmt.Errorf("%s: internal fault: %v", what, fault)
		}
	}()
	return work()
}

// Keep does work that lasts until stop is closed. After a panic it is begun anew, with a pause before it; once only, where stop is
// closed by then, so that it can come to its end.
func (l *Log) Keep(stop <-chan struct{}, what string, work func()) {
	pause := firstPause
	for last := false; ; {
		began := time.Now()
		if l.Do(what, func() error { work(); return nil }) == nil || last {
			return
		}
		if time.Since(began) > longestPause {
			pause = firstPause
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, longestPause)
		case <-stop:
			last = true
		}
	}
}
