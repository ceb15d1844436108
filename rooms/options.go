package rooms

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"conclave/media/denoise"
	"conclave/rooms/dialplan"
)

// Options are the options of a room, named as ConfBridge names them.
type Options struct {
	Quiet                bool
	AnnounceOnlyUser     bool
	HearOwnJoinSound     bool
	MusicOnHoldWhenEmpty bool   // also for those who wait for a leader
	MusicClass           string // a playlist, "default" or "none"
	StartMuted           bool
	MaxMembers           int           // 0: no limit
	Timeout              time.Duration // whole seconds; 0: never

	// Roles. A moderator, who came by the moderators' PIN, is admin and marked.
	Admin, Marked, WaitMarked, EndMarked, EndMarkedAny bool

	AnnounceUserCount       bool
	AnnounceUserCountAll    int // members, the joiner included, from which on the others are told how many; 0: never
	AnnounceJoinLeave       bool
	AnnounceJoinLeaveReview bool // implies AnnounceJoinLeave
	Announcements           bool // prompts and tones to the room at all

	DTMFPassthrough     bool
	DropSilence         bool          // dsp_drop_silence: what is not talk is not mixed at all
	TalkingThreshold    int           // dsp_talking_threshold, mean magnitude 1..32768; 0: whatever is loud against the caller's noise
	SilenceThreshold    time.Duration // dsp_silence_threshold, 1 ms to 60 s
	TalkDetectionEvents bool
	JitterBuffer        bool // no: its minimum depth
	AGC                 bool // automatic gain of each member
	ComfortNoise        bool // faint noise is heard in place of silence
	Denoise             bool // noise is taken out of each member's voice
	SampleRate          int  // Hz, the highest that legs have here; 0: any

	RecordConference    bool   // from the first member on
	RecordFile          string // path in the directory of recordings, without .wav; empty: confbridge-EXTENSION-TIME
	RecordFileAppend    bool   // goes on with the file of the same name
	RecordFileTimestamp bool   // the time of the begin is added to RecordFile
	RecordTracks        bool   // a file for each member, too
	RecordNotice        bool   // members are told

	Encryption Encryption // of the members' audio

	Language       string            // of the room's voice
	CallerLanguage bool              // a caller's Accept-Language may choose another
	Menu           string            // of the participants: "default", "moderator", "none" or one of the operator's
	ModeratorMenu  string            // of the moderators, likewise
	Sounds         map[string]string // what replaces prompts, by the prompt's name: a WAV file or another prompt; nil: nothing
	Announcement   string            // WAV file or prompt that is played to each joiner; empty: none

	CallOut      []string           // numbers and SIP addresses that are rung when the first moderator joins
	CallOutPIN   bool               // they are asked for the PIN
	CallOutAllow []dialplan.Pattern // numbers outside, and SIP addresses, that the room may call; none: nothing
	MaxOutCalls  int                // calls outside at once; 0: no limit
	MaxOutPerDay int                // calls outside on a day; 0: no limit
}

// option describes one option: how its value is read, what it is where none is given, what
// it does, and where it goes.
type option struct {
	name     string
	kind     kind
	standard string
	meaning  string // continues "it …"
	set      func(*Options, value)
}

// optionTable describes every option that this version takes. Values are set in its order.
var optionTable = slices.Concat(userOptions, bridgeOptions, soundOptions(), ownOptions, callOutOptions)

// OptionInfo describes an option to operators.
type OptionInfo struct {
	Name     string `json:"name"`
	Standard string `json:"default"` // the value where none is given
	Takes    string `json:"takes"`   // type, range and unit of values
	Meaning  string `json:"meaning"` // what it does: "plays music …"
	// RefersTo is what a value names that must be there: a sound, a voice, a menu or nothing.
	RefersTo Reference `json:"-"`
}

// DescribeOptions describes the options that ParseOptions takes, in alphabetical order.
func DescribeOptions() []OptionInfo {
	described := make([]OptionInfo, len(optionTable))
	for i, o := range optionTable {
		described[i] = OptionInfo{o.name, o.standard, o.kind.takes, o.meaning, o.kind.refersTo}
	}
	slices.SortFunc(described, func(a, b OptionInfo) int { return strings.Compare(a.Name, b.Name) })
	return described
}

// OptionNames lists the options that ParseOptions takes, in alphabetical order.
func OptionNames() []string {
	names := make([]string, len(optionTable))
	for i, o := range optionTable {
		names[i] = o.name
	}
	slices.Sort(names)
	return names
}

// ParseOptions reads the options of a room; those that are not given have their defaults. The
// error names every option that is unknown, not supported or has a wrong value, and what
// would be right. Whether there are the files, voices and menus that options name is not
// looked at: see Library.
func ParseOptions(given map[string]string) (Options, error) {
	var options Options
	var wrong []error
	for _, o := range optionTable {
		text, ok := given[o.name]
		if !ok {
			text = o.standard
		}
		v, err := o.kind.read(text)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("option %s: %w; it %s (default %s)", o.name, err, o.meaning, o.standard))
			continue
		}
		o.set(&options, v)
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, known := findOption(optionTable, name); !known {
			wrong = append(wrong, refusal(name))
		}
	}
	if len(wrong) > 0 {
		return Options{}, errors.Join(wrong...)
	}
	return options, nil
}

// Ineffective tells which of the options this build cannot do what they say, and why. A room that has one is served without
// it: what stands in a database may have been set by another build.
func (o Options) Ineffective() error {
	if missing := denoise.Available(); o.Denoise && missing != nil {
		return fmt.Errorf("denoise=yes has no effect: %w", missing)
	}
	return nil
}

func findOption(table []option, name string) (option, bool) {
	i := slices.IndexFunc(table, func(o option) bool { return o.name == name })
	if i < 0 {
		return option{}, false
	}
	return table[i], true
}
