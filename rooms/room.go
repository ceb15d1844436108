package rooms

import (
	"fmt"

	"conclave/store"
)

// Room is a configured room as the next caller finds it. A Room is a value: changing one
// changes no conference.
type Room struct {
	// ID tells one room from all others, also from one that had the same extension before.
	// Callers of rooms with the same ID meet in one conference.
	ID string
	// Extension is the number that is dialled.
	Extension string
	// Name is what operators and phones show.
	Name string
	// PIN is asked of every caller; an empty one leaves the room open.
	PIN string
	// Options are as ParseOptions made them: the zero value is not the defaults.
	Options Options
}

// NewRoom builds a room from what is stored. Options that this version does not take are an
// error that names them.
func NewRoom(stored store.Room) (Room, error) {
	options, err := ParseOptions(stored.Options)
	if err != nil {
		return Room{}, fmt.Errorf("room %s: %w", stored.Extension, err)
	}
	return Room{
		ID:        stored.ID,
		Extension: stored.Extension,
		Name:      stored.Name,
		PIN:       stored.PIN,
		Options:   options,
	}, nil
}
