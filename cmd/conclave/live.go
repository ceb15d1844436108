package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"conclave/rooms"

	"golang.org/x/sys/unix"
)

// liveCmd shows what goes on, once or once a second.
type liveCmd struct {
	Ext   *extension `arg:"" optional:"" help:"Number of a room; without it, all."`
	Watch bool       `help:"Show it again each second until ctrl-C."`
	JSON  bool       `name:"json" help:"Print JSON."`
}

func (c *liveCmd) Run(ctx context.Context, data dataDir) error {
	path := "/v1/live"
	if c.Ext != nil {
		path += "?room=" + url.QueryEscape(string(*c.Ext))
	}
	server := newClient(data)
	show := func(draw func([]rooms.Conference) error) error {
		var live []rooms.Conference
		if err := server.call(ctx, "GET", path, &live); err != nil {
			return err
		}
		return draw(live)
	}
	draw := func(live []rooms.Conference) error { return writeLive(os.Stdout, live, false) }
	if c.JSON {
		draw = func(live []rooms.Conference) error { return printJSON(live) }
	}
	if !c.Watch {
		return show(draw)
	}
	if _, _, terminal := screenSize(); terminal && !c.JSON {
		fmt.Print(enterScreen)
		defer fmt.Print(leaveScreen)
		draw = redraw
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if err := show(draw); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Control sequences of terminals (ECMA-48 and xterm): the alternate screen without a cursor, and back.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

// screenSize is that of the terminal which standard output is, if it is one; 0 where the terminal does not know.
func screenSize() (height, width int, terminal bool) {
	size, err := unix.IoctlGetWinsize(int(os.Stdout.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0, false
	}
	return int(size.Row), int(size.Col), true
}

// redraw writes over the last picture line by line, so that nothing flickers.
func redraw(live []rooms.Conference) error {
	height, width, _ := screenSize()
	var picture bytes.Buffer
	if err := writeLive(&picture, live, true); err != nil {
		return err
	}
	lines := strings.Split(strings.TrimRight(picture.String(), "\n"), "\n")
	var out strings.Builder
	out.WriteString(home)
	if height > 0 {
		lines = lines[:min(len(lines), height)]
	}
	for i, line := range lines {
		if i > 0 {
			out.WriteString("\r\n")
		}
		if width > 0 {
			line = firstRunes(line, width)
		}
		out.WriteString(clearLine + line) // cleared after, a full line would lose its last character
	}
	out.WriteString(clearBelow)
	_, err := os.Stdout.WriteString(out.String())
	return err
}

func firstRunes(line string, n int) string {
	if utf8.RuneCountInString(line) <= n {
		return line
	}
	return string([]rune(line)[:n])
}

// writeLive writes a heading and a table for each conference, with a level bar for each member if bars is set.
func writeLive(out io.Writer, live []rooms.Conference, bars bool) error {
	if len(live) == 0 {
		_, err := fmt.Fprintln(out, "no conference")
		return err
	}
	for i, conference := range live {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s %s, %s since %s", conference.Extension, printable(conference.Name),
			count(len(conference.Members), "member"), clock(conference.Since))
		if conference.Locked {
			fmt.Fprint(out, ", locked")
		}
		fmt.Fprintln(out)
		table := newTable(out, "MEMBER", "CALLER", "NAME", "SINCE", "CODEC", "LEVEL", "STATE", "LOSS", "JITTER", "DELAY")
		for _, m := range conference.Members {
			level := fmt.Sprintf("%.0f dBFS", m.Level)
			if bars {
				level = levelBar(m.Level) + " " + fmt.Sprintf("%4.0f", m.Level)
			}
			row(table, strconv.Itoa(m.ID), m.Caller, m.Name, clock(m.Since), m.Codec, level, state(m),
				fmt.Sprintf("%.1f %%", m.LossPercent), fmt.Sprintf("%.1f ms", m.Jitter), fmt.Sprintf("%.0f ms", m.Delay))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// levelBar draws a level from -60 dBFS (empty) to 0 dBFS (full).
func levelBar(level float64) string {
	const cells, floor = 20, -60
	full := int((level - floor) / -floor * cells)
	full = max(0, min(cells, full))
	return strings.Repeat("█", full) + strings.Repeat("·", cells-full)
}

func state(m rooms.Member) string {
	var words []string
	for _, s := range []struct {
		holds bool
		word  string
	}{{!m.Entered, "entering"}, {m.Talking, "talking"}, {m.Muted, "muted"}, {m.Music, "music"}} {
		if s.holds {
			words = append(words, s.word)
		}
	}
	return strings.Join(words, " ")
}

func clock(t time.Time) string { return t.Local().Format(time.TimeOnly) }

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
