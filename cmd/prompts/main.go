// Command prompts makes the sound files of a voice from its catalogue of texts: espeak-ng speaks them, and this program
// makes them fit for the telephone and for each other. Sounds that are not spoken are synthesised.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"conclave/media"
)

// rate of the files in Hz: enough for wide-band calls.
const rate = 16000

func main() {
	catalogue := flag.String("catalogue", "rooms/voice/en.tsv", "`file` of prompt names and texts, separated by a tab")
	dir := flag.String("o", "rooms/voice/en", "`directory` to write the sound files to")
	voice := flag.String("voice", "en-us+f4", "espeak-ng `voice`; f4 has no breath noise and is not too low for a telephone")
	speed := flag.Int("speed", 150, "words per `minute`")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := produce(ctx, *catalogue, *dir, speaker{voice: *voice, speed: *speed}); err != nil {
		fmt.Fprintln(os.Stderr, "prompts:", err)
		os.Exit(1)
	}
}

// produce makes every prompt of the catalogue into a file of its name in the directory.
func produce(ctx context.Context, catalogue, dir string, speaker speaker) error {
	text, err := os.ReadFile(catalogue)
	if err != nil {
		return fmt.Errorf("read catalogue: %w", err)
	}
	prompts, err := readCatalogue(string(text))
	if err != nil {
		return fmt.Errorf("read catalogue %s: %w", catalogue, err)
	}
	for _, p := range prompts {
		pcm, err := p.sound(ctx, speaker)
		if err != nil {
			return fmt.Errorf("make prompt %s: %w", p.name, err)
		}
		if err := write(filepath.Join(dir, p.name+".wav"), pcm); err != nil {
			return fmt.Errorf("make prompt %s: %w", p.name, err)
		}
	}
	return nil
}

func write(name string, pcm []int16) error {
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("create sound file: %w", err)
	}
	defer file.Close()
	if err := media.WriteWAV(file, rate, pcm); err != nil {
		return err
	}
	return file.Close()
}
