package main

import (
	"math"
	"testing"
	"time"

	"conclave/media"
	"conclave/media/tone"
	"conclave/sip/phone"
)

// Members with all codecs talk at once: each hears each other one as loud as he speaks, and nobody himself.
func TestMembersOfAllCodecsHearOneAnother(t *testing.T) {
	server := startServer(t, "--guests", "all")
	quiet(server, "1000")
	codecs := []phone.Codec{phone.PCMU, phone.PCMA, phone.G722}
	if _, ok := media.Opus(); ok {
		codecs = append(codecs, phone.Opus)
	}
	tones := []float64{437, 1031, 1447, 2003}
	calls := make([]*phone.Call, len(codecs))
	for i, c := range codecs {
		calls[i] = server.dial("1000", phone.Options{From: c.String(), Codecs: []phone.Codec{c}})
		calls[i].Say(c.Tone(tones[i], -20))
	}
	server.wait("all members", 5*time.Second, func() bool { return len(server.live("1000").Members) == len(codecs) })
	time.Sleep(2500 * time.Millisecond)
	for i, to := range codecs {
		heard := calls[i].Heard(time.Second)
		for j, from := range codecs {
			level := tone.LevelAt(heard, to.Rate(), tones[j])
			if i == j && level > -60 {
				t.Errorf("%s hears itself at %.1f dBFS", to, level)
			} else if i != j && math.Abs(level+20) > 0.5 {
				t.Errorf("%s hears %s at %.2f dBFS, want -20", to, from, level)
			}
		}
	}
	for _, m := range server.live("1000").Members {
		if m.Codec != m.Caller {
			t.Errorf("the member with %s is shown with %s", m.Caller, m.Codec)
		}
	}

	// What is above the telephone band reaches those alone who have it.
	const high = 6000.0
	for i, c := range codecs {
		calls[i].Say(phone.Silence())
		if c == phone.G722 {
			calls[i].Say(c.Tone(high, -20))
		}
	}
	time.Sleep(2500 * time.Millisecond)
	for i, c := range codecs {
		heard := calls[i].Heard(time.Second)
		switch {
		case c == phone.G722:
		case c.Rate() == 16000:
			if level := tone.LevelAt(heard, 16000, high); math.Abs(level+20) > 1.5 {
				t.Errorf("%s hears 6 kHz at %.2f dBFS, want -20", c, level)
			}
		default:
			if level := tone.LevelAt(heard, 8000, 8000-high); level > -60 {
				t.Errorf("%s hears its alias at %.1f dBFS", c, level)
			}
		}
	}
}

// A re-INVITE may change the codec of a call; the others hear him go on, and the history has the last one.
func TestCodecChangesInTheCall(t *testing.T) {
	server := startServer(t, "--guests", "all")
	quiet(server, "1000")
	listener := server.dial("1000", phone.Options{From: "listener"})
	call := server.dial("1000", phone.Options{From: "changer", Codecs: []phone.Codec{phone.PCMU}})
	for _, c := range []phone.Codec{phone.G722, phone.PCMA, phone.G722} {
		call.Say(phone.Silence())
		if err := call.Reinvite(t.Context(), phone.Change{Codecs: []phone.Codec{c}}); err != nil {
			t.Fatal(err)
		}
		call.Say(c.Tone(1031, -20))
		time.Sleep(2 * time.Second)
		if level := tone.LevelAt(listener.Heard(time.Second), 8000, 1031); math.Abs(level+20) > 0.5 {
			t.Errorf("after the change to %s: %.2f dBFS, want -20", c, level)
		}
		for _, m := range server.live("1000").Members {
			if m.Caller == "changer" && m.Codec != c.String() {
				t.Errorf("shown with %s, want %s", m.Codec, c)
			}
		}
	}
	_ = call.Hangup()
	_ = listener.Hangup()
	if c, ok := server.calls(2)["changer"]; !ok || c.Codec != "G722" || c.MOS == nil || *c.MOS < 3.5 {
		t.Errorf("the history has %+v", c)
	}
}

// A room that is limited to the telephone band takes wide-band calls, and gives and takes no more than that.
func TestRoomKeepsToItsRate(t *testing.T) {
	server := startServer(t, "--guests", "all")
	quiet(server, "1000")
	server.run("room", "set", "1000", "-o", "maximum_sample_rate=8000")
	codecs := []phone.Codec{phone.G722, phone.G722}
	var calls []*phone.Call
	for _, c := range codecs {
		calls = append(calls, server.dial("1000", phone.Options{Codecs: []phone.Codec{c}}))
	}
	for _, tt := range []struct {
		hz    float64
		heard bool
	}{{1031, true}, {6000, false}} {
		calls[0].Say(phone.G722.Tone(tt.hz, -20))
		time.Sleep(2 * time.Second)
		if level := tone.LevelAt(calls[1].Heard(time.Second), 16000, tt.hz); (math.Abs(level+20) < 1) != tt.heard {
			t.Errorf("%.0f Hz is heard at %.1f dBFS", tt.hz, level)
		}
	}
}
