package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"conclave/rooms"
	"conclave/rooms/recordings"
)

// liveCmd shows what goes on, once or again and again.
type liveCmd struct {
	Ext   *extension `arg:"" optional:"" help:"Number of a room; without it, all."`
	Watch bool       `help:"Show it until ctrl-C: on a terminal twice a second, with keys that mute, kick and lock; else each second."`
	JSON  bool       `name:"json" help:"Print JSON."`
}

func (c *liveCmd) Run(ctx context.Context, data dataDir) error {
	path := "/v1/live"
	if c.Ext != nil {
		path += "?room=" + url.QueryEscape(string(*c.Ext))
	}
	server := newClient(data)
	ask := func(ctx context.Context) (live []rooms.Conference, err error) {
		err = server.call(ctx, "GET", path, &live)
		return live, err
	}
	show := func(live []rooms.Conference) error { return writeLive(os.Stdout, live) }
	if c.JSON {
		show = func(live []rooms.Conference) error { return printJSON(live) }
	}
	switch {
	case !c.Watch:
		live, err := ask(ctx)
		if err != nil {
			return err
		}
		return show(live)
	case !c.JSON && isScreen(os.Stdout):
		// An order waits for the server's answer, and it is the answer that the operator is shown.
		give := func(ctx context.Context, path string) (n int, err error) {
			var out changed
			err = server.call(ctx, "POST", path, &out)
			return out.Changed, err
		}
		return watchOnScreen(ctx, os.Stdin, os.Stdout, ask, give)
	}
	return repeat(ctx, ask, show)
}

// repeat shows what goes on each second until ctx ends.
func repeat(ctx context.Context, ask func(context.Context) ([]rooms.Conference, error), show func([]rooms.Conference) error) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		live, err := ask(ctx)
		if err == nil {
			err = show(live)
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// writeLive writes a heading and a table for each conference.
func writeLive(out io.Writer, live []rooms.Conference) error {
	if len(live) == 0 {
		_, err := fmt.Fprintln(out, noConference)
		return err
	}
	for i, conference := range live {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintln(out, heading(conference))
		table := newMemberTable(out, "MEMBER")
		for _, m := range conference.Members {
			memberRow(table, strconv.Itoa(m.ID), m, fmt.Sprintf("%.0f dBFS", m.Level), time.Now())
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return nil
}

const noConference = "no conference"

// heading says in a line what a conference is.
func heading(c rooms.Conference) string {
	text := fmt.Sprintf("%s %s, %s since %s", c.Extension, printable(c.Name), count(len(c.Members), "member"), clock(c.Since))
	if c.Locked {
		text += ", locked"
	}
	if r := c.Recording; r != nil {
		text += ", recorded since " + clock(r.Since)
	}
	return text
}

// newMemberTable begins a table of members. What matters most comes first: a narrow screen does not show the rest.
func newMemberTable(out io.Writer, first string) *tabwriter.Writer {
	return newTable(out, first, "CALLER", "NAME", "ROLE", "STATE", "LEVEL", "TALKED", "LAST MINUTE", "LOSS", "JITTER", "DELAY", "CODEC", "SINCE")
}

func memberRow(table io.Writer, first string, m rooms.Member, level string, now time.Time) {
	row(table, first, m.Caller, m.Name, m.Role, state(m), level, talked(m), lastMinute(m, now),
		fmt.Sprintf("%.1f %%", m.LossPercent), fmt.Sprintf("%.1f ms", m.Jitter), fmt.Sprintf("%.0f ms", m.Delay), coding(audio(m.Codec, m.Rate), m.Encryption), clock(m.Since))
}

// coding is a codec as tables show it, with whether it is encrypted.
func coding(codec, encryption string) string {
	if encryption != "" {
		codec += ", SRTP"
	}
	return codec
}

// audio is a codec with its rate where that is more than a telephone's: opus 48k.
func audio(codec string, rate int) string {
	if rate > 8000 {
		return fmt.Sprintf("%s %dk", codec, rate/1000)
	}
	return codec
}

// state tells in words what a member is just doing.
func state(m rooms.Member) string {
	muted := "muted"
	if m.MutedBy != "" {
		muted += " by " + m.MutedBy
	}
	var words []string
	for _, s := range []struct {
		holds bool
		word  string
	}{
		{m.Waiting, "waiting"},
		{!m.Entered && !m.Waiting, "entering"},
		{m.Talking, "talking"},
		{m.Muted, muted},
		{m.Held, "on hold"},
		{m.Music, "music"},
	} {
		if s.holds {
			words = append(words, s.word)
		}
	}
	return strings.Join(words, ", ")
}

// lastMinute draws when a member has talked in the last minute, in cells of 4 s.
func lastMinute(m rooms.Member, now time.Time) string {
	const cells, cell = 15, 4.0
	member := recordings.Member{Stays: []recordings.Span{{From: cells*cell - now.Sub(m.Since).Seconds(), To: cells * cell}}}
	for _, t := range m.Talks {
		member.Talks = append(member.Talks, recordings.Span{From: cells*cell - now.Sub(t.Begin).Seconds(), To: cells*cell - now.Sub(t.End).Seconds()})
	}
	return member.Strip(cells*cell, cells)
}

// talked is for how long a member has talked.
func talked(m rooms.Member) string { return lasting(int(m.TalkTime)) }

// lasting is a time of so many seconds, as 1:05 or 1:00:05.
func lasting(seconds int) string {
	if seconds < 3600 {
		return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}

func clock(t time.Time) string { return t.Local().Format(time.TimeOnly) }

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
