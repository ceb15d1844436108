package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"
)

// statusCmd shows how the server is. It fails where none runs, so that scripts can ask by its exit code.
type statusCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *statusCmd) Run(ctx context.Context, data dataDir) error {
	var status serverStatus
	if err := newClient(data).call(ctx, "GET", "/v1/status", &status); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(status)
	}
	return writeStatus(os.Stdout, status, time.Now())
}

func writeStatus(out io.Writer, s serverStatus, now time.Time) error {
	state := s.State
	if state == stateDraining {
		state += ", until `conclave drain --off`: new calls are refused"
	}
	late := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row(table, "state", state)
	row(table, "process", fmt.Sprintf("%d, since %s, %s", s.PID, s.Started.Local().Format(time.DateTime), now.Sub(s.Started).Round(time.Second)))
	row(table, "calls", fmt.Sprintf("%d; %s in %s", s.Calls, count(s.Members, "member"), count(s.Conferences, "conference")))
	row(table, "subscriptions", fmt.Sprint(s.Subscribed))
	row(table, "ticks late by", fmt.Sprintf("%s median, %s p99, %s p99.9; %d missed", late(s.Clockwork.Late50), late(s.Clockwork.Late99),
		late(s.Clockwork.Late999), s.Clockwork.Missed))
	full := ""
	if s.Clockwork.Full {
		full = ": new calls are refused"
	}
	row(table, "load", fmt.Sprintf("%.0f %% of the busiest mixing thread%s", 100*s.Clockwork.Load, full))
	row(table, "memory", fmt.Sprintf("%.1f MB", float64(s.Memory)/1e6))
	row(table, "faults", fmt.Sprint(s.Faults))
	return table.Flush()
}
