package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"conclave/media"
	"conclave/media/tone"
	"conclave/sip/phone"
)

// spoken is a prompt of the built-in English voice.
func spoken(t *testing.T, name string) []int16 {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "rooms", "voice", "en", filepath.FromSlash(name)+".wav"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	sound, err := media.LoadWAV(file)
	if err != nil {
		t.Fatal(err)
	}
	return sound.PCM(8000)
}

// asking makes a room that asks for names and plays nothing else to one who is alone.
func asking(s *testServer, extension string) {
	s.run("room", "add", extension, "--name", "Room "+extension, "--no-pin", "-o", "announce_join_leave=yes", "-o", "announce_only_user=no", "-o", "music_on_hold_when_empty=no")
}

// dictate dials a room that asks for names, and returns when the caller is being recorded.
func (s *testServer) dictate(extension, from string, says phone.Source) *phone.Call {
	s.t.Helper()
	call := s.dial(extension, phone.Options{From: from})
	call.Say(says)
	if err := call.Press("1", phone.Press{}); err != nil { // cuts the request
		s.t.Errorf("%s: %v", from, err)
	}
	beep := spoken(s.t, "beep")
	s.wait("beep for "+from, 30*time.Second, func() bool {
		time.Sleep(300 * time.Millisecond)
		_, similarity := tone.Find(call.Heard(3*time.Second), beep)
		return similarity > 0.9
	})
	time.Sleep(300 * time.Millisecond) // the beep may have been found before its last packet
	return call
}

// in tells whether so many are in the mix of a room.
func (s *testServer) in(extension string, members int) bool {
	entered := 0
	for _, m := range s.live(extension).Members {
		if m.Entered {
			entered++
		}
	}
	return entered == members
}

// listensAlone lets somebody without a name into a room and waits until it is quiet there.
func (s *testServer) listensAlone(extension string) *phone.Call {
	s.t.Helper()
	listener := s.dictate(extension, "listener", phone.Silence())
	if err := listener.Press("#", phone.Press{}); err != nil {
		s.t.Error(err)
	}
	s.wait("listener in the mix", 10*time.Second, func() bool { return s.in(extension, 1) })
	s.wait("silence", 20*time.Second, func() bool { return tone.Level(listener.Listen(700*time.Millisecond)) < -60 })
	return listener
}

// introduction is what a caller says: a name once, and a tone whenever he is told to.
type introduction struct {
	mu    sync.Mutex
	name  phone.Source
	hz    float64
	tone  phone.Source // nil: not now
	began time.Time    // when the first of the tone was sent; zero: not yet
}

func (i *introduction) Fill(pcm []int16) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.tone == nil {
		i.name.Fill(pcm)
		return
	}
	if i.began.IsZero() {
		i.began = time.Now()
	}
	i.tone.Fill(pcm)
}

// sound lets the tone begin with the next packet that is no key's, or end.
func (i *introduction) sound(on bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tone, i.began = nil, time.Time{}
	if on {
		i.tone = phone.Tone(i.hz, -10)
	}
}

// since is when the tone began.
func (i *introduction) since() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.began
}

// onset is when a tone was first heard after a moment; zero if it was not. A single packet may be of speech.
func onset(packets []phone.Packet, after time.Time, hz float64) (at time.Time) {
	run := 0
	for _, p := range packets {
		if p.Arrived.Before(after) || len(p.PCM) == 0 {
			continue
		}
		if tone.LevelAt(p.PCM, 8000, hz) < -40 {
			run = 0
			continue
		}
		if run++; run == 1 {
			at = p.Arrived
		}
		if run == 4 {
			return at
		}
	}
	return time.Time{}
}

// The name of who comes is said after he is in: he does not wait for it.
func TestCallerIsHeardFromTheEndOfHisNameOn(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all")
	asking(s, "1000")
	listener := s.listensAlone("1000")
	const hz = 3350.0
	name := spoken(t, "conf-onlyperson")
	anna := &introduction{name: phone.PCM(nil), hz: hz}
	call := s.dictate("1000", "anna", anna)
	anna.mu.Lock()
	anna.name = phone.PCM(name)
	anna.mu.Unlock()
	time.Sleep(time.Duration(len(name))*time.Second/8000 + 300*time.Millisecond)

	// heard waits until the tone has come through, and returns when it was sent and heard.
	heard := func() (sent, at time.Time) {
		t.Helper()
		s.wait("tone", 10*time.Second, func() bool {
			if sent = anna.since(); !sent.IsZero() {
				at = onset(listener.Packets(), sent, hz)
			}
			return !at.IsZero()
		})
		return sent, at
	}
	var pressing sync.WaitGroup
	pressing.Go(func() {
		if err := call.Press("#", phone.Press{Duration: time.Second}); err != nil {
			t.Error(err)
		}
	})
	time.Sleep(300 * time.Millisecond) // the key is down
	anna.sound(true)
	pressing.Wait()
	began, at := heard()
	since := s.live("1000").Members[1].Since

	// What the way takes is the same later on, when nothing else is heard.
	var ways []time.Duration
	for range 3 {
		anna.sound(false)
		s.wait("silence", 30*time.Second, func() bool { return tone.Level(listener.Listen(500*time.Millisecond)) < -60 })
		anna.sound(true)
		sent, at := heard()
		ways = append(ways, at.Sub(sent))
	}
	slices.Sort(ways)
	way := ways[len(ways)/2]
	// The end of a key is told three times (RFC 4733 2.5.1.4), and then the phone has audio again.
	keyEnds := began.Add(-3 * 20 * time.Millisecond)
	delay := at.Sub(keyEnds) - way
	t.Logf("heard %d ms after the end of the key, of which the phone's own %d ms, less %d ms of way; a member %+d ms from the key's end", delay.Milliseconds(), began.Sub(keyEnds).Milliseconds(), way.Milliseconds(), since.Sub(keyEnds).Milliseconds())
	if delay > time.Second {
		t.Errorf("heard %v after the end of the key", delay)
	}
	pcm := listener.Heard(0)
	if _, similarity := tone.Find(pcm, spoken(t, "conf-hasjoin")); similarity < 0.5 {
		t.Errorf("nobody is told that he has joined: similarity %.2f", similarity)
	}
}

func TestTwentyWhoComeAtOnceAreInAtOnceAndAnnouncedWithinAQuarterOfAMinute(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all")
	asking(s, "1000")
	listener := s.listensAlone("1000")
	const callers = 20
	name := spoken(t, "conf-muted")
	var ready, accepted sync.WaitGroup
	accept := make(chan struct{})
	var mu sync.Mutex
	var last time.Time
	for i := range callers {
		ready.Add(1)
		accepted.Go(func() {
			from := fmt.Sprint("caller", i)
			call := func() *phone.Call {
				defer ready.Done()
				return s.dictate("1000", from, phone.Silence())
			}()
			<-accept
			// All say their names, and are done with that in the course of 1.5 s.
			call.Say(phone.PCM(name))
			time.Sleep(time.Duration(len(name))*time.Second/8000 + time.Duration(i)*75*time.Millisecond)
			if err := call.Press("#", phone.Press{}); err != nil {
				t.Errorf("%s: %v", from, err)
			}
			mu.Lock()
			defer mu.Unlock()
			last = time.Now()
		})
	}
	ready.Wait()
	first := time.Now().Add(time.Duration(len(name)) * time.Second / 8000)
	close(accept)
	accepted.Wait()
	s.wait("all in the mix", 10*time.Second, func() bool { return s.in("1000", callers+1) })
	entered := time.Since(last)

	// All are silent now, and so is the room when all has been said.
	s.wait("end of the announcements", 40*time.Second, func() bool {
		return tone.Level(listener.Listen(2*time.Second)) < -60
	})
	var over time.Time
	for _, p := range listener.Packets() {
		if len(p.PCM) > 0 && tone.Level(p.PCM) > -60 {
			over = p.Arrived
		}
	}
	t.Logf("%d accepted their names within %.1f s, the last was seen in the mix %d ms after his key, and the announcements were over %.1f s after the first key and %.1f s after the last",
		callers, last.Sub(first).Seconds(), entered.Milliseconds(), over.Sub(first).Seconds(), over.Sub(last).Seconds())
	if took := over.Sub(last); took > 15*time.Second {
		t.Errorf("the announcements last %v", took)
	}
	pcm := listener.Heard(over.Sub(first) + 3*time.Second)
	for _, prompt := range []string{"conf-thereare", "conf-havejoined"} {
		if _, similarity := tone.Find(pcm, spoken(t, prompt)); similarity < 0.8 {
			t.Errorf("%s is not heard: similarity %.2f", prompt, similarity)
		}
	}
}

// Who says nothing that could be a name is announced by his number or, if he calls from none, as a participant.
func TestSilenceAndNoiseAreNoNames(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all")
	noise := func() phone.Source { return tone.NewNoise(1, -30) }
	tests := []struct {
		name, from string
		before     phone.Source // from the dialling on
		says       phone.Source // from the beep on
		hash       bool         // else the time ends the recording
		want, not  []string
	}{
		{"silence", "120", phone.Silence(), phone.Silence(), true, []string{"digits/1", "digits/2", "digits/0"}, []string{"conf-participant"}},
		{"silence without a number", "anna", phone.Silence(), phone.Silence(), true, []string{"conf-participant"}, nil},
		{"noise", "120", noise(), nil, false, []string{"digits/1", "digits/2", "digits/0"}, []string{"conf-participant"}},
		{"noise without a number", "anna", noise(), nil, false, []string{"conf-participant"}, nil},
		{"noise that begins", "anna", phone.Silence(), noise(), false, []string{"conf-participant"}, nil},
		{"noise that begins, and #", "120", phone.Silence(), noise(), true, []string{"digits/1", "digits/2", "digits/0"}, []string{"conf-participant"}},
	}
	var wait sync.WaitGroup
	for i, test := range tests {
		extension := fmt.Sprint(1000 + i)
		asking(s, extension)
		wait.Go(func() {
			listener := s.listensAlone(extension)
			before := len(listener.Packets())
			call := s.dictate(extension, test.from, test.before)
			if test.says != nil {
				call.Say(test.says)
			}
			if test.hash {
				time.Sleep(time.Second)
				if err := call.Press("#", phone.Press{}); err != nil {
					t.Errorf("%s: %v", test.name, err)
				}
			}
			s.wait("member", 20*time.Second, func() bool { return s.in(extension, 2) })
			call.Say(phone.Silence())
			s.wait("silence", 30*time.Second, func() bool { return tone.Level(listener.Listen(time.Second)) < -60 })
			pcm := phone.Assemble(listener.Packets()[before:])
			all := pcm
			for _, prompt := range append(slices.Clone(test.want), "conf-hasjoin") {
				at, similarity := tone.Find(pcm, spoken(t, prompt))
				if similarity < 0.7 {
					t.Errorf("%s: %s is not heard in its turn: similarity %.2f", test.name, prompt, similarity)
					return
				}
				pcm = pcm[at:]
			}
			for _, prompt := range test.not {
				if _, similarity := tone.Find(all, spoken(t, prompt)); similarity > 0.7 {
					t.Errorf("%s: %s is heard: similarity %.2f", test.name, prompt, similarity)
				}
			}
		})
	}
	wait.Wait()
}
