package rooms

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"conclave/media"
)

// builtinLanguages are the built-in voices, named after what they speak.
var builtinLanguages = []string{"en", "de", "ru"}

// standardVoice speaks where no other was chosen, and where another has nothing to say.
const standardVoice = "en"

// Voices are the voices there are: those built in and those of the operator. They never change, so any number of
// goroutines may use them at once.
type Voices struct {
	voices map[string]*Voice
	tags   map[string]string // names of voices by the language tags, in lower case, that ask for them
}

// BuiltinVoices returns the voices that are part of the program: en, de and ru. The error names a sound that was left
// out when it was built.
func BuiltinVoices() (*Voices, error) { return LoadVoices("") }

// LoadVoices returns the built-in voices and those of the operator, which are the directories in dir: see AddVoice. A
// directory with the name of a built-in voice replaces that. Where dir is empty or missing there are the built-in ones
// only. Sounds are read when they are wanted for the first time.
func LoadVoices(dir string) (*Voices, error) {
	builtin := make(map[string]*Voice)
	for _, language := range builtinLanguages {
		v, err := readVoice(voiceFiles, "voice/"+language)
		if err != nil {
			return nil, fmt.Errorf("load built-in voice %s: %w", language, err)
		}
		builtin[language] = v
	}
	voices := slices.Collect(maps.Values(builtin))
	own, err := operatorVoices(dir)
	if err != nil {
		return nil, err
	}
	for _, v := range own {
		v.fallback = builtin[standardVoice]
		if fallback, ok := builtin[v.language]; ok {
			v.fallback = fallback
		}
		voices = append(voices, v)
	}
	return newVoices(voices...), nil
}

// newVoices makes a set of voices. Of two with one name the later one is taken.
func newVoices(voices ...*Voice) *Voices {
	vs := &Voices{voices: make(map[string]*Voice), tags: make(map[string]string)}
	for _, v := range voices {
		vs.voices[v.name] = v
	}
	for _, name := range vs.Names() {
		vs.tag(languageTag(name), name)
	}
	// A voice "es_ES_f_somebody" is the one for es where none has the name; an "anna" that speaks de is only taken by
	// her name.
	for _, name := range vs.Names() {
		if language := languageOfName(name); language != "" {
			vs.tag(language, name)
		}
	}
	return vs
}

func (vs *Voices) tag(tag, name string) {
	if _, taken := vs.tags[tag]; !taken {
		vs.tags[tag] = name
	}
}

// Names lists the voices in alphabetical order, "en" for example.
func (vs *Voices) Names() []string { return slices.Sorted(maps.Keys(vs.voices)) }

// Voice returns the voice of a name; false if there is none.
func (vs *Voices) Voice(name string) (*Voice, bool) {
	v, ok := vs.voices[name]
	return v, ok
}

// operatorVoices lists the voices in a directory of such, which need not exist.
func operatorVoices(dir string) ([]*Voice, error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list voices: %w", err)
	}
	var voices []*Voice
	for _, entry := range entries {
		// What has no name of a voice is none: a copy that was not finished, or somebody else's.
		if CheckVoiceName(entry.Name()) != nil {
			continue
		}
		// A link to a directory will do.
		sounds := filepath.Join(dir, entry.Name())
		if info, err := os.Stat(sounds); err != nil || !info.IsDir() {
			continue
		}
		v, err := operatorVoice(sounds)
		if err != nil {
			return nil, fmt.Errorf("load voice %s: %w", entry.Name(), err)
		}
		voices = append(voices, v)
	}
	return voices, nil
}

// operatorVoice is the voice of a directory.
func operatorVoice(dir string) (*Voice, error) {
	name := filepath.Base(dir)
	files := os.DirFS(dir)
	found, err := findSounds(files)
	if err != nil {
		return nil, err
	}
	language, err := readVoiceLanguage(files, name)
	if err != nil {
		return nil, err
	}
	sounds := make(map[string]recording)
	for prompt, file := range found.files {
		sounds[prompt] = sync.OnceValues(func() (*media.Sound, error) { return readSoundFile(files, file) })
	}
	return newVoice(name, language, sounds), nil
}
