package rooms

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"conclave/media"
)

// speaker plays prompts in virtual time and writes down when each began, ended and was cut.
type speaker struct {
	line  *line
	begun time.Time

	mu     sync.Mutex
	queue  []utterance
	timer  *time.Timer
	report strings.Builder
}

type utterance struct {
	id   uint64
	name string
	long time.Duration
}

func (s *speaker) Play(id uint64, sounds ...*media.Sound) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := "sound"
	for known := range s.line.voice.sounds {
		if sound, ok := s.line.voice.Sound(known); ok && sound == sounds[0] {
			name = known
		}
	}
	s.queue = append(s.queue, utterance{id, name, duration(sounds)})
	if len(s.queue) == 1 {
		s.next()
	}
}

func (s *speaker) next() {
	s.note(s.queue[0].name)
	s.timer = time.AfterFunc(s.queue[0].long, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.note("end")
		s.line.played(s.queue[0].id)
		if s.queue = s.queue[1:]; len(s.queue) > 0 {
			s.next()
		}
	})
}

func (s *speaker) StopPlay() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) > 0 && s.timer.Stop() {
		s.note("cut")
	}
	for _, u := range s.queue {
		s.line.played(u.id)
	}
	s.queue = nil
}

func (s *speaker) Cancel(uint64) {}

func (s *speaker) note(what string) {
	fmt.Fprintf(&s.report, "%.2f %s\n", time.Since(s.begun).Seconds(), what)
}

// pressing is a key and the moment of its pressing.
type pressing struct {
	at  time.Duration
	key byte
}

// keys are pressed each 0.1 s from a moment on, in seconds.
func keys(at float64, keys string) (list []pressing) {
	for i, key := range []byte(keys) {
		list = append(list, pressing{time.Duration(at*1000)*time.Millisecond + time.Duration(i)*100*time.Millisecond, key})
	}
	return list
}

// silentVoice has prompts that last so many seconds.
func silentVoice(seconds map[string]int) *Voice {
	sounds := make(map[string]recording)
	for name, long := range seconds {
		sounds[name] = recorded(media.NewSound(8000, make([]int16, long*8000)))
	}
	return newVoice(standardVoice, standardVoice, sounds)
}

func TestPINConversation(t *testing.T) {
	errGone := errors.New("gone")
	tests := []struct {
		name    string
		pins    pins // without any: 4711 for participants
		presses [][]pressing
		gone    time.Duration // when the caller hangs up; 0: he does not
		want    string        // what was said, and how it ended
		reasons []string
	}{
		{
			name:    "right PIN is complete at its length",
			presses: [][]pressing{keys(4, "4711")},
			want:    "0.00 conf-getpin\n3.00 end\n4.30 admitted\n",
		},
		{
			name:    "digit cuts the prompt",
			presses: [][]pressing{keys(1, "4711")},
			want:    "0.00 conf-getpin\n1.00 cut\n1.30 admitted\n",
		},
		{
			name:    "PIN dialled before the prompt",
			presses: [][]pressing{{{0, '4'}, {0, '7'}, {0, '1'}, {0, '1'}}},
			want:    "0.00 conf-getpin\n0.00 cut\n0.00 admitted\n",
		},
		{
			name:    "first digit has 10 s from the end of the prompt, the others 5 s",
			presses: [][]pressing{keys(12.9, "4"), keys(17.8, "7"), keys(22.7, "1"), keys(27.6, "1")},
			want:    "0.00 conf-getpin\n3.00 end\n27.60 admitted\n",
		},
		{
			name:    "no digit in 10 s",
			presses: [][]pressing{keys(16, "4711")},
			want:    "0.00 conf-getpin\n3.00 end\n13.00 conf-invalidpin\n15.00 end\n15.00 conf-getpin\n16.00 cut\n16.30 admitted\n",
			reasons: []string{"timed out: no key came"},
		},
		{
			name:    "pause of 5 s after the cut prompt",
			presses: [][]pressing{keys(1, "47"), keys(9, "4711")},
			want:    "0.00 conf-getpin\n1.00 cut\n6.10 conf-invalidpin\n8.10 end\n8.10 conf-getpin\n9.00 cut\n9.30 admitted\n",
			reasons: []string{"too short: no further key came"},
		},
		{
			name:    "# ends an entry",
			presses: [][]pressing{keys(1, "47#"), keys(4, "4711")},
			want:    "0.00 conf-getpin\n1.00 cut\n1.20 conf-invalidpin\n3.20 end\n3.20 conf-getpin\n4.00 cut\n4.30 admitted\n",
			reasons: []string{"too short: ended by #"},
		},
		{
			name:    "# alone is an empty entry",
			presses: [][]pressing{keys(1, "#"), keys(5, "4711")},
			want:    "0.00 conf-getpin\n1.00 cut\n1.00 conf-invalidpin\n3.00 end\n3.00 conf-getpin\n5.00 cut\n5.30 admitted\n",
			reasons: []string{"empty: # without a digit"},
		},
		{
			name:    "digit during the refusal cuts it and begins the next try",
			presses: [][]pressing{keys(1, "4712"), keys(2, "4711")},
			want:    "0.00 conf-getpin\n1.00 cut\n1.30 conf-invalidpin\n2.00 cut\n2.30 admitted\n",
			reasons: []string{"wrong"},
		},
		{
			name:    "next try begun in the refusal has 5 s for its second digit",
			presses: [][]pressing{keys(1, "4712"), keys(2, "4")},
			gone:    8 * time.Second,
			want:    "0.00 conf-getpin\n1.00 cut\n1.30 conf-invalidpin\n2.00 cut\n7.00 conf-invalidpin\n8.00 gone\n",
			reasons: []string{"wrong", "too short: no further key came"},
		},
		{
			name:    "# after a complete wrong entry does not cost a try",
			presses: [][]pressing{keys(1, "4712#"), keys(4, "4711")},
			want:    "0.00 conf-getpin\n1.00 cut\n1.30 conf-invalidpin\n3.30 end\n3.30 conf-getpin\n4.00 cut\n4.30 admitted\n",
			reasons: []string{"wrong"},
		},
		{
			name:    "third failure is told to the end, whatever is pressed",
			presses: [][]pressing{keys(1, "0000"), keys(2, "1111"), keys(3, "2222"), keys(4, "4711")},
			want: "0.00 conf-getpin\n1.00 cut\n1.30 conf-invalidpin\n2.00 cut\n2.30 conf-invalidpin\n3.00 cut\n" +
				"3.30 conf-invalidpin\n5.30 end\n5.55 refused\n",
			reasons: []string{"wrong", "wrong", "wrong"},
		},
		{
			name: "silence three times",
			want: "0.00 conf-getpin\n3.00 end\n13.00 conf-invalidpin\n15.00 end\n15.00 conf-getpin\n18.00 end\n" +
				"28.00 conf-invalidpin\n30.00 end\n30.00 conf-getpin\n33.00 end\n43.00 conf-invalidpin\n45.00 end\n45.25 refused\n",
			reasons: []string{"timed out: no key came", "timed out: no key came", "timed out: no key came"},
		},
		{
			name:    "letters and stars are no digits of a PIN",
			presses: [][]pressing{keys(1, "*71A")},
			gone:    2 * time.Second,
			want:    "0.00 conf-getpin\n1.00 cut\n1.30 conf-invalidpin\n2.00 gone\n",
			reasons: []string{"wrong"},
		},
		{
			name:    "moderators' PIN",
			pins:    pins{participant: "4711", moderator: "4799"},
			presses: [][]pressing{keys(1, "4799")},
			want:    "0.00 conf-getpin\n1.00 cut\n1.30 moderator\n",
		},
		{
			name:    "participants' PIN that is the shorter one needs no #",
			pins:    pins{participant: "4711", moderator: "998877"},
			presses: [][]pressing{keys(1, "4711")},
			want:    "0.00 conf-getpin\n1.00 cut\n1.30 admitted\n",
		},
		{
			name:    "moderators' PIN that is the shorter one needs no #",
			pins:    pins{participant: "998877", moderator: "4711"},
			presses: [][]pressing{keys(1, "4711")},
			want:    "0.00 conf-getpin\n1.00 cut\n1.30 moderator\n",
		},
		{
			name:    "wrong entry is complete at the length of the longer PIN",
			pins:    pins{participant: "4711", moderator: "998877"},
			presses: [][]pressing{keys(1, "471200"), keys(4, "998877")},
			want:    "0.00 conf-getpin\n1.00 cut\n1.50 conf-invalidpin\n3.50 end\n3.50 conf-getpin\n4.00 cut\n4.50 moderator\n",
			reasons: []string{"wrong"},
		},
		{
			name:    "# alone enters as a participant where only moderators have a PIN",
			pins:    pins{moderator: "4711"},
			presses: [][]pressing{keys(1, "#")},
			want:    "0.00 conf-getpin\n1.00 cut\n1.00 admitted\n",
		},
		{
			name:    "moderators' PIN where participants have none",
			pins:    pins{moderator: "4711"},
			presses: [][]pressing{keys(4, "4711")},
			want:    "0.00 conf-getpin\n3.00 end\n4.30 moderator\n",
		},
		{
			name:    "wrong moderators' PIN does not enter as a participant",
			pins:    pins{moderator: "4711"},
			presses: [][]pressing{keys(1, "47#"), keys(4, "#")},
			want:    "0.00 conf-getpin\n1.00 cut\n1.20 conf-invalidpin\n3.20 end\n3.20 conf-getpin\n4.00 cut\n4.00 admitted\n",
			reasons: []string{"too short: ended by #"},
		},
		{
			name: "hang-up in the prompt",
			gone: time.Second,
			want: "0.00 conf-getpin\n1.00 gone\n",
		},
		{
			name:    "hang-up in the entry",
			presses: [][]pressing{keys(1, "4")},
			gone:    2 * time.Second,
			want:    "0.00 conf-getpin\n1.00 cut\n2.00 gone\n",
		},
		{
			name:    "hang-up in the last refusal",
			presses: [][]pressing{keys(1, "000000000000")},
			gone:    3 * time.Second,
			want: "0.00 conf-getpin\n1.00 cut\n1.30 conf-invalidpin\n1.40 cut\n1.70 conf-invalidpin\n1.80 cut\n" +
				"2.10 conf-invalidpin\n3.00 gone\n",
			reasons: []string{"wrong", "wrong", "wrong"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logged bytes.Buffer
				log := slog.New(slog.NewTextHandler(&logged, nil))
				l := newLine(silentVoice(map[string]int{promptGetPIN: 3, promptInvalidPIN: 2}), newKeypad(log))
				s := &speaker{line: l, begun: time.Now()}
				l.seat = s
				for _, presses := range test.presses {
					for _, p := range presses {
						if p.at == 0 {
							l.keypad.rtp(p.key)
							continue
						}
						time.AfterFunc(p.at, func() { l.keypad.rtp(p.key) })
					}
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if test.gone > 0 {
					time.AfterFunc(test.gone, func() { cancel(errGone) })
				}

				room := test.pins
				if room.none() {
					room = pins{participant: "4711"}
				}

				moderator, err := l.askPIN(ctx, room, nil, log)

				end := map[error]string{nil: "admitted", errNoPIN: "refused", errGone: "gone"}[err]
				if moderator {
					end = "moderator"
				}
				s.mu.Lock()
				s.note(end)
				got := s.report.String()
				s.mu.Unlock()
				l.hush()
				if got != test.want {
					t.Errorf("the caller went through\n%swant\n%s", got, test.want)
				}
				lines := strings.Split(strings.TrimSuffix(logged.String(), "\n"), "\n")
				if logged.Len() == 0 {
					lines = nil
				}
				if len(lines) != len(test.reasons) {
					t.Fatalf("log has %d lines, want %d:\n%s", len(lines), len(test.reasons), logged.String())
				}
				for i, reason := range test.reasons {
					if !strings.Contains(lines[i], reason) || !strings.Contains(lines[i], fmt.Sprintf("try=%d", i+1)) {
						t.Errorf("log line %d does not say %q:\n%s", i, reason, lines[i])
					}
				}
				for _, digits := range []string{"4711", "4712", "4799", "998877", "0000", "*71A", "=47"} {
					if strings.Contains(logged.String(), digits) {
						t.Errorf("the log shows digits:\n%s", logged.String())
					}
				}
			})
		})
	}
}

func TestOneDigitPINAndLongPIN(t *testing.T) {
	for _, pin := range []string{"0", "123456", strings.Repeat("9", 40)} {
		entry := pinEntry{pins: pins{participant: pin}}
		var verdict pinVerdict
		for i := range len(pin) {
			if verdict != pinPending {
				t.Fatalf("PIN of %d digits: %q after %d", len(pin), verdict, i)
			}
			verdict = entry.press(pin[i])
		}
		if verdict != pinParticipant {
			t.Errorf("PIN of %d digits: %q", len(pin), verdict)
		}
	}
}
