package mixer

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

// keyTones is a key as a phone sounds it.
type keyTones struct{ low, high *tone.Sine }

func newKeyTones(key byte, level float64) keyTones {
	low, high := media.KeyTones(key)
	return keyTones{tone.NewSine(8000, low, level), tone.NewSine(8000, high, level)}
}

func (k keyTones) Fill(dst []int16) {
	other := make([]int16, len(dst))
	k.low.Fill(dst)
	k.high.Fill(other)
	for i, v := range other {
		dst[i] += v
	}
}

// script is sound that was made before.
type script struct {
	pcm []int16
	at  int
}

func (s *script) Fill(dst []int16) {
	clear(dst)
	s.at += copy(dst, s.pcm[min(s.at, len(s.pcm)):])
}

// pressed is a voice at 437 Hz that pauses from 60 ms before to 60 ms after a key, which is pressed from
// one sample to another.
func pressed(key byte, from, to, length int) []int16 {
	pcm := tone.Make(8000, 437, -25, length)
	clear(pcm[from-480 : to+480])
	newKeyTones(key, -13).Fill(pcm[from:to])
	return pcm
}

// audible is for how many ms there is anything to be heard.
func audible(pcm []int16) (ms int) {
	for ; len(pcm) >= 8; pcm = pcm[8:] {
		if slices.Max(pcm[:8]) > 150 || slices.Min(pcm[:8]) < -150 { // -47 dBFS
			ms++
		}
	}
	return ms
}

// keysOf are the keys that a phone's owner was told.
func keysOf(events []Event) string {
	var keys []byte
	for _, e := range events {
		if e.Kind == EventDigit {
			keys = append(keys, e.Digit)
		}
	}
	return string(keys)
}

func TestKeysPressedAsTonesAreNotHeard(t *testing.T) {
	tests := []struct {
		name      string
		eventType int
		pass      bool
		told      bool
	}{
		{"no telephone-event was negotiated", -1, false, true},
		{"it was", 101, false, false},
		{"passed on", -1, true, true},
		{"passed on where it was negotiated", 101, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClockwork(t, 1, 600)
			conf := c.engine.NewConference("x")
			listener := c.phone(conf, nil)
			listener.seat.Enter()
			const from, held, length = 8000, 1600, 16000 // samples
			p := c.phoneWith(conf, nil, tt.eventType)
			p.seat.PassDigits(tt.pass)
			c.run(10)
			most := 0
			for shift := 0; shift < 160; shift += 8 {
				p.source = &script{pcm: pressed('5', from+shift, from+shift+held, length)}
				p.seat.Enter()
				begin := len(listener.heard)
				p.events = nil
				c.run(100)
				p.seat.Leave()
				heard := listener.heard[begin:]
				slip := audible(heard[from+shift-160 : from+shift+held+160])
				most = max(most, slip)
				if tt.pass && slip < 190 {
					t.Errorf("the key is to be heard for 200 ms and is for %d", slip)
				}
				// The voice before and after is whole.
				for name, x := range map[string][]int16{"before": heard[1600 : from-640], "after": heard[from+held+1200 : length-480]} {
					if l := tone.LevelAt(x, 8000, 437); !near(l, -25, 1) {
						t.Errorf("the voice %s at %.1f dBFS, want -25", name, l)
					}
				}
				if got := keysOf(p.events); got != map[bool]string{true: "5"}[tt.told] {
					t.Errorf("told %q", got)
				}
			}
			t.Logf("heard for %d ms at most", most)
			if !tt.pass && most > 25 {
				t.Errorf("a key is heard for %d ms, want 25 at most", most)
			}
		})
	}
}

// events are the packets of a key that is held for so many ms, one each 20 ms, the last one three times.
func events(key byte, stamp uint32, ms int) (packets [][]byte) {
	code := byte(strings.IndexByte("0123456789*#ABCD", key))
	packet := func(duration int, end byte) []byte {
		b := make([]byte, 16)
		b[0], b[1] = 0x80, 101
		if len(packets) == 0 {
			b[1] |= 0x80
		}
		binary.BigEndian.PutUint32(b[4:], stamp)
		binary.BigEndian.PutUint32(b[8:], 77)
		b[12], b[13] = code, end|10
		binary.BigEndian.PutUint16(b[14:], uint16(duration))
		return b
	}
	for at := 20; at < ms; at += 20 {
		packets = append(packets, packet(at*8, 0))
	}
	for range 3 {
		packets = append(packets, packet(ms*8, 0x80))
	}
	return packets
}

func TestKeysTheFarEndTellsAreNotHeard(t *testing.T) {
	tests := []struct {
		name  string
		pass  bool
		muted bool
		lost  int // the last packets of the event
		ms    int
		heard [2]int // ms
	}{
		{"as by default", false, false, 0, 160, [2]int{0, 25}},
		{"its end lost", false, false, 3, 160, [2]int{0, 25}},
		{"passed on", true, false, 0, 160, [2]int{160, 180}},
		{"passed on, held for long", true, false, 0, 1000, [2]int{1000, 1020}},
		{"passed on, a short press", true, false, 0, 20, [2]int{60, 80}},
		{"passed on, of one who is muted", true, true, 0, 160, [2]int{0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClockwork(t, 1, 600)
			conf := c.engine.NewConference("x")
			listener, other := c.phone(conf, nil), c.phone(conf, nil)
			// It goes on with its audio beside the events, as some phones do: the key's tones from 40 ms
			// before the first packet to 40 ms after the key's end.
			at, begin := 0, 50
			from, to := 160*(begin-2), 160*(begin+tt.ms/20+2)
			pcm := make([]int16, 160*200)
			newKeyTones('7', -13).Fill(pcm[from:to])
			if tt.pass {
				clear(pcm)
			}
			keyer := c.phone(conf, &script{pcm: pcm})
			var packets [][]byte
			keyer.other = func() (now [][]byte) {
				at++
				if at == begin {
					packets = events('7', keyer.stamp, tt.ms)
					packets = packets[:len(packets)-tt.lost]
				}
				if len(packets) > 0 {
					now, packets = packets[:1], packets[1:]
				}
				return now
			}
			keyer.seat.PassDigits(tt.pass)
			for _, p := range c.phones {
				p.seat.Enter()
			}
			keyer.seat.Mute(tt.muted)
			c.run(150)
			if keys := keysOf(keyer.events); keys != "7" {
				t.Errorf("told %q, want 7", keys)
			}
			for name, p := range map[string]*farEnd{"one": listener, "another": other} {
				if got := audible(p.heard); got < tt.heard[0] || got > tt.heard[1] {
					t.Errorf("%s hears the key for %d ms, want %d to %d", name, got, tt.heard[0], tt.heard[1])
				}
			}
			if got := audible(keyer.heard); got > 0 {
				t.Errorf("who presses it hears the key for %d ms", got)
			}
		})
	}
}

func TestTheSoundOfAKeyThatIsPassedOn(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	listener, keyer := c.phone(conf, nil), c.phone(conf, nil)
	keyer.seat.PassDigits(true)
	var packets [][]byte
	keyer.other = func() (now [][]byte) {
		if len(packets) > 0 {
			now, packets = packets[:1], packets[1:]
		}
		return now
	}
	for _, p := range c.phones {
		p.seat.Enter()
	}
	c.run(20)
	const keys = "0123456789*#ABCD"
	for i := range keys {
		begin := len(listener.heard)
		packets = events(keys[i], keyer.stamp, 200)
		c.run(20)
		heard := listener.heard[begin:]
		low, high := media.KeyTones(keys[i])
		middle := heard[400:1600]
		if l := tone.Level(middle); l < -16 || l > -10 {
			t.Errorf("key %c sounds at %.1f dBFS, want -16 to -10", keys[i], l)
		}
		if d := math.Abs(tone.LevelAt(middle, 8000, low) - tone.LevelAt(middle, 8000, high)); d > 1 {
			t.Errorf("key %c: its tones differ by %.1f dB", keys[i], d)
		}
		if r := tone.Residue(middle, 8000, low, high); r > 0.03 {
			t.Errorf("key %c: %.1f %% of its sound is something else", keys[i], r*100)
		}
		var d media.DTMF
		got := ""
		for at := 0; at+160 <= len(heard); at += 160 {
			if _, key := d.Take(heard[at:at+160], false); key != 0 {
				got += string(key)
			}
		}
		if got != keys[i:i+1] {
			t.Errorf("key %c is understood as %q", keys[i], got)
		}
	}
}
