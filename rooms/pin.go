package rooms

import (
	"context"
	"crypto/subtle"
	"errors"
	"log/slog"
	"time"
)

// The conversation about the PIN, timed as ConfBridge times it.
const (
	pinTries        = 3
	firstKeyTime    = 10 * time.Second // from the end of the prompt
	betweenKeysTime = 5 * time.Second
)

var errNoPIN = errors.New("the PIN was not entered")

// pinVerdict is what an entry has come to. Those that are failures say why, for the log.
type pinVerdict string

const (
	pinPending     pinVerdict = ""
	pinParticipant pinVerdict = "right"
	pinModerator   pinVerdict = "right, of the moderators"
	pinWrong       pinVerdict = "wrong"
	pinEmpty       pinVerdict = "empty: # without a digit"
	pinTimedOut    pinVerdict = "timed out: no key came"
	pinShort       pinVerdict = "too short: ended by #"
	pinPaused      pinVerdict = "too short: no further key came"
)

// admits tells that the entry opens the door.
func (v pinVerdict) admits() bool { return v == pinParticipant || v == pinModerator }

// pins are the PINs of a room. Where only the moderators have one everybody is asked, and # alone lets a participant in.
type pins struct {
	participant, moderator string // empty: there is none
}

func (r Room) pins() pins { return pins{participant: r.PIN, moderator: r.ModeratorPIN} }

func (p pins) none() bool { return p.participant == "" && p.moderator == "" }

// longest is the length of the longer one.
func (p pins) longest() int { return max(len(p.participant), len(p.moderator)) }

// compare holds what was entered against the PINs. It takes the same time wherever the first wrong digit is, and
// whichever PIN it is of.
func (p pins) compare(keys []byte) pinVerdict {
	moderator := subtle.ConstantTimeCompare(keys, []byte(p.moderator))
	participant := subtle.ConstantTimeCompare(keys, []byte(p.participant))
	switch {
	case len(keys) == 0:
		return pinWrong
	case moderator == 1:
		return pinModerator
	case participant == 1:
		return pinParticipant
	}
	return pinWrong
}

// pinEntry is one try at a PIN: keys go in, a verdict comes out. Where it is barred none is right, and that is told no sooner.
type pinEntry struct {
	pins   pins
	keys   []byte
	barred bool
}

// press takes the next key. The entry is complete when it is a PIN, or as long as the longest one, so that nobody needs to
// know that # ends it.
func (e *pinEntry) press(key byte) pinVerdict {
	if key != '#' {
		e.keys = append(e.keys, key)
		verdict := e.pins.compare(e.keys)
		if e.barred {
			verdict = pinWrong
		}
		if verdict.admits() || e.full() {
			return verdict
		}
		return pinPending
	}
	switch {
	case len(e.keys) > 0:
		return pinShort
	case e.pins.participant == "":
		return pinParticipant
	}
	return pinEmpty
}

// pause takes the lack of a key for as long as patience says.
func (e *pinEntry) pause() pinVerdict {
	if len(e.keys) == 0 {
		return pinTimedOut
	}
	return pinPaused
}

// patience is how long the next key may take.
func (e *pinEntry) patience() time.Duration {
	if len(e.keys) == 0 {
		return firstKeyTime
	}
	return betweenKeysTime
}

// full tells that no further digit can make a PIN of the entry.
func (e *pinEntry) full() bool { return len(e.keys) >= e.pins.longest() }

// askPIN asks for a PIN of the room up to three times, once where door says so, and tells whose it was. It returns errNoPIN after
// the last failure, when the caller has heard of it, and else why ctx ended. The log gets the reason of each failure and no digit.
func (l *line) askPIN(ctx context.Context, pins pins, door *pinDoor, log *slog.Logger) (moderator bool, err error) {
	var key byte // the one that cut the prompt, and begins the try
	for try := 1; ; try++ {
		if key == 0 {
			if key, err = l.ask(ctx, promptGetPIN); err != nil {
				return false, err
			}
		}
		terms := door.terms()
		entry := pinEntry{pins: pins, barred: terms.barred}
		verdict, err := l.enter(ctx, &entry, key)
		if err != nil {
			return false, err
		}
		if len(entry.keys) > 0 {
			if err := l.pauseFor(ctx, terms.delay); err != nil {
				return false, err
			}
			verdict = door.judge(verdict)
		}
		if entry.full() || verdict.admits() && len(entry.keys) > 0 {
			l.forgive()
		}
		if verdict.admits() {
			return verdict == pinModerator, nil
		}
		log.Warn("PIN entry failed", "try", try, "reason", string(verdict), "keys", len(entry.keys))
		if try >= door.terms().tries {
			if err := l.tell(ctx, promptInvalidPIN); err != nil {
				return false, err
			}
			return false, errNoPIN
		}
		if key, err = l.ask(ctx, promptInvalidPIN); err != nil {
			return false, err
		}
	}
}

// pauseFor lets a time go by.
func (l *line) pauseFor(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// enter takes keys until the entry has come to a verdict; first is a key already pressed, 0
// where there is none.
func (l *line) enter(ctx context.Context, entry *pinEntry, first byte) (pinVerdict, error) {
	for key := first; ; {
		if key != 0 {
			if verdict := entry.press(key); verdict != pinPending {
				return verdict, nil
			}
		}
		var err error
		if key, err = l.key(ctx, entry.patience()); err != nil {
			return pinPending, err
		}
		if key == 0 {
			return entry.pause(), nil
		}
	}
}
