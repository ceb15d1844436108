package rooms

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"conclave/media"
)

// dictating is a recording in virtual time of a caller who says something, or nothing.
type dictating struct {
	speaker *speaker
	says    bool
	done    chan struct{}
	once    sync.Once
}

func (d *dictating) Done() <-chan struct{} { return d.done }

func (d *dictating) Stop() ([]int16, int) {
	d.once.Do(func() {
		d.speaker.mu.Lock()
		defer d.speaker.mu.Unlock()
		d.speaker.note("recorded")
	})
	if d.says {
		return speech(500), 8000
	}
	return make([]int16, 8000), 8000
}

func TestNameConversation(t *testing.T) {
	errGone := errors.New("gone")
	const asked = "0.00 vm-rec-name\n2.00 end\n2.00 beep\n3.00 end\n3.00 recording\n"
	tests := []struct {
		name    string
		review  bool
		silent  int // how many of the first recordings have nothing in them
		presses [][]pressing
		gone    time.Duration
		want    string
	}{
		{
			name:    "# ends the recording",
			presses: [][]pressing{keys(5, "#")},
			want:    asked + "5.00 recorded\n5.00 name\n",
		},
		{
			name: "ten seconds end the recording",
			want: asked + "13.00 recorded\n13.00 name\n",
		},
		{
			name:    "other keys do not",
			presses: [][]pressing{keys(5, "12*"), keys(7, "#")},
			want:    asked + "7.00 recorded\n7.00 name\n",
		},
		{
			name:    "a key cuts the request",
			presses: [][]pressing{keys(1, "#"), keys(4, "#")},
			want:    "0.00 vm-rec-name\n1.00 cut\n1.00 beep\n2.00 end\n2.00 recording\n4.00 recorded\n4.00 name\n",
		},
		{
			name:   "nothing is said",
			silent: 1,
			want:   asked + "13.00 recorded\n13.00 nothing\n",
		},
		{
			name:    "review: accepted",
			review:  true,
			presses: [][]pressing{keys(5, "#"), keys(7, "1")},
			want:    asked + "5.00 recorded\n5.00 vm-review\n7.00 cut\n7.00 name\n",
		},
		{
			name:    "review: listened to, then accepted",
			review:  true,
			presses: [][]pressing{keys(5, "#"), keys(7, "2"), keys(9, "1")},
			want:    asked + "5.00 recorded\n5.00 vm-review\n7.00 cut\n7.00 sound\n8.00 end\n8.00 vm-review\n9.00 cut\n9.00 name\n",
		},
		{
			name:    "review: accepted while it is played",
			review:  true,
			presses: [][]pressing{keys(5, "#"), keys(7, "2"), keys(7.5, "1")},
			want:    asked + "5.00 recorded\n5.00 vm-review\n7.00 cut\n7.00 sound\n7.50 cut\n7.50 name\n",
		},
		{
			name:    "review: recorded again",
			review:  true,
			presses: [][]pressing{keys(5, "#"), keys(9, "3"), keys(13, "#"), keys(17, "1")},
			want: asked + "5.00 recorded\n5.00 vm-review\n8.00 end\n9.00 vm-rec-name\n11.00 end\n11.00 beep\n12.00 end\n12.00 recording\n" +
				"13.00 recorded\n13.00 vm-review\n16.00 end\n17.00 name\n",
		},
		{
			name:    "review: who presses nothing has accepted",
			review:  true,
			presses: [][]pressing{keys(5, "#")},
			want:    asked + "5.00 recorded\n5.00 vm-review\n8.00 end\n18.00 name\n",
		},
		{
			name:    "review: other keys ask anew",
			review:  true,
			presses: [][]pressing{keys(5, "#"), keys(9, "7"), keys(10, "1")},
			want:    asked + "5.00 recorded\n5.00 vm-review\n8.00 end\n9.00 vm-review\n10.00 cut\n10.00 name\n",
		},
		{
			name:    "review: nothing is said three times",
			review:  true,
			silent:  3,
			presses: [][]pressing{keys(4, "#"), keys(8, "#"), keys(12, "#")},
			want: asked + "4.00 recorded\n4.00 vm-rec-name\n6.00 end\n6.00 beep\n7.00 end\n7.00 recording\n" +
				"8.00 recorded\n8.00 vm-rec-name\n10.00 end\n10.00 beep\n11.00 end\n11.00 recording\n12.00 recorded\n12.00 nothing\n",
		},
		{name: "hang-up in the request", gone: time.Second, want: "0.00 vm-rec-name\n1.00 gone\n"},
		{name: "hang-up in the beep", gone: 2500 * time.Millisecond, want: "0.00 vm-rec-name\n2.00 end\n2.00 beep\n2.50 gone\n"},
		{name: "hang-up in the recording", gone: 4 * time.Second, want: asked + "4.00 recorded\n4.00 gone\n"},
		{
			name: "hang-up in the review", review: true, gone: 6 * time.Second, presses: [][]pressing{keys(5, "#")},
			want: asked + "5.00 recorded\n5.00 vm-review\n6.00 gone\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLine(silentVoice(map[string]int{promptRecordName: 2, toneBeep: 1, promptReviewName: 3}),
					newKeypad(slog.New(slog.DiscardHandler)))
				s := &speaker{line: l, begun: time.Now()}
				l.seat = s
				for _, presses := range test.presses {
					for _, p := range presses {
						time.AfterFunc(p.at, func() { l.keypad.rtp(p.key) })
					}
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if test.gone > 0 {
					time.AfterFunc(test.gone, func() { cancel(errGone) })
				}
				recorded := 0
				record := func(limit time.Duration) dictation {
					recorded++
					d := &dictating{speaker: s, says: recorded > test.silent, done: make(chan struct{})}
					time.AfterFunc(limit, func() { close(d.done) })
					s.mu.Lock()
					defer s.mu.Unlock()
					s.note("recording")
					return d
				}

				name, err := l.askName(ctx, record, test.review)

				s.mu.Lock()
				switch {
				case err == errGone && name == nil:
					s.note("gone")
				case err != nil:
					t.Error(err)
				case name == nil:
					s.note("nothing")
				default:
					s.note("name")
				}
				got := s.report.String()
				s.mu.Unlock()
				l.hush()
				if got != test.want {
					t.Errorf("the caller went through\n%swant\n%s", got, test.want)
				}
			})
		})
	}
}

func TestReviewHasAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(silentVoice(map[string]int{promptRecordName: 2, toneBeep: 1, promptReviewName: 3}),
			newKeypad(slog.New(slog.DiscardHandler)))
		s := &speaker{line: l, begun: time.Now()}
		l.seat = s
		pester := time.NewTicker(time.Second)
		defer pester.Stop()
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for keys := "2#3#"; ; keys = keys[1:] + keys[:1] {
				select {
				case <-pester.C:
					l.keypad.rtp(keys[0])
				case <-ctx.Done():
					return
				}
			}
		}()
		record := func(time.Duration) dictation {
			return &dictating{speaker: s, says: true, done: make(chan struct{})}
		}
		name, err := l.askName(ctx, record, true)
		if took := time.Since(s.begun); name == nil || err != nil || took > reviewTime+30*time.Second {
			t.Errorf("after %s: name %v, error %v", took, name, err)
		}
		cancel()
		l.hush()
	})
}

func TestWhoSaysNoNameIsCalledByHisNumber(t *testing.T) {
	voice := newVoice(standardVoice, standardVoice, make(map[string]recording))
	names := make(map[*media.Sound]string)
	for _, name := range []string{promptParticipant, "digits/0", "digits/1", "digits/2", "digits/9"} {
		sound := media.NewSound(8000, make([]int16, 8000))
		voice.sounds[name], names[sound] = recorded(sound), strings.TrimPrefix(name, "digits/")
	}
	said := media.NewSound(8000, make([]int16, 800))
	names[said] = "said"
	for _, test := range []struct {
		recorded *media.Sound
		number   string
		want     string
	}{
		{said, "120", "said"},
		{nil, "120", "1 2 0"},
		{nil, "1-2 (0)", "1 2 0"},
		{nil, "", promptParticipant},
		{nil, "anna", promptParticipant},
		{nil, "anna12", promptParticipant},
		{nil, "anonymous", promptParticipant},
		{nil, "-", promptParticipant},
		{nil, strings.Repeat("9", 64), promptParticipant},
	} {
		var got []string
		for _, sound := range spokenName(test.recorded, test.number, voice) {
			got = append(got, names[sound])
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%q: said as %v, want %s", test.number, got, test.want)
		}
	}
}
