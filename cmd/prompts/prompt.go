package main

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
)

// Levels in dBov: root mean square while there is sound, relative to that of a full-scale square wave. A pure tone is
// more piercing than a voice of the same power.
const (
	speechLevel = -20.0
	toneLevel   = -22.0
)

// prompt is an entry of the catalogue.
type prompt struct {
	name   string // as in Asterisk
	text   string // in brackets: a sound that is not spoken
	spoken string // what espeak-ng is to read in its place; usually the text
}

// readCatalogue reads lines of name, tab, text, and where espeak-ng would read the text wrongly a tab and what it is to
// read. Empty lines and those that begin with # are skipped.
func readCatalogue(text string) ([]prompt, error) {
	var prompts []prompt
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, text, found := strings.Cut(line, "\t")
		if !found || !fs.ValidPath(name) || strings.ContainsAny(name, ` \`) {
			return nil, fmt.Errorf("line %d is %q, want a file name without its ending, a tab and a text", i+1, line)
		}
		text, spoken, differs := strings.Cut(text, "\t")
		if !differs {
			spoken = text
		}
		prompts = append(prompts, prompt{name: name, text: text, spoken: spoken})
	}
	return prompts, nil
}

// sound speaks or synthesises the prompt.
func (p prompt) sound(ctx context.Context, speaker speaker) ([]int16, error) {
	if !strings.HasPrefix(p.text, "[") {
		t, err := speaker.speak(ctx, p.spoken)
		if err != nil {
			return nil, err
		}
		t.equalise()
		t = t.trim()
		t.fade()
		return t.master(speechLevel)
	}
	melody, known := tones[p.name]
	if !known {
		return nil, fmt.Errorf("text %q in brackets, and the program has no tone of this name", p.text)
	}
	return play(melody).master(toneLevel)
}
