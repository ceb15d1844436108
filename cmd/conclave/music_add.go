package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"conclave/media/audiofile"
	"conclave/store"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

type musicAddCmd struct {
	Name playlistName `arg:"" help:"Name of the playlist: lobby."`
	From []string     `arg:"" name:"file" help:"Files of WAV, MP3, Ogg Vorbis or FLAC, and directories of such."`

	Longest time.Duration `default:"6h" placeholder:"TIME" help:"A file that lasts longer is left out (${default}, 24h at most)."`
}

// Help is shown by `conclave music add --help`.
func (c *musicAddCmd) Help() string {
	return "A room gets the playlist with conclave room set EXT -o music_on_hold_class=NAME. One that is called default takes " +
		"the place of the built-in music everywhere. All is copied, at one level: the files are not needed any more."
}

// Run takes all files that can be read, or nothing: what is not complete is of no playlist.
func (c *musicAddCmd) Run(ctx context.Context, data dataDir) error {
	if c.Longest <= 0 || c.Longest > longestOfAll {
		return fmt.Errorf("--longest %v: it takes a time of at most %v, 90m for example", c.Longest, longestOfAll)
	}
	files, err := findMusic(c.From)
	if err != nil {
		return fmt.Errorf("add music: %w", err)
	}
	if err := data.create(); err != nil {
		return err
	}
	db, err := data.openOrCreate(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	shelf, err := data.openMusicShelf(ctx, db)
	if err != nil {
		return err
	}
	defer shelf.Close()
	added, err := c.add(ctx, data, db, files)
	switch {
	case ctx.Err() != nil && err != nil:
		return fmt.Errorf("add music to %s: interrupted; nothing was added", c.Name)
	case err != nil:
		return fmt.Errorf("add music to %s: %w; nothing was added", c.Name, err)
	}
	fmt.Printf("playlist %s: %s added\n", c.Name, count(added, "track"))
	return reload(ctx, data, "rooms")
}

// longestOfAll bounds a track, which takes 2 GB per day in the playlist, and three times as much while it is made.
const longestOfAll = 24 * time.Hour

// mostMusic bounds the files of one order.
const mostMusic = 10_000

// findMusic lists the files that were given, and those in the directories that were given, by name.
func findMusic(from []string) ([]string, error) {
	var files []string
	for _, path := range from {
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			files = append(files, path) // if it cannot be read, it is refused with the reason
			continue
		}
		err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() || strings.HasPrefix(entry.Name(), "."):
				return nil
			}
			if files = append(files, file); len(files) > mostMusic {
				return fmt.Errorf("more than %d files", mostMusic)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no files in %s; give files of %s", strings.Join(from, ", "), audiofile.Formats)
	}
	return files, nil
}

// openMusicShelf makes the directory of the playlists this command's alone until the file returned is closed, and removes
// what a command that was killed has left there.
func (d dataDir) openMusicShelf(ctx context.Context, db *store.DB) (*os.File, error) {
	if err := os.MkdirAll(d.music(), 0o750); err != nil {
		return nil, fmt.Errorf("create the directory of music: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(d.music(), ".lock"), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("lock the directory of music: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.New("another command is adding or removing music; wait for its end")
		}
		return nil, fmt.Errorf("lock the directory of music: %w", err)
	}
	if err := d.sweepMusic(ctx, db); err != nil {
		lock.Close()
		return nil, fmt.Errorf("clean the directory of music: %w", err)
	}
	return lock, nil
}

// sweepMusic removes drafts, and files that no playlist has.
func (d dataDir) sweepMusic(ctx context.Context, db *store.DB) error {
	drafts, err := filepath.Glob(filepath.Join(d.music(), draftPrefix+"*"))
	if err != nil {
		return err
	}
	for _, draft := range drafts {
		if err := os.RemoveAll(draft); err != nil {
			return err
		}
	}
	playlists, err := db.Playlists(ctx)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, p := range playlists {
		for _, t := range p.Tracks {
			known[filepath.Join(d.music(), p.Name, t.File)] = true
		}
	}
	stored, err := filepath.Glob(filepath.Join(d.music(), "*", "*.wav"))
	if err != nil {
		return err
	}
	for _, file := range stored {
		if !known[file] {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	return nil
}

// draftPrefix begins the name of a directory whose tracks are being made; no playlist's name begins with a dot.
const draftPrefix = ".adding-"

// add makes the tracks in a draft, moves them to their place and then, in one transaction, into the playlist.
func (c *musicAddCmd) add(ctx context.Context, data dataDir, db *store.DB, files []string) (int, error) {
	draft, err := os.MkdirTemp(data.music(), draftPrefix)
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(draft)
	maker := trackMaker{dir: draft, longest: c.Longest}
	var tracks []store.Track
	for i, file := range files {
		progress := newProgress(fmt.Sprintf("%d of %d, %s", i+1, len(files), printable(filepath.Base(file))))
		track, err := maker.make(ctx, file, progress.show)
		progress.clear()
		var refused refusal
		switch {
		case errors.As(err, &refused):
			fmt.Printf("left out %s: %s\n", escape(file, longestLine), escape(refused.Error(), longestLine))
		case err != nil:
			return 0, err
		default:
			fmt.Printf("%s: %s, %.1f LUFS brought to %.1f\n", escape(file, longestLine), trackLength(float64(track.Samples)/16000), track.Before, track.LUFS)
			tracks = append(tracks, track)
		}
	}
	if len(tracks) == 0 {
		return 0, fmt.Errorf("none of %s can be read; give %s", count(len(files), "file"), audiofile.Formats)
	}
	target := filepath.Join(data.music(), string(c.Name))
	if err := os.MkdirAll(target, 0o750); err != nil {
		return 0, err
	}
	var moved []string
	for _, t := range tracks {
		place := filepath.Join(target, t.File)
		if err := os.Rename(filepath.Join(draft, t.File), place); err != nil {
			return 0, errors.Join(err, removeAll(moved))
		}
		moved = append(moved, place)
	}
	if err := syncDir(target); err != nil {
		return 0, errors.Join(err, removeAll(moved))
	}
	if err := db.AddTracks(ctx, string(c.Name), tracks); err != nil {
		return 0, errors.Join(err, removeAll(moved))
	}
	return len(tracks), nil
}

func removeAll(files []string) error {
	var failed []error
	for file := range slices.Values(files) {
		failed = append(failed, os.Remove(file))
	}
	return errors.Join(failed...)
}

// progress shows on a terminal how far a file is; elsewhere nothing.
type progress struct {
	what    string
	percent int
	shown   bool
}

func newProgress(what string) *progress { return &progress{what: what, percent: -1} }

func (p *progress) show(share float64) {
	percent := min(100, int(100*share))
	if percent == p.percent || !term.IsTerminal(int(os.Stderr.Fd())) {
		return
	}
	p.percent, p.shown = percent, true
	fmt.Fprintf(os.Stderr, "\r\x1b[K%s: %d %%", p.what, percent)
}

func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}
