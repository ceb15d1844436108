package rooms

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestKeysCountOnceAndInOrder(t *testing.T) {
	// Each step is r or i (RTP event, INFO) and a key, or a pause of so many tenths of a second.
	tests := []struct {
		name, steps, want string
		warned            bool
	}{
		{"RTP events", "r1 r2 r2 r3", "1223", false},
		{"INFO", "i1 i2 i2 i3", "1223", false},
		{"both, RTP first", "r1 i1 r2 i2 r2 i2", "122", true},
		{"both, INFO first", "i1 r1 i2 r2 i2 r2", "122", true},
		{"INFO, then RTP long after", "i1 i2 ... ... ... ... ... r2 r3", "1223", false},
		{"INFO, then RTP with another key", "i1 r2", "12", false},
		{"all keys", "r0 r9 r* r# rA rD", "09*#AD", false},
		{"no keys, as RTP events", "r! rE", "", false},
		{"no keys, as INFO", "i\x00 i~ ie", "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logged bytes.Buffer
				k := newKeypad(slog.New(slog.NewTextHandler(&logged, nil)))
				for _, step := range strings.Fields(test.steps) {
					switch step[0] {
					case 'r':
						k.rtp(step[1])
					case 'i':
						k.info(step[1])
					default:
						time.Sleep(time.Duration(len(step)) * 100 * time.Millisecond)
					}
				}
				close(k.pressed)
				var got []byte
				for key := range k.pressed {
					got = append(got, key)
				}
				if string(got) != test.want {
					t.Errorf("got %q, want %q", got, test.want)
				}
				if warned := strings.Count(logged.String(), "ignored"); warned > 1 || (warned == 1) != test.warned {
					t.Errorf("log tells %d times that keys were ignored:\n%s", warned, logged.String())
				}
			})
		})
	}
}

func TestKeysThatNobodyTakesAreDroppedAndNeverWaitedFor(t *testing.T) {
	k := newKeypad(slog.New(slog.DiscardHandler))
	for range keyBacklog + 100 {
		k.rtp('5')
	}
	if waiting, lost := len(k.pressed), k.lost(); waiting != keyBacklog || lost != 100 {
		t.Errorf("%d keys wait and %d are lost, want %d and 100", waiting, lost, keyBacklog)
	}
}
