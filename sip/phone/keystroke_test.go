package phone

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// pressed runs a key through packets of 20 ms and writes each as
// marker:duration:end:lost, or a dash for a packet that is audio.
func pressed(p Press) string {
	k := &keystroke{event: 5, press: p.withDefaults()}
	var out []string
	for now := uint32(1000); !k.over(); now += 160 {
		e, on := k.next(now, 160)
		switch {
		case !on:
			out = append(out, "-")
		case e.timestamp != 1000 || e.payload[0] != 5:
			out = append(out, fmt.Sprintf("event %d at %d", e.payload[0], e.timestamp))
		default:
			s := ""
			if e.marker {
				s = "M"
			}
			s += fmt.Sprint(int(e.payload[2])<<8 | int(e.payload[3]))
			if e.payload[1]&0x80 != 0 {
				s += "E"
			}
			if e.lost {
				s += "!"
			}
			out = append(out, s)
		}
	}
	return strings.Join(out, " ")
}

func TestKeyBecomesEvents(t *testing.T) {
	for _, tt := range []struct {
		name  string
		press Press
		want  string
	}{
		{"usual", Press{}, "M160 320 480 640 800E 800E 800E - - -"},
		{"short", Press{Duration: 40 * time.Millisecond, Gap: 40 * time.Millisecond}, "M160 320E 320E 320E"},
		{"no whole packets", Press{Duration: 50 * time.Millisecond, Gap: 60 * time.Millisecond}, "M160 320 400E 400E 400E -"},
		{"no marker", Press{Duration: 40 * time.Millisecond, Gap: 40 * time.Millisecond, NoMarker: true}, "160 320E 320E 320E"},
		{"end lost", Press{Duration: 60 * time.Millisecond, Gap: 60 * time.Millisecond, LoseEnd: true}, "M160 320 480E! 480E! 480E! -"},
		{"first lost", Press{Duration: 40 * time.Millisecond, Gap: 40 * time.Millisecond, LoseFirst: 2}, "M160! 320E! 320E 320E"},
	} {
		if got := pressed(tt.press); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestPressSendsEventsInsteadOfAudio(t *testing.T) {
	e := newEcho(t, "udp", "127.0.0.1")
	call := e.dial("udp", "127.0.0.1", Options{EventType: 96})
	if err := call.Press("1#", Press{Duration: 60 * time.Millisecond, Gap: 60 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	e.until("audio after the keys", func() bool { return len(e.heard) > 12 })
	e.mu.Lock()
	defer e.mu.Unlock()
	keys := map[byte]int{}
	for i, b := range e.heard {
		var p rtp.Packet
		if err := p.Unmarshal(b); err != nil {
			t.Fatal(err)
		}
		if p.PayloadType == 96 {
			keys[p.Payload[0]]++
		}
		if i > 0 {
			var last rtp.Packet
			if err := last.Unmarshal(e.heard[i-1]); err != nil {
				t.Fatal(err)
			}
			if p.SequenceNumber != last.SequenceNumber+1 {
				t.Errorf("packet %d follows %d", p.SequenceNumber, last.SequenceNumber)
			}
		}
	}
	if len(keys) != 2 || keys[1] != 5 || keys[11] != 5 {
		t.Errorf("packets by event: %v, want 5 of 1 and of 11", keys)
	}
}

func TestPressRefusesWhatCannotBePressed(t *testing.T) {
	e := newEcho(t, "udp", "127.0.0.1")
	call := e.dial("udp", "127.0.0.1", Options{EventType: NoEvents})
	if err := call.Press("12E", Press{}); err == nil || !strings.Contains(err.Error(), `'E'`) {
		t.Errorf("a key E: %v", err)
	}
	if err := call.Press("1", Press{}); err == nil {
		t.Error("pressed a key where the far end takes no events")
	}
}
