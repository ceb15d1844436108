package rooms

import (
	"context"
	"errors"
	"fmt"
	"time"

	"conclave/mixer"
	"conclave/rooms/recordings"
)

var (
	errKeepsNone = errors.New("this server keeps no recordings")
	errNotTaped  = errors.New("no recording now") // continues "room 1000 has"
)

// Recording is a recording that goes on.
type Recording struct {
	// File is where it is, in the directory of recordings; empty while that is being opened.
	File   string    `json:"file"`
	Since  time.Time `json:"since"`
	Tracks bool      `json:"tracks"` // each member has a file of his own, too
}

// taping is a recording of a conference. The conference's mutex guards what changes.
type taping struct {
	recorder *recordings.Recorder
	room     string // extension
	tracks   bool
	notice   bool
	since    time.Time
	asker    *member       // a moderator, by his key; nil: the room's option or an operator
	ready    chan struct{} // closed when name or err is known
	name     string        // empty: its files are not open yet
	err      error         // why they could not be opened
}

// live is what operators see of it; t may be nil.
func (t *taping) live() *Recording {
	if t == nil {
		return nil
	}
	shown := &Recording{Since: t.since, Tracks: t.tracks}
	if t.name != "" {
		shown.File = t.name + ".wav"
	}
	return shown
}

// Record begins to record the conference in a room, and returns the file that it goes to, in the directory of recordings. All
// members are told, unless the room's options say otherwise. The error says why it cannot be recorded: a disk that cannot be
// written, for example.
func (h *House) Record(ctx context.Context, extension string) (file string, err error) {
	var t *taping
	err = h.operate(extension, func(c *conference) error {
		switch {
		case len(c.members) == 0:
			return errNobody
		case c.tape != nil:
			return fmt.Errorf("a recording already, since %s", c.tape.since.Format(time.TimeOnly))
		case h.recordings != nil:
			t = c.startRecording(nil)
		}
		return nil
	})
	if err == nil && t == nil {
		err = errKeepsNone
	}
	if err != nil {
		return "", err
	}
	select {
	case <-t.ready:
	case <-ctx.Done():
		return "", fmt.Errorf("room %s: the disk takes its time to begin the recording: %w", extension, ctx.Err())
	}
	if t.err != nil {
		return "", fmt.Errorf("room %s cannot be recorded: %w", extension, t.err)
	}
	return t.name + ".wav", nil
}

// StopRecording ends the recording of the conference in a room, and returns its file, which is then complete. All members
// are told.
func (h *House) StopRecording(ctx context.Context, extension string) (file string, err error) {
	var t *taping
	err = h.operate(extension, func(c *conference) error {
		if c.tape == nil {
			return errNotTaped
		}
		t = c.tape
		c.endRecording("stopped by an operator", nil)
		return nil
	})
	if err != nil {
		return "", err
	}
	select {
	case <-t.recorder.Done():
	case <-ctx.Done():
		return "", fmt.Errorf("room %s: the recording has ended, but the disk takes its time to write it: %w", extension, ctx.Err())
	}
	if t.name == "" {
		return "", fmt.Errorf("room %s could not be recorded: %w", extension, t.err)
	}
	return t.name + ".wav", nil
}

// toggleRecording is what a moderator's key does. What comes of it he is told as all are.
func (c *conference) toggleRecording(m *member) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case m.removed.Load():
	case c.tape != nil:
		c.endRecording("stopped by a moderator", m)
	case c.house.recordings == nil:
		return errKeepsNone
	default:
		c.startRecording(m)
	}
	return nil
}

// startRecording begins to record; nothing is being recorded yet. Sound is taken from now on; its files are opened on another
// goroutine. There are members, and c.mu is held.
func (c *conference) startRecording(asker *member) *taping {
	last := c.members[len(c.members)-1]
	o, now := last.options, time.Now()
	name := recordings.Name(last.room.Extension, o.RecordFile, o.RecordFileTimestamp, now)
	proceed := o.RecordFileAppend && o.RecordFile != "" && !o.RecordFileTimestamp
	var after *recordings.Recorder
	if c.taped != nil {
		after = c.taped.recorder
		if o.RecordFileAppend && c.taped.name != "" {
			name, proceed = c.taped.name, true
		}
	}
	t := &taping{room: last.room.Extension, tracks: o.RecordTracks, notice: o.RecordNotice, since: now, asker: asker, ready: make(chan struct{})}
	t.recorder = c.house.recordings.Start(recordings.Order{
		Source:  c.mix.Record(o.RecordTracks),
		After:   after,
		Name:    name,
		Append:  proceed,
		Wide:    o.SampleRate >= wideRate,
		Tracks:  o.RecordTracks,
		Room:    last.room.Extension,
		Title:   last.room.Name,
		Figures: c.figures,
		Opened:  func(name string) { c.recordingOpened(t, name) },
		Ended:   func(err error) { c.recordingEnded(t, err) },
	})
	c.tape, c.taped = t, t
	c.recorder.Store(t.recorder)
	for _, m := range c.members {
		c.noteJoin(m)
	}
	return t
}

// wideRate is the rate in Hz from which on a room is recorded in wide band from the start, if it is set to that.
const wideRate = 16000

// noteJoin tells the recorder of a member, and has the first member of a room recorded whose options say so. c.mu is held.
func (c *conference) noteJoin(m *member) {
	if c.tape == nil {
		if m.options.RecordConference && len(c.members) == 1 && c.house.recordings != nil {
			c.startRecording(nil)
		}
		return
	}
	caller := m.call.Caller()
	c.tape.recorder.Join(recordings.Person{Call: m.call.ID(), Caller: caller.Number, Name: caller.Name, Role: m.roleName(), Seat: m.seat})
	if m.talk.talking() {
		c.tape.recorder.Talk(m.call.ID(), true, 0)
	}
}

// noteHeir tells the recorder that another one has a member's place: he is a person, and has a track, of his own. He did not
// hear that the conference is recorded. c.mu is held.
func (c *conference) noteHeir(heir, of *member) {
	if c.tape == nil {
		return
	}
	c.tape.recorder.Leave(of.call.ID())
	c.noteJoin(heir)
	if c.tape.notice {
		heir.line.say(promptNowRecording)
		heir.noticed = c.tape
	}
}

// recordingOpened is told that the files are there: now it is sure that there will be a recording, and members are told.
func (c *conference) recordingOpened(t *taping, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t.name = name
	close(t.ready)
	if c.tape != t || len(c.members) == 0 {
		return
	}
	c.emitRecording(EventRecord, t, "")
	if !t.notice {
		if t.asker != nil && !t.asker.removed.Load() {
			t.asker.line.say(promptNowRecording)
		}
		return
	}
	var told []*member
	for _, m := range c.members {
		switch {
		case m.noticed == t:
			told = append(told, m)
		case m.waiting:
			m.line.say(promptNowRecording)
		}
		m.noticed = t
	}
	c.play(c.voice.Prompt(promptNowRecording), told...)
}

// recordingEnded is told that nothing more is written; err is why, if nobody has asked for it. The conference goes on.
func (c *conference) recordingEnded(t *taping, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	begun := t.name != ""
	if !begun {
		t.err = err
		close(t.ready)
	}
	if err == nil {
		return
	}
	if errors.Is(err, recordings.ErrLongest) {
		c.house.log.Warn("recording is as long as a file may be", "file", t.name+".wav")
	} else {
		c.house.log.Error("recording has ended, the conference goes on", "file", t.name+".wav", "error", err)
	}
	if c.tape != t {
		return
	}
	c.tape = nil
	c.recorder.Store(nil)
	if len(c.members) == 0 {
		return
	}
	if begun {
		c.emitRecording(EventUnrecord, t, err.Error())
	} else if t.asker != nil && !t.asker.removed.Load() {
		t.asker.line.say(promptErrorMenu)
	}
	if errors.Is(err, recordings.ErrLongest) {
		c.taped = nil // another file
		c.startRecording(nil)
	}
}

// endRecording ends what is being recorded, and tells all members, or the one alone who has asked for it. c.mu is held.
func (c *conference) endRecording(reason string, asker *member) {
	t := c.tape
	c.stopRecording(reason)
	switch {
	case t.notice:
		c.playToAll(c.voice.Prompt(promptNotRecording)...)
	case asker != nil:
		asker.line.say(promptNotRecording)
	}
}

// stopRecording ends what is being recorded, if anything is. c.mu is held.
func (c *conference) stopRecording(reason string) {
	if c.tape == nil {
		return
	}
	c.emitRecording(EventUnrecord, c.tape, reason)
	c.tape.recorder.Stop(reason)
	c.tape = nil
	c.recorder.Store(nil)
}

func (c *conference) emitRecording(kind EventKind, t *taping, result string) {
	e := Event{Room: t.room, Kind: kind, Result: result}
	if r := t.live(); r != nil {
		e.File = r.File
	}
	c.house.emit(e)
}

// figures are how the members are heard at the moment.
func (c *conference) figures() []recordings.Figures {
	stats := c.mix.Snapshot()
	calls := make(map[*mixer.Seat]string, len(stats))
	c.mu.Lock()
	for _, m := range c.members {
		calls[m.seat] = m.call.ID()
	}
	c.mu.Unlock()
	all := make([]recordings.Figures, 0, len(stats))
	for _, s := range stats {
		if call, ok := calls[s.Seat]; ok {
			all = append(all, recordings.Figures{Call: call, Level: max(s.Level, silence), Received: s.Leg.Received, Lost: s.Leg.Lost,
				Jitter: milliseconds(time.Duration(s.Leg.Jitter))})
		}
	}
	return all
}
