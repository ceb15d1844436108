package faults

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"conclave/media/tone"
	"conclave/rooms"
	"conclave/sip/phone"
)

// networks are the bad ones of the fault table, from the phones to the server.
var networks = []struct {
	name string
	conditions
	heard float64 // share of the 20 ms in which the tone is heard at its level, at least
	short bool    // is in the short form, too
}{
	{"1 % loss", conditions{Loss: 0.01}, 0.99, false},
	{"5 % loss", conditions{Loss: 0.05}, 0.97, false},
	{"20 % loss", conditions{Loss: 0.20}, 0.90, true},
	{"jitter to 100 ms", conditions{Delay: 20 * time.Millisecond, Jitter: 100 * time.Millisecond}, 0.95, true},
	{"reordering 10 %", conditions{Reorder: 0.10}, 0.95, false},
	{"duplicates 20 %", conditions{Duplicate: 0.20}, 0.99, true},
}

// A tone comes through, and each press of a key counts once.
func TestVoiceAndKeysThroughABadNetwork(t *testing.T) {
	t.Parallel()
	sandboxed(t)
	length, presses := 4*time.Second, 12
	if *full {
		length, presses = 30*time.Second, 100
	}
	for i, network := range networks {
		t.Run(network.name, func(t *testing.T) {
			t.Parallel()
			if !*full && !network.short {
				t.Skip("part of make faults, not of the short form")
			}
			s := newSite(t, uint64(i+1))
			s.room("1000", "--no-pin")
			const hz, level = 600, -15.0
			listener := s.call("1000", phone.Options{From: "listener"})
			talker := s.call("1000", phone.Options{From: "talker"})
			talker.Say(phone.Tone(hz, level))
			time.Sleep(time.Second)
			usual := shareHeard(listener.Listen(length), hz, level) // other programs may take time from the server
			s.link.up.set(network.conditions)
			time.Sleep(5 * time.Second) // the jitter buffer has seen 4 s of this network
			heard := shareHeard(listener.Listen(length), hz, level)
			reached(t, network.name, fmt.Sprintf("concealed: at its level for >= %.0f %% of the time", 100*network.heard), "tone of 600 Hz at its level (6 dB) for %.2f %% of %v, before for %.2f %%", 100*heard, length, 100*usual)
			least := network.heard - (1 - usual)
			if !*full {
				least -= 0.2 // of few seconds
			}
			if heard < least {
				t.Errorf("the tone is heard for %.1f %% of the time, want %.1f", 100*heard, 100*least)
			}

			events := s.follow("1000")
			if err := talker.Press(strings.Repeat("1", presses), phone.Press{Gap: 160 * time.Millisecond}); err != nil {
				t.Fatal(err)
			}
			events.settle(2 * time.Second)
			counted := events.count("mute") + events.count("unmute")
			reached(t, network.name, "each digit exactly once", "%d of %d presses counted", counted, presses)
			if counted != presses {
				t.Errorf("%d of %d presses counted", counted, presses)
			}
		})
	}
}

// shareHeard is the share of the frames of 20 ms in which a tone is within 6 dB of a level.
func shareHeard(pcm []int16, hz, level float64) float64 {
	const frame = 160
	heard, all := 0, 0
	for at := 0; at+frame <= len(pcm); at += frame {
		all++
		if math.Abs(tone.LevelAt(pcm[at:at+frame], 8000, hz)-level) <= 6 {
			heard++
		}
	}
	if all == 0 {
		return 0
	}
	return float64(heard) / float64(all)
}

// Who keys his PIN in through 20 % loss, jitter and duplicates gets in at the first try.
func TestPINsAreReadRightThroughABadNetwork(t *testing.T) {
	t.Parallel()
	s := newSite(t, 7, "--rtp-ports", "20000-29999") // each call's ports rest for 30 s
	entries, together := 40, 10
	if *full {
		entries, together = 1000, 40
	}
	const pin = "7441199025"
	s.room("1000", "--pin", pin)
	s.link.up.set(conditions{Loss: 0.20, Duplicate: 0.05, Jitter: 40 * time.Millisecond})
	var right, answered atomic.Int64
	var work sync.WaitGroup
	next := make(chan int)
	for range together {
		p := s.phone(s.link.here.String())
		work.Go(func() {
			for n := range next {
				from := fmt.Sprint("caller", n)
				ctx, cancel := context.WithTimeout(t.Context(), 32*time.Second)
				call, err := p.Dial(ctx, s.sip, "1000", phone.Options{From: from})
				cancel()
				if err != nil {
					t.Logf("%s: %v", from, err)
					continue
				}
				answered.Add(1)
				if err := call.Press(pin, phone.Press{Gap: 80 * time.Millisecond}); err != nil {
					t.Error(err)
				}
				// A second try would need more time than this.
				if _, in := within(5*time.Second, func() bool {
					return slices.ContainsFunc(s.members("1000"), func(m rooms.Member) bool { return m.Caller == from })
				}); in {
					right.Add(1)
				}
				_ = call.Hangup()
			}
		})
	}
	for n := range entries {
		next <- n
	}
	close(next)
	work.Wait()
	share := float64(right.Load()) / float64(max(1, answered.Load()))
	reached(t, "20 % loss, 5 % duplicates, 40 ms jitter", "PIN entry right in >= 99 %", "%.1f %% of %d PINs of 10 digits right at once", 100*share, answered.Load())
	if answered.Load() < int64(entries)*98/100 || share < 0.99 {
		t.Errorf("%d of %d entries right, of %d calls", right.Load(), answered.Load(), entries)
	}
}
