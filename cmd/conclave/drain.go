package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// drainCmd takes a server out of service without harm to anybody: a PBX that is refused calls another one.
type drainCmd struct {
	Off  bool          `help:"Take new calls again."`
	Wait time.Duration `help:"How long to wait until no call is left, 0: not at all; without it, as long as it takes." placeholder:"TIME" default:"-1s"`
}

// drainLook is how often the server is asked how many calls it has.
const drainLook = 500 * time.Millisecond

func (c *drainCmd) Run(ctx context.Context, data dataDir) error {
	server := newClient(data)
	var left remaining
	if c.Off {
		if err := server.call(ctx, "DELETE", "/v1/drain", &left); err != nil {
			return err
		}
		fmt.Println("new calls are taken again")
		return nil
	}
	if err := server.call(ctx, "POST", "/v1/drain", &left); err != nil {
		return err
	}
	fmt.Printf("new calls are refused, %s left\n", count(left.Calls, "call"))
	if c.Wait == 0 {
		return nil
	}
	if c.Wait > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, c.Wait)
		defer stop()
	}
	return c.await(ctx, server, left.Calls)
}

// await tells of each call less until there is none.
func (c *drainCmd) await(ctx context.Context, server *client, left int) error {
	look := time.NewTicker(drainLook)
	defer look.Stop()
	for left > 0 {
		select {
		case <-look.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("drain: %s left after %v; new ones are still refused", count(left, "call"), c.Wait)
			}
			return ctx.Err()
		}
		var status serverStatus
		if err := server.call(ctx, "GET", "/v1/status", &status); err != nil {
			return err
		}
		switch {
		case status.State != stateDraining:
			return errors.New("drain: another operator has new calls taken again")
		case status.Calls != left:
			left = status.Calls
			fmt.Printf("%s left\n", count(left, "call"))
		}
	}
	return nil
}
