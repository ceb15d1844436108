// Command prompts makes the sound files of the built-in voices from their catalogues of texts: espeak-ng speaks them, and
// this program makes them fit for the telephone and for each other. Sounds that are not spoken are synthesised.
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"

	"conclave/media"
)

// rate of the files in Hz: enough for wide-band calls.
const rate = 16000

// speakers are those of the built-in voices, by the name of the voice. Variant f4 has no breath noise and is not too low
// for a telephone.
var speakers = map[string]speaker{
	"en": {voice: "en-us+f4", speed: 150},
	"de": {voice: "de+f4", speed: 170},
	"ru": {voice: "ru+f4", speed: 170},
}

func main() {
	dir := flag.String("dir", "rooms/voice", "`directory` of the catalogues, en.tsv for example, which gets the sound files in en")
	espeak := flag.String("voice", "", "another espeak-ng `voice`, with its variant")
	speed := flag.Int("speed", 0, "another number of words per `minute`")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: prompts [flags] [VOICE...]\nmakes the sound files of these voices; of all those built in if none is named")
		flag.PrintDefaults()
	}
	flag.Parse()
	names := flag.Args()
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(speakers))
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	for _, name := range names {
		s := speakers[name]
		if *espeak != "" {
			s.voice = *espeak
		}
		if *speed != 0 {
			s.speed = *speed
		}
		if err := produce(ctx, filepath.Join(*dir, name+".tsv"), filepath.Join(*dir, name), s); err != nil {
			fmt.Fprintln(os.Stderr, "prompts:", err)
			os.Exit(1)
		}
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

// write writes a sound file, and its directory if need be: digits/1 lies in one of its own.
func write(name string, pcm []int16) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("create directory: %w", err)
	}
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
