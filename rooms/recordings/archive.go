package recordings

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// State is how far a recording has come.
type State string

// The states of a recording.
const (
	StateRunning  State = "recording"
	StateComplete State = "complete"
	StateCut      State = "interrupted" // the server was killed, or the disk was full
)

// Recording is one that is on the shelf.
type Recording struct {
	Name    string    `json:"name"` // path in the directory, without its ending
	Room    string    `json:"room"`
	Title   string    `json:"title"` // name of the room
	Begin   time.Time `json:"begin"`
	Seconds float64   `json:"duration_s"`
	Rate    int       `json:"rate_hz"`
	Octets  int64     `json:"bytes"` // that all its files take on the disk
	State   State     `json:"state"`
	Reason  string    `json:"reason,omitempty"` // why it was stopped
	// Lost is how much of it is silence because the disk was too slow.
	Lost    float64  `json:"lost_s"`
	Members []Member `json:"members"`
}

// Member is one of a recording. Caller and Name come from the network and may hold anything.
type Member struct {
	Number int     `json:"member"`
	Caller string  `json:"caller"`
	Name   string  `json:"name"`
	Role   string  `json:"role"`
	Track  string  `json:"track,omitempty"` // file, in the directory of the mix
	Talked float64 `json:"talked_s"`
	Stays  []Span  `json:"stays"`
	Talks  []Span  `json:"talks"`
	Heard  []Heard `json:"heard"`
}

// Span is a part of a recording, in seconds.
type Span struct {
	From float64 `json:"from_s"`
	To   float64 `json:"to_s"`
}

// Heard is how a member was heard in a stretch of the recording.
type Heard struct {
	Span
	Level  float64 `json:"dbfs"`
	Loss   float64 `json:"loss_percent"`
	Jitter float64 `json:"jitter_ms"`
}

// List returns all recordings of a directory, in the order in which they began, and what is wrong with files that are named
// as such and cannot be read. If there is no directory there are none.
func List(dir string) (all []Recording, damaged []error, err error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list recordings: %w", err)
	}
	defer root.Close()
	names, err := namesIn(root)
	if err != nil {
		return nil, nil, fmt.Errorf("list recordings in %s: %w", dir, err)
	}
	for _, name := range names {
		r, err := load(root, name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // removed meanwhile
		case err != nil:
			damaged = append(damaged, fmt.Errorf("read recording %s: %w", name+mixSuffix, err))
		default:
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b Recording) int { return cmp.Or(a.Begin.Compare(b.Begin), strings.Compare(a.Name, b.Name)) })
	return all, damaged, nil
}

// Load returns one recording, by its name or the path of its mix in the directory.
func Load(dir, file string) (Recording, error) {
	name, err := CleanName(file)
	if err != nil {
		return Recording{}, err
	}
	root, err := os.OpenRoot(dir)
	if err == nil {
		defer root.Close()
		var r Recording
		if r, err = load(root, name); err == nil {
			return r, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return Recording{}, fmt.Errorf("there is no recording %s; `conclave recordings list` has those that there are", name)
	}
	return Recording{}, fmt.Errorf("read recording %s: %w", name, err)
}

// namesIn returns the names of the recordings: of all mixes.
func namesIn(root *os.Root) (names []string, err error) {
	files := map[string]bool{}
	err = fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && strings.HasSuffix(path, mixSuffix) {
			files[trimMix(path)] = true
		}
		return err
	})
	for name := range files {
		if of, _, is := cutLast(name, trackInfix); !is || !files[of] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, err
}

func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}

// load reads a recording. One without a diary was put there by somebody else: its length is known, and no more. When the power
// has failed either may be empty that had just begun: what the other one tells is the recording.
func load(root *os.Root, name string) (Recording, error) {
	r := Recording{Name: name, State: StateCut}
	mix, err := root.Open(name + mixSuffix)
	if err != nil {
		return r, err
	}
	defer mix.Close()
	info, err := mix.Stat()
	if err != nil {
		return r, err
	}
	rate, samples, broken := readHeader(mix)
	if broken != nil && !errors.Is(broken, errNoWAV) {
		return r, broken
	}
	r.Begin = info.ModTime()
	if broken == nil {
		r.Rate, r.Seconds = rate, float64(samples)/float64(rate)
	}
	diary, err := root.Open(name + diarySuffix)
	if errors.Is(err, fs.ErrNotExist) {
		r.State = StateComplete
	} else if err != nil {
		return r, err
	} else {
		defer diary.Close()
		switch err := r.read(diary); {
		case errors.Is(err, errNoDiary) && broken == nil:
		case err != nil && broken == nil:
			return r, err
		case err == nil:
			broken = nil
		}
		if isLocked(diary) {
			r.State = StateRunning
		}
	}
	if broken != nil {
		return r, broken
	}
	for _, file := range r.files() {
		if info, err := root.Stat(file); err == nil {
			r.Octets += onDisk(info)
		}
	}
	return r, nil
}

// files are those of the recording, the diary last.
func (r *Recording) files() []string {
	files := []string{r.Name + mixSuffix}
	for _, m := range r.Members {
		if m.Track != "" && filepath.IsLocal(m.Track) {
			files = append(files, filepath.Join(filepath.Dir(r.Name), filepath.Base(m.Track)))
		}
	}
	return append(files, r.Name+diarySuffix)
}

// isLocked tells whether a recorder has the diary.
func isLocked(diary *os.File) bool {
	if err := unix.Flock(int(diary.Fd()), unix.LOCK_SH|unix.LOCK_NB); err != nil {
		return errors.Is(err, unix.EWOULDBLOCK)
	}
	_ = unix.Flock(int(diary.Fd()), unix.LOCK_UN)
	return false
}

// onDisk is what a file takes there: less than its size where it has silence.
func onDisk(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Blocks * 512
	}
	return info.Size()
}

// Remove removes a recording with all its files. One that is being recorded is refused.
func Remove(dir, file string) error {
	r, err := Load(dir, file)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := r.remove(root); err != nil {
		return fmt.Errorf("remove recording %s: %w", r.Name, err)
	}
	return nil
}

// remove removes the files, the diary last: what could not be removed stays known by it.
func (r *Recording) remove(root *os.Root) error {
	diary, err := root.Open(r.Name + diarySuffix)
	if err == nil {
		defer diary.Close()
		if err := lock(diary); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, file := range r.files() {
		for _, name := range []string{file + widerSuffix, file} {
			if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// removeOld removes recordings that are over and were kept for long enough, and then the oldest ones while there are too
// many.
func (s *Shelf) removeOld(now time.Time) {
	log := s.config.Log
	if s.config.Days == 0 && s.config.Bytes == 0 {
		return
	}
	all, damaged, err := List(s.config.Dir)
	if err != nil {
		log.Error("old recordings are not removed", "error", err)
		return
	}
	for _, err := range damaged {
		log.Warn("what cannot be read is not removed", "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	root, err := s.root()
	if err != nil {
		log.Error("old recordings are not removed", "error", err)
		return
	}
	defer root.Close()
	var taken int64
	for _, r := range all {
		taken += r.Octets
	}
	for _, r := range all {
		old := s.config.Days > 0 && now.Sub(r.end()) > time.Duration(s.config.Days)*24*time.Hour
		if r.State == StateRunning || !old && (s.config.Bytes == 0 || taken <= s.config.Bytes) {
			continue
		}
		if err := r.remove(root); errors.Is(err, errRecording) {
			continue
		} else if err != nil {
			log.Error("old recording is not removed", "file", r.Name+mixSuffix, "error", err)
			continue
		}
		taken -= r.Octets
		log.Info("old recording removed", "file", r.Name+mixSuffix, "room", r.Room, "began", r.Begin, "bytes", r.Octets)
	}
}

// end is when the recording ended.
func (r *Recording) end() time.Time {
	return r.Begin.Add(time.Duration(r.Seconds * float64(time.Second)))
}
