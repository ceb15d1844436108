package rooms

import (
	"log/slog"
	"strings"
	"sync"
	"time"
)

const (
	// keyBacklog is how many keys may wait while nobody asks for one: a PIN that a phone
	// dials by itself before the prompt began, several times over.
	keyBacklog = 64
	// sameKey is how far apart the two reports of one key may be when a phone tells it in
	// an INFO and as an RTP event.
	sameKey = time.Second
)

// keypad gathers the keys that a caller presses, in order, from the two ways on which they
// come: RTP events (RFC 4733) and SIP INFO. A phone that uses both would press every key
// twice, so INFO counts only as long as no RTP event has come.
type keypad struct {
	log     *slog.Logger
	pressed chan byte

	mu       sync.Mutex
	byRTP    bool
	ignored  bool // an INFO has been ignored, and the log says so
	lastInfo byte
	infoTime time.Time
	dropped  int
}

func newKeypad(log *slog.Logger) *keypad {
	return &keypad{log: log, pressed: make(chan byte, keyBacklog)}
}

// rtp takes a key from the audio path. The first one may be what an INFO has just told.
func (k *keypad) rtp(key byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	first := !k.byRTP
	k.byRTP = true
	if first && key == k.lastInfo && time.Since(k.infoTime) < sameKey {
		return
	}
	k.press(key)
}

// info takes a key from a SIP INFO.
func (k *keypad) info(key byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byRTP {
		if !k.ignored {
			k.ignored = true
			k.log.Info("keys of SIP INFO ignored: the phone sends them as RTP events, too")
		}
		return
	}
	k.lastInfo, k.infoTime = key, time.Now()
	k.press(key)
}

// press queues a key; it never waits. mu is held.
func (k *keypad) press(key byte) {
	if !strings.ContainsRune("0123456789*#ABCD", rune(key)) {
		return
	}
	select {
	case k.pressed <- key:
	default:
		k.dropped++
	}
}

// lost is how many keys came while keyBacklog of them were waiting.
func (k *keypad) lost() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.dropped
}
