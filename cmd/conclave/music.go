package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"conclave/media"
	"conclave/rooms"
	"conclave/store"
)

// musicCmd manages hold music: playlists in the database, and their tracks in files beside it, whether or not a server
// runs, which is told afterwards.
type musicCmd struct {
	Add  musicAddCmd  `cmd:"" audit:"change" help:"Add music to a playlist; one that does not exist is made."`
	List musicListCmd `cmd:"" audit:"no" help:"List all playlists."`
	Show musicShowCmd `cmd:"" audit:"no" help:"Show the tracks of a playlist."`
	Set  musicSetCmd  `cmd:"" audit:"change" help:"Say in which order a playlist is played."`
	Rm   musicRmCmd   `cmd:"" audit:"change" help:"Remove a playlist that no room has, or one of its tracks."`
}

// music is the directory of the playlists: a directory for each.
func (d dataDir) music() string { return filepath.Join(string(d), "music") }

// playlistName is the name of a playlist.
type playlistName string

// UnmarshalText takes letters, digits, -, _ and dots.
func (n *playlistName) UnmarshalText(text []byte) error {
	*n = playlistName(text)
	return rooms.CheckPlaylistName(string(text))
}

// loadMusic reads the playlists as rooms play them.
func loadMusic(ctx context.Context, data dataDir, db *store.DB) ([]rooms.Playlist, error) {
	stored, err := db.Playlists(ctx)
	if err != nil {
		return nil, err
	}
	playlists := make([]rooms.Playlist, len(stored))
	for i, p := range stored {
		playlists[i] = rooms.Playlist{Name: p.Name, Shuffle: p.Shuffle}
		for _, t := range p.Tracks {
			file := filepath.Join(data.music(), p.Name, t.File)
			playlists[i].Tracks = append(playlists[i].Tracks, media.Track{File: file, Samples: t.Samples})
		}
	}
	return playlists, nil
}

// playlistView is a playlist as it is shown.
type playlistView struct {
	Name    string      `json:"name"`
	BuiltIn bool        `json:"built_in"`
	Order   string      `json:"order"` // "order" or "shuffle"
	Tracks  []trackView `json:"tracks"`
	Seconds float64     `json:"duration_s"`
	Rooms   []string    `json:"rooms"` // whose options name it
}

type trackView struct {
	Title   string  `json:"title"`
	Seconds float64 `json:"duration_s"`
	Before  float64 `json:"lufs_before"`
	LUFS    float64 `json:"lufs"`
	File    string  `json:"file"` // in the directory of the playlist
}

const classDefault = "default"

// viewPlaylists lists the playlists of the database, where there is one, and the built-in music.
func viewPlaylists(ctx context.Context, data dataDir) ([]playlistView, error) {
	builtIn := playlistView{Name: classDefault, BuiltIn: true, Order: "order", Tracks: []trackView{}, Rooms: []string{}}
	if !data.hasDatabase() {
		return []playlistView{builtIn}, nil
	}
	db, err := data.open(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	stored, err := db.Playlists(ctx)
	if err != nil {
		return nil, err
	}
	var views []playlistView
	for _, p := range stored {
		v := playlistView{Name: p.Name, Order: "order", Rooms: []string{}}
		if p.Shuffle {
			v.Order = "shuffle"
		}
		for _, t := range p.Tracks {
			seconds := float64(t.Samples) / media.PlaylistRate
			v.Tracks = append(v.Tracks, trackView{Title: t.Title, Seconds: seconds, Before: round1(t.Before), LUFS: round1(t.LUFS), File: t.File})
			v.Seconds += seconds
		}
		views = append(views, v)
	}
	if !slices.ContainsFunc(views, func(v playlistView) bool { return v.Name == classDefault }) {
		views = append([]playlistView{builtIn}, views...)
	}
	list, err := db.Rooms(ctx)
	if err != nil {
		return nil, err
	}
	for _, room := range list {
		for i := range views {
			if room.Options["music_on_hold_class"] == views[i].Name {
				views[i].Rooms = append(views[i].Rooms, room.Extension)
			}
		}
	}
	return views, nil
}

type musicListCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *musicListCmd) Run(ctx context.Context, data dataDir) error {
	views, err := viewPlaylists(ctx, data)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(views)
	}
	table := newTable(os.Stdout, "NAME", "TRACKS", "LENGTH", "ORDER", "ROOMS")
	for _, v := range views {
		tracks, length := strconv.Itoa(len(v.Tracks)), trackLength(v.Seconds)
		if v.BuiltIn {
			tracks, length = "built in", ""
		}
		row(table, v.Name, tracks, length, v.Order, strings.Join(v.Rooms, " "))
	}
	return table.Flush()
}

type musicShowCmd struct {
	Name playlistName `arg:"" help:"Name of the playlist."`
	JSON bool         `name:"json" help:"Print JSON."`
}

func (c *musicShowCmd) Run(ctx context.Context, data dataDir) error {
	views, err := viewPlaylists(ctx, data)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(views, func(v playlistView) bool { return v.Name == string(c.Name) })
	if i < 0 {
		return fmt.Errorf("playlist %s: %w", c.Name, store.ErrNoPlaylist)
	}
	if c.JSON {
		return printJSON(views[i])
	}
	table := newTable(os.Stdout, "#", "TITLE", "LENGTH", "LUFS BEFORE", "LUFS")
	for n, t := range views[i].Tracks {
		row(table, strconv.Itoa(n+1), t.Title, trackLength(t.Seconds), fmt.Sprintf("%.1f", t.Before), fmt.Sprintf("%.1f", t.LUFS))
	}
	return table.Flush()
}

type musicSetCmd struct {
	Name    playlistName `arg:"" help:"Name of the playlist."`
	Order   bool         `xor:"order" required:"" help:"Play the tracks in the order in which they were added."`
	Shuffle bool         `xor:"order" required:"" help:"Play them in another order each time around."`
}

func (c *musicSetCmd) Run(ctx context.Context, data dataDir) error {
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.SetShuffle(ctx, string(c.Name), c.Shuffle); err != nil {
		return err
	}
	fmt.Printf("playlist %s changed\n", c.Name)
	return reload(ctx, data, "rooms")
}

type musicRmCmd struct {
	Name  playlistName `arg:"" help:"Name of the playlist."`
	Track int          `arg:"" optional:"" help:"Number of a track, as conclave music show tells it; without it, the playlist with all tracks."`
}

func (c *musicRmCmd) Run(ctx context.Context, data dataDir) error {
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	shelf, err := data.openMusicShelf(ctx, db)
	if err != nil {
		return err
	}
	defer shelf.Close()
	if c.Track != 0 {
		return c.removeTrack(ctx, data, db)
	}
	if err := db.RemovePlaylist(ctx, string(c.Name), c.Name == classDefault); err != nil {
		if errors.Is(err, store.ErrPlaylistInUse) {
			err = fmt.Errorf("%w; give the room another with conclave room set EXT -o music_on_hold_class=", err)
		}
		return err
	}
	fmt.Printf("playlist %s removed\n", c.Name)
	// A server has the track open that is being heard, and goes on with it.
	told := reload(ctx, data, "rooms")
	if err := os.RemoveAll(filepath.Join(data.music(), string(c.Name))); err != nil {
		return errors.Join(told, fmt.Errorf("remove the files of playlist %s: %w", c.Name, err))
	}
	return told
}

// removeTrack removes one track. The others of the playlist keep their order.
func (c *musicRmCmd) removeTrack(ctx context.Context, data dataDir, db *store.DB) error {
	lists, err := db.Playlists(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(lists, func(p store.Playlist) bool { return p.Name == string(c.Name) })
	if i < 0 {
		return fmt.Errorf("playlist %s: %w", c.Name, store.ErrNoPlaylist)
	}
	tracks := lists[i].Tracks
	if c.Track < 1 || c.Track > len(tracks) {
		return fmt.Errorf("playlist %s has no track %d: it has %s, see conclave music show %s", c.Name, c.Track, count(len(tracks), "track"), c.Name)
	}
	track := tracks[c.Track-1]
	if err := db.RemoveTrack(ctx, string(c.Name), track.File); err != nil {
		if errors.Is(err, store.ErrLastTrack) {
			err = fmt.Errorf("%w; conclave music rm %s removes the playlist", err, c.Name)
		}
		return err
	}
	fmt.Printf("playlist %s: %s removed\n", c.Name, escape(track.Title, longestLine))
	told := reload(ctx, data, "rooms")
	if err := os.Remove(filepath.Join(data.music(), string(c.Name), track.File)); err != nil {
		return errors.Join(told, fmt.Errorf("remove the file of the track: %w", err))
	}
	return told
}

// trackLength is a length as people write it.
func trackLength(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second)).Round(time.Second)
	minutes, rest := int(d/time.Minute), int(d%time.Minute/time.Second)
	if minutes >= 60 {
		return fmt.Sprintf("%d:%02d:%02d", minutes/60, minutes%60, rest)
	}
	return fmt.Sprintf("%d:%02d", minutes, rest)
}

func round1(v float64) float64 { return math.Round(10*v) / 10 }
