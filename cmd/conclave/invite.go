package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"conclave/rooms/dialplan"
	"conclave/sip"
)

// inviteCmd calls somebody into a room and waits until he is in.
type inviteCmd struct {
	Ext         extension `arg:"" help:"Number of the room."`
	Callee      callee    `arg:"" name:"number|sip-uri" help:"Number of a phone or outside, or SIP address, as in 200, +4930123456 or sip:anna@example.com."`
	Moderator   bool      `help:"Make him a moderator."`
	NoPINNeeded bool      `name:"no-pin-needed" help:"Do not ask him for the room's PIN."`
	JSON        bool      `name:"json" help:"Print a JSON object in each line."`
}

// callee is whom a room may call.
type callee string

// UnmarshalText takes what dialplan.ParseCallee takes.
func (c *callee) UnmarshalText(text []byte) error {
	parsed, err := dialplan.ParseCallee(string(text))
	*c = callee(parsed)
	return err
}

func (c *inviteCmd) Run(ctx context.Context, data dataDir) error {
	body, err := json.Marshal(inviteOrder{Callee: string(c.Callee), Moderator: c.Moderator, NoPIN: c.NoPINNeeded})
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	stream, err := newClient(data).ask(ctx, "POST", roomPath(string(c.Ext), "invite"), bytes.NewReader(body))
	if err != nil {
		return c.cancelled(ctx, err)
	}
	defer stream.Close()
	for lines := json.NewDecoder(stream); ; {
		var text json.RawMessage
		var line invitationLine
		err := lines.Decode(&text)
		if err == nil {
			err = json.Unmarshal(text, &line)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return c.cancelled(ctx, errors.New("the server has ended"))
		case err != nil:
			return c.cancelled(ctx, fmt.Errorf("read the server's answer: %w", err))
		case c.JSON:
			if err := writeEventJSON(os.Stdout, text); err != nil {
				return err
			}
		case line.Event != invitationFailed:
			fmt.Println(line.Event)
		}
		switch line.Event {
		case string(sip.InvitationJoined):
			return nil
		case invitationFailed:
			return fmt.Errorf("%s has not joined room %s: %s: %s", printable(string(c.Callee)), c.Ext, line.Result, printable(line.Reason))
		}
	}
}

// cancelled is err, or that the invitation was given up by ctrl-C.
func (c *inviteCmd) cancelled(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("the invitation of %s to room %s is cancelled", printable(string(c.Callee)), c.Ext)
	}
	return err
}
