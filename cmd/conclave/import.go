package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"conclave/rooms"
	"conclave/store"
)

// roomImportCmd takes over what an operator has configured for ConfBridge.
type roomImportCmd struct {
	File      string    `arg:"" help:"The confbridge.conf."`
	Room      extension `placeholder:"EXT" help:"Set the options of this room; without it profiles are only reported."`
	Name      *string   `help:"Name of the room; a room that does not exist is added."`
	User      string    `placeholder:"PROFILE" help:"User profile of the room: its options, and its pin as the room's PIN; default_user, or the only one."`
	Bridge    string    `placeholder:"PROFILE" help:"Bridge profile of the room; default_bridge, or the only one."`
	Moderator string    `placeholder:"PROFILE" help:"User profile whose pin becomes the moderators' PIN."`
	NoPIN     bool      `name:"no-pin" help:"Do not generate a PIN for a room that is added, where the profile has none."`
	DryRun    bool      `name:"dry-run" audit:"no" help:"Report, and store nothing."`
	JSON      bool      `name:"json" help:"Print the report as JSON."`
}

// Help is shown by `conclave room import --help`.
func (c *roomImportCmd) Help() string {
	return "Each line of the file is reported as taken, mapped (to what) or refused (why). What is taken or mapped is stored: " +
		"menus under their names, and the options of the profiles for the room of --room, whose other options stay. " +
		"Where profiles say nothing the defaults of this server hold, see conclave room options; " +
		"music_on_hold_when_empty and jitterbuffer are on here, unlike ConfBridge's. " +
		"A file with a line that cannot be read changes nothing."
}

// importReport is what was found in a file and done with it.
type importReport struct {
	Lines  []rooms.ImportLine `json:"lines"`
	Menus  []string           `json:"menus"`
	Notes  []string           `json:"notes"`
	PIN    string             `json:"pin,omitempty"` // generated for a room that was added
	Stored bool               `json:"stored"`
}

func (c *roomImportCmd) Run(ctx context.Context, data dataDir) error {
	if c.Room == "" && (c.Name != nil || c.User != "" || c.Bridge != "" || c.Moderator != "" || c.NoPIN) {
		return errors.New("--name, --user, --bridge, --moderator and --no-pin are about a room: say which with --room EXT")
	}
	text, err := readConfiguration(c.File)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	file, err := rooms.ParseConfBridge(text)
	if err != nil {
		return fmt.Errorf("import %s: nothing is stored:\n%w", c.File, err)
	}
	library, err := data.openLibrary(ctx)
	if err != nil {
		return err
	}
	found := file.Import(library)
	report := importReport{Lines: found.Lines, Menus: []string{}, Notes: []string{}, Stored: !c.DryRun}
	for _, menu := range found.Menus {
		report.Menus = append(report.Menus, menu.Name)
	}
	var change func(*store.Room) error
	if c.Room != "" {
		if change, report.Notes, err = c.change(found); err != nil {
			return fmt.Errorf("import %s: %w", c.File, err)
		}
	}
	report.Notes = append(report.Notes, replacedNotes(found.Menus, library)...)
	added, err := c.store(ctx, data, found, change)
	if err != nil {
		return fmt.Errorf("import %s: %w", c.File, err)
	}
	generated := added != nil && !c.NoPIN && found.Users[c.User].PIN == ""
	if generated {
		report.PIN = added.PIN
	}
	if err := report.print(os.Stdout, c.JSON); err != nil {
		return err
	}
	switch {
	case c.JSON:
	case c.DryRun:
		fmt.Println("nothing is stored: --dry-run")
	case added != nil:
		printAdded(*added, generated)
	case c.Room != "":
		fmt.Printf("room %s changed\n", c.Room)
	}
	if c.DryRun {
		return nil
	}
	return reload(ctx, data, "rooms")
}

// readConfiguration reads a text file of a size that a person may have written.
func readConfiguration(path string) (string, error) {
	const most = 1 << 20
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	switch {
	case err != nil:
		return "", err
	case len(text) > most:
		return "", fmt.Errorf("%s has more than 1 MiB; a confbridge.conf would be right", path)
	case strings.ContainsRune(string(text), 0):
		return "", fmt.Errorf("%s is not a text file; a confbridge.conf would be right", path)
	}
	return string(text), nil
}

// change chooses the profiles and returns what they change of a room, with notes for the operator.
func (c *roomImportCmd) change(found rooms.Import) (change func(*store.Room) error, notes []string, err error) {
	user, err := choose(&c.User, "user", "default_user", found.Users)
	if err != nil {
		return nil, nil, err
	}
	bridge, err := choose(&c.Bridge, "bridge", "default_bridge", found.Bridges)
	if err != nil {
		return nil, nil, err
	}
	options := maps.Clone(user.Options)
	maps.Copy(options, bridge.Options)
	notes = append(notes, fmt.Sprintf("room %s takes user profile %s and bridge profile %s", c.Room, named(c.User), named(c.Bridge)))
	if taken, err := rooms.ParseOptions(options); err == nil && taken.Ineffective() != nil {
		notes = append(notes, taken.Ineffective().Error())
	}
	var moderator rooms.ImportProfile
	if c.Moderator != "" {
		if moderator, err = choose(&c.Moderator, "user", "", found.Users); err != nil {
			return nil, nil, err
		}
		if moderator.PIN == "" {
			return nil, nil, fmt.Errorf("user profile %s has no pin that could become the moderators' PIN", c.Moderator)
		}
		notes = append(notes, moderatorNotes(c.Moderator, moderator.Options, options)...)
	}
	return func(room *store.Room) error {
		maps.Copy(room.Options, options)
		if user.PIN != "" {
			room.PIN = user.PIN
		}
		if moderator.PIN != "" {
			room.ModeratorPIN = moderator.PIN
		}
		if c.Name != nil {
			room.Name = *c.Name
		}
		_, err := rooms.ParseOptions(room.Options)
		return errors.Join(checkName(room.Name), rooms.CheckPINs(room.PIN, room.ModeratorPIN), err)
	}, notes, nil
}

// choose finds the profile that the operator has named, or that goes without saying. A file without profiles of the type
// has none to choose from: then it is an empty one, without a name.
func choose(name *string, kind, standard string, profiles map[string]rooms.ImportProfile) (rooms.ImportProfile, error) {
	names := slices.Sorted(maps.Keys(profiles))
	_, hasStandard := profiles[standard]
	switch {
	case *name != "":
	case hasStandard:
		*name = standard
	case len(names) == 1:
		*name = names[0]
	case len(names) == 0:
		return rooms.ImportProfile{Options: map[string]string{}}, nil
	default:
		return rooms.ImportProfile{}, fmt.Errorf("which %s profile? --%s %s would be right, of %s", kind, kind, names[0], strings.Join(names, ", "))
	}
	profile, ok := profiles[*name]
	if !ok {
		return rooms.ImportProfile{}, fmt.Errorf("there is no %s profile %q; the file has %s", kind, *name, named(strings.Join(names, ", ")))
	}
	return profile, nil
}

func named(name string) string {
	if name == "" {
		return "none"
	}
	return name
}

// moderatorNotes tells what moderators do not get of their profile: a room has one set of options.
func moderatorNotes(name string, theirs, room map[string]string) []string {
	var differ []string
	for _, option := range slices.Sorted(maps.Keys(theirs)) {
		if option != "admin" && option != "marked" && theirs[option] != room[option] {
			differ = append(differ, option+"="+theirs[option])
		}
	}
	notes := []string{fmt.Sprintf("moderators key in the pin of user profile %s, and are admin and marked", name)}
	if len(differ) > 0 {
		notes = append(notes, fmt.Sprintf("not taken from profile %s, as a room has one set of options: %s", name, strings.Join(differ, " ")))
	}
	return notes
}

// replacedNotes tells which menus of the library become others.
func replacedNotes(menus []rooms.Menu, library *rooms.Library) []string {
	same := func(a, b rooms.MenuEntry) bool { return a.Keys == b.Keys && a.Text() == b.Text() }
	byKeys := func(a, b rooms.MenuEntry) int { return strings.Compare(a.Keys, b.Keys) }
	var notes []string
	for _, menu := range menus {
		old, err := library.Menu(menu.Name)
		if err == nil && !slices.EqualFunc(old.Entries, slices.SortedFunc(slices.Values(menu.Entries), byKeys), same) {
			notes = append(notes, fmt.Sprintf("menu %s replaces the other one of that name", menu.Name))
		}
	}
	return notes
}

// store writes menus and room, and returns the room if it was added. With --dry-run it only looks whether it could.
func (c *roomImportCmd) store(ctx context.Context, data dataDir, found rooms.Import, change func(*store.Room) error) (added *store.Room, err error) {
	room, exists := store.Room{}, false
	if c.Room != "" && data.hasDatabase() {
		db, err := data.open(ctx)
		if err != nil {
			return nil, err
		}
		defer db.Close()
		room, err = db.Room(ctx, string(c.Room))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		exists = err == nil
	}
	if c.Room != "" {
		if !exists && c.Name == nil {
			return nil, fmt.Errorf("room %s: %w; --name NAME would add it", c.Room, store.ErrNotFound)
		}
		if !exists {
			if room, err = c.newRoom(found); err != nil {
				return nil, err
			}
		}
		if err := change(&room); err != nil {
			return nil, fmt.Errorf("room %s: %w", c.Room, err)
		}
	}
	if c.DryRun || (c.Room == "" && len(found.Menus) == 0) {
		return nil, nil
	}
	if err := data.create(); err != nil {
		return nil, err
	}
	db, err := data.openOrCreate(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	for _, menu := range found.Menus {
		entries := map[string]string{}
		for _, entry := range menu.Entries {
			entries[entry.Keys] = entry.Text()
		}
		if err := db.SetMenu(ctx, menu.Name, entries); err != nil {
			return nil, err
		}
	}
	switch {
	case exists:
		return nil, db.SetRoom(ctx, string(c.Room), change)
	case c.Room != "":
		return &room, db.AddRoom(ctx, room)
	}
	return nil, nil
}

// newRoom is the room that is to be added, as `room add` would begin it.
func (c *roomImportCmd) newRoom(found rooms.Import) (store.Room, error) {
	room := store.Room{Extension: string(c.Room), Options: map[string]string{}}
	var err error
	if found.Users[c.User].PIN == "" && !c.NoPIN {
		room.PIN, err = newPINBeside(found.Users[c.Moderator].PIN)
	}
	return room, err
}

// print writes a line for each setting of the file, then what became of them all.
func (r importReport) print(out io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(r)
	}
	table := newTable(out, "LINE", "SECTION", "SETTING", "RESULT", "WHY")
	count := map[rooms.ImportVerdict]int{}
	for _, l := range r.Lines {
		count[l.Verdict]++
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", l.Line, printable(l.Section), printable(l.Name+"="+l.Value), l.Verdict, escape(l.Reason, longestLine))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d taken, %d mapped, %d refused\n", count[rooms.ImportTaken], count[rooms.ImportMapped], count[rooms.ImportRefused])
	for _, note := range r.Notes {
		fmt.Fprintln(out, escape(note, longestLine))
	}
	if len(r.Menus) > 0 {
		fmt.Fprintf(out, "menus: %s\n", escape(strings.Join(r.Menus, ", "), longestLine))
	}
	return nil
}
