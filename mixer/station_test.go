package mixer

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

// storedTone writes a track that is a tone.
func storedTone(t testing.TB, hz float64, samples int) media.Track {
	t.Helper()
	file := filepath.Join(t.TempDir(), "track.wav")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := media.WriteWAV(out, media.PlaylistRate, tone.Make(media.PlaylistRate, hz, -20, samples)); err != nil {
		t.Fatal(err)
	}
	return media.Track{File: file, Samples: int64(samples)}
}

// station makes a playlist that begins at the clockwork's next tick.
func (c *clockwork) station(tracks ...media.Track) *Music {
	m := newMusic(len(c.engine.workers))
	m.station = newStation(media.NewPlaylist(tracks, false), c.turn/slots)
	c.engine.feeder.stations = append(c.engine.feeder.stations, m.station)
	c.t.Cleanup(m.station.playlist.Close)
	return m
}

// listen runs ticks while the feeder does its part now and then.
func (c *clockwork) listen(ticks int) {
	for ; ticks > 0; ticks -= 25 {
		c.engine.feeder.feed(c.turn / slots)
		c.run(min(ticks, 25))
	}
}

func TestAPlaylistIsHeardByAllAtTheSamePlace(t *testing.T) {
	c := newClockwork(t, 1, 600)
	// A second of each tone.
	music := c.station(storedTone(t, 700, 16000), storedTone(t, 1300, 16000))
	first := c.phone(c.engine.NewConference("a"), nil)
	first.seat.Music(music)
	c.listen(50)
	second := c.phone(c.engine.NewConference("b"), nil)
	second.seat.Music(music)
	c.listen(40)
	if late := c.engine.Stats().MusicLate; late != 0 {
		t.Errorf("%d frames were late", late)
	}
	for _, p := range c.phones {
		heard := p.heard[len(p.heard)-10*160:]
		if level := tone.LevelAt(heard, 8000, 1300); math.Abs(level+20) > 0.5 {
			t.Errorf("the second track at %.1f dBFS, want -20", level)
		}
		if level := tone.LevelAt(heard, 8000, 700); level > -50 {
			t.Errorf("the first track still at %.1f dBFS", level)
		}
	}
}

func TestAPlaylistGoesOnWhileNobodyListens(t *testing.T) {
	c := newClockwork(t, 1, 600)
	music := c.station(storedTone(t, 700, 16000), storedTone(t, 1300, 15*16000))
	p := c.phone(c.engine.NewConference("a"), nil)
	p.seat.Music(music)
	c.listen(25)
	p.seat.Music(nil)
	c.listen(idleAfter + 100) // the second track has long begun, and the feeder rests
	if c.engine.feeder.feed(c.turn / slots) {
		t.Error("the playlist is read though nobody listens")
	}
	c.run(1)
	p.seat.Music(music)
	c.listen(75)
	heard := p.heard[len(p.heard)-20*160:]
	if level := tone.LevelAt(heard, 8000, 1300); math.Abs(level+20) > 0.5 {
		t.Errorf("the second track at %.1f dBFS, want -20: music goes on where it would be", level)
	}
	if late := c.engine.Stats().MusicLate; late != 0 {
		t.Errorf("%d frames were late", late)
	}
}

func TestWhatIsNotReadInTimeIsSilenceAndCounted(t *testing.T) {
	c := newClockwork(t, 1, 600)
	music := c.station(storedTone(t, 700, 160000))
	p := c.phone(c.engine.NewConference("a"), nil)
	p.seat.Music(music)
	c.listen(25)
	c.run(readAhead) // the disk stands still
	if late := c.engine.Stats().MusicLate; late < 20 || late > 30 {
		t.Errorf("%d frames late, want about 25", late)
	}
	if level := tone.Level(p.heard[len(p.heard)-5*160:]); level > -60 {
		t.Errorf("%.1f dBFS where there is nothing, want silence", level)
	}
	c.listen(50)
	if level := tone.LevelAt(p.heard[len(p.heard)-10*160:], 8000, 700); math.Abs(level+20) > 0.5 {
		t.Errorf("afterwards at %.1f dBFS, want -20", level)
	}
}

func TestARetiredPlaylistIsForgottenOnceNobodyListens(t *testing.T) {
	c := newClockwork(t, 1, 600)
	music := c.station(storedTone(t, 700, 16000))
	p := c.phone(c.engine.NewConference("a"), nil)
	p.seat.Music(music)
	c.listen(25)
	c.engine.Retire(music)
	c.listen(idleAfter + 50)
	if n := len(c.engine.feeder.stations); n != 1 {
		t.Errorf("%d stations while somebody listens, want 1", n)
	}
	p.seat.Music(nil)
	c.listen(idleAfter + 100)
	if n := len(c.engine.feeder.stations); n != 0 {
		t.Errorf("%d stations afterwards, want none", n)
	}
}
