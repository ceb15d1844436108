package main

import (
	"context"
	"errors"
	"fmt"
)

// The commands of this file are orders to the server about a conference that goes on.

// memberArgs name a member by what `conclave live` shows.
type memberArgs struct {
	Ext    extension `arg:"" help:"Number of the room."`
	Member int       `arg:"" help:"Number of the member, as shown by live."`
}

func (m memberArgs) path(order string) string {
	return fmt.Sprintf("/v1/rooms/%s/members/%d/%s", m.Ext, m.Member, order)
}

type muteCmd struct{ memberArgs }

func (c *muteCmd) Run(ctx context.Context, data dataDir) error {
	return newClient(data).call(ctx, "POST", c.path("mute"), nil)
}

type unmuteCmd struct{ memberArgs }

func (c *unmuteCmd) Run(ctx context.Context, data dataDir) error {
	return newClient(data).call(ctx, "POST", c.path("unmute"), nil)
}

type kickCmd struct {
	Ext    extension `arg:"" help:"Number of the room."`
	Member *int      `arg:"" optional:"" help:"Number of the member, as shown by live."`
	All    bool      `help:"Put out all members."`
}

// Validate is called by kong once the arguments are read.
func (c *kickCmd) Validate() error {
	if (c.Member != nil) == c.All {
		return errors.New("kick takes the number of a member, or --all")
	}
	return nil
}

func (c *kickCmd) Run(ctx context.Context, data dataDir) error {
	if c.All {
		var out kicked
		if err := newClient(data).call(ctx, "POST", fmt.Sprintf("/v1/rooms/%s/kick", c.Ext), &out); err != nil {
			return err
		}
		fmt.Printf("%d kicked\n", out.Kicked)
		return nil
	}
	return newClient(data).call(ctx, "POST", memberArgs{c.Ext, *c.Member}.path("kick"), nil)
}

type lockCmd struct {
	Ext extension `arg:"" help:"Number of the room."`
}

func (c *lockCmd) Run(ctx context.Context, data dataDir) error {
	return newClient(data).call(ctx, "POST", fmt.Sprintf("/v1/rooms/%s/lock", c.Ext), nil)
}

type unlockCmd struct {
	Ext extension `arg:"" help:"Number of the room."`
}

func (c *unlockCmd) Run(ctx context.Context, data dataDir) error {
	return newClient(data).call(ctx, "POST", fmt.Sprintf("/v1/rooms/%s/unlock", c.Ext), nil)
}
