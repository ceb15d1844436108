package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// playCmd plays a file to a conference.
type playCmd struct {
	Ext  extension `arg:"" help:"Number of the room."`
	File string    `arg:"" help:"WAV file: 16-bit PCM, mono or stereo, at most 10 minutes and 20 MB."`
}

func (c *playCmd) Run(ctx context.Context, data dataDir) error {
	file, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("play: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return fmt.Errorf("play: %w", err)
	case info.IsDir():
		return fmt.Errorf("play %s: it is a directory; a WAV file would be right", c.File)
	case info.Size() > largestSound:
		return fmt.Errorf("play %s: %w", c.File, errTooLarge) // the server would say so after half of it
	}
	var out playing
	most := io.LimitReader(file, largestSound+1) // of a pipe
	if err := newClient(data).send(ctx, roomPath(string(c.Ext), "play"), most, &out); err != nil {
		return fmt.Errorf("play %s: %w", c.File, err)
	}
	length := time.Duration(out.Seconds * float64(time.Second))
	fmt.Printf("playing %v to room %s\n", length.Round(100*time.Millisecond), c.Ext)
	return nil
}

// sayCmd says prompts to a conference.
type sayCmd struct {
	Ext     extension `arg:"" help:"Number of the room."`
	Prompts []string  `arg:"" name:"prompt" help:"Names of prompts, said one after another; conf-lockednow for example."`
}

func (c *sayCmd) Run(ctx context.Context, data dataDir) error {
	body, err := json.Marshal(sayOrder{c.Prompts})
	if err != nil {
		return fmt.Errorf("say: %w", err)
	}
	return newClient(data).send(ctx, roomPath(string(c.Ext), "say"), bytes.NewReader(body), nil)
}
