package rooms

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options are the options of a room, named as ConfBridge names them.
type Options struct {
	Quiet                bool
	AnnounceOnlyUser     bool
	HearOwnJoinSound     bool
	MusicOnHoldWhenEmpty bool
	StartMuted           bool
	MaxMembers           int           // 0: no limit
	Timeout              time.Duration // whole seconds; 0: never
}

// option describes one option: how its value is read, what it is where none is given, what
// it does, and where it goes.
type option struct {
	name     string
	kind     kind
	standard string
	meaning  string
	set      func(*Options, value)
}

// optionTable describes every option that this version takes, by name.
var optionTable = []option{
	{"announce_only_user", yesNo, "yes", "tells the first member that nobody else is there",
		func(o *Options, v value) { o.AnnounceOnlyUser = v.yes }},
	{"hear_own_join_sound", yesNo, "yes", "plays the join tone to the one who joins, too",
		func(o *Options, v value) { o.HearOwnJoinSound = v.yes }},
	{"max_members", count("members", 0, 100_000), "0", "turns callers away beyond this number; 0 is no limit",
		func(o *Options, v value) { o.MaxMembers = v.number }},
	{"music_on_hold_when_empty", yesNo, "yes", "plays music to a member who is alone",
		func(o *Options, v value) { o.MusicOnHoldWhenEmpty = v.yes }},
	{"quiet", yesNo, "no", "keeps tones and prompts of joining and leaving away",
		func(o *Options, v value) { o.Quiet = v.yes }},
	{"startmuted", yesNo, "no", "lets members in muted",
		func(o *Options, v value) { o.StartMuted = v.yes }},
	{"timeout", count("seconds", 0, 604_800), "0", "ends a member's call after this time; 0 is never",
		func(o *Options, v value) { o.Timeout = time.Duration(v.number) * time.Second }},
}

// OptionNames lists the options that ParseOptions takes, in alphabetical order.
func OptionNames() []string {
	names := make([]string, len(optionTable))
	for i, o := range optionTable {
		names[i] = o.name
	}
	return names
}

// ParseOptions reads the options of a room; those that are not given have their defaults. The
// error names every option that is unknown, not supported or has a wrong value, and what
// would be right.
func ParseOptions(given map[string]string) (Options, error) {
	var options Options
	var wrong []error
	for _, o := range optionTable {
		text, ok := given[o.name]
		if !ok {
			text = o.standard
		}
		v, err := o.kind(text)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("option %s: %w; it %s (default %s)", o.name, err, o.meaning, o.standard))
			continue
		}
		o.set(&options, v)
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(OptionNames(), name) {
			wrong = append(wrong, refusal(name))
		}
	}
	if len(wrong) > 0 {
		return Options{}, errors.Join(wrong...)
	}
	return options, nil
}

// kind reads the values of one type, range and unit; its error says what would be right.
type kind func(text string) (value, error)

// value is an option's value, in the field that its kind fills.
type value struct {
	yes    bool
	number int
}

// yesNo takes the spellings that ConfBridge takes.
func yesNo(text string) (value, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "yes", "true", "on", "1":
		return value{yes: true}, nil
	case "no", "false", "off", "0":
		return value{yes: false}, nil
	}
	return value{}, fmt.Errorf("%q is not yes or no (true, false, on, off, 1 and 0 are taken, too)", text)
}

// count takes whole numbers of a unit from first to last.
func count(unit string, first, last int) kind {
	return func(text string) (value, error) {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < first || n > last {
			return value{}, fmt.Errorf("%q is not a whole number of %s from %d to %d", text, unit, first, last)
		}
		return value{number: n}, nil
	}
}
