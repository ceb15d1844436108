package main

import (
	"fmt"
	"math"
	"slices"
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

// Real phones of narrow and wide band hear one another, and not themselves.
func TestRealPhonesOfBothBandsHearOneAnother(t *testing.T) {
	need(t, "baresip", "baresip-core")
	t.Parallel()
	server := startServer(t, "--guests", "all")
	quiet(server, "1000")
	codecs, names := []string{"PCMU/8000/1", "G722/16000/1"}, []string{"PCMU", "G722"}
	if _, ok := media.Opus(); ok {
		codecs, names = append(codecs, "opus/48000/2"), append(names, "opus")
	}
	tones := []float64{437, 1031, 1873}
	var phones []*baresip
	for i, codec := range codecs {
		account := fmt.Sprintf("<sip:phone%d@127.0.0.1>;regint=0;audio_codecs=%s", 70+i, codec)
		phones = append(phones, startBaresipAs(t, 70+i, tones[i], -20, account, "-e", "/dial sip:1000@"+server.sip))
	}
	server.wait("all members", patience, func() bool { return len(server.live("1000").Members) == len(phones) })
	for _, m := range server.live("1000").Members {
		if !slices.Contains(names, m.Codec) {
			t.Errorf("a member has %s", m.Codec)
		}
	}
	all := func() bool { // what is heard comes to them by the network, however busy the machine
		for _, m := range server.live("1000").Members {
			if m.TalkTime < 5 {
				return false
			}
		}
		return true
	}
	server.wait("five seconds of each one's talk", patience, all)
	for _, p := range phones {
		p.end()
	}
	for i, p := range phones {
		pcm := p.all()
		for j := range phones {
			if i != j && !hears(pcm, tones[j], -20, tones[i]) {
				t.Errorf("%s does not hear %s at -20 dBFS, or hears itself", names[i], names[j])
			}
		}
	}
}
