package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
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

// dial places a call to the server and hangs up with the test.
func (s *testServer) dial(room string, o phone.Options) *phone.Call {
	s.t.Helper()
	p, err := phone.New("udp", "127.0.0.1")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = p.Close() })
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	call, err := p.Dial(ctx, s.sip, room, o)
	if err != nil {
		s.t.Fatalf("call room %s: %v", room, err)
	}
	s.t.Cleanup(func() { _ = call.Hangup() })
	return call
}

// quiet makes a room that plays no prompts, so that tests hear the mix alone, and in which tones are heard as loud as they
// are said: what tests measure of the way through the server no automatic gain is to make up for.
func quiet(s *testServer, extension string) {
	s.run("room", "add", extension, "--name", "Room "+extension, "--no-pin", "-o", "quiet=yes", "-o", "announce_only_user=no", "-o", "music_on_hold_when_empty=no", "-o", "agc=no")
}

// The two are not parallel to any other test: what else the machine does in real time they would hear.
func TestTone(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"of a clock that is off runs through without a click":   testToneOfAClockThatIsOff,
		"through loss and jitter keeps its level and its delay": testToneThroughLossAndJitter,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

func testToneOfAClockThatIsOff(t *testing.T) {
	server := startServer(t, "--guests", "all")
	const hz, level, length = 997.3, -12.0, 60 * time.Second
	var wait sync.WaitGroup
	for i, ppm := range []float64{200, -200} {
		extension := []string{"1000", "1001"}[i]
		quiet(server, extension)
		talker, listener := server.dial(extension, phone.Options{}), server.dial(extension, phone.Options{})
		talker.Impair(phone.Impairment{PPM: ppm})
		talker.Say(phone.Tone(hz, level))
		wait.Go(func() {
			time.Sleep(2 * time.Second)
			began := time.Now()
			pcm := listener.Listen(length)
			if got := len(pcm); got < 59*8000 {
				t.Errorf("%+g ppm: %d samples heard, want 60 s", ppm, got)
				return
			}
			if got := tone.LevelAt(pcm[len(pcm)-16000:], 8000, hz); math.Abs(got-level) > 0.5 {
				t.Errorf("%+g ppm: %.1f dBFS, want %.0f", ppm, got, level)
			}
			judged := 0
			for since := range seconds(began, length) {
				until := since.Add(time.Second)
				if stalled(talker, listener, since, until) {
					continue
				}
				judged++
				c := tone.Continuous(phone.Assemble(between(listener.Packets(), since, until)), 8000, hz*(1+ppm/1e6))
				if c.Click > 0.1 || c.Slip > 0.1 || c.Dip < -1 || c.Bump > 1 {
					t.Errorf("%+g ppm, %.0f s from the begin: %+v", ppm, since.Sub(began).Seconds(), c)
				}
			}
			t.Logf("%+g ppm: %d seconds of %.0f were free of stalls of this machine", ppm, judged, length.Seconds())
			if judged < 10 {
				t.Errorf("%+g ppm: this machine stalls too often to tell anything", ppm)
			}
		})
	}
	wait.Wait()
}

// seconds are the beginnings of the seconds of a time.
func seconds(began time.Time, length time.Duration) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		for at := time.Duration(0); at < length && yield(began.Add(at)); at += time.Second {
		}
	}
}

// stalled tells that the machine stood still: the talker's phone sent late, in the time or shortly before it, or the
// server left out a tick. That is a gap in the tone, and no fault of the server's.
func stalled(talker, listener *phone.Call, since, until time.Time) bool {
	const before = 500 * time.Millisecond
	for _, at := range talker.Stalls() {
		if at.After(since.Add(-before)) && at.Before(until) {
			return true
		}
	}
	packets := between(listener.Packets(), since, until)
	for i := 1; i < len(packets); i++ {
		if packets[i].Sequence == packets[i-1].Sequence+1 && packets[i].Timestamp != packets[i-1].Timestamp+160 {
			return true
		}
	}
	return false
}

// between are the packets that arrived in a time.
func between(packets []phone.Packet, since, until time.Time) []phone.Packet {
	return slices.DeleteFunc(slices.Clone(packets), func(p phone.Packet) bool {
		return p.Arrived.Before(since) || !p.Arrived.Before(until)
	})
}

func testToneThroughLossAndJitter(t *testing.T) {
	server := startServer(t, "--guests", "all")
	const hz, level = 440, -15.0
	var wait sync.WaitGroup
	for i, loss := range []float64{0, 0.01, 0.05, 0.2} {
		extension := []string{"2000", "2001", "2002", "2003"}[i]
		quiet(server, extension)
		wait.Go(func() {
			listener := server.dial(extension, phone.Options{From: "listener"})
			talker, before := server.talkerInStep(extension, phone.Tone(hz, level))
			talker.Impair(phone.Impairment{Seed: uint64(i + 1), Loss: loss, Jitter: 100 * time.Millisecond})
			time.Sleep(3 * time.Second)
			pcm := listener.Listen(6 * time.Second)
			if got := tone.LevelAt(pcm, 8000, hz); math.Abs(got-level) > 1 {
				t.Errorf("%g %% loss, 100 ms jitter: %.2f dBFS, want %.0f within 1 dB", loss*100, got, level)
			}
			during := server.delay(extension, "talker")
			talker.Impair(phone.Impairment{})
			time.Sleep(10 * time.Second)
			after := server.delay(extension, "talker")
			t.Logf("%g %% loss: delay %.0f, %.0f, %.0f ms", loss*100, before, during, after)
			if after > before+5 {
				t.Errorf("%g %% loss: the delay was %.0f ms before the jitter and is %.0f ms 10 s after it", loss*100, before, after)
			}
		})
	}
	wait.Wait()
}

func TestVoicesAreHeardAtOneLevel(t *testing.T) {
	t.Parallel()
	server := startServer(t, "--guests", "all")
	said := map[float64]float64{441: -31, 1033: -9} // dBFS by Hz
	for extension, heard := range map[string]map[float64]float64{"4000": {441: -20, 1033: -20}, "4001": said} {
		quiet(server, extension)
		if extension == "4000" {
			server.run("room", "set", extension, "-o", "agc=") // its default
		}
		t.Run(extension, func(t *testing.T) {
			t.Parallel()
			listener := server.dial(extension, phone.Options{From: "listener"})
			for hz, level := range said {
				server.dial(extension, phone.Options{From: fmt.Sprint(hz)}).Say(phone.Tone(hz, level))
			}
			for hz, want := range heard {
				var got float64
				server.wait(fmt.Sprintf("%g Hz at %g dBFS within 1 dB", hz, want), 20*time.Second, func() bool {
					got = tone.LevelAt(listener.Listen(time.Second), 8000, hz)
					return math.Abs(got-want) <= 1
				})
				for _, m := range server.live(extension).Members {
					if m.Caller == fmt.Sprint(hz) && (math.Abs(m.Level-said[hz]) > 1 || math.Abs(m.Gain-(want-said[hz])) > 1) {
						t.Errorf("%g Hz is shown with %.1f dBFS and a gain of %.1f dB", hz, m.Level, m.Gain)
					}
				}
			}
		})
	}
}

func TestSilenceIsFaintNoiseUnlessARoomWantsNone(t *testing.T) {
	t.Parallel()
	server := startServer(t, "--guests", "all")
	for extension, want := range map[string]float64{"5000": -66, "5001": -110} {
		quiet(server, extension)
		if want < -100 {
			server.run("room", "set", extension, "-o", "comfort_noise=no")
		}
		call := server.dial(extension, phone.Options{})
		server.wait(fmt.Sprintf("%g dBFS of silence in room %s", want, extension), 10*time.Second, func() bool {
			return math.Abs(tone.Level(call.Listen(time.Second))-want) < 2
		})
	}
}

func TestNoiseIsTakenOut(t *testing.T) {
	t.Parallel()
	server := startServer(t, "--guests", "all")
	quiet(server, "6000")
	set := conclave(t, nil, "room", "set", "6000", "-o", "denoise=yes", "--data", server.data)
	if set.code != 0 {
		t.Fatalf("%+v", set)
	}
	if set.stderr != "" { // the room is served all the same, and all are told
		show := conclave(t, nil, "room", "show", "6000", "--data", server.data)
		for _, told := range []string{set.stderr, show.stderr} {
			if !strings.Contains(told, "room 6000: denoise=yes has no effect") || !strings.Contains(told, "libspeexdsp-dev") {
				t.Errorf("told %q", told)
			}
		}
		if server.logged("room 6000: denoise=yes has no effect") == 0 {
			t.Error("the log has no warning")
		}
		server.dial("6000", phone.Options{})
		t.Skip("the server is built without libspeexdsp")
	}
	for extension, want := range map[string]float64{"6000": -66, "6001": -38} { // the room's own, or that which is said
		if extension == "6001" {
			quiet(server, extension)
		}
		listener := server.dial(extension, phone.Options{})
		server.dial(extension, phone.Options{}).Say(tone.NewNoise(1, -38))
		server.wait(fmt.Sprintf("%g dBFS of noise in room %s", want, extension), 20*time.Second, func() bool {
			return math.Abs(tone.Level(listener.Listen(time.Second))-want) < 2
		})
	}
}

// live is what goes on in a room; an empty conference where there is none.
func (s *testServer) live(extension string) rooms.Conference {
	s.t.Helper()
	var all []rooms.Conference
	if err := json.Unmarshal([]byte(s.run("live", "--json")), &all); err != nil {
		s.t.Fatal(err)
	}
	for _, c := range all {
		if c.Extension == extension {
			return c
		}
	}
	return rooms.Conference{}
}

// talkerInStep dials until the packets of the call come some ms before the tick that plays them: those that come within
// the network's noise of it wait for the next tick, now and then, and the delay is one or the other.
func (s *testServer) talkerInStep(extension string, source phone.Source) (talker *phone.Call, delay float64) {
	s.t.Helper()
	for range 20 {
		talker = s.dial(extension, phone.Options{From: "talker"})
		talker.Say(source)
		time.Sleep(2 * time.Second)
		if delay = s.delay(extension, "talker"); delay > 6 && delay < 17 {
			return talker, delay
		}
		_ = talker.Hangup()
		s.wait("end of the call", 5*time.Second, func() bool { return len(s.live(extension).Members) == 1 })
	}
	s.t.Errorf("room %s: no call's packets come in the middle between two ticks", extension)
	return talker, delay
}

// delay is what the jitter buffer of a member adds, in ms.
func (s *testServer) delay(extension, caller string) float64 {
	for _, m := range s.live(extension).Members {
		if m.Caller == caller {
			return m.Delay
		}
	}
	s.t.Errorf("room %s has no member %s", extension, caller)
	return 0
}

func TestEveryPINIsReadRightThroughLoss(t *testing.T) {
	t.Parallel()
	server := startServer(t, "--guests", "all")
	server.run("room", "add", "3000", "--name", "PIN", "--pin", "904518")
	const calls, atOnce = 200, 25
	var right atomic.Int32
	turn := make(chan struct{}, atOnce)
	var wait sync.WaitGroup
	for i := range calls {
		turn <- struct{}{}
		wait.Go(func() {
			defer func() { <-turn }()
			name := fmt.Sprintf("caller%d", i)
			call := server.dial("3000", phone.Options{From: name})
			call.Impair(phone.Impairment{Seed: uint64(i), Loss: 0.05, Jitter: time.Duration(i%6) * 20 * time.Millisecond})
			if err := call.Press("904518", phone.Press{Duration: 40 * time.Millisecond, Gap: 60 * time.Millisecond}); err != nil {
				t.Errorf("call %d: %v", i, err)
				return
			}
			entered := func(m rooms.Member) bool { return m.Caller == name && m.Entered }
			for range 20 {
				if slices.ContainsFunc(server.live("3000").Members, entered) {
					right.Add(1)
					break
				}
				time.Sleep(250 * time.Millisecond)
			}
			_ = call.Hangup()
		})
	}
	wait.Wait()
	if got := right.Load(); got != calls {
		t.Errorf("%d of %d PINs were read right", got, calls)
	}
}
