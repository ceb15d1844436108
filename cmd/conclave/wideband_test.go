package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"conclave/media"
	"conclave/media/tone"
	"conclave/sip/phone"
)

// speaker is a phone of a test, by what it speaks.
type speaker struct {
	codec  phone.Codec
	params string // of its codec, in a=fmtp
	rate   int    // Hz, that the server is to run it at
}

// speakers are phones of all rates that this build has, one of each and then one more of the highest.
func speakers() []speaker {
	all := []speaker{{codec: phone.PCMU, rate: 8000}, {codec: phone.G722, rate: 16000}}
	if _, ok := media.Opus(); ok {
		all = append(all, speaker{phone.Opus, "maxplaybackrate=16000", 16000}, speaker{phone.Opus, "", 48000})
	}
	return append(all, all[len(all)-1])
}

func (s speaker) String() string { return fmt.Sprintf("%s-%d", s.codec, s.rate) }

func (s speaker) dial(server *testServer) *phone.Call {
	return server.dial("1000", phone.Options{From: s.String(), Codecs: []phone.Codec{s.codec}, Edit: func(sdp string) string {
		if s.params != "" {
			sdp += fmt.Sprintf("a=fmtp:%d %s\r\n", s.codec, s.params)
		}
		return sdp
	}})
}

// Members with all codecs talk at once: each hears each other one as loud as he speaks, and nobody himself.
func TestMembersOfAllCodecsHearOneAnother(t *testing.T) {
	server := startServer(t, "--guests", "all")
	quiet(server, "1000")
	all := speakers()
	tones := []float64{437, 1031, 1447, 2003}
	calls := make([]*phone.Call, len(all))
	for i, s := range all {
		calls[i] = s.dial(server)
		if i < len(all)-1 {
			calls[i].Say(s.codec.Tone(tones[i], -20))
		}
	}
	server.wait("all members", 5*time.Second, func() bool { return len(server.live("1000").Members) == len(all) })
	soundsRight(t, func() (wrong []string) {
		for i, to := range all {
			heard := calls[i].Heard(time.Second)
			for j, from := range all[:len(all)-1] {
				level := tone.LevelAt(heard, to.codec.Rate(), tones[j])
				if i == j && level > -60 {
					wrong = append(wrong, fmt.Sprintf("%s hears itself at %.1f dBFS", to, level))
				} else if i != j && math.Abs(level+20) > 0.5 {
					wrong = append(wrong, fmt.Sprintf("%s hears %s at %.2f dBFS, want -20", to, from, level))
				}
			}
		}
		return wrong
	})
	for _, m := range server.live("1000").Members {
		if shown := fmt.Sprintf("%s-%d", m.Codec, m.Rate); shown != m.Caller {
			t.Errorf("the member with %s is shown with %s", m.Caller, shown)
		}
	}

	// What is above a band reaches those alone who have more: 6 kHz by G.722, then 15 kHz by Opus.
	for _, above := range []struct {
		hz   float64
		from int // Hz, the rate of who says it
	}{{6000, 16000}, {15000, 48000}} {
		talker := slices.IndexFunc(all, func(s speaker) bool { return s.rate == above.from })
		if talker < 0 {
			continue // this build has nobody who could
		}
		for i := range all {
			calls[i].Say(phone.Silence())
		}
		calls[talker].Say(all[talker].codec.Tone(above.hz, -20))
		soundsRight(t, func() (wrong []string) {
			for i, s := range all {
				heard, rate := calls[i].Heard(time.Second), s.codec.Rate()
				level := tone.LevelAt(heard, rate, above.hz)
				switch {
				case i == talker:
				case s.rate/2 > int(above.hz):
					if math.Abs(level+20) > 1.5 {
						wrong = append(wrong, fmt.Sprintf("%s hears %.0f Hz at %.2f dBFS, want -20", s, above.hz, level))
					}
				case tone.Level(heard) > -60:
					wrong = append(wrong, fmt.Sprintf("%.0f Hz leaves %.1f dBFS for %s", above.hz, tone.Level(heard), s))
				}
			}
			return wrong
		})
	}
}

// soundsRight waits for what is heard to be right: on a busy machine sound is stretched and concealed meanwhile.
func soundsRight(t *testing.T, wrong func() []string) {
	t.Helper()
	var found []string
	for range int(patience / (500 * time.Millisecond)) {
		time.Sleep(500 * time.Millisecond)
		if found = wrong(); len(found) == 0 {
			return
		}
	}
	t.Error(strings.Join(found, "\n"))
}

// A re-INVITE may change the codec of a call; the others hear him go on, and the history has the last one.
func TestCodecChangesInTheCall(t *testing.T) {
	server := startServer(t, "--guests", "all")
	quiet(server, "1000")
	listener := server.dial("1000", phone.Options{From: "listener"})
	call := server.dial("1000", phone.Options{From: "changer", Codecs: []phone.Codec{phone.PCMU}})
	codecs := []phone.Codec{phone.G722, phone.PCMA, phone.G722}
	if _, ok := media.Opus(); ok {
		codecs = append([]phone.Codec{phone.Opus}, codecs...)
	}
	for _, c := range codecs {
		call.Say(phone.Silence())
		if err := call.Reinvite(t.Context(), phone.Change{Codecs: []phone.Codec{c}}); err != nil {
			t.Fatal(err)
		}
		call.Say(c.Tone(1031, -20))
		time.Sleep(time.Second) // of what was said before nothing is in the last second any more
		soundsRight(t, func() (wrong []string) {
			if level := tone.LevelAt(listener.Heard(time.Second), 8000, 1031); math.Abs(level+20) > 0.5 {
				wrong = append(wrong, fmt.Sprintf("after the change to %s: %.2f dBFS, want -20", c, level))
			}
			return wrong
		})
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
		time.Sleep(time.Second)
		soundsRight(t, func() (wrong []string) {
			if level := tone.LevelAt(calls[1].Heard(time.Second), 16000, tt.hz); (math.Abs(level+20) < 1) != tt.heard {
				wrong = append(wrong, fmt.Sprintf("%.0f Hz is heard at %.1f dBFS", tt.hz, level))
			}
			return wrong
		})
	}
}

// A room with a rate of its own takes Opus at that, tells its phone so, and gives and takes no more.
func TestRoomKeepsOpusToItsRate(t *testing.T) {
	if _, ok := media.Opus(); !ok {
		t.Skip("this build has no Opus")
	}
	t.Parallel()
	server := startServer(t, "--guests", "all")
	quiet(server, "1000")
	for _, tt := range []struct {
		option string
		rate   int
		high   bool // 12 kHz is heard
	}{{"internal_sample_rate=16000", 16000, false}, {"internal_sample_rate=48000", 48000, true}, {"internal_sample_rate=auto", 48000, true}} {
		server.run("room", "set", "1000", "-o", tt.option)
		var calls []*phone.Call
		for range 2 {
			calls = append(calls, speaker{codec: phone.Opus}.dial(server))
		}
		server.wait("both members", patience, func() bool {
			members := server.live("1000").Members
			return len(members) == 2 && members[0].Rate == tt.rate && members[1].Rate == tt.rate
		})
		if said := fmt.Sprintf("maxplaybackrate=%d;", tt.rate); !strings.Contains(calls[0].Remote().Text, said) {
			t.Errorf("%s: the answer is without %s:\n%s", tt.option, said, calls[0].Remote().Text)
		}
		calls[0].Say(phone.Opus.Tone(12000, -20))
		time.Sleep(2 * time.Second)
		soundsRight(t, func() (wrong []string) {
			if level := tone.LevelAt(calls[1].Heard(time.Second), 48000, 12000); (level > -23) != tt.high || (level < -60) == tt.high {
				wrong = append(wrong, fmt.Sprintf("%s: 12 kHz is heard at %.1f dBFS", tt.option, level))
			}
			return wrong
		})
		for _, call := range calls {
			_ = call.Hangup()
		}
		server.wait("nobody left", patience, func() bool { return len(server.live("1000").Members) == 0 })
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
