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
	// lateHash is how long after an entry a # may still belong to it.
	lateHash = 2 * time.Second
)

// prompter is the part of a seat that speaks to its caller alone.
type prompter interface {
	Play(id uint64, sounds ...*media.Sound)
	StopPlay()
	Cancel(id uint64)
}

// line is what a conversation needs of a call: prompts go out, keys come in, and each wait
// ends.
type line struct {
	seat   prompter // set before the first word
	voice  *Voice   // the caller's
	keypad *keypad

	forgiven time.Time // until then a # does not count as the next key; the conversation's goroutine has it

	mu      sync.Mutex
	last    uint64
	playing map[uint64]chan struct{}
}

func newLine(voice *Voice, keypad *keypad) *line {
	return &line{voice: voice, keypad: keypad, playing: make(map[uint64]chan struct{})}
}

// say queues prompts for the caller alone and returns at once. The channel is closed when
// they have been played or stopped.
func (l *line) say(names ...string) <-chan struct{} { return l.play(l.voice.Prompt(names...)...) }

// play does so with sounds.
func (l *line) play(sounds ...*media.Sound) <-chan struct{} {
	_, over := l.start(sounds)
	return over
}

// start does so, and returns by what the seat can cancel them alone.
func (l *line) start(sounds []*media.Sound) (id uint64, over <-chan struct{}) {
	done := make(chan struct{})
	l.mu.Lock()
	l.last++
	id = l.last
	l.playing[id] = done
	l.mu.Unlock()
	l.seat.Play(id, sounds...)
	return id, done
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

// tell says prompts and returns when the caller has heard them to their end.
func (l *line) tell(ctx context.Context, names ...string) error {
	if err := l.wait(ctx, l.voice.Prompt(names...)...); err != nil {
		return err
	}
	select {
	case <-time.After(hearTime):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// wait plays sounds and returns when they have been played.
func (l *line) wait(ctx context.Context, sounds ...*media.Sound) error {
	limit := time.NewTimer(duration(sounds) + promptGrace)
	defer limit.Stop()
	select {
	case <-l.play(sounds...):
		return nil
	case <-limit.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ask says prompts until they end or a key cuts them, and returns that key or 0.
func (l *line) ask(ctx context.Context, names ...string) (byte, error) {
	return l.interruptible(ctx, l.voice.Prompt(names...)...)
}

// interruptible plays sounds until they end or a key cuts them, and returns that key or 0.
func (l *line) interruptible(ctx context.Context, sounds ...*media.Sound) (byte, error) {
	limit := time.NewTimer(duration(sounds) + promptGrace)
	defer limit.Stop()
	over := l.play(sounds...)
	for {
		select {
		case key := <-l.keypad.pressed:
			if !l.counts(key) {
				continue
			}
			l.hush()
			return key, nil
		case <-over:
			l.forgiven = time.Time{}
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
	for {
		select {
		case key := <-l.keypad.pressed:
			if l.counts(key) {
				return key, nil
			}
		case <-limit.C:
			return 0, nil
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// forgive is for after an entry that was complete without #. Many end it with one nevertheless: for a moment, and at most to
// the end of the prompt that follows, it belongs to that entry and must not cost the next one or mean something else.
func (l *line) forgive() { l.forgiven = time.Now().Add(lateHash) }

// counts tells whether a key is one to be acted on.
func (l *line) counts(key byte) bool {
	forgiven := key == '#' && time.Now().Before(l.forgiven)
	l.forgiven = time.Time{}
	return !forgiven
}

// duration is how long sounds last one after another.
func duration(sounds []*media.Sound) (d time.Duration) {
	for _, s := range sounds {
		d += s.Duration()
	}
	return d
}
