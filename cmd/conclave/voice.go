package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"conclave/rooms"
)

// voiceCmd manages the voices of the operator: directories of sounds beside the database, whether or not a server runs,
// which is told afterwards.
type voiceCmd struct {
	Add   voiceAddCmd   `cmd:"" audit:"before" help:"Add the sounds of a directory as a voice, for example those of Asterisk."`
	List  voiceListCmd  `cmd:"" audit:"no" help:"List all voices."`
	Check voiceCheckCmd `cmd:"" audit:"no" help:"Show which prompts a voice speaks itself, and who speaks the others."`
	Rm    voiceRmCmd    `cmd:"" audit:"before" help:"Remove a voice that was added."`
}

// voices is the directory of the operator's voices.
func (d dataDir) voices() string { return filepath.Join(string(d), "voices") }

// voiceName is the name of a voice.
type voiceName string

// UnmarshalText takes letters, digits, - and _.
func (n *voiceName) UnmarshalText(text []byte) error {
	*n = voiceName(text)
	return rooms.CheckVoiceName(string(text))
}

// grammar is a language whose numbers and sentences the program can put together.
type grammar string

// UnmarshalText takes the languages of the built-in voices.
func (g *grammar) UnmarshalText(text []byte) error {
	voices, err := rooms.BuiltinVoices()
	if err != nil {
		return err
	}
	if _, ok := voices.Voice(string(text)); !ok {
		return fmt.Errorf("language %q: it takes one of %s", text, strings.Join(voices.Names(), ", "))
	}
	*g = grammar(text)
	return nil
}

type voiceAddCmd struct {
	Name     voiceName `arg:"" help:"Name of the voice, by which rooms choose it: de_AT."`
	Dir      string    `arg:"" help:"Directory of the sounds, named as in Asterisk: conf-getpin.wav, digits/1.wav."`
	Language grammar   `placeholder:"LANGUAGE" help:"Language of its numbers and sentences: en, de or ru. Without it, the one that the name begins with, or else that of the directory."`
}

func (c *voiceAddCmd) Run(ctx context.Context, data dataDir) error {
	if err := data.create(); err != nil {
		return err
	}
	added, err := rooms.AddVoice(data.voices(), string(c.Name), c.Dir, string(c.Language))
	if err != nil {
		return fmt.Errorf("add voice %s: %w", c.Name, err)
	}
	fmt.Printf("voice %s added, %s, %s\n", c.Name, count(added.Sounds, "sound"), languageText(added.Language))
	if added.Language == "" {
		fmt.Println("numbers are spoken figure by figure, as its language is not known; --language en, de or ru would tell")
	}
	printUnreadable("left out ", added.Unreadable)
	return reload(ctx, data, "rooms")
}

type voiceListCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// voiceView is a voice as it is shown.
type voiceView struct {
	Name     string `json:"name"`
	Language string `json:"language"` // empty: not known
	Builtin  bool   `json:"builtin"`
	Sounds   int    `json:"sounds"`
}

func viewVoice(v *rooms.Voice) voiceView {
	return voiceView{Name: v.Name(), Language: v.Language(), Builtin: v.Builtin(), Sounds: v.Sounds()}
}

func (c *voiceListCmd) Run(data dataDir) error {
	voices, err := rooms.LoadVoices(data.voices())
	if err != nil {
		return err
	}
	var views []voiceView
	for _, name := range voices.Names() {
		v, _ := voices.Voice(name)
		views = append(views, viewVoice(v))
	}
	if c.JSON {
		return printJSON(views)
	}
	table := newTable(os.Stdout, "NAME", "LANGUAGE", "SOUNDS", "ORIGIN")
	for _, v := range views {
		origin := "added"
		if v.Builtin {
			origin = "built in"
		}
		row(table, v.Name, v.Language, strconv.Itoa(v.Sounds), origin)
	}
	return table.Flush()
}

type voiceCheckCmd struct {
	Name voiceName `arg:"" help:"Name of the voice."`
	JSON bool      `name:"json" help:"Print JSON."`
}

// voiceReport is what a check found, as it is printed.
type voiceReport struct {
	voiceView
	Own        []string        `json:"own"`
	Missing    []string        `json:"missing"`
	Fallback   string          `json:"fallback,omitempty"` // speaks what is missing
	Unreadable []unreadableRow `json:"unreadable"`
}

type unreadableRow struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

func (c *voiceCheckCmd) Run(data dataDir) error {
	voices, err := rooms.LoadVoices(data.voices())
	if err != nil {
		return err
	}
	v, ok := voices.Voice(string(c.Name))
	if !ok {
		return fmt.Errorf("no such voice: %s; there are %s", c.Name, strings.Join(voices.Names(), ", "))
	}
	found := v.Check()
	if c.JSON {
		report := voiceReport{voiceView: viewVoice(v), Own: nonNil(found.Own), Missing: nonNil(found.Missing), Fallback: found.Fallback,
			Unreadable: []unreadableRow{}}
		for _, u := range found.Unreadable {
			report.Unreadable = append(report.Unreadable, unreadableRow{u.File, u.Reason.Error()})
		}
		return printJSON(report)
	}
	fmt.Printf("voice %s, %s, speaks %s itself\n", v.Name(), languageText(v.Language()), count(len(found.Own), "sound"))
	if len(found.Missing) > 0 {
		fmt.Printf("what it lacks is spoken by the built-in voice %s:\n", found.Fallback)
		for _, name := range found.Missing {
			fmt.Println(" ", name)
		}
	}
	printUnreadable("cannot read ", found.Unreadable)
	return nil
}

type voiceRmCmd struct {
	Name voiceName `arg:"" help:"Name of the voice."`
}

func (c *voiceRmCmd) Run(ctx context.Context, data dataDir) error {
	if err := c.inUse(ctx, data); err != nil {
		return err
	}
	if err := rooms.RemoveVoice(data.voices(), string(c.Name)); err != nil {
		return err
	}
	fmt.Printf("voice %s removed\n", c.Name)
	return reload(ctx, data, "rooms")
}

// inUse refuses to remove the voice of a room, unless a built-in one of that name remains.
func (c *voiceRmCmd) inUse(ctx context.Context, data dataDir) error {
	builtin, err := rooms.BuiltinVoices()
	if err != nil {
		return err
	}
	if _, remains := builtin.Voice(string(c.Name)); remains {
		return nil
	}
	if _, err := os.Stat(data.database()); errors.Is(err, fs.ErrNotExist) {
		return nil // no database, no rooms
	}
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	list, err := db.Rooms(ctx)
	if err != nil {
		return err
	}
	for _, room := range list {
		if room.Options["language"] == string(c.Name) {
			return fmt.Errorf("voice %s is that of room %s; give the room another first: conclave room set %s -o language=",
				c.Name, room.Extension, room.Extension)
		}
	}
	return nil
}

// printUnreadable names files that cannot be played, the first ten of them.
func printUnreadable(verb string, files []rooms.UnreadableFile) {
	const shown = 10
	for _, u := range files[:min(shown, len(files))] {
		fmt.Printf("%s%s: %s\n", verb, printable(u.File), escape(u.Reason.Error(), longestLine))
	}
	if n := len(files) - shown; n > 0 {
		fmt.Printf("and %d more\n", n)
	}
}

func languageText(language string) string {
	if language == "" {
		return "language not known"
	}
	return "language " + printable(language)
}

// nonNil keeps an empty list from becoming null in JSON.
func nonNil(list []string) []string { return slices.Concat([]string{}, list) }
