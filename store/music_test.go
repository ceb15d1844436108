package store_test

import (
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"conclave/store"
)

func TestPlaylistsSurviveReopeningInOrder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conclave.db")
	db := open(t, file)
	one, two := store.Track{File: "1.wav", Title: "One", Samples: 16000, Before: -14.5, LUFS: -23},
		store.Track{File: "2.wav", Title: "Two", Samples: 8000, Before: -30, LUFS: -22.9}
	three := store.Track{File: "0.wav", Title: "Three", Samples: 1, Before: -20, LUFS: -23}
	for _, add := range []struct {
		name   string
		tracks []store.Track
	}{{"lobby", []store.Track{two, one}}, {"bar", []store.Track{{File: "3.wav", Samples: 5}}}, {"lobby", []store.Track{three}}} {
		if err := db.AddTracks(t.Context(), add.name, add.tracks); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.SetShuffle(t.Context(), "lobby", true); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	want := []store.Playlist{{Name: "bar", Tracks: []store.Track{{File: "3.wav", Samples: 5}}},
		{Name: "lobby", Shuffle: true, Tracks: []store.Track{two, one, three}}}
	if got, err := open(t, file).Playlists(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("playlists %+v, %v; want %+v", got, err, want)
	}
}

func TestAFileIsOfOneTrackAndNothingIsAddedOtherwise(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	err := db.AddTracks(t.Context(), "lobby", []store.Track{{File: "1.wav", Samples: 1}, {File: "1.wav", Samples: 1}})
	if got, readErr := db.Playlists(t.Context()); err == nil || readErr != nil || len(got) != 0 {
		t.Errorf("%v, playlists %v, %v; want an error and none", err, got, readErr)
	}
}

func TestAPlaylistInUseIsNotRemoved(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	if err := db.AddTracks(t.Context(), "lobby", []store.Track{{File: "1.wav", Samples: 1}}); err != nil {
		t.Fatal(err)
	}
	for _, extension := range []string{"1001", "200"} {
		room := store.Room{Extension: extension, Name: "x", Options: map[string]string{"music_on_hold_class": "lobby"}}
		if err := db.AddRoom(t.Context(), room); err != nil {
			t.Fatal(err)
		}
	}
	for _, wrong := range []struct {
		playlist, file string
		want           error
	}{{"none", "a.wav", store.ErrNoPlaylist}, {"lobby", "none.wav", nil}} {
		if err := db.RemoveTrack(t.Context(), wrong.playlist, wrong.file); err == nil || wrong.want != nil && !errors.Is(err, wrong.want) {
			t.Errorf("remove %s of %s: %v", wrong.file, wrong.playlist, err)
		}
	}
	lists, err := db.Playlists(t.Context())
	if err != nil || len(lists) == 0 {
		t.Fatal(lists, err)
	}
	i := slices.IndexFunc(lists, func(p store.Playlist) bool { return p.Name == "lobby" })
	for tracks := lists[i].Tracks; len(tracks) > 0; tracks = tracks[1:] {
		if err := db.RemoveTrack(t.Context(), "lobby", tracks[0].File); (len(tracks) == 1) != errors.Is(err, store.ErrLastTrack) {
			t.Errorf("with %d tracks left: %v", len(tracks), err)
		}
	}
	err = db.RemovePlaylist(t.Context(), "lobby", false)
	if !errors.Is(err, store.ErrPlaylistInUse) || !strings.Contains(err.Error(), "200, 1001") {
		t.Errorf("%v, want ErrPlaylistInUse and rooms 200, 1001", err)
	}
	if err := db.RemovePlaylist(t.Context(), "lobby", true); err != nil {
		t.Errorf("where there is other music of the name: %v", err)
	}
	if got, err := db.Playlists(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("afterwards %v, %v", got, err)
	}
	for _, err := range []error{db.RemovePlaylist(t.Context(), "lobby", false), db.SetShuffle(t.Context(), "lobby", true)} {
		if !errors.Is(err, store.ErrNoPlaylist) {
			t.Errorf("%v, want ErrNoPlaylist", err)
		}
	}
}
