package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"conclave/rooms"
	"conclave/store"
)

// menuCmd configures menus: like rooms, in the database, whether or not a server runs.
type menuCmd struct {
	Set  menuSetCmd  `cmd:"" audit:"change" help:"Say what keys do in a menu; a menu that does not exist is made."`
	Show menuShowCmd `cmd:"" audit:"no" help:"Show a menu."`
	List menuListCmd `cmd:"" audit:"no" help:"List all menus."`
	Rm   menuRmCmd   `cmd:"" audit:"change" help:"Remove a menu that no room has."`
}

// Help is shown by `conclave menu set --help`.
func (c *menuSetCmd) Help() string {
	return "Actions are spelled as in confbridge.conf: " + strings.Join(rooms.ActionNames(), ", ") + ". " +
		"Those that play take prompts and WAV files: 'playback(conf-locked&/srv/sounds/hello.wav)'. " +
		"A room gets the menu with conclave room set EXT -o menu=NAME, for moderators -o moderator_menu=NAME."
}

type menuSetCmd struct {
	Name   string   `arg:"" help:"Name of the menu."`
	Keys   string   `arg:"" help:"Keys, 1 to 11 of 0-9, A-D, * and #."`
	Action []string `arg:"" optional:"" help:"What they do, one after another; without an action they do nothing any more."`
}

func (c *menuSetCmd) Run(ctx context.Context, data dataDir) error {
	if err := rooms.CheckMenuName(c.Name); err != nil {
		return err
	}
	entry, err := c.entry(ctx, data)
	if err != nil {
		return err
	}
	if err := data.create(); err != nil {
		return err
	}
	db, err := data.openOrCreate(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	err = db.ChangeMenu(ctx, c.Name, func(menu *store.Menu) error {
		if len(c.Action) == 0 {
			return removeEntry(menu, entry.Keys)
		}
		menu.Entries[entry.Keys] = entry.Text()
		_, err := rooms.ParseMenu(menu.Name, menu.Entries)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("menu %s changed\n", c.Name)
	return reload(ctx, data, "rooms")
}

// entry reads the keys and actions of the command line, and finds the sounds that they play. Without actions only its
// keys count.
func (c *menuSetCmd) entry(ctx context.Context, data dataDir) (rooms.MenuEntry, error) {
	actions := string(rooms.ActionNoOp)
	if len(c.Action) > 0 {
		actions = strings.Join(c.Action, ",")
	}
	menu, err := rooms.ParseMenu(c.Name, map[string]string{c.Keys: actions})
	if err != nil {
		return rooms.MenuEntry{}, err
	}
	library, err := data.openLibrary(ctx)
	if err != nil {
		return rooms.MenuEntry{}, err
	}
	if menu, err = library.SettleMenu(menu); err != nil {
		return rooms.MenuEntry{}, err
	}
	return menu.Entries[0], nil
}

func removeEntry(menu *store.Menu, keys string) error {
	_, there := menu.Entries[keys]
	switch {
	case !there && len(menu.Entries) == 0:
		return fmt.Errorf("%w; give an action to make one: conclave menu set %s %s toggle_mute", store.ErrNoMenu, menu.Name, keys)
	case !there:
		return fmt.Errorf("keys %s do nothing in it; the menu has %s", keys, strings.Join(sortedKeys(menu.Entries), ", "))
	case len(menu.Entries) == 1:
		return fmt.Errorf("keys %s are its only ones; conclave menu rm %s removes it, and -o menu=none lets a room have none", keys, menu.Name)
	}
	delete(menu.Entries, keys)
	return nil
}

type menuShowCmd struct {
	Name string `arg:"" help:"Name of the menu."`
	JSON bool   `name:"json" help:"Print JSON."`
}

func (c *menuShowCmd) Run(ctx context.Context, data dataDir) error {
	views, err := viewMenus(ctx, data)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(views, func(v menuView) bool { return v.Name == c.Name })
	if i < 0 {
		return fmt.Errorf("menu %s: %w", printable(c.Name), store.ErrNoMenu)
	}
	v := views[i]
	if c.JSON {
		return printJSON(v)
	}
	table := newTable(os.Stdout, "KEYS", "ACTIONS")
	for _, keys := range sortedKeys(v.Entries) {
		fmt.Fprintf(table, "%s\t%s\n", printable(keys), escape(v.Entries[keys], longestLine))
	}
	return table.Flush()
}

type menuListCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *menuListCmd) Run(ctx context.Context, data dataDir) error {
	views, err := viewMenus(ctx, data)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(views)
	}
	table := newTable(os.Stdout, "MENU", "KEYS", "ROOMS", "BUILT IN")
	for _, v := range views {
		builtIn := ""
		if v.BuiltIn {
			builtIn = "yes"
		}
		row(table, v.Name, strings.Join(sortedKeys(v.Entries), " "), strings.Join(v.Rooms, " "), builtIn)
	}
	return table.Flush()
}

type menuRmCmd struct {
	Name string `arg:"" help:"Name of the menu."`
}

func (c *menuRmCmd) Run(ctx context.Context, data dataDir) error {
	if err := rooms.CheckMenuName(c.Name); err != nil {
		return err
	}
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.RemoveMenu(ctx, c.Name); err != nil {
		if errors.Is(err, store.ErrMenuInUse) {
			err = fmt.Errorf("%w; give the room another with conclave room set EXT -o menu= -o moderator_menu=", err)
		}
		return err
	}
	fmt.Printf("menu %s removed\n", c.Name)
	return reload(ctx, data, "rooms")
}

// menuView is a menu as it is shown.
type menuView struct {
	Name    string            `json:"name"`
	BuiltIn bool              `json:"built_in"`
	Entries map[string]string `json:"entries"` // actions by keys
	Rooms   []string          `json:"rooms"`   // whose options name it
}

// viewMenus lists the built-in menus and those of the database, where there is one.
func viewMenus(ctx context.Context, data dataDir) ([]menuView, error) {
	var views []menuView
	for _, menu := range rooms.NewLibrary(nil, nil, nil).BuiltInMenus() {
		entries := map[string]string{}
		for _, entry := range menu.Entries {
			entries[entry.Keys] = entry.Text()
		}
		views = append(views, menuView{Name: menu.Name, BuiltIn: true, Entries: entries, Rooms: []string{}})
	}
	if !data.hasDatabase() {
		return views, nil
	}
	db, err := data.open(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	menus, err := db.Menus(ctx)
	if err != nil {
		return nil, err
	}
	for _, menu := range menus {
		views = append(views, menuView{Name: menu.Name, Entries: menu.Entries, Rooms: []string{}})
	}
	list, err := db.Rooms(ctx)
	if err != nil {
		return nil, err
	}
	for _, room := range list {
		for i := range views {
			if name := views[i].Name; room.Options["menu"] == name || room.Options["moderator_menu"] == name {
				views[i].Rooms = append(views[i].Rooms, room.Extension)
			}
		}
	}
	return views, nil
}

// sortedKeys lists the keys of a menu's entries: shorter ones first, as they are pressed.
func sortedKeys(entries map[string]string) []string {
	var list []string
	for keys := range entries {
		list = append(list, keys)
	}
	slices.SortFunc(list, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return list
}
