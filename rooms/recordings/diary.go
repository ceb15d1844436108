package recordings

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// NoteKind says what a line of a diary tells.
type NoteKind string

// What a diary tells.
const (
	NoteStart  NoteKind = "start"  // of a recording, also of one that is continued
	NoteJoin   NoteKind = "join"   // a member came, or was there when the recording began
	NoteLeave  NoteKind = "leave"  // a member went
	NoteTalk   NoteKind = "talk"   // a member has begun to talk
	NoteSilent NoteKind = "silent" // a member has ended to talk
	NoteLevels NoteKind = "levels" // how members were heard in the last seconds
	NoteStop   NoteKind = "stop"   // the recording has ended in order; without one, the server was killed
)

// Note is a line of the diary that is written along a recording, in JSON.
type Note struct {
	Kind NoteKind `json:"note"`
	// At is the place in the recording in seconds.
	At float64 `json:"at_s"`

	// Of start.
	Time   *time.Time `json:"time,omitempty"`
	Room   string     `json:"room,omitempty"` // extension
	Title  string     `json:"title,omitempty"`
	Tracks bool       `json:"tracks,omitempty"`

	// Of join, leave, talk and silent. Members are numbered by the recording: from 1, each call once. Caller and Name come
	// from the network and may hold anything.
	Member int    `json:"member,omitempty"`
	Call   string `json:"call,omitempty"`
	Caller string `json:"caller,omitempty"`
	Name   string `json:"name,omitempty"`
	Role   string `json:"role,omitempty"`
	Track  string `json:"track,omitempty"` // file, in the directory of the diary

	Levels []Level `json:"levels,omitempty"`

	// Of stop.
	Reason string `json:"reason,omitempty"`
	Lost   uint64 `json:"lost_frames,omitempty"` // of 20 ms, which are silence, because the disk was too slow
}

// Level is how a member was heard in a stretch of the recording that ends at its note.
type Level struct {
	Member int     `json:"member"`
	Level  float64 `json:"dbfs"` // the highest there was
	Loss   float64 `json:"loss_percent"`
	Jitter float64 `json:"jitter_ms"`
}

// longestNote bounds a line: levels of a thousand members take a tenth of it.
const longestNote = 1 << 20

// readNotes reads the lines of a diary and returns the size of those that are complete. A last one that a killed server has
// not written to its end is left out, and so is what a disk has made of others when the power failed.
func readNotes(r io.Reader, take func(Note)) (size int64, err error) {
	lines := bufio.NewReader(r)
	for number := 1; ; number++ {
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			return size, nil
		}
		if err != nil {
			return size, fmt.Errorf("line %d: %w", number, err)
		}
		size += int64(len(line))
		var n Note
		if json.Unmarshal(line, &n) == nil {
			take(n)
		}
	}
}

// readLine returns the next line that is complete.
func readLine(r *bufio.Reader) (line []byte, err error) {
	for {
		piece, err := r.ReadSlice('\n')
		line = append(line, piece...)
		switch {
		case len(line) > longestNote:
			return nil, fmt.Errorf("it has more than %d octets", longestNote)
		case errors.Is(err, bufio.ErrBufferFull):
		default:
			return line, err
		}
	}
}
