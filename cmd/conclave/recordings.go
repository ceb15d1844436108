package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"conclave/rooms/recordings"
)

// recordingsCmd is about the recordings in the data directory, whether or not a server runs.
type recordingsCmd struct {
	List   recordingsListCmd   `cmd:"" audit:"no" help:"List recordings."`
	Show   recordingsShowCmd   `cmd:"" audit:"no" help:"Show a recording: who was there, and who talked when."`
	Report recordingsReportCmd `cmd:"" audit:"no" help:"Draw who talked when, and how each was heard."`
	Export recordingsExportCmd `cmd:"" audit:"rescue" help:"Write a recording to a file, as FLAC or WAV."`
	Rm     recordingsRmCmd     `cmd:"" audit:"rescue" help:"Remove recordings with all that belongs to them."`
}

type recordingsListCmd struct {
	Room *extension `placeholder:"EXT" help:"Only recordings of this room."`
	JSON bool       `name:"json" help:"Print JSON."`
}

func (c *recordingsListCmd) Run(data dataDir) error {
	all, damaged, err := recordings.List(data.recordings())
	if err != nil {
		return allowed(err)
	}
	for _, err := range damaged {
		warnf("left out: %v", err)
	}
	shown := make([]recordings.Recording, 0, len(all))
	for _, r := range all {
		if c.Room == nil || r.Room == string(*c.Room) {
			shown = append(shown, r)
		}
	}
	if c.JSON {
		return printJSON(shown)
	}
	table := newTable(os.Stdout, "BEGAN", "ROOM", "NAME", "LASTS", "MEMBERS", "SIZE", "STATE", "FILE")
	for _, r := range shown {
		row(table, began(r), r.Room, r.Title, lasting(int(r.Seconds)), strconv.Itoa(len(r.Members)), byteSize(r.Octets).String(), string(r.State), r.Name+".wav")
	}
	return table.Flush()
}

// position is a place in a recording, to a tenth of a second: 1:05.3.
func position(seconds float64) string {
	tenths := int(math.Round(10 * seconds))
	return fmt.Sprintf("%s.%d", lasting(tenths/10), tenths%10)
}

func began(r recordings.Recording) string { return r.Begin.Local().Format(time.DateTime) }

type recordingsShowCmd struct {
	File string `arg:"" help:"File of the recording, as list prints it; .wav may be left out."`
	JSON bool   `name:"json" help:"Print JSON, with levels, loss and jitter each 5 s."`
}

func (c *recordingsShowCmd) Run(data dataDir) error {
	r, err := recordings.Load(data.recordings(), c.File)
	if err != nil {
		return allowed(err)
	}
	if c.JSON {
		return printJSON(r)
	}
	return writeRecording(os.Stdout, r)
}

// writeRecording writes what there is to tell of a recording, with a picture of who talked when.
func writeRecording(out io.Writer, r recordings.Recording) error {
	room := strings.TrimSpace(r.Room + " " + r.Title)
	fmt.Fprintf(out, "%s: room %s, began %s, lasts %s, %s\n", printable(r.Name+".wav"), printable(room), began(r), lasting(int(r.Seconds)), r.State)
	if r.Reason != "" {
		fmt.Fprintf(out, "ended: %s\n", printable(r.Reason))
	}
	if r.Lost > 0 {
		fmt.Fprintf(out, "%.1f s are silence, as the disk was too slow\n", r.Lost)
	}
	if len(r.Members) == 0 {
		return nil
	}
	fmt.Fprintln(out)
	table := newTable(out, "MEMBER", "CALLER", "NAME", "ROLE", "TALKED", "LOSS", "JITTER", "TRACK", fmt.Sprintf("0:00 … %s", lasting(int(r.Seconds))))
	for _, m := range r.Members {
		loss, jitter := m.Mean()
		row(table, strconv.Itoa(m.Number), m.Caller, m.Name, m.Role, lasting(int(m.Talked)), fmt.Sprintf("%.1f %%", loss), fmt.Sprintf("%.1f ms", jitter),
			m.Track, m.Strip(r.Seconds, 48))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	table = newTable(out, "FROM", "TO", "MEMBER", "CALLER", "NAME")
	for _, t := range r.Turns() {
		row(table, position(t.From), position(t.To), strconv.Itoa(t.Member.Number), t.Member.Caller, t.Member.Name)
	}
	return table.Flush()
}

type recordingsReportCmd struct {
	File   string `arg:"" help:"File of the recording, as list prints it; .wav may be left out."`
	HTML   bool   `name:"html" required:"" help:"As one HTML page that needs nothing else."`
	Output string `short:"o" placeholder:"FILE" help:"Write it there; without it, to standard output."`
	Force  bool   `help:"Replace the file if there is one."`
}

func (c *recordingsReportCmd) Run(data dataDir) error {
	r, err := recordings.Load(data.recordings(), c.File)
	if err != nil {
		return allowed(err)
	}
	if c.Output == "" {
		return recordings.WriteReport(os.Stdout, r)
	}
	return writeFile(c.Output, c.Force, func(f *os.File) error { return recordings.WriteReport(f, r) })
}

type recordingsExportCmd struct {
	Format string `enum:"flac,wav" default:"flac" help:"flac or wav (${default})."`
	Track  int    `placeholder:"MEMBER" help:"The track of this member; without it, the mix."`
	File   string `arg:"" help:"File of the recording, as list prints it; .wav may be left out."`
	Output string `arg:"" optional:"" help:"File to write; without it, one of the recording's name in the current directory."`
	Force  bool   `help:"Replace the file if there is one."`
}

func (c *recordingsExportCmd) Run(ctx context.Context, data dataDir) error {
	r, err := recordings.Load(data.recordings(), c.File)
	if err != nil {
		return allowed(err)
	}
	sound, err := recordings.OpenSound(data.recordings(), r, c.Track)
	if err != nil {
		return err
	}
	defer sound.Close()
	output := c.Output
	if output == "" {
		output = strings.TrimSuffix(filepath.Base(sound.Name()), ".wav") + "." + c.Format
	}
	write := recordings.ExportWAV
	if c.Format == "flac" {
		write = recordings.ExportFLAC
	}
	if err := writeFile(output, c.Force, func(f *os.File) error { return write(ctx, f, sound) }); err != nil {
		return err
	}
	fmt.Printf("%s written\n", printable(output))
	return nil
}

// writeFile makes a file of what write writes, which is there when that is complete, or not at all.
func writeFile(name string, replace bool, write func(*os.File) error) (err error) {
	taken := fmt.Errorf("%s is there already; give another name, or --force", name)
	if _, err := os.Lstat(name); err == nil && !replace {
		return taken
	}
	f, err := os.CreateTemp(filepath.Dir(name), draftPattern)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, withoutDraft(err))
	}
	defer func() { err = errors.Join(err, remove(f.Name())) }()
	err = write(f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, withoutDraft(err))
	}
	if replace {
		return os.Rename(f.Name(), name)
	}
	if err := os.Link(f.Name(), name); errors.Is(err, fs.ErrExist) {
		return taken
	} else if err != nil {
		return os.Rename(f.Name(), name) // a file system without links
	}
	return nil
}

// draftPattern is what a file is called while it is written.
const draftPattern = ".conclave-*"

// withoutDraft is an error without the name of a draft, which nobody knows and which is not there any more.
func withoutDraft(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		if draft, _ := filepath.Match(draftPattern, filepath.Base(path.Path)); draft {
			return path.Err
		}
	}
	return err
}

// remove removes a file that may have gone.
func remove(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

type recordingsRmCmd struct {
	Files []string `arg:"" name:"file" help:"Files of recordings, as list prints them; .wav may be left out."`
}

func (c *recordingsRmCmd) Run(data dataDir) error {
	for _, file := range c.Files {
		if err := recordings.Remove(data.recordings(), file); err != nil {
			return allowed(err)
		}
		fmt.Printf("%s removed\n", printable(file))
	}
	return nil
}

// allowed says who may read recordings.
func allowed(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w; recordings are for the server's own user and root", err)
	}
	return err
}
