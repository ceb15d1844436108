package main

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"conclave/rooms"
)

// hasDatabase is false before the first command that writes.
func (d dataDir) hasDatabase() bool {
	_, err := os.Stat(d.database())
	return !errors.Is(err, fs.ErrNotExist)
}

// openLibrary reads what options of rooms may name. Where there is no database yet, there are no menus of the operator's.
func (d dataDir) openLibrary(ctx context.Context) (*rooms.Library, error) {
	voices, err := rooms.LoadVoices(d.voices())
	if err != nil {
		return nil, err
	}
	if !d.hasDatabase() {
		return rooms.NewLibrary(nil, voices, nil), nil
	}
	db, err := d.openOrCreate(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	menus, err := db.Menus(ctx)
	if err != nil {
		return nil, err
	}
	playlists, err := db.Playlists(ctx)
	if err != nil {
		return nil, err
	}
	var music []string
	for _, p := range playlists {
		music = append(music, p.Name)
	}
	return rooms.NewLibrary(menus, voices, music), nil
}
