package mixer

import (
	"testing"
	"time"

	"conclave/media"
	"conclave/media/tone"
)

// done tells that a recording has ended.
func done(r *Recording) bool {
	select {
	case <-r.Done():
		return true
	default:
		return false
	}
}

func TestRecordingHoldsWhatALegSays(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(s *Seat)
	}{
		{"before it enters", func(*Seat) {}},
		{"in the mix", func(s *Seat) { s.Enter() }},
		{"muted", func(s *Seat) { s.Enter(); s.Mute(true) }},
		{"below the threshold of talk", func(s *Seat) {
			s.Enter()
			s.DetectTalk(TalkOptions{Threshold: 30000, Drop: true})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClockwork(t, 1, 600)
			conf := c.engine.NewConference("x")
			speaker := c.phone(conf, tone.NewSine(8000, 437, -20))
			listener := c.phone(conf, nil)
			listener.seat.Enter()
			tt.prepare(speaker.seat)
			c.run(50)
			r := speaker.seat.Record(10 * time.Second)
			c.run(100)
			if done(r) {
				t.Error("it is over before its limit")
			}
			pcm, rate := r.Stop()
			if rate != 8000 || len(pcm) != 16000 {
				t.Fatalf("%d samples at %d Hz of 2 s", len(pcm), rate)
			}
			if level := tone.LevelAt(pcm, rate, 437); !near(level, -20, 0.2) {
				t.Errorf("recorded at %.1f dBFS, want -20", level)
			}
			if c := tone.Continuous(pcm, rate, 437); c.Click > 0.05 || c.Slip > 0.02 {
				t.Errorf("recorded with a gap: %+v", c)
			}
			c.run(10)
			if again, _ := r.Stop(); len(again) != len(pcm) {
				t.Errorf("it went on after Stop: %d samples, then %d", len(pcm), len(again))
			}
			if !done(r) {
				t.Error("Done is open after Stop")
			}
		})
	}
}

func TestRecordingEnds(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	speaker := c.phone(conf, tone.NewSine(8000, 437, -20))
	c.run(10)

	limited := speaker.seat.Record(490 * time.Millisecond) // no whole number of ticks
	c.run(24)
	if done(limited) {
		t.Error("over before the limit")
	}
	c.run(2)
	if pcm, _ := limited.Stop(); !done(limited) || len(pcm) != 3920 {
		t.Errorf("at the limit: over %v, %d samples, want 3920", done(limited), len(pcm))
	}

	first := speaker.seat.Record(time.Minute)
	c.run(5)
	second := speaker.seat.Record(time.Minute)
	c.run(5)
	if !done(first) || done(second) {
		t.Errorf("a second recording: the first is over %v, the second %v", done(first), done(second))
	}
	if pcm, _ := first.Stop(); len(pcm) != 800 {
		t.Errorf("the first holds %d samples, want 800", len(pcm))
	}

	c.release(speaker)
	if !done(second) {
		t.Error("the seat was released and its recording goes on")
	}
	if r := speaker.seat.Record(time.Minute); !done(r) {
		t.Error("a released seat records")
	}
}

func TestRecordingOfAHeldConferenceIsSilent(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	speaker := c.phone(conf, tone.NewSine(8000, 437, -20))
	c.run(10)
	r := speaker.seat.Record(time.Minute)
	c.run(50)
	speaker.apply(media.RecvOnly)
	c.run(50)
	pcm, _ := r.Stop()
	if len(pcm) != 16000 {
		t.Fatalf("%d samples of 2 s", len(pcm))
	}
	if level := tone.Level(pcm[8800:]); level > -60 {
		t.Errorf("the far end's hold music is recorded at %.1f dBFS", level)
	}
}
