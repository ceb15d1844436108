package rooms

import (
	"maps"
	"slices"
	"strings"
)

// VoiceReport tells what a voice speaks itself, and what another has to speak in its place.
type VoiceReport struct {
	Own        []string         // sounds of its own
	Missing    []string         // prompts, numbers and signs that it is asked for and has not
	Fallback   string           // voice that speaks what is missing; empty: nobody does
	Unreadable []UnreadableFile // sounds of its own that cannot be read
}

// Builtin tells whether the voice is part of the program.
func (v *Voice) Builtin() bool { return v.fallback == nil }

// Sounds is how many sounds the voice has of its own, whether or not they can be read.
func (v *Voice) Sounds() int { return len(v.sounds) }

// Check reads every sound of the voice.
func (v *Voice) Check() VoiceReport {
	var report VoiceReport
	if v.fallback != nil {
		report.Fallback = v.fallback.name
	}
	for _, name := range v.names() {
		if _, err := v.sounds[name](); err != nil {
			report.Unreadable = append(report.Unreadable, UnreadableFile{name, err})
			continue
		}
		report.Own = append(report.Own, name)
	}
	for _, name := range v.wanted() {
		if _, ok := v.own(name); !ok {
			report.Missing = append(report.Missing, name)
		}
	}
	return report
}

// wanted lists what the voice is asked for, with the pieces of all numbers. Sentences for which a voice lacks a form of
// a word are put together without it, so those are not asked for.
func (v *Voice) wanted() []string {
	wanted := map[string]bool{"digits/plus": true}
	for _, name := range wholePrompts {
		wanted[name] = true
	}
	for n := range biggestNumber + 1 {
		for _, name := range v.grammar().number(n) {
			wanted[name] = true
		}
	}
	return slices.SortedFunc(maps.Keys(wanted), func(a, b string) int {
		// By value: digits/9 before digits/10.
		if strings.HasPrefix(a, "digits/") && strings.HasPrefix(b, "digits/") && len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
}
