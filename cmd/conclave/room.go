package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"conclave/rooms"
	"conclave/store"
)

// roomCmd configures rooms: it writes the database, whether or not a server runs, and then tells the server.
type roomCmd struct {
	Add  roomAddCmd  `cmd:"" help:"Add a room; without a PIN option it gets a PIN of 6 digits, which is printed."`
	List roomListCmd `cmd:"" help:"List all rooms."`
	Show roomShowCmd `cmd:"" help:"Show a room."`
	Set  roomSetCmd  `cmd:"" help:"Change what is given of a room; the next caller finds it changed."`
	Rm   roomRmCmd   `cmd:"" help:"Remove a room; a conference that goes on in it is not ended."`
}

type roomAddCmd struct {
	Ext    extension `arg:"" help:"Number that callers dial."`
	Name   string    `required:"" help:"Name of the room."`
	PIN    *pin      `name:"pin" xor:"pin" placeholder:"DIGITS" help:"PIN that callers key in."`
	NoPIN  bool      `name:"no-pin" xor:"pin" help:"Open the room to everybody."`
	Option []string  `short:"o" sep:"none" placeholder:"OPTION=VALUE" help:"Set an option; may be repeated."`
}

func (c *roomAddCmd) Run(ctx context.Context, data dataDir) error {
	room := store.Room{Extension: string(c.Ext), Name: c.Name, Options: map[string]string{}}
	generated := c.PIN == nil && !c.NoPIN
	switch {
	case generated:
		digits, err := newPIN()
		if err != nil {
			return err
		}
		room.PIN = string(digits)
	case c.PIN != nil:
		room.PIN = string(*c.PIN)
	}
	if err := errors.Join(checkName(c.Name), changeOptions(room.Options, c.Option)); err != nil {
		return fmt.Errorf("add room %s: %w", c.Ext, err)
	}
	if err := data.create(); err != nil {
		return err
	}
	db, err := store.Open(ctx, data.database())
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.AddRoom(ctx, room); err != nil {
		return err
	}
	if generated {
		fmt.Printf("room %s added, PIN %s\n", c.Ext, room.PIN)
	} else {
		fmt.Printf("room %s added\n", c.Ext)
	}
	return reload(ctx, data)
}

type roomListCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *roomListCmd) Run(ctx context.Context, data dataDir) error {
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	list, err := db.Rooms(ctx)
	if err != nil {
		return err
	}
	views := make([]roomView, len(list))
	for i, room := range list {
		views[i] = viewRoom(room, false)
	}
	if c.JSON {
		return printJSON(views)
	}
	table := newTable(os.Stdout, "EXTENSION", "NAME", "PIN", "OPTIONS")
	for _, v := range views {
		row(table, v.Extension, v.Name, v.pinText(), v.optionText())
	}
	return table.Flush()
}

type roomShowCmd struct {
	Ext     extension `arg:"" help:"Number of the room."`
	ShowPIN bool      `name:"show-pin" help:"Show the PIN in clear."`
	JSON    bool      `name:"json" help:"Print JSON."`
}

func (c *roomShowCmd) Run(ctx context.Context, data dataDir) error {
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	room, err := db.Room(ctx, string(c.Ext))
	if err != nil {
		return err
	}
	v := viewRoom(room, c.ShowPIN)
	if c.JSON {
		return printJSON(v)
	}
	table := newTable(os.Stdout, "extension", v.Extension)
	row(table, "name", v.Name)
	row(table, "PIN", v.pinText())
	row(table, "options", v.optionText())
	row(table, "created", v.Created.Local().Format(time.DateTime))
	row(table, "changed", v.Changed.Local().Format(time.DateTime))
	return table.Flush()
}

type roomSetCmd struct {
	Ext    extension `arg:"" help:"Number of the room."`
	Name   *string   `help:"New name."`
	PIN    *pin      `name:"pin" xor:"pin" placeholder:"DIGITS" help:"New PIN; who is inside stays."`
	NoPIN  bool      `name:"no-pin" xor:"pin" help:"Open the room to everybody."`
	Option []string  `short:"o" sep:"none" placeholder:"OPTION=VALUE" help:"Set an option, or reset it with OPTION=; may be repeated."`
}

func (c *roomSetCmd) Run(ctx context.Context, data dataDir) error {
	if c.Name == nil && c.PIN == nil && !c.NoPIN && len(c.Option) == 0 {
		return errors.New("nothing to set: give --name, --pin, --no-pin or -o OPTION=VALUE")
	}
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	err = db.SetRoom(ctx, string(c.Ext), func(room *store.Room) error {
		if c.Name != nil {
			room.Name = *c.Name
		}
		switch {
		case c.NoPIN:
			room.PIN = ""
		case c.PIN != nil:
			room.PIN = string(*c.PIN)
		}
		return errors.Join(checkName(room.Name), changeOptions(room.Options, c.Option))
	})
	if err != nil {
		return err
	}
	fmt.Printf("room %s changed\n", c.Ext)
	return reload(ctx, data)
}

type roomRmCmd struct {
	Ext extension `arg:"" help:"Number of the room."`
}

func (c *roomRmCmd) Run(ctx context.Context, data dataDir) error {
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.RemoveRoom(ctx, string(c.Ext)); err != nil {
		return err
	}
	fmt.Printf("room %s removed\n", c.Ext)
	return reload(ctx, data)
}

// reload tells a running server that rooms have changed; where none runs there is nobody to tell.
func reload(ctx context.Context, data dataDir) error {
	err := newClient(data).call(ctx, "POST", "/v1/rooms/reload", nil)
	if err != nil && !errors.Is(err, errNoServer) {
		return fmt.Errorf("the change is stored, but the running server does not know of it: %w", err)
	}
	return nil
}

// changeOptions applies assignments of the form name=value to a room's options, where an empty value resets the option,
// and checks the result. On error options are in no defined state.
func changeOptions(options map[string]string, assignments []string) error {
	named := map[string]bool{}
	for _, assignment := range assignments {
		name, value, found := strings.Cut(assignment, "=")
		name = strings.TrimSpace(name)
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

// checkName refuses names that no list could show.
func checkName(name string) error {
	const longest = 64
	switch {
	case strings.TrimSpace(name) == "":
		return errors.New("the name is empty; --name \"Weekly meeting\" would be right")
	case utf8.RuneCountInString(name) > longest:
		return fmt.Errorf("the name has %d characters, %d are the most", utf8.RuneCountInString(name), longest)
	case printable(name) != name:
		return fmt.Errorf("the name %s holds a character that cannot be printed", printable(name))
	}
	return nil
}

// roomView is a room as it is shown. It holds the PIN only where that was asked for.
type roomView struct {
	Extension string            `json:"extension"`
	Name      string            `json:"name"`
	HasPIN    bool              `json:"has_pin"`
	PIN       string            `json:"pin,omitempty"`
	Options   map[string]string `json:"options"`
	Created   time.Time         `json:"created"`
	Changed   time.Time         `json:"changed"`
}

func viewRoom(room store.Room, showPIN bool) roomView {
	v := roomView{
		Extension: room.Extension,
		Name:      room.Name,
		HasPIN:    room.PIN != "",
		Options:   room.Options,
		Created:   room.Created,
		Changed:   room.Changed,
	}
	if showPIN {
		v.PIN = room.PIN
	}
	return v
}

func (v roomView) pinText() string {
	switch {
	case !v.HasPIN:
		return "none"
	case v.PIN == "":
		return "******" // of one length, whatever the PIN's
	}
	return v.PIN
}

func (v roomView) optionText() string {
	var assignments []string
	for _, name := range slices.Sorted(maps.Keys(v.Options)) {
		assignments = append(assignments, name+"="+v.Options[name])
	}
	return strings.Join(assignments, " ")
}
