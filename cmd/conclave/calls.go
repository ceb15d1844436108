package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"time"

	"conclave/store"
)

// callsCmd lists calls that are over, from the database, whether or not a server runs.
type callsCmd struct {
	Room        *extension `placeholder:"EXT" help:"Only calls to this room."`
	Since       *moment    `placeholder:"WHEN" help:"Only calls that began then or later: 2026-11-01, \"2026-11-01 14:30\", or so long ago: 90m, 24h, 7d."`
	Until       *moment    `placeholder:"WHEN" help:"Only calls that began before; a date stands for its first moment."`
	Limit       int        `placeholder:"N" default:"100" help:"The latest so many (${default}); 0 is all."`
	ShowNumbers bool       `name:"show-numbers" audit:"before" help:"Show numbers in full; without it, of the digits of numbers and names all but the last three are *."`
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
		err = writeList(out, views)
	case c.CSV:
		err = writeCSV(out, callFields, views)
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
