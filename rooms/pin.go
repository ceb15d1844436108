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
	pinPending  pinVerdict = ""
	pinRight    pinVerdict = "right"
	pinWrong    pinVerdict = "wrong"
	pinEmpty    pinVerdict = "empty: # without a digit"
	pinTimedOut pinVerdict = "timed out: no key came"
	pinShort    pinVerdict = "too short: ended by #"
	pinPaused   pinVerdict = "too short: no further key came"
)

// pinEntry is one try at a PIN: keys go in, a verdict comes out.
type pinEntry struct {
	pin  string
	keys []byte
}

// press takes the next key. The entry is complete at the length of the PIN, so that nobody
// needs to know that # ends it.
func (e *pinEntry) press(key byte) pinVerdict {
	if key != '#' {
		e.keys = append(e.keys, key)
		if e.full() {
			return e.compare()
		}
		return pinPending
	}
	if len(e.keys) == 0 {
		return pinEmpty
	}
	return pinShort
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

func (e *pinEntry) full() bool { return len(e.keys) >= len(e.pin) }

// compare takes the same time wherever the first wrong digit is.
func (e *pinEntry) compare() pinVerdict {
	if subtle.ConstantTimeCompare(e.keys, []byte(e.pin)) == 1 {
		return pinRight
	}
	return pinWrong
}

// askPIN asks for the PIN up to three times. It returns nil when the PIN was right, errNoPIN
// after the third failure, when the caller has heard of it, and else why ctx ended. The log
// gets the reason of each failure and no digit.
func (l *line) askPIN(ctx context.Context, pin string, log *slog.Logger) error {
	var key byte // the one that cut the prompt, and begins the try
	for try := 1; ; try++ {
		var err error
		if key == 0 {
			if key, err = l.ask(ctx, promptGetPIN, 0); err != nil {
				return err
			}
		}
		entry := pinEntry{pin: pin}
		verdict, err := l.enter(ctx, &entry, key)
		if err != nil {
			return err
		}
		if verdict == pinRight {
			return nil
		}
		log.Warn("PIN entry failed", "try", try, "reason", string(verdict), "keys", len(entry.keys))
		if try == pinTries {
			if err := l.tell(ctx, promptInvalidPIN); err != nil {
				return err
			}
			return errNoPIN
		}
		// Many end with # what was complete without: it belongs to the try that has failed,
		// and must not cost the next one.
		var skip byte
		if entry.full() {
			skip = '#'
		}
		if key, err = l.ask(ctx, promptInvalidPIN, skip); err != nil {
			return err
		}
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
