package main

import (
	"context"
	"log/slog"

	"conclave/rooms"
	"conclave/store"
)

// loadRooms makes the house know the rooms of the database. A room that cannot be served as it was configured is left
// out: what an option kept away must not happen for want of it. For want of a sound, a voice or a menu it is not.
func loadRooms(ctx context.Context, data dataDir, db *store.DB, house *rooms.House, factory extension, log *slog.Logger) error {
	stored, err := db.Rooms(ctx)
	if err != nil {
		return err
	}
	menus, err := db.Menus(ctx)
	if err != nil {
		return err
	}
	voices, err := rooms.LoadVoices(data.voices())
	if err != nil {
		return err
	}
	playlists, err := loadMusic(ctx, data, db)
	if err != nil {
		return err
	}
	names := make([]string, len(playlists))
	for i, p := range playlists {
		names[i] = p.Name
	}
	library := rooms.NewLibrary(menus, voices, names)
	directory := make([]rooms.Room, 0, len(stored))
	for _, s := range stored {
		room, warnings, err := rooms.NewRoom(s, library)
		if err != nil {
			log.Error("room is not served", "error", err)
			continue
		}
		for _, warning := range warnings {
			log.Warn("room is served with something missing", "error", warning)
		}
		directory = append(directory, room)
	}
	if factory != "" {
		// It has no options that could be wrong.
		template, _, err := rooms.NewRoom(store.Room{Extension: string(factory), Name: "Conference"}, library)
		if err != nil {
			return err
		}
		for _, room := range directory {
			if room.Extension == template.Extension {
				log.Error("no rooms are made: a room has the number of --factory", "room", room.Extension)
			}
		}
		house.SetFactory(template)
	}
	house.SetVoices(voices)
	house.SetMusic(playlists)
	house.SetRooms(directory)
	log.Info("rooms loaded", "count", len(directory))
	return nil
}
