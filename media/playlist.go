package media

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
)

// PlaylistRate is the rate in Hz that the tracks of playlists are stored in.
const PlaylistRate = 16000

// Track is a piece of a playlist: a WAV file of 16-bit PCM, mono, PlaylistRate, behind a header of AppendWAVHeader.
type Track struct {
	File    string // its path, which no other track has
	Samples int64
}

// Playlist reads tracks one after another without a gap and without an end. It reads a little at a time and keeps one file
// open. Change may be called from any goroutine, the other methods from one.
type Playlist struct {
	mu       sync.Mutex
	tracks   []Track
	shuffle  bool
	upcoming []Track         // after the current one, until all have been played
	bad      map[string]bool // files that could not be read
	failed   []error         // not told yet

	current Track
	file    *os.File // of current; nil: there is none
	in      *bufio.Reader
	at      int64 // samples of current that have been read
}

// NewPlaylist makes a playlist that is at the begin of its first track. Tracks are played in their order, or each time
// around in another one.
func NewPlaylist(tracks []Track, shuffle bool) *Playlist {
	p := &Playlist{in: bufio.NewReaderSize(nil, 1<<15)}
	p.Change(tracks, shuffle)
	return p
}

// Change replaces the tracks. The one that is being played is played to its end, and is followed by the one that follows it
// now; if it is none of them any more, by the first. Files that could not be read are tried again.
func (p *Playlist) Change(tracks []Track, shuffle bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tracks, p.shuffle, p.bad = slices.Clone(tracks), shuffle, make(map[string]bool)
	p.upcoming = nil
	if i := slices.IndexFunc(p.tracks, p.isCurrent); i >= 0 {
		p.upcoming = slices.Clone(p.tracks[i+1:])
		if shuffle {
			p.upcoming = p.shuffled()
		}
	}
}

func (p *Playlist) isCurrent(t Track) bool { return t.File == p.current.File }

// Read fills pcm with what comes next. Where nothing can be read there is silence. The error tells once of each track that
// could not be read: it is left out.
func (p *Playlist) Read(pcm []int16) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(pcm) > 0 {
		if !p.ready() {
			clear(pcm)
			break
		}
		n := int(min(int64(len(pcm)), p.current.Samples-p.at))
		read := p.samples(pcm[:n])
		pcm, p.at = pcm[read:], p.at+int64(read)
		if read < n {
			p.fail(fmt.Errorf("track %s ends after %d of %d samples", p.current.File, p.at, p.current.Samples))
			p.current.Samples = p.at
		}
	}
	return p.told()
}

// samples reads as many of the current track as there are, up to len(pcm).
func (p *Playlist) samples(pcm []int16) int {
	for i := range pcm {
		var b [2]byte
		if _, err := io.ReadFull(p.in, b[:]); err != nil {
			return i
		}
		pcm[i] = int16(binary.LittleEndian.Uint16(b[:]))
	}
	return len(pcm)
}

// Skip goes on by so many samples, as if they had been read.
func (p *Playlist) Skip(samples int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if round := p.round(); round > 0 {
		samples %= round
	}
	for samples > 0 {
		if !p.ready() {
			break
		}
		n := min(samples, p.current.Samples-p.at)
		samples -= n
		p.seek(p.at + n)
	}
	return p.told()
}

// round is how many samples the tracks have together.
func (p *Playlist) round() int64 {
	var sum int64
	for _, t := range p.tracks {
		sum += t.Samples
	}
	return sum
}

// Close closes the file that is open. A playlist that is read again goes on where it was.
func (p *Playlist) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file != nil {
		p.file.Close()
		p.file = nil
	}
}

// ready makes sure that there is a track with something left to read: false where none can be read.
func (p *Playlist) ready() bool {
	if p.file == nil && p.at < p.current.Samples && !p.bad[p.current.File] {
		if at := p.at; p.open(p.current) {
			p.seek(at)
		}
	}
	return p.file != nil && p.at < p.current.Samples || p.next()
}

// next opens the track that follows. Where none can be opened the current one is played again: its file may have been
// removed, but who hears it shall not be left in silence.
func (p *Playlist) next() bool {
	for range 2 * len(p.tracks) {
		if len(p.upcoming) == 0 {
			p.upcoming = slices.Clone(p.tracks)
			if p.shuffle {
				p.upcoming = p.shuffled()
			}
		}
		track := p.upcoming[0]
		p.upcoming = p.upcoming[1:]
		if track.Samples > 0 && !p.bad[track.File] && p.open(track) {
			return true
		}
	}
	if p.file == nil || p.current.Samples == 0 {
		return false
	}
	p.seek(0)
	return true
}

// shuffled is the tracks in an order of chance, in which the current one is not the first if there is another.
func (p *Playlist) shuffled() []Track {
	tracks := slices.Clone(p.tracks)
	rand.Shuffle(len(tracks), func(i, j int) { tracks[i], tracks[j] = tracks[j], tracks[i] })
	if n := len(tracks); n > 1 && p.isCurrent(tracks[0]) {
		i := 1 + rand.IntN(n-1)
		tracks[0], tracks[i] = tracks[i], tracks[0]
	}
	return tracks
}

func (p *Playlist) open(track Track) bool {
	file, err := os.Open(track.File)
	if err == nil {
		_, err = file.Seek(wavHeader, io.SeekStart)
	}
	if err != nil {
		p.bad[track.File] = true
		p.fail(fmt.Errorf("play track: %w", err))
		if file != nil {
			file.Close()
		}
		return false
	}
	if p.file != nil {
		p.file.Close()
	}
	p.file, p.current, p.at = file, track, 0
	p.in.Reset(file)
	return true
}

// seek goes to a sample of the current track.
func (p *Playlist) seek(sample int64) {
	if _, err := p.file.Seek(wavHeader+2*sample, io.SeekStart); err != nil {
		p.fail(fmt.Errorf("play track %s: %w", p.current.File, err))
	}
	p.in.Reset(p.file)
	p.at = sample
}

// fail notes what went wrong, to be told.
func (p *Playlist) fail(err error) { p.failed = append(p.failed, err) }

// told hands over what has not been told.
func (p *Playlist) told() error {
	if len(p.failed) == 0 {
		return nil
	}
	err := p.failed[0]
	p.failed = p.failed[1:]
	return err
}
