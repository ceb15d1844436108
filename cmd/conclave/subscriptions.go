package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"conclave/sip"
)

// subsCmd lists the subscriptions that there are in the running server.
type subsCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *subsCmd) Run(ctx context.Context, data dataDir) error {
	var list []sip.Subscription
	if err := newClient(data).call(ctx, "GET", "/v1/subscriptions", &list); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(list)
	}
	return writeSubscriptions(os.Stdout, list, time.Now())
}

func writeSubscriptions(out io.Writer, list []sip.Subscription, now time.Time) error {
	table := newTable(out, "NUMBER", "EVENT", "SUBSCRIBER", "TOLD AT", "SINCE", "EXPIRES", "NOTIFIES")
	for _, s := range list {
		row(table, s.Number, s.Event, s.Subscriber, s.Transport+":"+s.Address, clock(s.Since), lasting(int(max(0, s.Expires.Sub(now)).Seconds())),
			fmt.Sprint(s.Notified))
	}
	return table.Flush()
}
