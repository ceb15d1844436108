package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"conclave/rooms"
)

// The commands of this file are orders to the server about a conference that goes on.

// memberArgs name members by what `conclave live` shows.
type memberArgs struct {
	Ext          extension     `arg:"" help:"Number of the room."`
	Member       *memberNumber `arg:"" optional:"" help:"Number of the member, as shown by live."`
	All          bool          `help:"All members."`
	Last         bool          `help:"The member who came last."`
	Participants bool          `help:"All who are not moderators."`
}

// memberNumber is the number of a member.
type memberNumber int

// UnmarshalText takes whole numbers from 1.
func (n *memberNumber) UnmarshalText(text []byte) error {
	number, err := strconv.Atoi(string(text))
	if err != nil || number < 1 {
		return fmt.Errorf("member %q: it takes a number from 1, as shown by conclave live; or --all, --last or --participants", text)
	}
	*n = memberNumber(number)
	return nil
}

// Validate is called by kong once the arguments are read.
func (m *memberArgs) Validate() error {
	given := 0
	for _, is := range []bool{m.Member != nil, m.All, m.Last, m.Participants} {
		if is {
			given++
		}
	}
	if given != 1 {
		return errors.New("whom? It takes the number of a member, or --all, --last or --participants")
	}
	return nil
}

// order sends an order about the members named and prints for how many it changed something.
func (m *memberArgs) order(ctx context.Context, data dataDir, order, done string) error {
	who := rooms.Selection{All: m.All, Last: m.Last, Participants: m.Participants}
	if m.Member != nil {
		who.Member = int(*m.Member)
	}
	var out changed
	if err := newClient(data).call(ctx, "POST", memberPath(string(m.Ext), who, order), &out); err != nil {
		return err
	}
	fmt.Printf("%d %s\n", out.Changed, done)
	return nil
}

func memberPath(ext string, who rooms.Selection, order string) string {
	return fmt.Sprintf("/v1/rooms/%s/members/%s/%s", ext, who, order)
}

type muteCmd struct{ memberArgs }

func (c *muteCmd) Run(ctx context.Context, data dataDir) error {
	return c.order(ctx, data, "mute", "muted")
}

type unmuteCmd struct{ memberArgs }

func (c *unmuteCmd) Run(ctx context.Context, data dataDir) error {
	return c.order(ctx, data, "unmute", "unmuted")
}

type kickCmd struct{ memberArgs }

func (c *kickCmd) Run(ctx context.Context, data dataDir) error {
	return c.order(ctx, data, "kick", "kicked")
}

type lockCmd struct {
	Ext extension `arg:"" help:"Number of the room."`
}

func (c *lockCmd) Run(ctx context.Context, data dataDir) error {
	return newClient(data).call(ctx, "POST", roomPath(string(c.Ext), "lock"), nil)
}

type unlockCmd struct {
	Ext extension `arg:"" help:"Number of the room."`
}

func (c *unlockCmd) Run(ctx context.Context, data dataDir) error {
	return newClient(data).call(ctx, "POST", roomPath(string(c.Ext), "unlock"), nil)
}

func roomPath(ext, order string) string { return fmt.Sprintf("/v1/rooms/%s/%s", ext, order) }
