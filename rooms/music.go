package rooms

import (
	"embed"
	"fmt"

	"conclave/media"
)

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
