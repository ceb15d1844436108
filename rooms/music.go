package rooms

import (
	"embed"
	"fmt"
	"sync"
	"sync/atomic"

	"conclave/media"
	"conclave/mixer"
)

// musicDefault is the class of music where none was chosen, and in talks. It is built in, and a playlist of that name takes
// its place.
const musicDefault = "default"

// musicFiles holds the built-in hold music, which cmd/holdmusic plays (`make sounds`).
//
//go:embed music/default.wav
var musicFiles embed.FS

// builtinMusic loads the piece that a caller hears while he is alone, made to be looped.
func builtinMusic() (*media.Sound, error) {
	music, err := readSound(musicFiles, "music/default.wav")
	if err != nil {
		return nil, fmt.Errorf("load hold music: %w", err)
	}
	return music, nil
}

// Playlist is hold music of the operator's.
type Playlist struct {
	Name    string
	Shuffle bool // tracks come in another order each time around
	Tracks  []media.Track
}

// CheckPlaylistName refuses what cannot be the name of a playlist.
func CheckPlaylistName(name string) error {
	switch {
	case name == noValue:
		return fmt.Errorf("playlist %s: it stands for silence; take another name", name)
	case !isName(name):
		return fmt.Errorf("playlist %q: a name is up to 64 letters, digits, -, _ and .; lobby would be right", name)
	}
	return nil
}

// musicShelf is the hold music that there is: each playlist runs from when it is first set, one for all rooms.
type musicShelf struct {
	engine  *mixer.Engine
	builtin *mixer.Music

	mu      sync.Mutex
	running map[string]*broadcast
	classes atomic.Pointer[map[string]*mixer.Music] // those of running; it is replaced, never changed
}

// broadcast is a playlist and what it sounds like.
type broadcast struct {
	playlist *media.Playlist
	music    *mixer.Music
}

// SetMusic replaces the playlists. One that was there already goes on where it is, with other tracks behind the present one
// if they have changed. Of one that has gone, who hears it goes on hearing the present track.
func (h *House) SetMusic(playlists []Playlist) { h.music.set(playlists) }

func (s *musicShelf) set(playlists []Playlist) {
	s.mu.Lock()
	defer s.mu.Unlock()
	running := make(map[string]*broadcast, len(playlists))
	classes := make(map[string]*mixer.Music, len(playlists))
	for _, p := range playlists {
		b, ok := s.running[p.Name]
		if ok {
			b.playlist.Change(p.Tracks, p.Shuffle)
		} else {
			b = &broadcast{playlist: media.NewPlaylist(p.Tracks, p.Shuffle)}
			b.music = s.engine.Playlist(b.playlist)
		}
		running[p.Name], classes[p.Name] = b, b.music
	}
	for name, b := range s.running {
		if running[name] == nil {
			b.playlist.Change(nil, false)
			s.engine.Retire(b.music)
		}
	}
	s.running = running
	s.classes.Store(&classes)
}

// musicOf is the music of a class. It waits for nothing.
func (h *House) musicOf(class string) *mixer.Music {
	if classes := h.music.classes.Load(); classes != nil {
		for _, name := range []string{class, musicDefault} {
			if music, ok := (*classes)[name]; ok {
				return music
			}
		}
	}
	return h.music.builtin
}
