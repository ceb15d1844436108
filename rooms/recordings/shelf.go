// Package recordings keeps recordings of conferences: it writes them, with a diary of who came and talked, so that they can be
// played at each moment, also after the server was killed; it lists, removes and exports them, and draws who talked when.
package recordings

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"conclave/media/fault"
)

// Config is how recordings are kept.
type Config struct {
	Dir   string // made, with mode 0700, when the first recording begins
	Days  int    // for which a recording is kept that is over; 0: always
	Bytes int64  // that all recordings may take on the disk; 0: as much as there is
	Log   *slog.Logger
	// Faults counts what has failed in the program itself; nil: nobody does.
	Faults *fault.Log
	// Await, if not nil, is closed once another server has let go of its recordings: none is opened before.
	Await <-chan struct{}
	// Sync brings a file to the disk; nil: fdatasync.
	Sync func(*os.File) error
}

// Shelf is where a server's recordings are written and old ones removed. All methods may be called from any goroutine.
type Shelf struct {
	config Config
	work   sync.WaitGroup
	tidy   chan struct{} // asks for old recordings to be removed
	end    chan struct{}

	mu sync.Mutex // held while files are claimed by a recording, or removed
}

// Open begins to keep recordings. Close ends it.
func Open(c Config) *Shelf {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Sync == nil {
		c.Sync = syncFile
	}
	s := &Shelf{config: c, tidy: make(chan struct{}, 1), end: make(chan struct{})}
	s.work.Go(func() { c.Faults.Keep(s.end, "remove old recordings", s.keepTidy) })
	return s
}

// Close ends the recordings that go on, and waits until all are written to their end.
func (s *Shelf) Close() {
	close(s.end)
	s.work.Wait()
}

// await waits until recordings may be opened. The error tells that the shelf was closed before.
func (s *Shelf) await() error {
	if s.config.Await == nil {
		return nil
	}
	select {
	case <-s.config.Await:
		return nil
	case <-s.end:
		return errNotReleased
	}
}

var errNotReleased = errors.New("another server has it still")

// root opens the directory, which is for its owner alone.
func (s *Shelf) root() (*os.Root, error) {
	if err := os.MkdirAll(s.config.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the directory of recordings: %w", err)
	}
	// It may have been there with another mode; on a disk that cannot be written its files cannot either, and say so.
	if err := os.Chmod(s.config.Dir, 0o700); err != nil && !errors.Is(err, unix.EROFS) {
		return nil, fmt.Errorf("protect the directory of recordings: %w", err)
	}
	return os.OpenRoot(s.config.Dir)
}

// files are those of a recording that is written.
type files struct {
	name  string
	dir   *os.Root
	mix   *wavFile
	diary *os.File
	fresh bool // they were not there before
}

// claim opens the files of a recording: those that are there, if it is to be continued, or new ones, under another name
// where that one is taken. No other recording gets them.
func (s *Shelf) claim(name string, proceed bool, rate int) (f files, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.dir, err = s.root()
	if err != nil {
		return f, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.discard())
			f.close()
		}
	}()
	if parent := filepath.Dir(name); parent != "." {
		if err := f.dir.MkdirAll(parent, 0o700); err != nil {
			return f, err
		}
	}
	if proceed {
		err := f.proceed(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	const tries = 1000
	for n := 1; n <= tries; n++ {
		f.name = name
		if n > 1 {
			f.name = fmt.Sprintf("%s-%d", name, n)
		}
		if err = f.create(rate); !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return f, err
}

const newFile = os.O_RDWR | os.O_CREATE | os.O_EXCL

// create makes new files, or none.
func (f *files) create(rate int) error {
	if _, err := f.dir.Lstat(f.name + mixSuffix); err == nil {
		return fs.ErrExist
	}
	diary, err := f.dir.OpenFile(f.name+diarySuffix, newFile, 0o600)
	if err != nil {
		return err
	}
	f.diary, f.fresh = diary, true
	if err := lock(diary); err != nil {
		return err
	}
	f.mix, err = f.createWAV(f.name, rate)
	return err
}

// createWAV makes a file of sound, or none.
func (f *files) createWAV(name string, rate int) (*wavFile, error) {
	file, err := f.dir.OpenFile(name+mixSuffix, newFile, 0o600)
	if err != nil {
		return nil, err
	}
	w, err := newWAV(file, rate)
	if err != nil {
		return nil, errors.Join(err, file.Close(), f.dir.Remove(name+mixSuffix))
	}
	return w, nil
}

// openWAV opens a file of sound to go on with it.
func (f *files) openWAV(name string) (*wavFile, error) {
	file, err := f.dir.OpenFile(name+mixSuffix, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	w, err := continueWAV(file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("go on with %s: %w", name+mixSuffix, err), file.Close())
	}
	return w, nil
}

// leastLeft is how much more a file must hold to be gone on with.
const leastLeft = time.Minute

// proceed opens files to go on with. The error is fs.ErrNotExist if there is no mix, or one that is full.
func (f *files) proceed(name string) error {
	mix, err := f.openWAV(name)
	if err != nil {
		return err
	}
	if longest-mix.samples < int64(mix.rate)*int64(leastLeft/time.Second) {
		return errors.Join(fs.ErrNotExist, mix.file.Close())
	}
	f.mix = mix
	f.name = name
	if f.diary, err = f.dir.OpenFile(name+diarySuffix, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	return lock(f.diary)
}

// discard removes new files of which nothing will come: they would tell of a recording that never was.
func (f *files) discard() error {
	if !f.fresh {
		return nil
	}
	var failed []error
	if f.mix != nil {
		failed = append(failed, f.dir.Remove(f.name+mixSuffix))
	}
	if err := f.dir.Remove(f.name + diarySuffix); !errors.Is(err, fs.ErrNotExist) {
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

func (f *files) close() {
	if f.mix != nil {
		f.mix.file.Close()
	}
	if f.diary != nil {
		f.diary.Close()
	}
	if f.dir != nil {
		f.dir.Close()
	}
}

// syncDir brings the names of new files to the disk.
func (f *files) syncDir(sync func(*os.File) error) error {
	dir, err := f.dir.Open(filepath.Dir(f.name))
	if err != nil {
		return err
	}
	defer dir.Close()
	return sync(dir)
}

var errRecording = errors.New("it is being recorded at this moment")

// lock keeps everybody else from a diary, and what belongs to it, until it is closed or the process ends in any way.
func lock(diary *os.File) error {
	var err error
	for range 5 { // who lists recordings looks for a moment whether there is a lock
		if err = unix.Flock(int(diary.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%s: %w", diary.Name(), errRecording)
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", diary.Name(), err)
	}
	return nil
}

// tidyTime is how often it is looked for old recordings.
const tidyTime = 10 * time.Minute

// keepTidy removes old recordings at the start, each time that one has ended, and now and then.
func (s *Shelf) keepTidy() {
	tick := time.NewTicker(tidyTime)
	defer tick.Stop()
	for {
		s.removeOld(time.Now())
		select {
		case <-s.end:
			return
		case <-s.tidy:
		case <-tick.C:
		}
	}
}
