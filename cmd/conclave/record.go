package main

import (
	"context"
	"fmt"
)

// recordCmd gives orders about the recording of a conference that goes on.
type recordCmd struct {
	Start recordStartCmd `cmd:"" audit:"change" help:"Begin to record a conference."`
	Stop  recordStopCmd  `cmd:"" audit:"change" help:"End the recording of a conference."`
}

type recordStartCmd struct {
	Ext extension `arg:"" help:"Number of the room."`
}

func (c *recordStartCmd) Run(ctx context.Context, data dataDir) error {
	var out recorded
	if err := newClient(data).call(ctx, "POST", roomPath(string(c.Ext), "record/start"), &out); err != nil {
		return err
	}
	fmt.Printf("recording room %s to %s\n", c.Ext, printable(out.File))
	return nil
}

type recordStopCmd struct {
	Ext extension `arg:"" help:"Number of the room."`
}

func (c *recordStopCmd) Run(ctx context.Context, data dataDir) error {
	var out recorded
	if err := newClient(data).call(ctx, "POST", roomPath(string(c.Ext), "record/stop"), &out); err != nil {
		return err
	}
	fmt.Printf("room %s is recorded no more, %s is complete\n", c.Ext, printable(out.File))
	return nil
}
