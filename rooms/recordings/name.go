package recordings

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

// The files of a recording, by what follows its name: the mix, what was noted along it, and the tracks of members.
const (
	mixSuffix   = ".wav"
	diarySuffix = ".jsonl"
	trackInfix  = "-member-"
)

// longestName leaves room for what is added to it: most file systems take 255 octets.
const longestName = 200

// CleanName reads the name of a recording as an operator gives it: a path in the directory of recordings, with or without
// .wav, and returns it without. The error says why it is none.
func CleanName(text string) (string, error) {
	name := filepath.Clean(strings.TrimSpace(text))
	if extension := filepath.Ext(name); strings.EqualFold(extension, mixSuffix) {
		name = strings.TrimSuffix(name, extension)
	}
	base := filepath.Base(name)
	switch {
	case name == "" || name == "." || base == ".":
		return "", fmt.Errorf("%q is no name of a file; board.wav would be right", text)
	case filepath.IsAbs(name) || !filepath.IsLocal(name):
		return "", fmt.Errorf("%q is not in the directory of recordings; give a path that begins there, as board.wav or board/weekly.wav", text)
	case len(base) > longestName:
		return "", fmt.Errorf("a name of %d octets is too long for a file; %d are the most", len(base), longestName)
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }):
		return "", fmt.Errorf("%q holds a character that is not printable", text)
	case strings.HasPrefix(base, "."):
		return "", fmt.Errorf("%q is hidden; give a name that does not begin with a dot", text)
	case otherAudio[strings.ToLower(filepath.Ext(name))]:
		return "", fmt.Errorf("%q: recordings are WAV files; give a name that ends in .wav, and see `conclave recordings export` for others", text)
	}
	return name, nil
}

// otherAudio are endings by which ConfBridge chooses a format.
var otherAudio = map[string]bool{".gsm": true, ".sln": true, ".sln16": true, ".ulaw": true, ".alaw": true, ".g722": true, ".wav49": true,
	".mp3": true, ".ogg": true, ".flac": true, ".raw": true, ".pcm": true, ".au": true}

// Name is what the recording of a conference is called that begins at a moment, as ConfBridge calls it: file with the time
// where it is to have one, or confbridge-EXTENSION-TIME where no file is set.
func Name(extension, file string, timestamp bool, begin time.Time) string {
	switch {
	case file == "":
		return fmt.Sprintf("confbridge-%s-%d", extension, begin.Unix())
	case timestamp:
		return fmt.Sprintf("%s-%d", file, begin.Unix())
	}
	return file
}

// trackName is the name of a member's track, without its ending.
func trackName(name string, number int) string {
	return fmt.Sprintf("%s%s%d", name, trackInfix, number)
}

// trimMix is a name of a file without its ending.
func trimMix(file string) string { return strings.TrimSuffix(file, mixSuffix) }
