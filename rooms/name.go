package rooms

import (
	"context"
	"strings"
	"time"

	"conclave/media"
)

// The conversation about a caller's name.
const (
	nameTime  = 10 * time.Second // that a name may last
	nameTries = 3                // recordings of one who says nothing, where he may review it
	// reviewTime is when a review ends, with what was recorded last.
	reviewTime = 2 * time.Minute
	// numberSaid is how many characters of a number are said at most: 15 digits (E.164), and what separates them.
	numberSaid = 20
	nameLevel  = -20 // dBFS of speech, as that of the prompts
)

// dictation is what a caller says until it is stopped.
type dictation interface {
	Done() <-chan struct{}
	Stop() (pcm []int16, rate int)
}

// askName has the caller say his name; where review is set he may listen to it and say it again. It returns nil where
// nothing was said, and the error why ctx ended. The sound is in memory alone.
func (l *line) askName(ctx context.Context, record func(limit time.Duration) dictation, review bool) (*media.Sound, error) {
	end := time.Now().Add(reviewTime)
	for try := 1; ; try++ {
		name, err := l.recordName(ctx, record)
		if err != nil {
			return nil, err
		}
		if !review || time.Now().After(end) || name == nil && try >= nameTries {
			return name, nil
		}
		if name == nil {
			continue
		}
		again, err := l.reviewName(ctx, name, end)
		if err != nil {
			return nil, err
		}
		if !again {
			return name, nil
		}
	}
}

// recordName asks for the name and records it until #, or for nameTime.
func (l *line) recordName(ctx context.Context, record func(limit time.Duration) dictation) (*media.Sound, error) {
	if _, err := l.ask(ctx, promptRecordName); err != nil {
		return nil, err
	}
	if err := l.wait(ctx, l.voice.Prompt(toneBeep)...); err != nil {
		return nil, err
	}
	r := record(nameTime)
	defer r.Stop()
	for said := false; !said; {
		select {
		case key := <-l.keypad.pressed:
			said = l.counts(key) && key == '#'
		case <-r.Done():
			said = true
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	pcm, rate := r.Stop()
	if pcm = media.Trim(pcm, rate); len(pcm) == 0 {
		return nil, nil
	}
	return media.NewSound(rate, media.Normalise(pcm, rate, nameLevel)), nil
}

// reviewName lets the caller listen to his name, and tells whether he wants to say it again. Who presses nothing has
// accepted it.
func (l *line) reviewName(ctx context.Context, name *media.Sound, end time.Time) (again bool, err error) {
	var key byte
	for time.Now().Before(end) {
		if key == 0 {
			if key, err = l.ask(ctx, promptReviewName); err != nil {
				return false, err
			}
		}
		if key == 0 {
			if key, err = l.key(ctx, firstKeyTime); err != nil {
				return false, err
			}
		}
		switch key {
		case 0, '1':
			return false, nil
		case '2':
			if key, err = l.interruptible(ctx, name); err != nil {
				return false, err
			}
		case '3':
			return true, nil
		default:
			key = 0
		}
	}
	return false, nil
}

// spokenName is what the others hear of a caller: the name that he said or, where he said none, his number digit by digit
// if that is what he calls from.
func spokenName(recorded *media.Sound, number string, voice *Voice) []*media.Sound {
	if recorded != nil {
		return []*media.Sound{recorded}
	}
	dialled := len(number) <= numberSaid && strings.Trim(number, "+0123456789 -./()") == ""
	if digits := voice.Digits(number); dialled && len(digits) > 0 {
		return digits
	}
	return voice.Prompt(promptParticipant)
}
