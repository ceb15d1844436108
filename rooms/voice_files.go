package rooms

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"conclave/media"
)

// soundKinds are the kinds of sound files that are read, by their ending, and the rate in Hz of those that are samples
// and nothing else, as Asterisk has them (signed linear). Of two files of one prompt the kind named first is taken.
var soundKinds = []struct {
	ending string
	rate   int
}{
	{".sln48", 48000}, {".sln44", 44100}, {".sln32", 32000}, {".sln24", 24000}, {".sln16", 16000}, {".wav16", 0},
	{".sln12", 12000}, {".wav", 0}, {".sln", 8000},
}

// otherSoundKinds are kinds of sound files that are not read, with what is in them.
var otherSoundKinds = map[string]string{
	".gsm": "GSM 06.10", ".wav49": "GSM 06.10", ".ulaw": "mu-law", ".ul": "mu-law", ".mu": "mu-law", ".pcm": "mu-law",
	".alaw": "A-law", ".al": "A-law", ".alw": "A-law", ".g722": "G.722", ".g723": "G.723", ".g726": "G.726", ".g729": "G.729",
	".ilbc": "iLBC", ".siren7": "Siren7", ".siren14": "Siren14", ".mp3": "MP3", ".ogg": "Ogg", ".opus": "Opus",
	".flac": "FLAC", ".m4a": "AAC", ".aac": "AAC", ".aiff": "AIFF", ".vox": "ADPCM",
}

const (
	// mostVoiceFiles is far more than any voice has. What has more is no directory of a voice.
	mostVoiceFiles = 10_000
	// longestSound bounds files of samples, which nothing else bounds, in octets: half an hour at 48 kHz.
	longestSound = 30 * 60 * 48000 * 2
	// voiceLanguageFile holds the language of a voice, in its directory.
	voiceLanguageFile = "language"
)

// UnreadableFile is a file of a voice that cannot be played.
type UnreadableFile struct {
	File   string // path within the voice's directory
	Reason error
}

func (u UnreadableFile) String() string { return fmt.Sprintf("%s: %v", u.File, u.Reason) }

// foundSounds are the sound files of a directory, with their paths in it.
type foundSounds struct {
	files      map[string]string // by name of the prompt: "digits/1"
	unreadable []UnreadableFile  // of a kind that is not read
}

// findSounds lists the sound files of a directory and of the directories in it, where Asterisk has digits. What is no
// sound file is passed over.
func findSounds(files fs.FS) (foundSounds, error) {
	found := foundSounds{files: make(map[string]string)}
	best := make(map[string]int) // place of the file's kind in soundKinds
	others := make(map[string]UnreadableFile)
	n := 0
	err := fs.WalkDir(files, ".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.Count(file, "/") > 0:
			return fs.SkipDir
		case strings.HasPrefix(entry.Name(), ".") || !entry.Type().IsRegular() && entry.Type() != fs.ModeSymlink:
			return nil
		}
		if n++; n > mostVoiceFiles {
			return fmt.Errorf("more than %d files, which is no directory of a voice", mostVoiceFiles)
		}
		ending := strings.ToLower(path.Ext(file))
		name := file[:len(file)-len(ending)]
		if coding, known := otherSoundKinds[ending]; known {
			others[name] = UnreadableFile{file, fmt.Errorf("%s (%s) is not read, only .wav and .sln", ending, coding)}
		}
		for place, kind := range soundKinds {
			if before, twice := best[name]; kind.ending == ending && (!twice || place < before) {
				best[name], found.files[name] = place, file
			}
		}
		return nil
	})
	if err != nil {
		return foundSounds{}, fmt.Errorf("list sounds: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		if _, have := found.files[name]; !have {
			found.unreadable = append(found.unreadable, others[name])
		}
	}
	return found, nil
}

// readSoundFile reads a sound file of one of the soundKinds.
func readSoundFile(files fs.FS, name string) (*media.Sound, error) {
	ending := strings.ToLower(path.Ext(name))
	for _, kind := range soundKinds {
		if kind.ending == ending && kind.rate != 0 {
			return readSamples(files, name, kind.rate)
		}
	}
	return readSound(files, name)
}

// readSamples reads a file of samples of 16 bits, little-endian.
func readSamples(files fs.FS, name string, rate int) (*media.Sound, error) {
	file, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, longestSound+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read samples: %w", err)
	case len(text) > longestSound:
		return nil, errors.New("file of samples is longer than half an hour")
	case len(text) < 2:
		return nil, errors.New("file without samples")
	}
	pcm := make([]int16, len(text)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(text[2*i:]))
	}
	return media.NewSound(rate, pcm), nil
}

// readVoiceLanguage is the language that a voice was added with, or else that of its name.
func readVoiceLanguage(files fs.FS, name string) (string, error) {
	text, err := fs.ReadFile(files, voiceLanguageFile)
	if errors.Is(err, fs.ErrNotExist) {
		return languageOfName(name), nil
	}
	if err != nil {
		return "", fmt.Errorf("read language: %w", err)
	}
	return strings.ToLower(strings.TrimSpace(string(text))), nil
}
