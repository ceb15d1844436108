package recordings

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"conclave/mixer"
)

// Source is where the sound comes from: a mixer.Tape.
type Source interface {
	Span() (first, last uint64) // ticks of 20 ms that were recorded, 0 if there was none yet
	Read(take func(mixer.Stretch))
	Return()      // what was read is not needed any more
	Lost() uint64 // frames that were not read in time
	Stop()
}

// Order is what is to be recorded.
type Order struct {
	Source      Source
	After       *Recorder // that is to be over first; nil: none
	Name        string    // as CleanName returns it
	Append      bool      // go on with a recording of that name; without it, and where there is none, a new one begins
	Wide        bool      // the mix has 16 kHz from the start, and not only when somebody in wide band has come
	Tracks      bool      // a file for each member, too
	Room, Title string    // extension and name of the room, for the diary
	// Figures asks how members are heard at the moment; it may wait.
	Figures func() []Figures
	// Opened is called once when the files are there, with the recording's name, Ended when nothing more is written: err
	// says why it has ended by itself. Neither may wait for the recorder.
	Opened func(name string)
	Ended  func(err error)
}

// Person is a member as a recording knows him.
type Person struct {
	Call   string // one there is, for the member's whole stay
	Caller string
	Name   string
	Role   string
	Seat   *mixer.Seat
}

// Figures tell how a member is heard.
type Figures struct {
	Call           string
	Level          float64 // dBFS
	Received, Lost uint64  // packets so far
	Jitter         float64 // ms
}

const (
	// pollTime is how often sound is taken and written, headers are set right, that is brought to the disk, and levels are
	// measured: the last second may be lost, and it is the wakeups that recording costs. levelTime is how often levels are noted.
	pollTime  = 800 * time.Millisecond
	levelTime = 5 * time.Second
	// mostSynced is how many tracks are brought to the disk each time. Where more than those talk at once they take turns.
	mostSynced = 32
	// mostWaiting bounds what happens in a conference while the disk stands still.
	mostWaiting = 1 << 16
)

// Recorder writes a recording on a goroutine of its own. Its methods never wait and may be called from any goroutine.
type Recorder struct {
	shelf *Shelf
	order Order
	begin time.Time
	stop  chan struct{}
	done  chan struct{}

	mu       sync.Mutex
	waiting  []event
	stopping bool
	reason   string

	// Below belongs to the goroutine.
	files   files
	writer  *bufio.Writer // of the diary
	noted   bool          // the diary was written to since it was synced
	base    int64         // samples of wideRate that there were when it began
	members map[string]*track
	seats   map[*mixer.Seat]*track
	tracks  []*track   // whose files are open
	turn    int        // of tracks, whose is synced next
	due     []*wavFile // that are synced together
	mixed   stream
	leveled time.Time
	lost    uint64
}

// event is what happens in the conference.
type event struct {
	at     time.Time
	tick   uint64 // in which it was; 0: that is not known
	kind   NoteKind
	person Person
}

// track is a member of the recording.
type track struct {
	number int
	name   string // of its file; empty: there is none
	stream stream
	here   bool

	// How he was heard since levels were noted last.
	level           float64
	figures, before Figures
	measured        bool
}

// Start begins a recording. Sound is on the source from now on; the files are opened by the recorder's goroutine.
func (s *Shelf) Start(o Order) *Recorder {
	now := time.Now()
	r := &Recorder{shelf: s, order: o, begin: now, stop: make(chan struct{}), done: make(chan struct{}),
		members: map[string]*track{}, seats: map[*mixer.Seat]*track{}, leveled: now}
	s.work.Go(r.run)
	return r
}

// Join notes a member who comes, or is there when the recording begins. His track gets what his seat gives.
func (r *Recorder) Join(p Person) { r.add(NoteJoin, p, 0) }

// Leave notes that a member has gone.
func (r *Recorder) Leave(call string) { r.add(NoteLeave, Person{Call: call}, 0) }

// Talk notes that a member has begun to talk, or ended, in a tick of the source; 0: now.
func (r *Recorder) Talk(call string, on bool, tick uint64) {
	kind := NoteSilent
	if on {
		kind = NoteTalk
	}
	r.add(kind, Person{Call: call}, tick)
}

func (r *Recorder) add(kind NoteKind, p Person, tick uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) < mostWaiting {
		r.waiting = append(r.waiting, event{time.Now(), tick, kind, p})
	}
}

// Stop ends the recording soon; the diary has the reason.
func (r *Recorder) Stop(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.stopping {
		r.stopping, r.reason = true, reason
		close(r.stop)
	}
}

// Done is closed when all is written and the files are closed.
func (r *Recorder) Done() <-chan struct{} { return r.done }

func (r *Recorder) run() {
	faults := r.shelf.config.Faults
	defer faults.Survive("the end of a recording")
	defer close(r.done)
	if r.order.After != nil {
		<-r.order.After.done
	}
	err := faults.Do("record", func() error {
		if err := r.open(); err != nil {
			return err
		}
		r.order.Opened(r.files.name)
		if err := r.happen(); err != nil { // now the tracks of those who are there are open, too
			return err
		}
		return r.record()
	})
	r.order.Source.Stop()
	if err == nil {
		err = faults.Do("record", r.finish)
	}
	r.abandon()
	if r.lost > 0 {
		r.shelf.config.Log.Warn("recording lacks sound, as the disk was too slow for it", "room", r.order.Room, "file", r.files.name+mixSuffix, "frames", r.lost)
	}
	r.order.Ended(err)
	select {
	case r.shelf.tidy <- struct{}{}:
	default:
	}
}

// open opens the files.
func (r *Recorder) open() (err error) {
	if err := r.shelf.await(); err != nil {
		return err
	}
	rate := narrowRate
	if r.order.Wide {
		rate = wideRate
	}
	if r.files, err = r.shelf.claim(r.order.Name, r.order.Append, rate); err != nil {
		return err
	}
	if !r.files.fresh {
		if err := r.resume(); err != nil {
			return fmt.Errorf("go on with %s: %w", r.files.diary.Name(), err)
		}
	}
	r.forgetWider(r.files.name)
	r.base = r.files.mix.samples * wideRate / int64(r.files.mix.rate)
	r.mixed.name, r.mixed.file = r.files.name, r.files.mix
	r.writer = bufio.NewWriter(r.files.diary)
	r.note(Note{Kind: NoteStart, At: r.place(r.begin), Time: &r.begin, Room: r.order.Room, Title: r.order.Title,
		Tracks: r.order.Tracks})
	if err := errors.Join(r.flushDiary(), r.files.syncDir(r.shelf.config.Sync)); err != nil {
		return errors.Join(err, r.files.discard())
	}
	return nil
}

// resume reads who was in the recording that is continued. A last line that a killed server has not written to its end goes.
func (r *Recorder) resume() error {
	size, err := readNotes(r.files.diary, func(n Note) {
		if n.Kind == NoteJoin {
			r.members[n.Call] = &track{number: n.Member, name: n.Track}
		}
	})
	if err != nil {
		return err
	}
	if err := r.files.diary.Truncate(size); err != nil {
		return err
	}
	_, err = r.files.diary.Seek(size, io.SeekStart)
	return err
}
