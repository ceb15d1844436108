package sip

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"conclave/media"
	"conclave/rooms"
	"conclave/store"
)

// How calls that go on are written: no call waits for the database, and what a killed process loses is what has changed in
// the last quarter of a second.
const (
	liveEvery = 250 * time.Millisecond
	// aliveEvery is how often it is noted that the process lives, while there are calls: it tells when one was killed.
	aliveEvery = 5 * time.Second
)

// The kinds of what is stored.
const (
	liveCall       = "call"       // callState, by our tag
	liveName       = "name"       // storedName, by our tag
	liveConference = "conference" // rooms.ConferenceState, by the room's id
	liveServer     = "server"     // aliveID: storedAlive
	aliveID        = "alive"
)

type (
	// storedName is what a member has said when he was asked for his name.
	storedName struct {
		Rate int    `json:"rate"` // Hz
		PCM  []byte `json:"pcm"`  // 16 bits, little-endian
	}
	storedAlive struct {
		At time.Time `json:"at"`
	}
)

// ongoing writes the calls and conferences that go on, for a process that follows this one should it be killed. A call tells
// when something has changed, on its own goroutine; what the house knows of it, and of conferences, is looked up.
type ongoing struct {
	log   *slog.Logger
	db    *store.DB
	house *rooms.House
	now   chan chan struct{} // asks for a save, and gets a channel that is closed after it
	held  atomic.Bool        // nothing is written: another process does, or is about to

	mu      sync.Mutex
	drafts  map[string]*draft // by our tag
	unsaved map[string]bool   // tags; of those not in drafts the call is over

	// These belong to the goroutine of keep.
	visits      map[string]rooms.VisitState      // as they were stored, of those in drafts
	conferences map[string]rooms.ConferenceState // as they were stored, by the room's id
	names       map[string]*media.Sound          // as they were stored
	stored      map[string]bool                  // tags of calls that are in the database
	alive       time.Time                        // was noted
	looked      []place                          // of moved
}

// place is where a call is in the house.
type place struct {
	tag   string
	visit *rooms.Visit
}

func newOngoing(log *slog.Logger, db *store.DB, house *rooms.House) *ongoing {
	return &ongoing{
		log: log, db: db, house: house, now: make(chan chan struct{}),
		drafts: make(map[string]*draft), unsaved: make(map[string]bool),
		visits: make(map[string]rooms.VisitState), conferences: make(map[string]rooms.ConferenceState),
		names: make(map[string]*media.Sound), stored: make(map[string]bool),
	}
}

// note has the call written as it is now, or taken out where nothing could go on with it. It does not wait.
func (c *Call) note() {
	o := c.server.ongoing
	if o.db == nil {
		return
	}
	d, goesOn := c.draft()
	o.mu.Lock()
	defer o.mu.Unlock()
	switch _, known := o.drafts[c.id.Local]; {
	case goesOn:
		o.drafts[c.id.Local] = d
	case known:
		delete(o.drafts, c.id.Local)
	default:
		return
	}
	o.unsaved[c.id.Local] = true
}

// Sync returns when all that has happened to calls and conferences until now is written, so that it outlives the process
// being killed, or when ctx is done: what could not be written is tried again, with an error in the log.
func (s *Server) Sync(ctx context.Context) {
	done := make(chan struct{})
	select {
	case s.ongoing.now <- done:
	case <-ctx.Done():
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// keep writes what has changed until stop is closed; then once more.
func (o *ongoing) keep(stop <-chan struct{}) {
	tick := time.NewTicker(liveEvery)
	defer tick.Stop()
	failed, ended := false, false
	for !ended {
		var done chan struct{}
		select {
		case <-tick.C:
		case done = <-o.now:
		case <-stop:
			ended = true
		}
		err := o.save()
		switch {
		case err != nil && (ended || !failed):
			o.log.Error("calls that go on are not stored; they are tried again and would be lost with this process", "error", err)
		case err == nil && failed:
			o.log.Info("calls that go on are stored again")
		}
		failed = err != nil
		if done != nil {
			close(done)
		}
	}
}

// save writes what has changed since the last time. What could not be written counts as changed still.
func (o *ongoing) save() error {
	if o.db == nil || o.held.Load() {
		return nil
	}
	moved := o.moved()
	o.mu.Lock()
	for _, tag := range moved {
		o.unsaved[tag] = true
	}
	changed := make(map[string]*draft, len(o.unsaved))
	for tag := range o.unsaved {
		changed[tag] = o.drafts[tag]
	}
	clear(o.unsaved)
	o.mu.Unlock()
	stored := false
	defer func() {
		if stored {
			return
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		for tag := range changed {
			o.unsaved[tag] = true
		}
	}()

	b := batch{ongoing: o}
	for tag, d := range changed {
		b.call(tag, d)
	}
	b.rooms(o.house.ConferenceStates())
	b.heartbeat(time.Now())
	if len(b.changes) > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), saveWithin)
		defer cancel()
		if err := o.db.SaveLive(ctx, b.changes); err != nil {
			return err
		}
	}
	stored = true
	for _, done := range b.done {
		done()
	}
	return nil
}

// moved are the calls whose visit is not as it was stored: who was let in or muted, for example, which the call is not told of.
func (o *ongoing) moved() (tags []string) {
	o.mu.Lock()
	o.looked = o.looked[:0]
	for tag, d := range o.drafts {
		if visit, ok := d.stay.(*rooms.Visit); ok {
			o.looked = append(o.looked, place{tag, visit})
		}
	}
	o.mu.Unlock()
	for _, p := range o.looked {
		if p.visit.State() != o.visits[p.tag] {
			tags = append(tags, p.tag)
		}
	}
	clear(o.looked)
	return tags
}

// batch is what is written in one transaction, and what is noted of it once it is.
type batch struct {
	*ongoing
	changes []store.Live
	done    []func()
}

func (b *batch) put(kind, id string, state any, tries int) {
	text, err := json.Marshal(state)
	if err != nil { // of plain values: it does not happen
		b.log.Error("what goes on cannot be stored", "kind", kind, "id", id, "error", err)
		return
	}
	b.changes = append(b.changes, store.Live{Kind: kind, ID: id, State: text, Tries: tries})
}

func (b *batch) drop(kind, id string) {
	b.changes = append(b.changes, store.Live{Kind: kind, ID: id})
}

// call writes a call, or takes it out where d is nil. What was never stored needs not be taken out.
func (b *batch) call(tag string, d *draft) {
	var state callState
	var name *media.Sound
	goesOn := false
	if d != nil {
		state, name, goesOn = d.state()
	}
	if !goesOn {
		if b.stored[tag] {
			b.drop(liveCall, tag)
			b.drop(liveName, tag)
		}
		b.done = append(b.done, func() {
			delete(b.stored, tag)
			delete(b.visits, tag)
			delete(b.names, tag)
		})
		return
	}
	b.put(liveCall, tag, state, d.tries)
	if name != nil && name != b.names[tag] {
		b.put(liveName, tag, storedName{Rate: nameRate, PCM: octets(name.PCM(nameRate))}, 0)
	}
	b.done = append(b.done, func() {
		b.stored[tag] = true
		if name != nil {
			b.names[tag] = name
		}
		if state.Visit != nil {
			b.visits[tag] = *state.Visit
		}
	})
}

// rooms writes the conferences that have changed, and takes out those that are over.
func (b *batch) rooms(now []rooms.ConferenceState) {
	there := make(map[string]bool, len(now))
	for _, c := range now {
		there[c.RoomID] = true
		if b.conferences[c.RoomID] != c {
			b.put(liveConference, c.RoomID, c, 0)
			b.done = append(b.done, func() { b.conferences[c.RoomID] = c })
		}
	}
	for id := range b.conferences {
		if !there[id] {
			b.drop(liveConference, id)
			b.done = append(b.done, func() { delete(b.conferences, id) })
		}
	}
}

// heartbeat notes that the process lives, while there is anything to go on with.
func (b *batch) heartbeat(now time.Time) {
	switch anything := len(b.stored) > 0 || len(b.changes) > 0; {
	case anything && now.Sub(b.alive) >= aliveEvery:
		b.put(liveServer, aliveID, storedAlive{now.UTC()}, 0)
		b.done = append(b.done, func() { b.alive = now })
	case !anything && !b.alive.IsZero():
		b.drop(liveServer, aliveID)
		b.done = append(b.done, func() { b.alive = time.Time{} })
	}
}

// nameRate is that of a stored name: as good as a telephone gives it.
const nameRate = 8000 // Hz

func octets(pcm []int16) []byte {
	b := make([]byte, 0, 2*len(pcm))
	for _, sample := range pcm {
		b = append(b, byte(sample), byte(sample>>8))
	}
	return b
}

// sound is the name as it was said; nil where it cannot be.
func (n storedName) sound() *media.Sound {
	if n.Rate != nameRate || len(n.PCM) == 0 || len(n.PCM)%2 != 0 {
		return nil
	}
	pcm := make([]int16, len(n.PCM)/2)
	for i := range pcm {
		pcm[i] = int16(uint16(n.PCM[2*i]) | uint16(n.PCM[2*i+1])<<8)
	}
	return media.NewSound(nameRate, pcm)
}
