package rooms

import (
	"strings"

	"conclave/media"
)

// Digits spells a caller's number: digits, and a plus at the beginning; other characters are left out.
func (v *Voice) Digits(number string) []*media.Sound {
	var names []string
	for i, c := range strings.TrimSpace(number) {
		switch {
		case c >= '0' && c <= '9':
			names = append(names, "digits/"+string(c))
		case c == '+' && i == 0:
			names = append(names, "digits/plus")
		}
	}
	return v.Prompt(names...)
}

// ThereAre says how many others are in the conference, 1 to 9 999 of them. More are spelled figure by figure; for none
// nothing is said.
func (v *Voice) ThereAre(others int) []*media.Sound {
	if others < 1 {
		return nil
	}
	ways := v.waysToCount(others)
	for _, way := range ways {
		if sounds, whole := v.whole(way...); whole {
			return sounds
		}
	}
	// A sentence is not spoken by two: its words would not fit each other.
	if v.fallback != nil {
		return v.fallback.ThereAre(others)
	}
	return v.Prompt(ways[len(ways)-1]...)
}

// waysToCount are the prompts of the sentence, at first as the language's grammar wants it and then as Asterisk puts it
// together, whose voices know one form of each word.
func (v *Voice) waysToCount(others int) [][]string {
	if others == 1 {
		return [][]string{{promptOnlyOne}}
	}
	g := v.grammar()
	sentence := func(participants string) []string {
		return append(append([]string{promptThereAre}, g.count(others)...), participants)
	}
	return [][]string{sentence(g.others(others)), sentence(promptOtherInParty)}
}

// HaveJoined says that those of the names have joined: one ("A has joined") or more ("A, B and C have joined"). Where a
// name is empty it says that it is a participant.
func (v *Voice) HaveJoined(names ...[]*media.Sound) []*media.Sound {
	return v.tell(names, promptHasJoined, promptHaveJoined)
}

// HaveLeft says that those of the names have left, in the same way.
func (v *Voice) HaveLeft(names ...[]*media.Sound) []*media.Sound {
	return v.tell(names, promptHasLeft, promptHaveLeft)
}

// tell says what one or several have done. A voice that knows it of one only, as Asterisk's do, says it of one after
// the other.
func (v *Voice) tell(names [][]*media.Sound, has, have string) []*media.Sound {
	switch joint, whole := v.whole(promptAnd, have); {
	case len(names) == 0:
		return nil
	case len(names) > 1 && whole:
		return append(v.list(names, joint[0]), joint[1])
	}
	verb, ok := v.own(has)
	if !ok && v.fallback != nil {
		return v.fallback.tell(names, has, have)
	}
	var sounds []*media.Sound
	for i, name := range names {
		if i > 0 {
			sounds = append(sounds, v.pause)
		}
		sounds = append(sounds, v.called(name)...)
		if ok {
			sounds = append(sounds, verb)
		}
	}
	return sounds
}

// list says names with pauses between them, and before the last one "and".
func (v *Voice) list(names [][]*media.Sound, and *media.Sound) []*media.Sound {
	var sounds []*media.Sound
	for i, name := range names {
		switch {
		case i == 0:
		case i == len(names)-1:
			sounds = append(sounds, and)
		default:
			sounds = append(sounds, v.pause)
		}
		sounds = append(sounds, v.called(name)...)
	}
	return sounds
}

// called is what somebody is called.
func (v *Voice) called(name []*media.Sound) []*media.Sound {
	if len(name) == 0 {
		return v.Prompt(promptParticipant)
	}
	return name
}

// whole returns prompts in the voice itself; false if it lacks one of them.
func (v *Voice) whole(names ...string) ([]*media.Sound, bool) {
	sounds := make([]*media.Sound, len(names))
	for i, name := range names {
		sound, ok := v.own(name)
		if !ok {
			return nil, false
		}
		sounds[i] = sound
	}
	return sounds, true
}

func (v *Voice) grammar() grammar {
	if g, known := grammars[v.language]; known {
		return g
	}
	return foreign
}
