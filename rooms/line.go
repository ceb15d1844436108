package rooms

import (
	"context"
	"sync"
	"time"

	"conclave/media"
)

const (
	// promptGrace is how much longer than it lasts a prompt is waited for.
	promptGrace = 2 * time.Second
	// hearTime is what network and jitter buffer of a phone need until the end of a prompt
	// is heard, so that a hang-up after it does not cut it.
	hearTime = 250 * time.Millisecond
)

// prompter is the part of a seat that speaks to its caller alone.
type prompter interface {
	Play(id uint64, sounds ...*media.Sound)
	StopPlay()
}

// line is what a conversation needs of a call: prompts go out, keys come in, and each wait
// ends.
type line struct {
	seat    prompter // set before the first word
	prompts prompts
	keypad  *keypad

	mu      sync.Mutex
	last    uint64
	playing map[uint64]chan struct{}
}

func newLine(prompts prompts, keypad *keypad) *line {
	return &line{prompts: prompts, keypad: keypad, playing: make(map[uint64]chan struct{})}
}

// say queues prompts for the caller alone and returns at once. The channel is closed when
// they have been played or stopped.
func (l *line) say(names ...string) <-chan struct{} {
	sounds := make([]*media.Sound, len(names))
	for i, name := range names {
		sounds[i] = l.prompts[name]
	}
	over := make(chan struct{})
	l.mu.Lock()
	l.last++
	id := l.last
	l.playing[id] = over
	l.mu.Unlock()
	l.seat.Play(id, sounds...)
	return over
}

// played takes the report that a prompt has ended or was stopped.
func (l *line) played(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if over, ok := l.playing[id]; ok {
		close(over)
		delete(l.playing, id)
	}
}

// hush stops whatever is being said to the caller, and what would follow.
func (l *line) hush() { l.seat.StopPlay() }

// tell says a prompt and returns when the caller has heard it to its end.
func (l *line) tell(ctx context.Context, name string) error {
	limit := time.NewTimer(l.prompts[name].Duration() + promptGrace)
	defer limit.Stop()
	select {
	case <-l.say(name):
	case <-limit.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-time.After(hearTime):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ask says a prompt until it ends or a key cuts it, and returns that key or 0. The first key
// named skip does not count; 0 skips none.
func (l *line) ask(ctx context.Context, name string, skip byte) (byte, error) {
	limit := time.NewTimer(l.prompts[name].Duration() + promptGrace)
	defer limit.Stop()
	over := l.say(name)
	for {
		select {
		case key := <-l.keypad.pressed:
			if key == skip {
				skip = 0
				continue
			}
			l.hush()
			return key, nil
		case <-over:
			return 0, nil
		case <-limit.C:
			return 0, nil
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// key waits for the next key, and returns 0 if none comes within patience.
func (l *line) key(ctx context.Context, patience time.Duration) (byte, error) {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case key := <-l.keypad.pressed:
		return key, nil
	case <-limit.C:
		return 0, nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}
