package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"conclave/rooms"
)

// eventsCmd prints what happens in conferences, as it happens.
type eventsCmd struct {
	Ext  *extension `arg:"" optional:"" help:"Number of a room; without it, all."`
	JSON bool       `name:"json" help:"Print a JSON object in each line."`
}

func (c *eventsCmd) Run(ctx context.Context, data dataDir) error {
	path := "/v1/events"
	if c.Ext != nil {
		path += "?room=" + url.QueryEscape(string(*c.Ext))
	}
	stream, err := newClient(data).ask(ctx, "GET", path, nil)
	if err != nil {
		return err
	}
	defer stream.Close()
	print := writeEvent
	if c.JSON {
		print = writeEventJSON
	} else {
		fmt.Println(eventHeading)
	}
	for lines := json.NewDecoder(stream); ; {
		var line json.RawMessage
		switch err := lines.Decode(&line); {
		case ctx.Err() != nil:
			return nil // ctrl-C
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return errors.New("the server has ended")
		case err != nil:
			return fmt.Errorf("read events: %w", err)
		}
		if err := print(os.Stdout, line); err != nil {
			return err
		}
	}
}

// eventColumns are wide enough for what is usual; nothing is cut.
const eventColumns = "%-19s  %-8s  %-8s  %-6s  %-16s  %-20s  %s"

var eventHeading = fmt.Sprintf(eventColumns, "TIME", "ROOM", "EVENT", "MEMBER", "CALLER", "NAME", "ROLE, RESULT")

// writeEvent writes an event in a line for people.
func writeEvent(out io.Writer, text json.RawMessage) error {
	var e rooms.Event
	if err := json.Unmarshal(text, &e); err != nil {
		return fmt.Errorf("read event: %w", err)
	}
	var member string
	if e.Member > 0 {
		member = strconv.Itoa(e.Member)
	}
	remark := strings.Join(strings.Fields(e.Role+" "+e.File+" "+e.Result), " ")
	if e.Encryption != "" {
		remark += ", SRTP"
	}
	if e.Kind == rooms.EventLost {
		remark = count(e.Lost, "event")
	}
	line := fmt.Sprintf(eventColumns, e.Time.Local().Format(time.DateTime), printable(e.Room), printable(string(e.Kind)),
		member, printable(e.Caller), printable(e.Name), printable(remark))
	_, err := fmt.Fprintln(out, strings.TrimRight(line, " "))
	return err
}

// writeEventJSON writes an event as it came, in a line that is harmless to a terminal.
func writeEventJSON(out io.Writer, text json.RawMessage) error {
	_, err := fmt.Fprintln(out, escapeJSON(string(text)))
	return err
}
