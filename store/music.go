package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNoPlaylist is returned where no playlist has the name asked for.
	ErrNoPlaylist = errors.New("no such playlist")
	// ErrPlaylistInUse is returned by RemovePlaylist where a room has the playlist.
	ErrPlaylistInUse = errors.New("playlist is in use")
	// ErrLastTrack is returned by RemoveTrack where nothing would be left of the playlist.
	ErrLastTrack = errors.New("it is the only one")
)

// Playlist is hold music of the operator's.
type Playlist struct {
	Name    string
	Shuffle bool // tracks come in another order each time around
	Tracks  []Track
}

// Track is a piece of a playlist.
type Track struct {
	File    string // its name in the playlist's directory
	Title   string
	Samples int64   // at 16 kHz
	Before  float64 // LUFS as it came, mixed to one channel
	LUFS    float64 // as it is stored
}

// Playlists returns all playlists with their tracks in order, sorted by name.
func (db *DB) Playlists(ctx context.Context) ([]Playlist, error) {
	list, err := readPlaylists(ctx, db.pool)
	if err != nil {
		return nil, fmt.Errorf("read playlists: %w", err)
	}
	return list, nil
}

func readPlaylists(ctx context.Context, q queryer) ([]Playlist, error) {
	rows, err := q.QueryContext(ctx, `
		SELECT name, shuffle, file, title, samples, lufs_before, lufs
		FROM playlists JOIN tracks ON playlist = name ORDER BY name, position`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Playlist
	for rows.Next() {
		var p Playlist
		var t Track
		if err := rows.Scan(&p.Name, &p.Shuffle, &t.File, &t.Title, &t.Samples, &t.Before, &t.LUFS); err != nil {
			return nil, err
		}
		if n := len(list); n == 0 || list[n-1].Name != p.Name {
			list = append(list, p)
		}
		last := &list[len(list)-1]
		last.Tracks = append(last.Tracks, t)
	}
	return list, rows.Err()
}

// AddTracks appends tracks to a playlist, and makes it if there is none of the name.
func (db *DB) AddTracks(ctx context.Context, playlist string, tracks []Track) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO playlists (name, shuffle) VALUES (?, 0) ON CONFLICT DO NOTHING", playlist)
		if err != nil {
			return err
		}
		for _, t := range tracks {
			_, err := tx.ExecContext(ctx, `
				INSERT INTO tracks (playlist, position, file, title, samples, lufs_before, lufs)
				SELECT ?, coalesce(max(position), 0) + 1, ?, ?, ?, ?, ? FROM tracks WHERE playlist = ?`,
				playlist, t.File, t.Title, t.Samples, t.Before, t.LUFS, playlist)
			if err != nil {
				return fmt.Errorf("track %s: %w", t.Title, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("add to playlist %s: %w", playlist, err)
	}
	return nil
}

// SetShuffle says in which order the tracks of a playlist come, or returns ErrNoPlaylist.
func (db *DB) SetShuffle(ctx context.Context, playlist string, shuffle bool) error {
	return db.changePlaylist(ctx, "change", playlist, "UPDATE playlists SET shuffle = ? WHERE name = ?", shuffle, playlist)
}

// RemovePlaylist deletes a playlist. It returns ErrNoPlaylist where there is none, and ErrPlaylistInUse with the extensions of
// the rooms that have it, unless these have another music of that name (builtIn).
func (db *DB) RemovePlaylist(ctx context.Context, name string, builtIn bool) error {
	return db.changePlaylist(ctx, "remove", name, `DELETE FROM playlists WHERE name = ?2 AND (?1 OR NOT EXISTS (
		SELECT * FROM room_options AS o WHERE o.name = 'music_on_hold_class' AND o.value = ?2))`, builtIn, name)
}

// RemoveTrack deletes a track of a playlist that has others. It returns ErrNoPlaylist where there is none of the name.
func (db *DB) RemoveTrack(ctx context.Context, playlist, file string) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		var all, those int
		err := tx.QueryRowContext(ctx, "SELECT count(*), count(*) FILTER (WHERE file = ?) FROM tracks WHERE playlist = ?", file, playlist).Scan(&all, &those)
		switch {
		case err != nil:
			return err
		case all == 0:
			return ErrNoPlaylist
		case those == 0:
			return fmt.Errorf("it has no track %s", file)
		case all == those:
			return ErrLastTrack
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM tracks WHERE playlist = ? AND file = ?", playlist, file)
		return err
	})
	if err != nil {
		return fmt.Errorf("remove a track of playlist %s: %w", playlist, err)
	}
	return nil
}

// changePlaylist runs a statement that changes a playlist, or says why it changes nothing.
func (db *DB) changePlaylist(ctx context.Context, verb, name, statement string, args ...any) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			return err
		}
		var there bool
		if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT * FROM playlists WHERE name = ?)", name).Scan(&there); err != nil {
			return err
		}
		if !there {
			return ErrNoPlaylist
		}
		used, err := playlistRooms(ctx, tx, name)
		if err != nil {
			return err
		}
		return fmt.Errorf("%w by room %s", ErrPlaylistInUse, strings.Join(used, ", "))
	})
	if err != nil {
		return fmt.Errorf("%s playlist %s: %w", verb, name, err)
	}
	return nil
}

// playlistRooms lists the extensions of the rooms whose options name a playlist, shorter ones first.
func playlistRooms(ctx context.Context, q queryer, playlist string) ([]string, error) {
	rows, err := q.QueryContext(ctx, `
		SELECT extension FROM rooms JOIN room_options AS o ON o.room = rooms.id
		WHERE o.name = 'music_on_hold_class' AND o.value = ? ORDER BY length(extension), extension`, playlist)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var extensions []string
	for rows.Next() {
		var extension string
		if err := rows.Scan(&extension); err != nil {
			return nil, err
		}
		extensions = append(extensions, extension)
	}
	return extensions, rows.Err()
}
