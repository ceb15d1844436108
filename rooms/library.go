package rooms

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"conclave/media"
	"conclave/rooms/spelling"
	"conclave/store"
)

// The menus that are there without an operator's doing, and noValue for none at all.
const (
	menuDefault   = "default"
	menuModerator = "moderator"
)

// soundEnding is what the name of a sound file may be given without, as in confbridge.conf.
const soundEnding = ".wav"

// Library holds what the options of rooms name: menus, voices, playlists and sound files. Rooms share what they both name: a file is
// read once. To see files that have changed, make a new one. Not for several goroutines at a time.
type Library struct {
	menus  []store.Menu
	voices *Voices
	music  []string             // names of playlists
	files  map[string]soundRead // by path
}

type soundRead struct {
	sound *media.Sound
	err   error
}

// NewLibrary makes a library of the menus that are stored, the voices there are and the names of the playlists; nil: none.
func NewLibrary(menus []store.Menu, voices *Voices, music []string) *Library {
	if voices == nil {
		voices = new(Voices)
	}
	return &Library{menus: menus, voices: voices, music: music, files: make(map[string]soundRead)}
}

// Settle checks that what the value of an option names is there, and can be used: the error says what is wrong with it and
// what would be right. It returns the value as it is to be stored: the path of a sound file becomes absolute. Values
// that name nothing are returned as they are; ParseOptions checks them.
func (l *Library) Settle(name, value string) (string, error) {
	o, known := findOption(optionTable, name)
	if !known {
		return value, nil
	}
	read, err := o.kind.read(value)
	if err != nil || read.text == "" {
		return value, nil // ParseOptions says so
	}
	switch o.kind.refersTo {
	case RefersToSound:
		value, err = l.Locate(read.text)
	case RefersToVoice:
		value = read.text
		if _, ok := l.voices.Voice(value); !ok {
			err = fmt.Errorf("there is no voice %q; there are %s", value, strings.Join(l.voices.Names(), ", "))
		}
	case RefersToMusic:
		value = read.text
		err = l.findMusic(value)
	case RefersToMenu:
		value = read.text
		_, err = l.Menu(value)
	}
	if err != nil {
		return "", fmt.Errorf("option %s: %w", name, err)
	}
	return value, nil
}

// Locate finds the sound that an operator names: a prompt by its name, or a WAV file by its path, whose ending may be
// left out. It returns what is to be stored, the name or the absolute path. The error says why there is none, or what
// is wrong with the file.
func (l *Library) Locate(given string) (string, error) {
	if l.isPrompt(given) {
		return given, nil
	}
	path, err := filepath.Abs(given)
	if err != nil {
		return "", fmt.Errorf("sound %q: %w", given, err)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && filepath.Ext(path) != soundEnding {
		path += soundEnding
	}
	_, err = l.read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%q is neither a prompt%s nor a WAV file: there is no file %s", given, l.nearest(given), path)
	case err != nil:
		return "", fmt.Errorf("sound file %s: %w", path, err)
	}
	return path, nil
}

// Menu returns the menu of a name: one of the operator's, "default", "moderator", or "none", which has no entries. The
// error names the menus there are, or what is wrong with an entry.
func (l *Library) Menu(name string) (Menu, error) {
	switch name {
	case menuDefault:
		menu := ParticipantMenu()
		menu.Name = menuDefault
		return menu, nil
	case menuModerator:
		menu := ModeratorMenu()
		menu.Name = menuModerator
		return menu, nil
	case noValue:
		return Menu{Name: noValue}, nil
	}
	names := []string{menuDefault, menuModerator, noValue}
	for _, m := range l.menus {
		if m.Name == name {
			return ParseMenu(m.Name, m.Entries)
		}
		names = append(names, m.Name)
	}
	return Menu{}, fmt.Errorf("there is no menu %q; there are %s", name, strings.Join(names, ", "))
}

// findMusic refuses the name of a playlist that there is not.
func (l *Library) findMusic(name string) error {
	names := append(slices.Clone(l.music), musicDefault, noValue)
	if slices.Contains(names, name) {
		return nil
	}
	hint := ""
	if near := spelling.Nearest(name, names); near != "" {
		hint = fmt.Sprintf(" (the nearest is %s)", near)
	}
	slices.Sort(names)
	return fmt.Errorf("there is no music %q%s; there are %s", name, hint, strings.Join(slices.Compact(names), ", "))
}

// BuiltInMenus returns the menus that need not be stored.
func (l *Library) BuiltInMenus() []Menu {
	var menus []Menu
	for _, name := range []string{menuDefault, menuModerator} {
		menu, err := l.Menu(name)
		if err == nil {
			menus = append(menus, menu)
		}
	}
	return menus
}

// CheckMenuName refuses names that no stored menu may have.
func CheckMenuName(name string) error {
	switch {
	case name == menuDefault, name == menuModerator, name == noValue:
		return fmt.Errorf("menu %s is built in and cannot be changed; make one of another name, and give it to a room with -o menu=NAME", name)
	case !isName(name):
		return fmt.Errorf("menu %q: a name is up to 64 letters, digits, -, _ and .; staff_menu would be right", name)
	}
	return nil
}

// SettleMenu checks the sounds that the entries of a menu play, and makes the paths of files absolute.
func (l *Library) SettleMenu(menu Menu) (Menu, error) {
	var wrong []error
	settled := Menu{Name: menu.Name}
	for _, entry := range menu.Entries {
		entry.Actions = slices.Clone(entry.Actions)
		for i, action := range entry.Actions {
			files := make([]string, len(action.Files))
			for j, file := range action.Files {
				path, err := l.Locate(file)
				if err == nil && strings.ContainsAny(path, "&,()") {
					err = fmt.Errorf("sound file %s: no file of a menu may have & , ( or ) in its path", path)
				}
				if err != nil {
					wrong = append(wrong, fmt.Errorf("menu %s: keys %s: %w", menu.Name, entry.Keys, err))
				}
				files[j] = path
			}
			if len(files) > 0 {
				entry.Actions[i].Files = files
			}
		}
		settled.Entries = append(settled.Entries, entry)
	}
	if len(wrong) > 0 {
		return Menu{}, errors.Join(wrong...)
	}
	return settled, nil
}

// sound returns what an option or an action of a menu names, spoken by a voice if it is a prompt.
func (l *Library) sound(voice *Voice, name string) (*media.Sound, error) {
	if voice != nil {
		if sound, ok := voice.Sound(name); ok {
			return sound, nil
		}
	}
	if !filepath.IsAbs(name) {
		return nil, fmt.Errorf("the voice has no prompt %s", name)
	}
	return l.read(name)
}

// read returns the sound in a file.
func (l *Library) read(path string) (*media.Sound, error) {
	if known, ok := l.files[path]; ok {
		return known.sound, known.err
	}
	sound, err := readSoundPath(path)
	l.files[path] = soundRead{sound, err}
	return sound, err
}

func readSoundPath(path string) (*media.Sound, error) {
	// Opening a FIFO would wait for its writer.
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("it is %s, not a WAV file", fileKind(info.Mode()))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return media.LoadWAV(file)
}

func fileKind(mode fs.FileMode) string {
	if mode.IsDir() {
		return "a directory"
	}
	return "no regular file"
}

// isPrompt tells whether any voice has a prompt of the name.
func (l *Library) isPrompt(name string) bool {
	for _, voiceName := range l.voices.Names() {
		if voice, ok := l.voices.Voice(voiceName); ok {
			if _, ok := voice.Sound(name); ok {
				return true
			}
		}
	}
	return false
}

// nearest hints at the prompt that may have been meant, where what was given does not look like a path.
func (l *Library) nearest(given string) string {
	if strings.ContainsRune(given, filepath.Separator) || filepath.Ext(given) == soundEnding {
		return ""
	}
	known := []string{"beep", "conf-usermenu", "conf-adminmenu"}
	for _, s := range soundPrompts {
		known = append(known, s.prompt)
	}
	known = slices.DeleteFunc(known, func(name string) bool { return !l.isPrompt(name) })
	if near := spelling.Nearest(given, known); near != "" {
		return " (the nearest is " + near + ")"
	}
	return ""
}
