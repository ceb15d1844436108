package rooms

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"conclave/media"
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
	// ModeratorPIN makes the caller who keys it in a moderator; empty: nobody. In a room
	// without a PIN everybody is asked, and # alone enters as a participant.
	ModeratorPIN string
	// Options are as ParseOptions made them: the zero value is not the defaults.
	Options Options
	// Menu and ModeratorMenu are what keys do for participants and moderators.
	Menu, ModeratorMenu Menu
	// Sounds are what replaces prompts, by the prompt's name, and the files that menus play,
	// by their path; nil: nothing.
	Sounds map[string]*media.Sound
	// Temporary tells that the room is gone with its last caller, and Owner which phone is a moderator of it; empty: none.
	Temporary bool
	Owner     string
	// Announcement is played to each joiner; nil: nothing.
	Announcement *media.Sound
}

// NewRoom builds a room from what is stored, with what its options name taken from the library. Options that this version
// does not take, and PINs that cannot be told apart, are an error that names them: the room is not to be served.
//
// A sound, voice or menu that has vanished since it was set does not keep callers out: the built-in one takes its place,
// and a warning says so.
func NewRoom(stored store.Room, library *Library) (room Room, warnings []error, err error) {
	options, err := ParseOptions(stored.Options)
	if err != nil {
		return Room{}, nil, fmt.Errorf("room %s: %w", stored.Extension, err)
	}
	if err := CheckPINs(stored.PIN, stored.ModeratorPIN); err != nil {
		return Room{}, nil, fmt.Errorf("room %s: %w", stored.Extension, err)
	}
	f := furnisher{stock: library, room: Room{
		ID:           stored.ID,
		Extension:    stored.Extension,
		Name:         stored.Name,
		PIN:          stored.PIN,
		ModeratorPIN: stored.ModeratorPIN,
		Options:      options,
	}}
	f.furnish()
	return f.room, f.warnings, nil
}

// CheckPINs refuses two PINs of a room that cannot be told apart while they are keyed in. The error does not repeat them.
func CheckPINs(participants, moderators string) error {
	switch {
	case participants == "" || moderators == "":
		return nil
	case participants == moderators:
		return errors.New("the moderators' PIN is that of the participants; give them different ones")
	case strings.HasPrefix(participants, moderators) || strings.HasPrefix(moderators, participants):
		return errors.New("one PIN begins with the other: an entry is complete as soon as it is as long as a PIN that it may be, " +
			"so that the longer one could not be keyed in; give PINs that differ in one of their first digits")
	}
	return nil
}

// furnisher gives a room what its options name.
type furnisher struct {
	stock    *Library
	room     Room
	warnings []error
}

func (f *furnisher) furnish() {
	options := &f.room.Options
	if err := options.Ineffective(); err != nil {
		f.warn("%w", err)
		options.Denoise = false
	}
	voice := f.voice(&options.Language)
	for _, prompt := range slices.Sorted(maps.Keys(options.Sounds)) {
		name := options.Sounds[prompt]
		sound, err := f.stock.sound(voice, name)
		if err != nil {
			f.warn("in place of the prompt %s: %s cannot be played, the prompt is: %w", prompt, name, err)
			continue
		}
		f.keep(prompt, sound)
	}
	if name := options.Announcement; name != "" {
		sound, err := f.stock.sound(voice, name)
		if err != nil {
			f.warn("announcement %s is not played: %w", name, err)
		}
		f.room.Announcement = sound
	}
	if err := f.stock.findMusic(options.MusicClass); err != nil {
		f.warn("it has the music %s instead: %w", musicDefault, err)
		options.MusicClass = musicDefault
	}
	f.room.Menu = f.menu(options.Menu, menuDefault, voice)
	f.room.ModeratorMenu = f.menu(options.ModeratorMenu, menuModerator, voice)
}

// voice finds the room's voice, or makes the standard one its voice.
func (f *furnisher) voice(name *string) *Voice {
	voice, ok := f.stock.voices.Voice(*name)
	if !ok {
		standard := standardOf("language")
		if *name != standard {
			f.warn("there is no voice %s, %s speaks instead", *name, standard)
		}
		*name = standard
		voice, _ = f.stock.voices.Voice(standard)
	}
	return voice
}

// menu finds a menu with the sounds that it plays, or takes the standard one.
func (f *furnisher) menu(name, standard string, voice *Voice) Menu {
	menu, err := f.stock.Menu(name)
	if err != nil {
		f.warn("the menu %s takes the place of %s: %w", standard, name, err)
		menu, err = f.stock.Menu(standard)
		if err != nil {
			f.warn("the menu %s is left out: %w", standard, err)
		}
	}
	for _, entry := range menu.Entries {
		for _, action := range entry.Actions {
			for _, file := range action.Files {
				f.playable(menu.Name, entry.Keys, file, voice)
			}
		}
	}
	return menu
}

// playable keeps the sound of a file that a menu plays. Prompts are with the voice.
func (f *furnisher) playable(menu, keys, file string, voice *Voice) {
	if voice != nil {
		if _, ok := voice.Sound(file); ok {
			return
		}
	}
	sound, err := f.stock.sound(voice, file)
	if err != nil {
		f.warn("menu %s: keys %s: %s is not played: %w", menu, keys, file, err)
		return
	}
	f.keep(file, sound)
}

func (f *furnisher) keep(name string, sound *media.Sound) {
	if f.room.Sounds == nil {
		f.room.Sounds = make(map[string]*media.Sound)
	}
	f.room.Sounds[name] = sound
}

// warn says once what is missing: both menus of a room may be the same.
func (f *furnisher) warn(format string, args ...any) {
	warning := fmt.Errorf("room %s: "+format, append([]any{f.room.Extension}, args...)...)
	said := func(other error) bool { return other.Error() == warning.Error() }
	if !slices.ContainsFunc(f.warnings, said) {
		f.warnings = append(f.warnings, warning)
	}
}

func standardOf(name string) string {
	o, _ := findOption(optionTable, name)
	return o.standard
}
