package rooms

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"conclave/media"
)

// voiceFiles holds the built-in voice: the sound files of voice/en and, beside it, the catalogue of what they say.
// `make sounds` makes the ones from the other.
//
//go:embed voice
var voiceFiles embed.FS

// Voice is a set of spoken prompts and tones in one language, by the file names that Asterisk gives them.
type Voice struct {
	sounds map[string]*media.Sound
}

// builtinVoice loads the voice that is part of the program. The error names a file that the catalogue has and the
// directory lacks, the other way round, or one that cannot be read.
func builtinVoice() (*Voice, error) {
	return readVoice(voiceFiles, "voice/en")
}

// readVoice loads the files of a directory and holds them against the catalogue of the same name, with the ending .tsv:
// lines of a name, a tab and a text; those that begin with # are remarks.
func readVoice(files fs.FS, dir string) (*Voice, error) {
	catalogue, err := fs.ReadFile(files, dir+".tsv")
	if err != nil {
		return nil, fmt.Errorf("read catalogue of prompts: %w", err)
	}
	v := &Voice{sounds: make(map[string]*media.Sound)}
	for line := range strings.Lines(string(catalogue)) {
		name, _, found := strings.Cut(line, "\t")
		if !found || line[0] == '#' {
			continue
		}
		if v.sounds[name], err = readSound(files, path.Join(dir, name+".wav")); err != nil {
			return nil, fmt.Errorf("load prompt %s: %w", name, err)
		}
	}
	entries, err := fs.ReadDir(files, dir)
	if err != nil {
		return nil, fmt.Errorf("list prompts: %w", err)
	}
	for _, e := range entries {
		if _, known := v.sounds[strings.TrimSuffix(e.Name(), ".wav")]; !known {
			return nil, fmt.Errorf("prompt file %s is not in the catalogue %s.tsv", path.Join(dir, e.Name()), dir)
		}
	}
	return v, nil
}

// Sound returns the prompt or tone of a name such as "conf-getpin"; false if the voice has none.
func (v *Voice) Sound(name string) (*media.Sound, bool) {
	s, ok := v.sounds[name]
	return s, ok
}

func readSound(files fs.FS, name string) (*media.Sound, error) {
	file, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return media.LoadWAV(file)
}
