package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"conclave/media"
)

// speaker is how espeak-ng is to speak.
type speaker struct {
	voice string // of espeak-ng, with variant
	speed int    // words per minute
}

func (s speaker) speak(ctx context.Context, text string) (take, error) {
	var wav, complaint bytes.Buffer
	espeak := exec.CommandContext(ctx, "espeak-ng", "-v", s.voice, "-s", strconv.Itoa(s.speed), "--stdin", "--stdout")
	espeak.Stdin = strings.NewReader(text)
	espeak.Stdout, espeak.Stderr = &wav, &complaint
	if err := espeak.Run(); err != nil {
		return nil, fmt.Errorf("run espeak-ng (Debian package espeak-ng): %w: %s", err, strings.TrimSpace(complaint.String()))
	}
	sound, err := media.LoadWAV(&wav)
	if err != nil {
		return nil, fmt.Errorf("read what espeak-ng spoke: %w", err)
	}
	pcm := sound.PCM(rate)
	t := make(take, len(pcm))
	for i, sample := range pcm {
		t[i] = float64(sample) / fullScale
	}
	return t, nil
}
