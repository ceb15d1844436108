// Command holdmusic plays the built-in hold music into a WAV file. The piece and its instruments are this program; the
// same program gives the same file.
package main

import (
	"flag"
	"fmt"
	"os"

	"conclave/media"
)

func main() {
	out := flag.String("o", "rooms/music/default.wav", "WAV `file` to write")
	flag.Parse()
	if err := write(*out); err != nil {
		fmt.Fprintln(os.Stderr, "holdmusic:", err)
		os.Exit(1)
	}
}

func write(name string) error {
	pcm, err := render()
	if err != nil {
		return err
	}
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("create music file: %w", err)
	}
	defer file.Close()
	if err := media.WriteWAV(file, rate, pcm); err != nil {
		return err
	}
	return file.Close()
}

// render plays the piece once round.
func render() ([]int16, error) {
	notes, err := perform()
	if err != nil {
		return nil, fmt.Errorf("read the score: %w", err)
	}
	return record(notes).master(loudness)
}

// record plays notes into the loop and adds what the room and the telephone do to them.
func record(notes []note) *ring {
	loop := newRing(bars * beatsPerBar * samplesPerBeat)
	for _, n := range notes {
		n.instrument(loop, n)
	}
	loop.room()
	// Nothing that a telephone cannot carry should use up its level: below, a small loudspeaker only rattles.
	loop.highPass(150)
	return loop
}
