package recordings

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"time"

	"conclave/media"
	"conclave/mixer"
)

// record writes until the recording is stopped, or cannot go on.
func (r *Recorder) record() error {
	// All recorders wake together: a core that sleeps is woken once.
	timer := time.NewTimer(untilPoll(time.Now()))
	defer timer.Stop()
	for {
		select {
		case <-r.stop:
			return nil
		case <-r.shelf.end:
			r.Stop("the server has ended")
			return nil
		case now := <-timer.C:
			if err := r.write(now); err != nil {
				return err
			}
			timer.Reset(untilPoll(time.Now()))
		}
	}
}

// untilPoll is how long it is until the next whole multiple of pollTime.
func untilPoll(now time.Time) time.Duration { return pollTime - time.Duration(now.UnixNano())%pollTime }

// write takes what has come and writes it, and sets the headers right: so all can be played when the process is killed now.
// Then it brings them to the disk.
func (r *Recorder) write(now time.Time) error {
	if err := errors.Join(r.adopt(false), r.happen()); err != nil {
		return err
	}
	length, err := r.take()
	if err != nil {
		return err
	}
	r.measure()
	if now.Sub(r.leveled) >= levelTime-pollTime/2 {
		r.leveled = now
		r.noteLevels(now)
	}
	if err := r.settle(length); err != nil {
		return err
	}
	r.order.Source.Return()
	return r.sync(false)
}

// finish writes what is left. Nothing more comes from the source.
func (r *Recorder) finish() error {
	if err := r.happen(); err != nil {
		return err
	}
	length, err := r.take()
	if err != nil {
		return err
	}
	if err := r.adopt(true); err != nil {
		return err
	}
	for _, s := range r.streams() {
		if err := s.end(); err != nil {
			return err
		}
	}
	r.noteLevels(time.Now())
	r.mu.Lock()
	reason := r.reason
	r.mu.Unlock()
	r.note(Note{Kind: NoteStop, At: float64(length) / wideRate, Reason: reason, Lost: r.lost})
	return errors.Join(r.settle(length), r.sync(true))
}

// abandon closes the files as they are. After an error that is as they were settled last.
func (r *Recorder) abandon() {
	for _, m := range r.tracks {
		r.dropWider(&m.stream)
		m.stream.file.file.Close()
	}
	r.dropWider(&r.mixed)
	r.files.close()
}

// happen notes what has happened in the conference.
func (r *Recorder) happen() error {
	r.mu.Lock()
	events := r.waiting
	r.waiting = nil
	r.mu.Unlock()
	for _, e := range events {
		m := r.members[e.person.Call]
		if e.kind == NoteJoin {
			if err := r.join(m, e); err != nil {
				return err
			}
			continue
		}
		if m == nil || !m.here {
			continue // came while more waited than are kept
		}
		r.note(Note{Kind: e.kind, At: r.placeOf(e), Member: m.number})
		if e.kind == NoteLeave {
			m.here = false
		}
	}
	return nil
}

// join notes a member who has come, and opens his track. m is he, if the recording knows him already.
func (r *Recorder) join(m *track, e event) error {
	p := e.person
	if m == nil {
		m = &track{number: len(r.members) + 1}
		r.members[p.Call] = m
	}
	if r.order.Tracks && m.stream.file == nil {
		if err := r.openTrack(m); err != nil {
			return err
		}
	}
	m.here = true
	if p.Seat != nil {
		r.seats[p.Seat] = m
	}
	n := Note{Kind: NoteJoin, At: r.place(e.at), Member: m.number, Call: p.Call, Caller: p.Caller, Name: p.Name, Role: p.Role}
	if m.name != "" {
		n.Track = filepath.Base(m.name) + mixSuffix
	}
	r.note(n)
	return nil
}

// openTrack makes a member's file, or opens the one that he has.
func (r *Recorder) openTrack(m *track) (err error) {
	if m.name == "" {
		m.name = trackName(r.files.name, m.number)
		m.stream.file, err = r.files.createWAV(m.name, narrowRate)
	} else {
		m.name = filepath.Join(filepath.Dir(r.files.name), trimMix(m.name))
		m.stream.file, err = r.files.openWAV(m.name)
		r.forgetWider(m.name)
	}
	m.stream.name = m.name
	if err == nil {
		r.tracks = append(r.tracks, m)
	}
	return err
}

// take puts the sound that has come at its place in the files, and returns how long the recording is, in samples of wideRate.
// The samples that it has put are the source's until they have been flushed.
func (r *Recorder) take() (length int64, err error) {
	r.lost = r.order.Source.Lost()
	first, last := r.order.Source.Span()
	if first == 0 {
		return r.base, nil
	}
	r.order.Source.Read(func(f mixer.Stretch) {
		if f.Tick < first { // what was said in the ticks before is left out
			early := int(min(first-f.Tick, uint64(len(f.PCM)))) * f.Rate / media.FramesPerSecond
			f.Tick, f.PCM = first, f.PCM[min(early, len(f.PCM)):]
		}
		if err != nil || len(f.PCM) == 0 {
			return
		}
		s := &r.mixed
		if f.Seat != nil {
			m := r.seats[f.Seat]
			if m == nil || m.stream.file == nil {
				return
			}
			s = &m.stream
		}
		if f.Rate > s.file.rate {
			err = r.widen(s, f.Rate)
		}
		if err == nil {
			err = s.put(f, r.base, first)
		}
	})
	return r.base + samplesOf(last-first+1, wideRate), err
}

// settle hands what was gathered to the kernel, which keeps it when the process is killed, and makes all files as long as so
// many samples of wideRate. The mix comes last: what it has the tracks have.
func (r *Recorder) settle(length int64) error {
	for _, s := range r.streams() {
		if err := s.file.settle(s.file.place(length)); err != nil {
			return err
		}
		if s.wider != nil {
			if err := s.wider.file.flush(); err != nil {
				return err
			}
		}
	}
	return r.flushDiary()
}

// sync brings what was written to the disk, all of it or what is due. All is on its way there before the first file is waited
// for: so the file system writes its journal once and not for each file.
func (r *Recorder) sync(all bool) error {
	sync := r.shelf.config.Sync
	r.due = r.due[:0]
	for range r.tracks {
		file := r.tracks[r.turn%len(r.tracks)].stream.file
		if file.dirty || all {
			if len(r.due) == mostSynced && !all {
				break
			}
			r.due = append(r.due, file)
		}
		r.turn++
	}
	r.due = append(r.due, r.mixed.file)
	if len(r.due) > 1 {
		for _, file := range r.due {
			file.push()
		}
	}
	for _, file := range r.due {
		if err := file.sync(sync, all); err != nil {
			return err
		}
	}
	if !r.noted {
		return nil
	}
	r.noted = false
	return sync(r.files.diary)
}

// place is where in the recording a moment is, in seconds.
func (r *Recorder) place(at time.Time) float64 {
	seconds := float64(r.base)/wideRate + max(0, at.Sub(r.begin).Seconds())
	return float64(int64(seconds*1000)) / 1000
}

// placeOf is where an event is: by its tick, if it has one, as sound is.
func (r *Recorder) placeOf(e event) float64 {
	first, _ := r.order.Source.Span()
	if first == 0 || e.tick == 0 {
		return r.place(e.at)
	}
	at := r.base
	if e.tick > first {
		at += samplesOf(e.tick-first, wideRate)
	}
	return float64(at*1000/wideRate) / 1000
}

// note writes a line of the diary; flushDiary tells whether that failed.
func (r *Recorder) note(n Note) {
	line, err := json.Marshal(n)
	if err != nil {
		r.shelf.config.Log.Error("note of a recording is left out", "error", err)
		return
	}
	_, _ = r.writer.Write(append(line, '\n'))
	r.noted = true
}

func (r *Recorder) flushDiary() error {
	if err := r.writer.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", r.files.diary.Name(), err)
	}
	return nil
}

// measure asks how members are heard.
func (r *Recorder) measure() {
	for _, f := range r.order.Figures() {
		m := r.members[f.Call]
		switch {
		case m == nil || !m.here:
		case !m.measured:
			if m.before.Call == "" {
				m.before = f
			}
			m.measured, m.level, m.figures = true, f.Level, f
		default:
			m.level, m.figures = max(m.level, f.Level), f
		}
	}
}

// noteLevels notes what was measured since it did so last.
func (r *Recorder) noteLevels(now time.Time) {
	var levels []Level
	for _, m := range r.members {
		if !m.measured {
			continue
		}
		lost := float64(m.figures.Lost - min(m.figures.Lost, m.before.Lost))
		if sent := lost + float64(m.figures.Received-min(m.figures.Received, m.before.Received)); sent > 0 {
			lost = 100 * lost / sent
		}
		levels = append(levels, Level{Member: m.number, Level: rounded(m.level), Loss: rounded(lost), Jitter: rounded(m.figures.Jitter)})
		m.measured, m.before = false, m.figures
	}
	if len(levels) > 0 {
		slices.SortFunc(levels, func(a, b Level) int { return a.Member - b.Member })
		r.note(Note{Kind: NoteLevels, At: r.place(now), Levels: levels})
	}
}

// rounded is a figure with one decimal.
func rounded(v float64) float64 { return math.Round(v*10) / 10 }
