// Package rooms is what a conference is: who may come in, the conversation held with each
// caller, the members and what they hear of each other's comings and goings, and what
// operators may do about them. It knows nothing of SIP: a call is what the interface Call says.
package rooms

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"conclave/media"
	"conclave/mixer"
)

// Config is what a House needs.
type Config struct {
	// Engine mixes the conferences. It must outlive the house's last visit.
	Engine *mixer.Engine
	// Log gets a line for each caller, member and failed PIN; nil: none.
	Log *slog.Logger
}

// House holds the directory of rooms and the conferences that are going on in them. All
// methods may be called from any goroutine.
type House struct {
	engine  *mixer.Engine
	log     *slog.Logger
	prompts prompts
	music   *media.Sound
	visits  sync.WaitGroup

	// mu guards the two maps, and room and visits of each conference.
	mu    sync.Mutex
	rooms map[string]Room        // by extension
	live  map[string]*conference // by Room.ID
}

// New builds a house without rooms. The error names a prompt that the built-in voice lacks or
// that cannot be read.
func New(config Config) (*House, error) {
	if config.Engine == nil {
		return nil, errors.New("build house: there is no engine")
	}
	log := config.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	voice, err := builtinVoice()
	if err != nil {
		return nil, fmt.Errorf("load voice: %w", err)
	}
	prompts, err := loadPrompts(voice)
	if err != nil {
		return nil, fmt.Errorf("load voice: %w", err)
	}
	music, err := builtinMusic()
	if err != nil {
		return nil, fmt.Errorf("load music: %w", err)
	}
	return furnish(config.Engine, log, prompts, music), nil
}

// furnish builds a house with the sounds given.
func furnish(engine *mixer.Engine, log *slog.Logger, prompts prompts, music *media.Sound) *House {
	return &House{
		engine:  engine,
		log:     log,
		prompts: prompts,
		music:   music,
		rooms:   make(map[string]Room),
		live:    make(map[string]*conference),
	}
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
	return room, ok
}

// Receive starts the conversation with a call that has been answered, on a goroutine of its
// own, and returns at once. The conversation is over soon after ctx is, or when it comes to
// an end by itself; then the call is hung up, if it has not been, and the visit is done.
func (h *House) Receive(ctx context.Context, room Room, call Call) *Visit {
	log := h.log.With("call", call.ID(), "room", room.Extension)
	caller := call.Caller()
	log.Info("caller received", "number", caller.Number, "address", caller.Address)
	keypad := newKeypad(log)
	visit := &Visit{
		house:      h,
		room:       room,
		call:       call,
		conference: h.occupy(room),
		log:        log,
		keypad:     keypad,
		line:       newLine(h.prompts, keypad),
		done:       make(chan struct{}),
	}
	h.visits.Add(1)
	go visit.run(ctx)
	return visit
}

// Drain returns when every visit is done. It ends none of them; to be called when no call is
// received any more.
func (h *House) Drain() { h.visits.Wait() }

// occupy is the conference of a room, begun if there is none, with one more visit.
func (h *House) occupy(room Room) *conference {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, ok := h.live[room.ID]
	if !ok {
		c = &conference{
			mix:     h.engine.NewConference(room.ID),
			prompts: h.prompts,
			music:   h.music,
		}
		h.live[room.ID] = c
	}
	c.room = room
	c.visits++
	return c
}

// vacate takes back what occupy gave. With its last visit the conference ends.
func (h *House) vacate(c *conference) {
	h.mu.Lock()
	c.visits--
	over := c.visits == 0
	if over {
		delete(h.live, c.room.ID)
	}
	h.mu.Unlock()
	if over {
		c.mix.Close()
	}
}
