// Package rooms is what a conference is: who may come in, the conversation held with each
// caller, the members and what they hear of each other's comings and goings, and what
// operators may do about them. It knows nothing of SIP: a call is what the interface Call says.
package rooms

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"strings"
	"sync"

	"conclave/media"
	"conclave/media/fault"
	"conclave/mixer"
	"conclave/rooms/recordings"
)

// Config is what a House needs.
type Config struct {
	// Engine mixes the conferences. It must outlive the house's last visit.
	Engine *mixer.Engine
	// Log gets a line for each caller, member and failed PIN; nil: none.
	Log *slog.Logger
	// Faults counts what has failed in the program itself, for one call each; nil: nobody asks for it.
	Faults *fault.Log
	// Recordings keeps what is recorded, and must be closed after the last visit; nil: nothing is.
	Recordings *recordings.Shelf
	// PINs counts those that were not right; nil: there is no limit to them but that of each call.
	PINs *PINGuard
	// TransferCode is what a party of a talk dials before the extension of the room that the other one is transferred to,
	// ** for example (CheckTransferCode); empty: nobody transfers by keys.
	TransferCode string
}

// House holds the directory of rooms and the conferences that are going on in them. All
// methods may be called from any goroutine.
type House struct {
	engine       *mixer.Engine
	log          *slog.Logger
	music        musicShelf
	transferCode string
	guard        *PINGuard         // nil: there is none
	recordings   *recordings.Shelf // nil: nothing is recorded
	visits       sync.WaitGroup    // and parties of talks
	faults       *fault.Log
	seed         maphash.Seed // of what decoys have
	events       eventHub

	// mu guards these, and room and visits of each conference. It may be taken while that of a conference is held.
	mu     sync.Mutex
	voices *Voices
	rooms  map[string]Room        // by extension
	live   map[string]*conference // by Room.ID

	factory   Room            // what temporary rooms are like; without an extension: there are none
	temporary map[string]Room // those in which somebody is, by extension

	callOut func(room Room, callees []string) // nil: nobody is called
}

// New builds a house without rooms, which speaks with the built-in voices. The error names a prompt that one of them lacks
// or that cannot be read, or what is wrong with the transfer code.
func New(config Config) (*House, error) {
	if config.Engine == nil {
		return nil, errors.New("build house: there is no engine")
	}
	if err := CheckTransferCode(config.TransferCode); err != nil {
		return nil, fmt.Errorf("build house: %w", err)
	}
	log := config.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	voices, err := LoadVoices("")
	if err != nil {
		return nil, fmt.Errorf("load voices: %w", err)
	}
	music, err := builtinMusic()
	if err != nil {
		return nil, fmt.Errorf("load music: %w", err)
	}
	house := furnish(config.Engine, log, voices, music)
	house.transferCode, house.recordings, house.guard = config.TransferCode, config.Recordings, config.PINs
	if config.Faults != nil {
		house.faults = config.Faults
	}
	return house, nil
}

// furnish builds a house with the sounds given.
func furnish(engine *mixer.Engine, log *slog.Logger, voices *Voices, music *media.Sound) *House {
	return &House{
		engine: engine,
		log:    log,
		faults: fault.NewLog(log),
		music:  musicShelf{engine: engine, builtin: engine.Loop(music)},
		voices: voices,
		seed:   maphash.MakeSeed(),
		rooms:  make(map[string]Room),
		live:   make(map[string]*conference),

		temporary: make(map[string]Room),
	}
}

// SetVoices replaces the voices. Who is in the house goes on with those he has; the next caller meets the new ones.
func (h *House) SetVoices(voices *Voices) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.voices = voices
}

// SetRooms replaces the directory. Conferences go on with the members they have; the next
// caller meets the new PIN and options.
func (h *House) SetRooms(rooms []Room) {
	directory := make(map[string]Room, len(rooms))
	for _, room := range rooms {
		directory[room.Extension] = room
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rooms = directory
}

// Room looks up the room of an extension. The extension must be what is dialled, exactly.
func (h *House) Room(extension string) (Room, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	room, ok := h.rooms[extension]
	if !ok {
		room, ok = h.temporary[extension]
	}
	return room, ok
}

// RoomByID looks up the room of an id.
func (h *House) RoomByID(id string) (Room, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, room := range h.rooms {
		if room.ID == id {
			return room, true
		}
	}
	return Room{}, false
}

// goesOn tells whether a room has an extension that is longer than number and begins with it.
func (h *House) goesOn(number string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for extension := range h.rooms {
		if len(extension) > len(number) && strings.HasPrefix(extension, number) {
			return true
		}
	}
	return false
}

// Receive starts the conversation with a call that has been answered, on a goroutine of its
// own, and returns at once. The conversation is over soon after ctx is, or when it comes to
// an end by itself; then the call is hung up, if it has not been, and the visit is done.
func (h *House) Receive(ctx context.Context, room Room, call Call) *Visit {
	return h.receive(ctx, room, call, nil, nil)
}

// ReceiveInvited does so with a call that the room has made: who has answered is told which room calls, and joins by
// pressing 1.
func (h *House) ReceiveInvited(ctx context.Context, room Room, call Call, invitation Invitation) *Visit {
	return h.receive(ctx, room, call, &invitation, nil)
}

// receive does so with whoever was invited, and in the place of another visit, if before is one.
func (h *House) receive(ctx context.Context, room Room, call Call, invitation *Invitation, before *Visit) *Visit {
	visit := h.visit(room, call, invitation)
	visit.before = before
	ctx, visit.end = context.WithCancelCause(ctx)
	go visit.run(ctx)
	return visit
}

// visit prepares a visit, which counts as one until it has run.
func (h *House) visit(room Room, call Call, invitation *Invitation) *Visit {
	log := h.log.With("call", call.ID(), "room", room.Extension)
	caller := call.Caller()
	log.Info("caller received", "number", caller.Number, "address", caller.Address)
	keypad := newKeypad(log)
	own, all := h.voicesOf(room, caller, log)
	h.visits.Add(1)
	return &Visit{
		house:      h,
		room:       room,
		call:       call,
		invitation: invitation,
		conference: h.occupy(room),
		log:        log,
		keypad:     keypad,
		line:       newLine(own, keypad),
		roomVoice:  all,
		joined:     make(chan struct{}),
		done:       make(chan struct{}),
	}
}

// Drain returns when every visit and every part in a talk is done. It ends none of them; to be called when no call is
// received any more.
func (h *House) Drain() { h.visits.Wait() }

// occupy is the conference of a room, begun if there is none, with one more visit.
func (h *House) occupy(room Room) *conference {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, ok := h.live[room.ID]
	if !ok {
		c = &conference{
			house: h,
			mix:   h.engine.NewConference(room.ID),
		}
		h.live[room.ID] = c
	}
	c.room = room
	c.visits++
	if room.Temporary {
		h.temporary[room.Extension] = room
	}
	return c
}

// vacate takes back what occupy gave. With its last visit the conference ends.
func (h *House) vacate(c *conference) {
	h.mu.Lock()
	c.visits--
	over := c.visits == 0
	if over {
		delete(h.live, c.room.ID)
		delete(h.temporary, c.room.Extension) // if it is one
	}
	h.mu.Unlock()
	if over {
		c.mix.Close()
	}
	if over && c.room.Temporary {
		h.emit(Event{Room: c.room.Extension, Kind: EventEnd})
	}
}
