package rooms

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"conclave/rooms/recordings"
)

// kind reads the values of one type, range and unit.
type kind struct {
	takes    string // for people: "yes or no"
	refersTo Reference
	read     func(text string) (value, error) // its error says what would be right
}

// Reference is what the value of an option names that must be there.
type Reference string

// What values of options name. Such a value is checked by Library.Settle when it is set.
const (
	RefersToNothing Reference = ""
	RefersToSound   Reference = "sound" // a WAV file, or a prompt of the voice
	RefersToVoice   Reference = "voice"
	RefersToMenu    Reference = "menu"
	RefersToMusic   Reference = "music"
)

// value is an option's value, in the field that its kind fills.
type value struct {
	yes    bool
	number int
	text   string
	list   []string
}

// noValue is how the value is spelled that stands for having none.
const noValue = "none"

// nothing is the setter of options that have one meaning only in this version.
func nothing(*Options, value) {}

// yesNo takes the spellings that ConfBridge takes.
var yesNo = kind{takes: "yes or no", read: readYesNo}

func readYesNo(text string) (value, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "yes", "y", "true", "t", "on", "1":
		return value{yes: true}, nil
	case "no", "n", "false", "f", "off", "0":
		return value{yes: false}, nil
	}
	return value{}, fmt.Errorf("%q is not yes or no (y, n, true, false, t, f, on, off, 1 and 0 are taken, too)", text)
}

// always takes one of yes and no, in all its spellings: this version can do no other.
func always(yes bool) kind {
	taken := "no"
	if yes {
		taken = "yes"
	}
	return kind{takes: taken, read: func(text string) (value, error) {
		v, err := readYesNo(text)
		if err == nil && v.yes != yes {
			err = fmt.Errorf("%q is not supported by this version, it takes %s", text, taken)
		}
		return v, err
	}}
}

// oneOf takes some of the values that ConfBridge takes: this version can do no others.
func oneOf(taken ...string) kind {
	last := len(taken) - 1
	takes := taken[last]
	if last > 0 {
		takes = strings.Join(taken[:last], ", ") + " or " + takes
	}
	return kind{takes: takes, read: func(text string) (value, error) {
		trimmed := strings.TrimSpace(text)
		if !slices.Contains(taken, trimmed) {
			return value{}, fmt.Errorf("%q is not supported by this version, it takes %s", text, takes)
		}
		return value{text: trimmed}, nil
	}}
}

// count takes whole numbers of a unit from first to last.
func count(unit string, first, last int) kind {
	return kind{takes: fmt.Sprintf("%d to %d %s", first, last, unit), read: func(text string) (value, error) {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < first || n > last {
			return value{}, fmt.Errorf("%q is not a whole number of %s from %d to %d", text, unit, first, last)
		}
		return value{number: n}, nil
	}}
}

// above takes yes, no or a number of members: what is to happen with each number of members,
// with none, or where there are more than so many. It reads the least number, 0 for never.
func above(last int) kind {
	return kind{takes: fmt.Sprintf("yes, no or 0 to %d members", last), read: func(text string) (value, error) {
		const pair = 2 // with fewer there is nobody to be told
		if v, err := readYesNo(text); err == nil {
			if v.yes {
				return value{number: pair}, nil
			}
			return value{}, nil
		}
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 0 || n > last {
			return value{}, fmt.Errorf("%q is not yes, no or a whole number of members from 0 to %d", text, last)
		}
		return value{number: max(n+1, pair)}, nil
	}}
}

// soundFile takes a WAV file by its path, or a prompt by its name.
var soundFile = kind{takes: "WAV file or name of a prompt", refersTo: RefersToSound, read: readSoundName}

func readSoundName(text string) (value, error) {
	const longest = 4096 // PATH_MAX
	trimmed := strings.TrimSpace(text)
	switch {
	case trimmed == "":
		return value{}, fmt.Errorf("%q is not the path of a WAV file, nor the name of a prompt", text)
	case len(trimmed) > longest:
		return value{}, fmt.Errorf("a path of %d octets is not the path of a WAV file, %d are the most", len(trimmed), longest)
	case strings.ContainsFunc(trimmed, unicode.IsControl):
		return value{}, fmt.Errorf("%q holds a control character", text)
	}
	return value{text: trimmed}, nil
}

// optionalSoundFile takes what soundFile takes, and none.
var optionalSoundFile = kind{takes: "WAV file, name of a prompt or " + noValue, refersTo: RefersToSound, read: func(text string) (value, error) {
	v, err := readSoundName(text)
	if v.text == noValue {
		return value{}, nil
	}
	return v, err
}}

// recordingFile takes the path of a recording in the directory of recordings, and none.
var recordingFile = kind{takes: "path in the directory of recordings or " + noValue, read: func(text string) (value, error) {
	if strings.TrimSpace(text) == noValue {
		return value{}, nil
	}
	name, err := recordings.CleanName(text)
	return value{text: name}, err
}}

// voiceName takes the name of a voice.
var voiceName = kind{takes: "name of a voice", refersTo: RefersToVoice, read: func(text string) (value, error) {
	trimmed := strings.TrimSpace(text)
	if !isName(trimmed) {
		return value{}, fmt.Errorf("%q is not the name of a voice; en would be right", text)
	}
	return value{text: trimmed}, nil
}}

// musicClass takes the name of a playlist, and none.
var musicClass = kind{takes: "name of a playlist, default or " + noValue, refersTo: RefersToMusic, read: func(text string) (value, error) {
	trimmed := strings.TrimSpace(text)
	if !isName(trimmed) {
		return value{}, fmt.Errorf("%q is not the name of a playlist; default would be right", text)
	}
	return value{text: trimmed}, nil
}}

// menuName takes the name of a menu.
var menuName = kind{
	takes:    "name of a menu or " + noValue,
	refersTo: RefersToMenu,
	read: func(text string) (value, error) {
		trimmed := strings.TrimSpace(text)
		if !isName(trimmed) {
			return value{}, fmt.Errorf("%q is not the name of a menu; default would be right", text)
		}
		return value{text: trimmed}, nil
	},
}

// isName tells names of voices, menus and playlists: up to 64 letters and digits of ASCII, and -, _ and .
// but at the begin.
func isName(text string) bool {
	const longest = 64
	for i, r := range text {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
		case i > 0 && (r == '-' || r == '.'):
		default:
			return false
		}
	}
	return text != "" && len(text) <= longest
}
