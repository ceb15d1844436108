package recordings

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"conclave/media"
	"conclave/media/fault"
	"conclave/media/tone"
	"conclave/mixer"
)

// script is a source of sound whose ticks follow the clock of the test.
type script struct {
	began   time.Time
	rate    int // Hz, of the frames
	frames  func(tick uint64, put func(seat *mixer.Seat, pcm []int16))
	lost    atomic.Uint64
	read    uint64 // ticks
	lent    [][]int16
	stopped atomic.Bool
	most    uint64 // ticks that there will be; 0: no end
}

const firstTick = 4711

func newScript(rate int, frames func(tick uint64, put func(*mixer.Seat, []int16))) *script {
	return &script{began: time.Now(), rate: rate, frames: frames}
}

func (s *script) now() uint64 {
	n := uint64(time.Since(s.began) / (20 * time.Millisecond))
	if s.most > 0 {
		n = min(n, s.most)
	}
	return n
}

func (s *script) Span() (first, last uint64) {
	if s.now() == 0 {
		return 0, 0
	}
	return firstTick, firstTick + s.now() - 1
}

func (s *script) Read(take func(mixer.Stretch)) {
	for ; s.read < s.now(); s.read++ {
		s.frames(s.read, func(seat *mixer.Seat, pcm []int16) {
			s.lent = append(s.lent, pcm)
			take(mixer.Stretch{Tick: firstTick + s.read, Seat: seat, Rate: len(pcm) * media.FramesPerSecond, PCM: pcm})
		})
	}
}

// Return has other sound lie where the recorder may not look any more.
func (s *script) Return() {
	for _, pcm := range s.lent {
		for i := range pcm {
			pcm[i] = 12345
		}
	}
	s.lent = s.lent[:0]
}

func (s *script) Lost() uint64 { return s.lost.Load() }
func (s *script) Stop()        { s.stopped.Store(true) }

// piece is a part of a sine that runs on over all ticks.
func piece(hz float64, rate int, tick uint64) []int16 {
	pcm := make([]int16, rate/media.FramesPerSecond)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(int(tick)*len(pcm)+i)/float64(rate)))
	}
	return pcm
}

// studio is a shelf with one recording on it.
type studio struct {
	t     *testing.T
	dir   string
	shelf *Shelf
	log   bytes.Buffer
	mu    sync.Mutex
	ended []error
	names []string
}

func newStudio(t *testing.T, config Config) *studio {
	s := &studio{t: t, dir: config.Dir}
	if s.dir == "" {
		s.dir = filepath.Join(t.TempDir(), "recordings")
	}
	config.Dir, config.Log = s.dir, slog.New(slog.NewTextHandler(&s.log, nil))
	s.shelf = Open(config)
	return s
}

func (s *studio) order(source Source) Order {
	return Order{Source: source, Name: "board", Room: "1000", Title: "Board",
		Figures: func() []Figures { return nil },
		Opened: func(name string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.names = append(s.names, name)
		},
		Ended: func(err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.ended = append(s.ended, err)
		},
	}
}

// load reads a recording back, and its mix.
func (s *studio) load(name string) (Recording, []int16) {
	s.t.Helper()
	r, err := Load(s.dir, name)
	if err != nil {
		s.t.Fatal(err)
	}
	_, pcm := s.wav(name + ".wav")
	return r, pcm
}

func (s *studio) wav(file string) (rate int, pcm []int16) {
	s.t.Helper()
	f, err := os.Open(filepath.Join(s.dir, file))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	rate, samples, err := readHeader(f)
	if err != nil {
		s.t.Fatal(err)
	}
	err = eachBlock(s.t.Context(), f, samples, func(block []int32) error {
		for _, v := range block {
			pcm = append(pcm, int16(v))
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return rate, pcm
}

func TestTracksStayOnOneClockForTenMinutes(t *testing.T) {
	for _, tt := range []struct {
		name             string
		rate, mix, track int // Hz
	}{
		{"8 kHz", 8000, 8000, 8000},
		{"16 kHz", 16000, 16000, 16000},
		{"a mix of 8 kHz in a file of 16", 8000, 16000, 8000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio(t, Config{})
				ann, bob := new(mixer.Seat), new(mixer.Seat)
				// Ann clicks each second, Bob in each odd one; of each minute a second is missing altogether.
				click := make([]int16, tt.rate/media.FramesPerSecond)
				for i := range click {
					click[i] = 10000
				}
				source := newScript(tt.rate, func(tick uint64, put func(*mixer.Seat, []int16)) {
					second := tick / 50
					if tick%50 != 7 || second%60 == 59 {
						return
					}
					put(nil, click)
					put(ann, click)
					if second%2 == 1 {
						put(bob, click)
					}
				})
				const minutes = 10
				source.most = minutes * 60 * 50
				o := s.order(source)
				o.Tracks, o.Wide = true, tt.mix == 16000
				r := s.shelf.Start(o)
				r.Join(Person{Call: "a", Name: "Ann", Seat: ann})
				r.Join(Person{Call: "b", Name: "Bob", Seat: bob})
				time.Sleep(minutes*time.Minute + time.Second)
				r.Stop("over")
				s.shelf.Close()
				loaded, mix := s.load("board")
				if loaded.Seconds != minutes*60 || loaded.Rate != tt.mix || loaded.State != StateComplete || loaded.Reason != "over" {
					t.Fatalf("%+v", loaded)
				}
				for track, odd := range map[string]bool{"board": false, "board-member-1": false, "board-member-2": true} {
					rate, pcm := s.wav(track + ".wav")
					if want := map[bool]int{true: tt.mix, false: tt.track}[track == "board"]; rate != want || len(pcm)*tt.mix != len(mix)*rate {
						t.Fatalf("%s has %d samples of %d Hz, the mix %d of %d", track, len(pcm), rate, len(mix), tt.mix)
					}
					want := 0
					for n := 0; n < len(pcm); {
						if pcm[n] < 5000 { // half of the click: where a filter does not move it
							n++
							continue
						}
						for want%60 == 59 || odd && want%2 == 0 {
							want++
						}
						at := want*rate + 7*rate/50
						if d := n - at; d < -rate/1000 || d > rate/1000 {
							t.Fatalf("%s: the click of second %d is %d samples off", track, want, d)
						}
						want++
						n += rate / 2
					}
					if want < minutes*60-2 {
						t.Fatalf("%s ends with second %d", track, want)
					}
				}
				if log := s.log.String(); log != "" {
					t.Errorf("log: %s", log)
				}
			})
		})
	}
}

func TestResampledStretchesAreWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, Config{})
		source := newScript(0, func(tick uint64, put func(*mixer.Seat, []int16)) {
			rate := 8000
			if tick >= 100 {
				rate = 16000 // the first wide-band member has come
			}
			put(nil, piece(437, rate, tick))
		})
		o := s.order(source)
		o.Wide = true
		r := s.shelf.Start(o)
		time.Sleep(4050 * time.Millisecond)
		r.Stop("over")
		s.shelf.Close()
		_, mix := s.load("board")
		for name, part := range map[string][]int16{"narrow": mix[1600:30000], "wide": mix[34000:62000]} {
			if level := tone.LevelAt(part, 16000, 437); math.Abs(level - -12.25) > 0.2 {
				t.Errorf("%s: %.2f dBFS", name, level)
			}
			if c := tone.Continuous(part, 16000, 437); c.Click > 0.05 || c.Slip > 0.02 {
				t.Errorf("%s: %+v", name, c)
			}
		}
	})
}

func TestRecordingCanBePlayedAtEachMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		synced := 0
		s := newStudio(t, Config{Sync: func(f *os.File) error {
			if strings.HasSuffix(f.Name(), "board.wav") {
				synced++
			}
			return syncFile(f)
		}})
		o := s.order(newScript(8000, func(tick uint64, put func(*mixer.Seat, []int16)) { put(nil, piece(437, 8000, tick)) }))
		o.Tracks = true
		r := s.shelf.Start(o)
		r.Join(Person{Call: "a", Name: "Ann", Seat: new(mixer.Seat)}) // who says nothing
		for second := 1; second <= 20; second++ {
			time.Sleep(time.Second)
			synctest.Wait()
			loaded, mix := s.load("board")
			if loaded.State != StateRunning {
				t.Fatalf("state %s", loaded.State)
			}
			if lag := float64(second) - loaded.Seconds; lag < 0 || lag > 1 {
				t.Errorf("after %d s it has %.2f s", second, loaded.Seconds)
			}
			if second > 1 {
				if _, track := s.wav("board-member-1.wav"); len(track) != len(mix) {
					t.Errorf("after %d s the track of who is silent has %d samples, the mix %d", second, len(track), len(mix))
				}
			}
			if len(mix) > 8000 {
				if c := tone.Continuous(mix, 8000, 437); c.Click > 0.05 || c.Slip > 0.02 {
					t.Errorf("after %d s: %+v", second, c)
				}
			}
		}
		if synced < 19 {
			t.Errorf("%d times on the disk in 20 s", synced)
		}
		r.Stop("over")
		s.shelf.Close()
		for path, mode := range map[string]os.FileMode{s.dir: os.ModeDir | 0o700, s.dir + "/board.wav": 0o600, s.dir + "/board.jsonl": 0o600} {
			if info, err := os.Stat(path); err != nil || info.Mode() != mode {
				t.Errorf("%s: %v, %v, want mode %v", path, info.Mode(), err, mode)
			}
		}
	})
}

func TestDiskThatIsSlowLosesNothingUpToTenSecondsAndIsToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, Config{Sync: func(*os.File) error {
			time.Sleep(5 * time.Second)
			return nil
		}})
		source := newScript(8000, func(tick uint64, put func(*mixer.Seat, []int16)) { put(nil, piece(437, 8000, tick)) })
		r := s.shelf.Start(s.order(source))
		r.Join(Person{Call: "a"}) // returns at once
		time.Sleep(time.Minute)
		source.lost.Store(3)
		r.Stop("over")
		s.shelf.Close()
		loaded, mix := s.load("board")
		if loaded.Seconds < 60 || loaded.Lost != 0.06 || len(loaded.Members) != 1 {
			t.Errorf("%+v", loaded)
		}
		if c := tone.Continuous(mix, 8000, 437); c.Click > 0.05 || c.Slip > 0.02 {
			t.Errorf("%+v", c)
		}
		if n := strings.Count(s.log.String(), "too slow"); n != 1 {
			t.Errorf("log: %s", s.log.String())
		}
	})
}

func TestDiskThatIsFullEndsTheRecordingOnce(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a small disk can only be made as root")
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=200k"); err != nil {
		t.Skipf("no tmpfs can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, Config{Dir: filepath.Join(disk, "recordings")})
		source := newScript(8000, func(tick uint64, put func(*mixer.Seat, []int16)) { put(nil, piece(437, 8000, tick)) })
		r := s.shelf.Start(s.order(source))
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(s.ended) != 1 || !errors.Is(s.ended[0], syscall.ENOSPC) || !source.stopped.Load() {
			t.Fatalf("ended %v, stopped %v", s.ended, source.stopped.Load())
		}
		r.Talk("a", true, 0) // and whatever else the conference does
		r.Stop("over")
		s.shelf.Close()
		loaded, mix := s.load("board")
		if loaded.State != StateCut || loaded.Seconds < 8 || loaded.Seconds > 13 {
			t.Errorf("%+v", loaded)
		}
		if c := tone.Continuous(mix, 8000, 437); c.Click > 0.05 || c.Slip > 0.02 {
			t.Errorf("%+v", c)
		}
		// The next one is refused, and leaves nothing.
		second := newStudio(t, Config{Dir: s.dir})
		if err := os.WriteFile(filepath.Join(disk, "rest"), make([]byte, 200<<10), 0o600); err == nil {
			t.Fatal("the disk is not full")
		}
		o := second.order(newScript(8000, func(uint64, func(*mixer.Seat, []int16)) {}))
		o.Name = "second"
		second.shelf.Start(o)
		time.Sleep(time.Second)
		second.shelf.Close()
		if len(second.ended) != 1 || !errors.Is(second.ended[0], syscall.ENOSPC) || len(second.names) > 0 {
			t.Errorf("ended %v, opened %v", second.ended, second.names)
		}
		left, err := filepath.Glob(s.dir + "/second*")
		if err != nil || len(left) > 0 {
			t.Errorf("left %v, %v", left, err)
		}
	})
}

func TestDiskThatCannotBeWrittenIsNamed(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a disk can only be made read-only as root")
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=200k"); err != nil {
		t.Skipf("no tmpfs can be mounted here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(disk, 0) })
	if err := os.Mkdir(filepath.Join(disk, "recordings"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, Config{Dir: filepath.Join(disk, "recordings")})
		s.shelf.Start(s.order(newScript(8000, func(uint64, func(*mixer.Seat, []int16)) {})))
		time.Sleep(time.Second)
		s.shelf.Close()
		if len(s.ended) != 1 || !errors.Is(s.ended[0], syscall.EROFS) || !strings.Contains(s.ended[0].Error(), "board.jsonl") {
			t.Errorf("ended %v", s.ended)
		}
	})
}

// A disk that fails when something is to be brought to it ends the recording, names the file, and leaves what there is; where the
// recording has not begun by then there is nothing.
func TestDiskThatFailsToSyncEndsTheRecordingAndNamesTheFile(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		times      int // that it works
		begun      bool
	}{
		{"the directory, at the begin", "recordings", 0, false},
		{"the mix", "board.wav", 2, true},
		{"a track", "board-member-1.wav", 2, true},
		{"the diary", "board.jsonl", 2, true},
		{"the mix, at the end", "board.wav", 6, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				left := tt.times
				s := newStudio(t, Config{Sync: func(f *os.File) error {
					if filepath.Base(filepath.Clean(f.Name())) == tt.file {
						if left--; left < 0 {
							return fmt.Errorf("sync %s: %w", tt.file, syscall.EIO)
						}
					}
					return syncFile(f)
				}})
				ann := new(mixer.Seat)
				source := newScript(8000, func(tick uint64, put func(*mixer.Seat, []int16)) {
					put(nil, piece(437, 8000, tick))
					put(ann, piece(437, 8000, tick))
				})
				o := s.order(source)
				o.Tracks = true
				r := s.shelf.Start(o)
				r.Join(Person{Call: "a", Name: "Ann", Seat: ann})
				for range 5 {
					time.Sleep(time.Second)
					r.Talk("a", true, 0)
					r.Talk("a", false, 0)
				}
				r.Stop("over")
				s.shelf.Close()
				if len(s.ended) != 1 || !errors.Is(s.ended[0], syscall.EIO) || !strings.Contains(s.ended[0].Error(), tt.file) || !source.stopped.Load() {
					t.Fatalf("ended %v, the source is stopped: %v", s.ended, source.stopped.Load())
				}
				if files, err := filepath.Glob(s.dir + "/*"); !tt.begun && (err != nil || len(files) > 0 || len(s.names) > 0) {
					t.Errorf("left %v of what has not begun, opened %v, %v", files, s.names, err)
				}
				if !tt.begun {
					return
				}
				loaded, mix := s.load("board")
				if _, track := s.wav("board-member-1.wav"); len(track) != len(mix) || float64(len(mix))/8000 != loaded.Seconds || loaded.Seconds < 1.5 {
					t.Errorf("the track has %d samples, the mix %d, the recording %.2f s", len(track), len(mix), loaded.Seconds)
				}
				if c := tone.Continuous(mix, 8000, 437); c.Click > 0.05 || c.Slip > 0.02 {
					t.Errorf("%+v", c)
				}
			})
		})
	}
}

// Talk is noted where its sound is, however late the recorder is told of it, also in a recording that is continued.
func TestTalkIsNotedWhereItsSoundIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, Config{})
		for round := range 2 {
			ann := new(mixer.Seat)
			source := newScript(8000, func(tick uint64, put func(*mixer.Seat, []int16)) {
				if tick >= 70 && tick < 120 {
					put(ann, piece(437, 8000, tick))
				}
			})
			source.most = 250
			o := s.order(source)
			o.Tracks, o.Append = true, true
			r := s.shelf.Start(o)
			r.Join(Person{Call: "a", Name: "Ann", Seat: ann})
			time.Sleep(3 * time.Second)
			r.Talk("a", true, firstTick+70)
			time.Sleep(3 * time.Second)
			r.Talk("a", false, firstTick+120)
			r.Stop("over")
			<-r.Done()
			loaded, _ := s.load("board")
			want := Span{5*float64(round) + 1.4, 5*float64(round) + 2.4}
			if talks := loaded.Members[0].Talks; len(talks) != round+1 || talks[round] != want {
				t.Errorf("talks %v, want %v at last", talks, want)
			}
			_, pcm := s.wav("board-member-1.wav")
			if at := slices.IndexFunc(pcm[round*40000:], func(v int16) bool { return v != 0 }); at < 11200 || at > 11200+8 {
				t.Errorf("its sound begins at sample %d of round %d", at, round)
			}
		}
		s.shelf.Close()
	})
}

func TestRecordingIsContinued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, Config{})
		frames := func(hz float64) func(uint64, func(*mixer.Seat, []int16)) {
			return func(tick uint64, put func(*mixer.Seat, []int16)) { put(nil, piece(hz, 8000, tick)) }
		}
		ann := Person{Call: "a", Name: "Ann"}
		var last *Recorder
		for _, hz := range []float64{437, 1031} {
			o := s.order(newScript(8000, frames(hz)))
			o.Append, o.Tracks, o.After = true, true, last
			last = s.shelf.Start(o)
			last.Join(ann)
			last.Talk("a", true, 0)
			time.Sleep(3 * time.Second)
			if hz > 1000 {
				last.Join(Person{Call: "b", Name: "Bob"})
			}
			last.Talk("a", false, 0)
			last.Stop("over")
			// The next one waits by itself until this one is written.
		}
		s.shelf.Close()
		loaded, mix := s.load("board")
		if d := loaded.Seconds - 6; math.Abs(d) > 0.1 || loaded.State != StateComplete {
			t.Errorf("%+v", loaded)
		}
		if a, b := tone.LevelAt(mix[:23000], 8000, 437), tone.LevelAt(mix[25000:47000], 8000, 1031); a < -13 || b < -13 {
			t.Errorf("the first has %.1f dBFS, the second %.1f", a, b)
		}
		if len(loaded.Members) != 2 || loaded.Members[0].Name != "Ann" || len(loaded.Members[0].Talks) != 2 || loaded.Members[1].Track != "board-member-2.wav" {
			t.Errorf("members %+v", loaded.Members)
		}
		if talked := loaded.Members[0].Talked; math.Abs(talked-6) > 0.2 {
			t.Errorf("Ann has talked for %v s of 6", talked)
		}
	})
}

func TestNamesThatAreTakenAreNotOverwritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, Config{})
		for range 3 {
			r := s.shelf.Start(s.order(newScript(8000, func(uint64, func(*mixer.Seat, []int16)) {})))
			time.Sleep(time.Second)
			r.Stop("over")
		}
		time.Sleep(time.Second)
		// One that is being recorded is not continued by another.
		r := s.shelf.Start(s.order(newScript(8000, func(uint64, func(*mixer.Seat, []int16)) {})))
		time.Sleep(time.Second)
		o := s.order(newScript(8000, func(uint64, func(*mixer.Seat, []int16)) {}))
		o.Name, o.Append = "board-4", true
		s.shelf.Start(o)
		time.Sleep(time.Second)
		if err := Remove(s.dir, "board-4"); !errors.Is(err, errRecording) {
			t.Errorf("removed while it was recorded: %v", err)
		}
		r.Stop("over")
		s.shelf.Close()
		if want := []string{"board", "board-2", "board-3", "board-4"}; !slices.Equal(s.names, want) {
			t.Errorf("names %v, want %v", s.names, want)
		}
		if last := fmt.Sprint(s.ended[3]); !strings.Contains(last, "being recorded") {
			t.Errorf("ended %v", s.ended)
		}
	})
}

func TestRecordingsThatGoOnAreCompleteWhenTheShelfIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, Config{})
		s.shelf.Start(s.order(newScript(8000, func(tick uint64, put func(*mixer.Seat, []int16)) { put(nil, piece(437, 8000, tick)) })))
		time.Sleep(2300 * time.Millisecond)
		s.shelf.Close()
		if r, _ := s.load("board"); r.State != StateComplete || r.Reason != "the server has ended" || r.Seconds < 2.28 {
			t.Errorf("%+v", r)
		}
	})
}

func TestRecordingThatIsFullIsContinuedInAnotherFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, Config{})
		if err := os.MkdirAll(s.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		const left = 61 * 8000 // samples
		full := filepath.Join(s.dir, "board.wav")
		if err := os.WriteFile(full, header(8000, longest-left), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(full, headerSize+2*(longest-left)); err != nil {
			t.Skipf("the disk takes no file of 4 GB: %v", err)
		}
		for range 2 {
			o := s.order(newScript(8000, func(tick uint64, put func(*mixer.Seat, []int16)) { put(nil, piece(437, 8000, tick)) }))
			o.Append = true
			s.shelf.Start(o)
			time.Sleep(63 * time.Second)
			synctest.Wait()
		}
		s.shelf.Close()
		if want := []string{"board", "board-2"}; !slices.Equal(s.names, want) || len(s.ended) != 2 || !errors.Is(s.ended[0], ErrLongest) || s.ended[1] != nil {
			t.Errorf("names %v, ended %v", s.names, s.ended)
		}
		if r, err := Load(s.dir, "board"); err != nil || r.Seconds < float64(longest/8000)-2 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestFilesThatAreNotOursAreNotGoneOnWith(t *testing.T) {
	for name, text := range map[string][]byte{"44100 Hz": append(header(44100, 2), 1, 2, 3, 4), "text": []byte("hello"), "nothing": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio(t, Config{})
				file := filepath.Join(s.dir, "board.wav")
				if err := errors.Join(os.MkdirAll(s.dir, 0o700), os.WriteFile(file, text, 0o600)); err != nil {
					t.Fatal(err)
				}
				o := s.order(newScript(8000, func(tick uint64, put func(*mixer.Seat, []int16)) { put(nil, piece(437, 8000, tick)) }))
				o.Append = true
				s.shelf.Start(o)
				time.Sleep(time.Second)
				s.shelf.Close()
				if len(s.ended) != 1 || s.ended[0] == nil || !strings.Contains(s.ended[0].Error(), "board.wav") {
					t.Errorf("ended %v", s.ended)
				}
				if after, err := os.ReadFile(file); err != nil || !bytes.Equal(after, text) {
					t.Errorf("the file has become %q, %v", after, err)
				}
			})
		})
	}
}

// A mistake in the work on one recording ends that one, and the next is written to its end.
func TestFaultCostsOneRecording(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults := fault.NewLog(nil)
		s := newStudio(t, Config{Faults: faults})
		sound := func(tick uint64, put func(*mixer.Seat, []int16)) { put(nil, piece(440, 8000, tick)) }
		failing := newScript(8000, func(tick uint64, put func(*mixer.Seat, []int16)) {
			if sound(tick, put); tick == 100 {
				panic("a mistake in reading a tick")
			}
		})
		first := s.shelf.Start(s.order(failing))
		time.Sleep(10 * time.Second)
		<-first.Done()
		if len(s.ended) != 1 || s.ended[0] == nil || !failing.stopped.Load() || faults.Count() != 1 {
			t.Fatalf("ended by %v, %d faults", s.ended, faults.Count())
		}
		order := s.order(newScript(8000, sound))
		order.Name = "next"
		next := s.shelf.Start(order)
		time.Sleep(5 * time.Second)
		next.Stop("over")
		s.shelf.Close()
		if r, pcm := s.load("next"); s.ended[1] != nil || r.State != StateComplete || len(pcm) < 4*8000 {
			t.Errorf("the next one ended by %v, %s, with %d samples", s.ended[1], r.State, len(pcm))
		}
	})
}
