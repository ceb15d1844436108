package bench

import (
	"testing"
	"time"
)

func TestTalkersHaveTonesOfTheirOwn(t *testing.T) {
	for _, all := range []int{1, 3, 50, 500} {
		seen := map[float64]bool{}
		for k := range all {
			hz := toneOf(k, all)
			if hz < 300 || hz > 3400 || seen[hz] {
				t.Errorf("talker %d of %d has %g Hz", k, all, hz)
			}
			seen[hz] = true
		}
	}
}

// earOf makes a member of a conference of two rooms with three talkers each, that hears the tones of some.
func earOf(b *bench, room, talker int, heard ...[2]int) *caller {
	c := &caller{ear: newEar(room, talker, 3*time.Second, codings["pcmu"])}
	coded := make([]int32, sampleRate)
	for _, h := range heard {
		for i, s := range codings["pcmu"].decode(codings["pcmu"].talk(b.toneOf(h[0], h[1])).packets) {
			coded[i] += int32(s)
		}
	}
	pcm := make([]int16, len(coded))
	for i, s := range coded {
		pcm[i] = int16(s)
	}
	v := codings["pcmu"].newVoice(pcm)
	for n := range 150 {
		c.ear.hear(v.frame(n), uint32(n)*rtpTick, int64(n)*perTick)
	}
	return c
}

func TestHearingTellsWhatIsHeardAndWhatMustNotBe(t *testing.T) {
	b := &bench{Config: Config{Rooms: 2, Talkers: 3, Members: 10}, heardLevel: talkLevel}
	all := [][2]int{{0, 0}, {0, 1}, {0, 2}}
	for _, tt := range []struct {
		name         string
		talker       int
		heard        [][2]int
		tones, found int
		own, stray   bool
	}{
		{"a listener who hears all", -1, all, 3, 3, false, false},
		{"a listener who misses one", -1, all[:2], 3, 2, false, false},
		{"a talker", 1, [][2]int{{0, 0}, {0, 2}}, 2, 2, false, false},
		{"a talker who hears himself", 1, all, 2, 2, true, false},
		{"one who hears another room", -1, append(all[:3:3], [2]int{1, 0}), 3, 3, false, true},
		{"one who hears nothing", 2, nil, 2, 0, false, false},
	} {
		h := b.hearing([]*caller{{}, earOf(b, 0, tt.talker, tt.heard...)})
		if h.Ears != 1 || h.Tones != tt.tones || h.Heard != tt.found || (h.Own > -60) != tt.own || (h.Stray > -60) != tt.stray {
			t.Errorf("%s: %+v", tt.name, h)
		}
	}
}

func TestDelayIsMeasuredFromSampleToSample(t *testing.T) {
	const late = 13 * time.Millisecond // from packet to packet
	const shift = 57                   // samples later in the packet
	talker, listener := newEar(0, 0, 10*time.Second, codings["pcmu"]), newEar(0, -1, 10*time.Second, codings["pcmu"])
	voice := codings["pcmu"].burstVoice(4)
	pcm := codings["pcmu"].decode(voice.packets)
	shifted := codings["pcmu"].newVoice(append(pcm[len(pcm)-shift:len(pcm):len(pcm)], pcm[:len(pcm)-shift]...))
	for n := range 500 {
		talker.spoken = append(talker.spoken, utterance{n, int64(n) * perTick})
		listener.hear(shifted.frame(n), uint32(n)*rtpTick, int64(n)*perTick+int64(late))
	}
	found, sounds := delays(talker, listener, burst(4))
	if sounds < 8 || len(found) != sounds {
		t.Fatalf("%d of %d sounds found", len(found), sounds)
	}
	for _, d := range found {
		if want := late + shift*time.Second/sampleRate; d != want {
			t.Errorf("delay %v, want %v", d, want)
		}
	}
	if found, _ := delays(talker, listener, burst(5)); len(found) > 0 {
		t.Errorf("another talker's sound was found %d times", len(found))
	}
}

func TestDeviationOfArrivals(t *testing.T) {
	e := newEar(0, -1, time.Second, codings["pcmu"])
	coded := make([]byte, payload)
	for _, a := range []arrival{{0, 0}, {20e6, 160}, {41e6, 320}, {79e6, 640}} {
		e.hear(coded, a.timestamp, a.at)
	}
	got := quantilesOf(e.deviations())
	if got.Count != 3 || got.Max != 2*time.Millisecond || got.Median != time.Millisecond {
		t.Errorf("%+v, want 0, 1 and 2 ms", got)
	}
}

func TestSampleHoldsTalkersAndListeners(t *testing.T) {
	for _, c := range []Config{{Members: 500, Rooms: 1, Talkers: 3}, {Members: 500, Rooms: 50, Talkers: 1}, {Members: 100, Rooms: 50, Talkers: 1}, {Members: 500, Rooms: 1, Talkers: 500}, {Members: 3000, Rooms: 300, Talkers: 2}} {
		c.Length = 20 * time.Second
		b := &bench{Config: c}
		talkers, listeners := 0, 0
		for i := range c.Members {
			if room, place := i%c.Rooms, i/c.Rooms; !b.sampled(room, place) {
				continue
			} else if place < c.Talkers {
				talkers++
			} else {
				listeners++
			}
		}
		if talkers == 0 || talkers+listeners > maxEars || listeners == 0 && c.Talkers*c.Rooms < c.Members {
			t.Errorf("%+v: %d talkers and %d listeners are sampled", c, talkers, listeners)
		}
	}
}
