package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"conclave/rooms"
	"conclave/store"
)

// roomCmd configures rooms: it writes the database, whether or not a server runs, and then tells the server.
type roomCmd struct {
	Add     roomAddCmd     `cmd:"" audit:"change" help:"Add a room; without a PIN option it gets a PIN of 6 digits, which is printed."`
	List    roomListCmd    `cmd:"" audit:"no" help:"List all rooms."`
	Show    roomShowCmd    `cmd:"" audit:"no" help:"Show a room."`
	Set     roomSetCmd     `cmd:"" audit:"change" help:"Change what is given of a room; the next caller finds it changed."`
	Options roomOptionsCmd `cmd:"" audit:"no" help:"List all options, what they do and take, and what a room has."`
	Import  roomImportCmd  `cmd:"" audit:"change" help:"Take over profiles and menus of an Asterisk's confbridge.conf."`
	Rm      roomRmCmd      `cmd:"" audit:"change" help:"Remove a room; a conference that goes on in it is not ended."`
}

type roomAddCmd struct {
	Ext            extension `arg:"" help:"Number that callers dial."`
	Name           string    `required:"" help:"Name of the room."`
	PIN            *pin      `name:"pin" audit:"secret" xor:"pin" placeholder:"DIGITS" help:"PIN that callers key in."`
	NoPIN          bool      `name:"no-pin" xor:"pin" help:"Open the room to everybody."`
	ModeratorPIN   *pin      `name:"moderator-pin" audit:"secret" xor:"moderator" placeholder:"DIGITS" help:"PIN that makes the caller a moderator. Where there is no other PIN, all callers are asked, and # alone lets in as a participant."`
	NoModeratorPIN bool      `name:"no-moderator-pin" xor:"moderator" help:"Nobody becomes a moderator by a PIN, which is the default."`
	Option         []string  `short:"o" sep:"none" placeholder:"OPTION=VALUE" help:"Set an option; may be repeated. conclave room options lists them."`
}

func (c *roomAddCmd) Run(ctx context.Context, data dataDir) error {
	room := store.Room{Extension: string(c.Ext), Name: c.Name, Options: map[string]string{}}
	if c.ModeratorPIN != nil {
		room.ModeratorPIN = string(*c.ModeratorPIN)
	}
	generated := c.PIN == nil && !c.NoPIN
	switch {
	case generated:
		var err error
		if room.PIN, err = newPINBeside(room.ModeratorPIN); err != nil {
			return err
		}
	case c.PIN != nil:
		room.PIN = string(*c.PIN)
	}
	assignments, err := settleOptions(ctx, data, c.Option)
	if err == nil {
		err = errors.Join(checkName(c.Name), rooms.CheckPINs(room.PIN, room.ModeratorPIN), changeOptions(room.Options, assignments))
	}
	if err != nil {
		return fmt.Errorf("add room %s: %w", c.Ext, err)
	}
	if err := data.create(); err != nil {
		return err
	}
	db, err := data.openOrCreate(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.AddRoom(ctx, room); err != nil {
		return err
	}
	printAdded(room, generated)
	warn(room)
	return reload(ctx, data, "rooms")
}

// newPINBeside generates the PIN of a room that can be told from its moderators' PIN, if it has one.
func newPINBeside(moderators string) (string, error) {
	for {
		digits, err := newPIN()
		if err != nil {
			return "", err
		}
		if rooms.CheckPINs(string(digits), moderators) == nil {
			return string(digits), nil
		}
	}
}

// printAdded says that a room was added, with the PIN where it was generated.
func printAdded(room store.Room, generated bool) {
	if generated {
		fmt.Printf("room %s added, PIN %s\n", room.Extension, room.PIN)
	} else {
		fmt.Printf("room %s added\n", room.Extension)
	}
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
		warn(room)
		views[i] = viewRoom(room, false)
	}
	if c.JSON {
		return printJSON(views)
	}
	table := newTable(os.Stdout, "EXTENSION", "NAME", "PIN", "MODERATORS", "OPTIONS")
	for _, v := range views {
		row(table, v.Extension, v.Name, pinText(v.HasPIN, v.PIN), pinText(v.HasModeratorPIN, v.ModeratorPIN),
			strings.Join(v.assignments(), " "))
	}
	return table.Flush()
}

type roomShowCmd struct {
	Ext     extension `arg:"" help:"Number of the room."`
	ShowPIN bool      `name:"show-pin" audit:"before" help:"Show the PINs in clear."`
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
	warn(room)
	v := viewRoom(room, c.ShowPIN)
	if c.JSON {
		return printJSON(v)
	}
	table := newTable(os.Stdout, "extension", v.Extension)
	row(table, "name", v.Name)
	row(table, "PIN", pinText(v.HasPIN, v.PIN))
	row(table, "moderators' PIN", pinText(v.HasModeratorPIN, v.ModeratorPIN))
	row(table, "created", v.Created.Local().Format(time.DateTime))
	row(table, "changed", v.Changed.Local().Format(time.DateTime))
	heading := "options"
	for _, assignment := range v.assignments() {
		fmt.Fprintf(table, "%s\t%s\n", heading, escape(assignment, longestLine))
		heading = ""
	}
	return table.Flush()
}

type roomSetCmd struct {
	Ext            extension `arg:"" help:"Number of the room."`
	Name           *string   `help:"New name."`
	PIN            *pin      `name:"pin" audit:"secret" xor:"pin" placeholder:"DIGITS" help:"New PIN; who is inside stays."`
	NoPIN          bool      `name:"no-pin" xor:"pin" help:"Open the room to everybody."`
	ModeratorPIN   *pin      `name:"moderator-pin" audit:"secret" xor:"moderator" placeholder:"DIGITS" help:"PIN that makes the caller a moderator. Where there is no other PIN, all callers are asked, and # alone lets in as a participant."`
	NoModeratorPIN bool      `name:"no-moderator-pin" xor:"moderator" help:"Nobody becomes a moderator by a PIN."`
	Option         []string  `short:"o" sep:"none" placeholder:"OPTION=VALUE" help:"Set an option, or reset it with OPTION=; may be repeated. conclave room options lists them."`
}

func (c *roomSetCmd) Run(ctx context.Context, data dataDir) error {
	if c.Name == nil && c.PIN == nil && !c.NoPIN && c.ModeratorPIN == nil && !c.NoModeratorPIN && len(c.Option) == 0 {
		return errors.New("nothing to set: give --name, --pin, --no-pin, --moderator-pin, --no-moderator-pin or -o OPTION=VALUE")
	}
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	assignments, err := settleOptions(ctx, data, c.Option)
	if err != nil {
		return fmt.Errorf("set room %s: %w", c.Ext, err)
	}
	var changed store.Room
	err = db.SetRoom(ctx, string(c.Ext), func(room *store.Room) error {
		defer func() { changed = *room }()
		if c.Name != nil {
			room.Name = *c.Name
		}
		switch {
		case c.NoPIN:
			room.PIN = ""
		case c.PIN != nil:
			room.PIN = string(*c.PIN)
		}
		switch {
		case c.NoModeratorPIN:
			room.ModeratorPIN = ""
		case c.ModeratorPIN != nil:
			room.ModeratorPIN = string(*c.ModeratorPIN)
		}
		return errors.Join(checkName(room.Name), rooms.CheckPINs(room.PIN, room.ModeratorPIN), changeOptions(room.Options, assignments))
	})
	if err != nil {
		return err
	}
	fmt.Printf("room %s changed\n", c.Ext)
	warn(changed)
	return reload(ctx, data, "rooms")
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
	return reload(ctx, data, "rooms")
}

// reload tells a running server what has changed: rooms (with menus, voices and trunks) or phones. Where none runs there is
// nobody to tell.
func reload(ctx context.Context, data dataDir, what string) error {
	err := newClient(data).call(ctx, "POST", "/v1/"+what+"/reload", nil)
	if err != nil && !errors.Is(err, errNoServer) {
		return fmt.Errorf("the change is stored, but the running server does not know of it: %w", err)
	}
	return nil
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
