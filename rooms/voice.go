package rooms

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"conclave/media"
	"conclave/rooms/spelling"
)

// voiceFiles holds the built-in voices: the sound files of voice/en and others and, beside each directory, the
// catalogue of what they say. `make sounds` makes the ones from the other.
//
//go:embed voice
var voiceFiles embed.FS

// Voice is a set of spoken prompts and tones in one language, by the file names that Asterisk gives them, and the
// sentences that are put together from them. It never changes, so any number of goroutines may use it at once.
type Voice struct {
	name     string
	language string // whose grammar the numbers follow; one that has none here, or empty: figures
	sounds   map[string]recording
	fallback *Voice // speaks what this one cannot; nil: nobody does
	pause    *media.Sound
}

// recording reads and decodes a sound when it is wanted for the first time. Most sounds of most voices never are.
type recording func() (*media.Sound, error)

// pauseLength is how long one pauses in place of a comma.
const pauseLength = 200 * time.Millisecond

func newVoice(name, language string, sounds map[string]recording) *Voice {
	const rate = 8000
	silence := make([]int16, rate*pauseLength/time.Second)
	return &Voice{name: name, language: language, sounds: sounds, pause: media.NewSound(rate, silence)}
}

// recorded is the recording of a sound that is there already.
func recorded(sound *media.Sound) recording {
	return func() (*media.Sound, error) { return sound, nil }
}

// readVoice lists the files of a directory and holds them against the catalogue of the same name, with the ending .tsv:
// lines of a name, a tab and a text; those that begin with # are remarks. The directory's name is the voice's and its
// language. The error names a file that the catalogue has and the directory lacks, or the other way round.
func readVoice(files fs.FS, dir string) (*Voice, error) {
	catalogue, err := fs.ReadFile(files, dir+".tsv")
	if err != nil {
		return nil, fmt.Errorf("read catalogue of prompts: %w", err)
	}
	sounds := make(map[string]recording)
	for line := range strings.Lines(string(catalogue)) {
		name, _, found := strings.Cut(line, "\t")
		if !found || line[0] == '#' {
			continue
		}
		file := path.Join(dir, name+".wav")
		if _, err := fs.Stat(files, file); err != nil {
			return nil, fmt.Errorf("load prompt %s: %w", name, err)
		}
		sounds[name] = sync.OnceValues(func() (*media.Sound, error) { return readSound(files, file) })
	}
	err = fs.WalkDir(files, dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(file, dir+"/"), ".wav")
		if _, known := sounds[name]; !known {
			return fmt.Errorf("prompt file %s is not in the catalogue %s.tsv", file, dir)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list prompts: %w", err)
	}
	name := path.Base(dir)
	return newVoice(name, name, sounds), nil
}

// Name is what rooms call the voice, "en" for example.
func (v *Voice) Name() string { return v.name }

// Language is the language that the voice speaks, a lower-case code such as "en"; empty if that is not known.
func (v *Voice) Language() string { return v.language }

// Sound returns the prompt or tone of a name such as "conf-getpin"; false if neither the voice nor the one that speaks
// in its place has it.
func (v *Voice) Sound(name string) (*media.Sound, bool) {
	for ; v != nil; v = v.fallback {
		if sound, ok := v.own(name); ok {
			return sound, true
		}
	}
	return nil, false
}

// own is a prompt in the voice itself. One that cannot be read counts as none: a caller had better hear it in another
// voice than not at all. `voice check` names it.
func (v *Voice) own(name string) (*media.Sound, bool) {
	read, ok := v.sounds[name]
	if !ok {
		return nil, false
	}
	sound, err := read()
	return sound, err == nil
}

// nearest is the name of a prompt of the voice, or of the one that speaks in its place, that a misspelt one was meant to be.
func (v *Voice) nearest(name string) string {
	var names []string
	for ; v != nil; v = v.fallback {
		names = slices.AppendSeq(names, maps.Keys(v.sounds))
	}
	return spelling.Nearest(name, names)
}

// Prompt returns prompts of these names one after another; what the voice lacks is left out.
func (v *Voice) Prompt(names ...string) []*media.Sound {
	sounds := make([]*media.Sound, 0, len(names))
	for _, name := range names {
		if sound, ok := v.Sound(name); ok {
			sounds = append(sounds, sound)
		}
	}
	return sounds
}

// inflected are the prompts that say the same as another in a form that the sentence asks for. Who replaces the other
// has no such forms, and his sentences do without them.
var inflected = map[string][]string{
	promptOtherInParty: {promptOtherInParty + "-one", promptOtherInParty + "-few"},
	promptHasJoined:    {promptHaveJoined},
	promptHasLeft:      {promptHaveLeft},
}

// With returns the voice with some prompts replaced, by name. A sound that is nil replaces nothing.
func (v *Voice) With(sounds map[string]*media.Sound) *Voice {
	if len(sounds) == 0 {
		return v
	}
	changed := *v
	changed.sounds = maps.Clone(v.sounds)
	if changed.sounds == nil {
		changed.sounds = make(map[string]recording)
	}
	for name, sound := range sounds {
		if sound == nil {
			continue
		}
		for _, form := range inflected[name] {
			if sounds[form] == nil {
				delete(changed.sounds, form)
			}
		}
		changed.sounds[name] = recorded(sound)
	}
	if v.fallback != nil {
		changed.fallback = v.fallback.With(sounds)
	}
	return &changed
}

// names lists the prompts that are the voice's own.
func (v *Voice) names() []string { return slices.Sorted(maps.Keys(v.sounds)) }

func readSound(files fs.FS, name string) (*media.Sound, error) {
	file, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return media.LoadWAV(file)
}
