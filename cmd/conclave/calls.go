package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"time"

	"conclave/store"
)

// callsCmd lists calls that are over, from the database, whether or not a server runs.
type callsCmd struct {
	Room        *extension `placeholder:"EXT" help:"Only calls to this room."`
	Since       *moment    `placeholder:"WHEN" help:"Only calls that began then or later: 2026-11-01, \"2026-11-01 14:30\", or so long ago: 90m, 24h, 7d."`
	Until       *moment    `placeholder:"WHEN" help:"Only calls that began before; a date stands for its first moment."`
	Limit       int        `placeholder:"N" default:"100" help:"The latest so many (${default}); 0 is all."`
	ShowNumbers bool       `name:"show-numbers" help:"Show numbers in full; without it, of the digits of numbers and names all but the last three are *."`
	JSON        bool       `name:"json" xor:"format" help:"Print JSON."`
	CSV         bool       `name:"csv" xor:"format" help:"Print CSV for a spreadsheet, with all there is of each call."`
}

// Validate is called by kong once all flags are read.
func (c *callsCmd) Validate() error {
	now := time.Now()
	switch {
	case c.Limit < 0:
		return fmt.Errorf("--limit %d: it takes a number of calls, or 0 for all", c.Limit)
	case c.Since != nil && c.Until != nil && !c.Since.at(now).Before(c.Until.at(now)):
		return errors.New("--since is not before --until: no call can be found")
	}
	return nil
}

func (c *callsCmd) Run(ctx context.Context, data dataDir) error {
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	query := c.query(time.Now())
	total, err := db.CountCalls(ctx, query)
	if err != nil {
		return err
	}
	views := func(yield func(callView, error) bool) {
		for call, err := range db.Calls(ctx, query) {
			if !yield(viewCall(call, c.ShowNumbers), err) {
				return
			}
		}
	}
	out := bufio.NewWriter(os.Stdout)
	switch {
	case c.JSON:
		err = writeCallsJSON(out, views)
	case c.CSV:
		err = writeCallsCSV(out, views)
	default:
		err = writeCalls(out, views)
	}
	if err := errors.Join(err, out.Flush()); err != nil {
		return err
	}
	if query.Limit > 0 && total > query.Limit {
		fmt.Fprintf(os.Stderr, "the latest %d of %d calls; --limit 0 prints all\n", query.Limit, total)
	}
	return nil
}

func (c *callsCmd) query(now time.Time) store.CallQuery {
	query := store.CallQuery{Limit: c.Limit}
	if c.Room != nil {
		query.Room = string(*c.Room)
	}
	if c.Since != nil {
		query.Since = c.Since.at(now)
	}
	if c.Until != nil {
		query.Until = c.Until.at(now)
	}
	return query
}

// writeCalls writes a table.
func writeCalls(out *bufio.Writer, views iter.Seq2[callView, error]) error {
	table := newTable(out, "STARTED", "ROOM", "CALLER", "NAME", "FROM", "ROLE", "LASTED", "RESULT", "CODEC", "LOSS", "JITTER", "MOS", "REASON")
	for v, err := range views {
		if err != nil {
			return err
		}
		row(table, v.cells()...)
	}
	return table.Flush()
}

// writeCallsJSON writes a list that is never held in memory as a whole.
func writeCallsJSON(out *bufio.Writer, views iter.Seq2[callView, error]) error {
	separator := "\n  "
	out.WriteString("[") // what fails is told by Flush
	for v, err := range views {
		if err != nil {
			return err
		}
		var text strings.Builder
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("  ", "  ")
		if err := encoder.Encode(v); err != nil {
			return fmt.Errorf("write call %s as JSON: %w", v.ID, err)
		}
		out.WriteString(separator + escapeJSON(strings.TrimRight(text.String(), "\n")))
		separator = ",\n  "
	}
	if separator == ",\n  " {
		out.WriteString("\n")
	}
	_, err := out.WriteString("]\n")
	return err
}

// writeCallsCSV writes CSV as RFC 4180 has it. Each cell is quoted, so that none falls apart where a spreadsheet takes
// another separator.
func writeCallsCSV(out *bufio.Writer, views iter.Seq2[callView, error]) error {
	writeRecord(out, callFields)
	for v, err := range views {
		if err != nil {
			return err
		}
		writeRecord(out, v.fields())
	}
	return nil
}

func writeRecord(out *bufio.Writer, cells []string) {
	for i, cell := range cells {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(`"` + strings.ReplaceAll(harmless(cell), `"`, `""`) + `"`)
	}
	out.WriteString("\r\n")
}

// harmless keeps a cell that others have written from being a formula to a spreadsheet: such a one gets an apostrophe before
// it. It is printable on a terminal, too.
func harmless(cell string) string {
	cell = escape(cell, longestLine)
	if strings.ContainsAny(firstOf(strings.TrimSpace(cell)), "=+-@＝＋－＠") {
		return "'" + cell
	}
	return cell
}

// firstOf is the first character of a text.
func firstOf(text string) string {
	for _, r := range text {
		return string(r)
	}
	return ""
}
