package rooms

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// A callee joins by 1 alone. What presses nothing, as a voicemail does, is hung up within a minute and never joins.
func TestInvitationConversation(t *testing.T) {
	errGone := errors.New("gone")
	for _, tt := range []struct {
		name    string
		presses []pressing
		gone    time.Duration // when the callee hangs up; 0: he does not
		want    string        // what was said, and how it ended
		err     error
	}{
		{"1 at once", keys(0.5, "1"), 0, "0.00 conf-invited\n0.50 cut\n", nil},
		{"1 behind the question", keys(9, "1"), 0, "0.00 conf-invited\n8.20 end\n", nil},
		{"1 at the second time", keys(12, "1"), 0, "0.00 conf-invited\n8.20 end\n11.20 conf-invited\n12.00 cut\n", nil},
		{"2 declines", keys(1, "2"), 0, "0.00 conf-invited\n1.00 cut\n", errDeclined},
		{"any other key declines", keys(1, "*1"), 0, "0.00 conf-invited\n1.00 cut\n", errDeclined},
		{"voicemail", nil, 0, "0.00 conf-invited\n8.20 end\n11.20 conf-invited\n19.40 end\n22.40 conf-invited\n30.60 end\n" +
			"33.60 conf-invited\n41.80 end\n", errNoKey},
		{"hangs up", nil, 2 * time.Second, "0.00 conf-invited\n", errGone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, hangUp := context.WithCancelCause(t.Context())
				defer hangUp(nil)
				keypad := newKeypad(slog.New(slog.DiscardHandler))
				voice := silentVoice(map[string]int{promptInvited: 2, promptJoinKey: 4, "digits/1": 1, "digits/0": 1})
				l := newLine(voice, keypad)
				s := &speaker{line: l, begun: time.Now()}
				l.seat = s
				for _, p := range tt.presses {
					time.AfterFunc(p.at, func() { keypad.rtp(p.key) })
				}
				if tt.gone > 0 {
					time.AfterFunc(tt.gone, func() { hangUp(errGone) })
				}
				if err := l.askToJoin(ctx, "10"); !errors.Is(err, tt.err) {
					t.Errorf("it ended with %v, want %v", err, tt.err)
				}
				if took := time.Since(s.begun); took > time.Minute {
					t.Errorf("it took %v", took)
				}
				if got := s.report.String(); got != tt.want {
					t.Errorf("conversation\n%swant\n%s", got, tt.want)
				}
				l.hush()
			})
		})
	}
}

func TestInvitationIsSpokenByOneVoice(t *testing.T) {
	voices, err := LoadVoices("")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"en", "de", "ru"} {
		voice, ok := voices.Voice(name)
		if !ok {
			t.Fatalf("there is no voice %s", name)
		}
		if sounds := voice.Invitation("100"); len(sounds) != 6 {
			t.Errorf("%s: %d sounds, want the beginning, three digits, a pause and the end", name, len(sounds))
		}
	}
	// A voice made for Asterisk has no such prompts.
	whole := silentVoice(map[string]int{promptInvited: 1, promptJoinKey: 1, "digits/7": 1})
	other := silentVoice(map[string]int{"digits/7": 3})
	other.fallback = whole
	if long := duration(other.Invitation("7")); long != 3*time.Second+pauseLength {
		t.Errorf("it takes %v, want the words of one voice", long)
	}
}

func TestOptionsOfCallsOutside(t *testing.T) {
	options, err := ParseOptions(map[string]string{"call_out": " 200, +49 (30) 1234,sip:anna@Example.com,200", "call_out_allow": "0049* !0900*,sip:*@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if got := options.CallOut; len(got) != 3 || got[1] != "+49301234" || got[2] != "sip:anna@example.com" {
		t.Errorf("call_out is %q", got)
	}
	if got := options.CallOutAllow; len(got) != 3 || got[0] != "+49*" {
		t.Errorf("call_out_allow is %q", got)
	}
	if options.MaxOutCalls != 20 || options.MaxOutPerDay != 200 {
		t.Errorf("the caps are %d and %d", options.MaxOutCalls, options.MaxOutPerDay)
	}
	standard, err := ParseOptions(nil)
	if err != nil || len(standard.CallOut) != 0 || len(standard.CallOutAllow) != 0 {
		t.Errorf("by default %+v, %v", standard, err)
	}
	for name, value := range map[string]string{"call_out": "200,anna", "call_out_allow": "49x", "max_out_calls": "-1", "call_out_pin": "perhaps"} {
		if _, err := ParseOptions(map[string]string{name: value}); err == nil {
			t.Errorf("%s=%s is taken", name, value)
		}
	}
}
