package main

import (
	"bufio"
	"context"
	"iter"
	"time"

	"conclave/store"
)

// callsCmd lists calls that are over, from the database, whether or not a server runs.
type callsCmd struct {
	Room        *extension `placeholder:"EXT" help:"Only calls to this room."`
	ShowNumbers bool       `name:"show-numbers" audit:"before" help:"Show numbers in full; without it, of the digits of numbers and names all but the last three are *."`
	selection
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
	return printSelection(c.selection, callFields, views, writeCalls, total, "calls")
}

func (c *callsCmd) query(now time.Time) store.CallQuery {
	query := store.CallQuery{Limit: c.Limit}
	if c.Room != nil {
		query.Room = string(*c.Room)
	}
	query.Since, query.Until = c.span(now)
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
