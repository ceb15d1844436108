package recordings

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"conclave/media/tone"
	"conclave/mixer"
)

// becomingWide is a room of two in which one who has wide band comes after so many seconds. The first pauses in each fifth one.
func becomingWide(ann, bob *mixer.Seat, seconds uint64) *script {
	return newScript(0, func(tick uint64, put func(*mixer.Seat, []int16)) {
		rate := 8000
		if tick >= 50*seconds {
			rate = 16000
			put(bob, piece(5200, 16000, tick))
		}
		if tick/50%5 != 4 {
			put(nil, piece(437, rate, tick))
			put(ann, piece(437, 8000, tick))
		} else if rate == 16000 {
			put(nil, piece(5200, rate, tick))
		}
	})
}

// What was recorded in the narrow band until somebody in wide band comes is converted, and what he says is recorded wide. Who
// has no more keeps it.
func TestRecordingBecomesWideWithItsRoom(t *testing.T) {
	for name, append := range map[string]bool{"of a new recording": false, "of one that is continued": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio(t, Config{})
				begin := 0
				if append {
					begin = 30 * 16000
					r := s.shelf.Start(s.order(becomingWide(new(mixer.Seat), new(mixer.Seat), 100)))
					time.Sleep(30 * time.Second)
					r.Stop("over")
					<-r.Done()
				}
				ann, bob := new(mixer.Seat), new(mixer.Seat)
				source := becomingWide(ann, bob, 21)
				source.most = 40 * 50
				o := s.order(source)
				o.Tracks, o.Append = true, append
				r := s.shelf.Start(o)
				r.Join(Person{Call: "a", Name: "Ann", Seat: ann})
				r.Join(Person{Call: "b", Name: "Bob", Seat: bob})
				for range 41 { // it can be played all the time
					time.Sleep(time.Second)
					synctest.Wait()
					loaded, mix := s.load("board")
					if d := float64(len(mix)) / float64(loaded.Rate); math.Abs(d-loaded.Seconds) > 0.001 {
						t.Fatalf("%d samples of %d Hz in %.2f s", len(mix), loaded.Rate, loaded.Seconds)
					}
				}
				r.Stop("over")
				s.shelf.Close()
				loaded, mix := s.load("board")
				if loaded.Rate != 16000 || len(mix) != begin+40*16000 || loaded.State != StateComplete {
					t.Fatalf("%d samples of %+v", len(mix), loaded)
				}
				mix = mix[begin:]
				for at, hz := range map[int]float64{1: 437, 11: 437, 18: 437, 22: 437, 24: 5200, 29: 5200, 35: 437} {
					if level := tone.LevelAt(mix[at*16000+400:at*16000+15600], 16000, hz); math.Abs(level+12.25) > 0.2 {
						t.Errorf("second %d of the mix has %v Hz at %.2f dBFS", at, hz, level)
					}
				}
				for _, at := range []int{4, 9, 14, 19} { // pauses stay such, to the sample where they begin
					if level := tone.Level(mix[at*16000+100 : at*16000+15900]); level > -80 {
						t.Errorf("second %d of the mix has %.1f dBFS", at, level)
					}
				}
				if c := tone.Continuous(mix[10*16000+400:14*16000-400], 16000, 437); c.Click > 0.05 || c.Slip > 0.02 {
					t.Errorf("what was converted: %+v", c)
				}
				if rate, pcm := s.wav("board-member-1.wav"); rate != 8000 || len(pcm) != (begin+40*16000)/2 {
					t.Errorf("the narrow track has %d samples of %d Hz", len(pcm), rate)
				}
				rate, pcm := s.wav("board-member-2.wav")
				if rate != 16000 || len(pcm) != begin+40*16000 {
					t.Fatalf("the wide track has %d samples of %d Hz", len(pcm), rate)
				}
				if level := tone.LevelAt(pcm[begin+25*16000:], 16000, 5200); math.Abs(level+12.25) > 0.2 {
					t.Errorf("the wide track has its tone at %.2f dBFS", level)
				}
				if level := tone.Level(pcm[begin : begin+20*16000]); level > -90 {
					t.Errorf("the wide track begins at %.1f dBFS", level)
				}
				if left, err := filepath.Glob(s.dir + "/*" + widerSuffix); err != nil || len(left) > 0 {
					t.Errorf("left %v, %v", left, err)
				}
				if log := s.log.String(); log != "" {
					t.Errorf("log: %s", log)
				}
			})
		})
	}
}

// A disk that takes no wider file leaves the recording as it is, and whoever reads the log knows of it.
func TestRecordingThatCannotBecomeWideGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, Config{Sync: func(f *os.File) error {
			if strings.HasSuffix(f.Name(), widerSuffix) {
				return errors.New("the disk is worn out")
			}
			return syncFile(f)
		}})
		r := s.shelf.Start(s.order(becomingWide(new(mixer.Seat), new(mixer.Seat), 2)))
		time.Sleep(9 * time.Second)
		r.Stop("over")
		s.shelf.Close()
		loaded, mix := s.load("board")
		if loaded.Rate != 8000 || math.Abs(loaded.Seconds-9) > 0.1 || loaded.State != StateComplete || s.ended[0] != nil {
			t.Fatalf("%+v, ended %v", loaded, s.ended)
		}
		if c := tone.Continuous(mix[5*8000+200:9*8000-400], 8000, 437); c.Click > 0.05 || c.Slip > 0.02 {
			t.Errorf("%+v", c)
		}
		if log := s.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, "board.wav") || !strings.Contains(log, "worn out") {
			t.Errorf("log: %s", log)
		}
		if left, err := filepath.Glob(s.dir + "/*" + widerSuffix); err != nil || len(left) > 0 {
			t.Errorf("left %v, %v", left, err)
		}
	})
}

// What a killed server has left of a wider file goes when its recording is continued, or removed.
func TestHalfOfAWiderFileGoesWithItsRecording(t *testing.T) {
	for name, end := range map[string]func(s *studio) error{
		"continued": func(s *studio) error {
			o := s.order(becomingWide(new(mixer.Seat), new(mixer.Seat), 100))
			o.Append = true
			r := s.shelf.Start(o)
			time.Sleep(time.Second)
			r.Stop("over")
			<-r.Done()
			return s.ended[1]
		},
		"removed": func(s *studio) error { return Remove(s.dir, "board") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio(t, Config{})
				defer s.shelf.Close()
				r := s.shelf.Start(s.order(becomingWide(new(mixer.Seat), new(mixer.Seat), 100)))
				time.Sleep(2 * time.Second)
				r.Stop("over")
				<-r.Done()
				half := filepath.Join(s.dir, "board.wav"+widerSuffix)
				if err := os.WriteFile(half, make([]byte, 1000), 0o600); err != nil {
					t.Fatal(err)
				}
				if all, _, err := List(s.dir); err != nil || len(all) != 1 {
					t.Errorf("it is taken for a recording: %v, %v", all, err)
				}
				if err := end(s); err != nil {
					t.Fatal(err)
				}
				if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("it is there still: %v", err)
				}
			})
		})
	}
}
