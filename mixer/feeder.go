package mixer

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"conclave/media"
	"conclave/media/fault"
)

// feeder reads the playlists that are listened to, on a goroutine of its own: workers never wait for a disk.
type feeder struct {
	log     *slog.Logger
	faults  *fault.Log
	tuned   chan struct{} // somebody has begun to listen
	closing chan struct{}
	done    chan struct{}

	mu       sync.Mutex
	stations []*station          // all
	live     map[*station]uint64 // those that are read, by the tick in which somebody last began to listen
	wanted   map[*station]bool   // those that somebody has begun to listen to since the feeder looked
}

func newFeeder(log *slog.Logger, faults *fault.Log) *feeder {
	return &feeder{log: log, faults: faults, tuned: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{}),
		live: make(map[*station]uint64), wanted: make(map[*station]bool)}
}

// Playlist returns the music of a playlist. It has begun, whether or not somebody listens. The playlist is the engine's
// from then on, but for Change.
func (e *Engine) Playlist(playlist *media.Playlist) *Music {
	m := newMusic(len(e.workers))
	m.station = newStation(playlist, e.tick())
	f := e.feeder
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stations = append(f.stations, m.station)
	return m
}

// Retire lets go of a playlist's music as soon as nobody listens to it any more. It must not be given to anybody then.
func (e *Engine) Retire(m *Music) {
	f := e.feeder
	f.mu.Lock()
	defer f.mu.Unlock()
	m.station.closed = true
	f.drop(m.station)
}

// drop forgets a station that is of no use any more. f.mu is held.
func (f *feeder) drop(s *station) {
	if _, live := f.live[s]; s.closed && !live && !f.wanted[s] {
		f.stations = slices.DeleteFunc(f.stations, func(other *station) bool { return other == s })
	}
}

// tune has a station read, as somebody begins to listen. It waits for nothing.
func (f *feeder) tune(s *station) {
	f.mu.Lock()
	f.wanted[s] = true
	f.mu.Unlock()
	select {
	case f.tuned <- struct{}{}:
	default:
	}
}

// run reads until close. now tells the tick that is due.
func (f *feeder) run(now func() uint64) {
	defer close(f.done)
	f.faults.Keep(f.closing, "read playlists", func() { f.watch(now) })
}

func (f *feeder) watch(now func() uint64) {
	const pause = readAhead * tickTime / 6
	timer := time.NewTicker(pause)
	defer timer.Stop()
	for {
		if f.feed(now()) {
			timer.Reset(pause)
		} else {
			timer.Stop() // until somebody listens
		}
		select {
		case <-timer.C:
		case <-f.tuned:
		case <-f.closing:
			return
		}
	}
}

// feed reads what is to be heard from a tick on, and tells whether somebody listens.
func (f *feeder) feed(tick uint64) bool {
	live := f.listened(tick)
	for _, s := range live {
		if err := f.faults.Do("read a playlist", func() error { return s.fill(tick) }); err != nil {
			f.log.Warn("a track of a playlist is left out", "error", err)
		}
	}
	return len(live) > 0
}

// listened are the stations that somebody hears at a tick.
func (f *feeder) listened(tick uint64) (live []*station) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.wanted {
		f.live[s] = tick
	}
	clear(f.wanted)
	for s, since := range f.live {
		if since+idleAfter < tick && s.idle(tick) {
			delete(f.live, s)
			f.drop(s)
			continue
		}
		live = append(live, s)
	}
	return live
}

// late is how many frames were not there in time.
func (f *feeder) late() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	var n uint64
	for _, s := range f.stations {
		n += s.late.Load()
	}
	return n
}

// close ends run, and closes what is open.
func (f *feeder) close() {
	close(f.closing)
	<-f.done
	for _, s := range f.stations {
		s.playlist.Close()
	}
}
