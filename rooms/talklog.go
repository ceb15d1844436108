package rooms

import (
	"slices"
	"sync"
	"time"
)

// TalkSpan is one time that a member has talked.
type TalkSpan struct {
	Begin time.Time `json:"begin"`
	End   time.Time `json:"end"` // the moment of asking, if he still talks
}

// How much of a member's talk is remembered to be shown.
const (
	talkMemory = 5 * time.Minute
	mostTalks  = 100
)

// talkLog remembers when a member has talked in the last minutes. The zero value is of one who has not.
type talkLog struct {
	mu    sync.Mutex
	talks []TalkSpan // the last may go on: it has no end
}

// turn takes note that he has begun to talk, or ended.
func (l *talkLog) turn(on bool, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := len(l.talks) - 1
	talking := last >= 0 && l.talks[last].End.IsZero()
	switch {
	case on && !talking:
		if len(l.talks) == mostTalks {
			l.talks = slices.Delete(l.talks, 0, 1)
		}
		l.talks = append(l.talks, TalkSpan{Begin: now})
	case !on && talking:
		l.talks[last].End = now
	}
}

// spans are those of the last minutes, in their order.
func (l *talkLog) spans(now time.Time) []TalkSpan {
	l.mu.Lock()
	defer l.mu.Unlock()
	spans := make([]TalkSpan, 0, len(l.talks))
	for _, t := range l.talks {
		if t.End.IsZero() {
			t.End = now
		}
		if now.Sub(t.End) < talkMemory {
			spans = append(spans, t)
		}
	}
	return spans
}

// talking tells whether he talks at the moment.
func (l *talkLog) talking() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.talks) > 0 && l.talks[len(l.talks)-1].End.IsZero()
}
