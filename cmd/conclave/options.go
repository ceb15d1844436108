package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"conclave/rooms"
	"conclave/store"
)

type roomOptionsCmd struct {
	Ext  extension `arg:"" optional:"" help:"Number of a room whose values are to be shown."`
	JSON bool      `name:"json" help:"Print JSON."`
}

// optionView is an option as it is shown.
type optionView struct {
	rooms.OptionInfo
	Value string `json:"value,omitempty"` // of the room, where it is set
}

func (c *roomOptionsCmd) Run(ctx context.Context, data dataDir) error {
	set := map[string]string{}
	if c.Ext != "" {
		db, err := data.open(ctx)
		if err != nil {
			return err
		}
		defer db.Close()
		room, err := db.Room(ctx, string(c.Ext))
		if err != nil {
			return err
		}
		set = room.Options
	}
	var views []optionView
	for _, info := range rooms.DescribeOptions() {
		views = append(views, optionView{info, set[info.Name]})
	}
	if c.JSON {
		return printJSON(views)
	}
	return printOptions(os.Stdout, views, string(c.Ext))
}

// widest is how long a line of options may be, in characters.
const widest = 118

// printOptions writes a line for each option, and below it what it takes and does.
func printOptions(out io.Writer, views []optionView, room string) error {
	heading := optionView{OptionInfo: rooms.OptionInfo{Name: "OPTION", Standard: "DEFAULT"}}
	if room != "" {
		heading.Value = "ROOM " + room
	}
	var b strings.Builder
	for _, v := range append([]optionView{heading}, views...) {
		value := v.Value
		if filepath.IsAbs(value) {
			value = "…/" + filepath.Base(value)
		}
		line := fmt.Sprintf("%-28s%-23s%s", v.Name, v.Standard, printable(value))
		fmt.Fprintln(&b, strings.TrimRight(line, " "))
		if v.Meaning != "" {
			writeWrapped(&b, "    ", v.Takes+": "+v.Meaning)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// writeWrapped writes words in lines that begin with indent and are no wider than widest, where words allow it.
func writeWrapped(b *strings.Builder, indent, text string) {
	width := 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case width == 0:
			b.WriteString(indent)
			width = len(indent)
		case width+1+n > widest:
			b.WriteString("\n" + indent)
			width = len(indent)
		default:
			b.WriteByte(' ')
			width++
		}
		b.WriteString(word)
		width += n
	}
	b.WriteByte('\n')
}

// settleOptions makes of assignments, as an operator types them, what is to be stored: sounds, voices and menus that they
// name must be there, and paths become absolute.
func settleOptions(ctx context.Context, data dataDir, assignments []string) ([]string, error) {
	var refers []string
	for _, info := range rooms.DescribeOptions() {
		if info.RefersTo != rooms.RefersToNothing {
			refers = append(refers, info.Name)
		}
	}
	var library *rooms.Library // reads all voices, so it is made where it is needed
	var wrong []error
	settled := slices.Clone(assignments)
	for i, assignment := range assignments {
		name, value, _ := strings.Cut(assignment, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if value == "" || !slices.Contains(refers, name) {
			continue
		}
		if library == nil {
			var err error
			if library, err = data.openLibrary(ctx); err != nil {
				return nil, err
			}
		}
		value, err := library.Settle(name, value)
		if err != nil {
			wrong = append(wrong, err)
		}
		settled[i] = name + "=" + value
	}
	return settled, errors.Join(wrong...)
}

// changeOptions applies assignments of the form name=value to a room's options, where an empty value resets the option,
// and checks the result. On error options are in no defined state.
func changeOptions(options map[string]string, assignments []string) error {
	named := map[string]bool{}
	for _, assignment := range assignments {
		name, value, found := strings.Cut(assignment, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case !found || name == "":
			return fmt.Errorf("option %q: it takes the form OPTION=VALUE", assignment)
		case named[name]:
			return fmt.Errorf("option %s is given twice", name)
		}
		named[name] = true
		if value == "" && slices.Contains(rooms.OptionNames(), name) {
			delete(options, name)
		} else {
			options[name] = value
		}
	}
	_, err := rooms.ParseOptions(options)
	return err
}

// warn tells of options of a room that this build cannot do what they say.
func warn(room store.Room) {
	if options, err := rooms.ParseOptions(room.Options); err == nil {
		if err := options.Ineffective(); err != nil {
			warnf("room %s: %v", room.Extension, err)
		}
	}
}
