package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"conclave/media"
	"conclave/media/audiofile"
	"conclave/media/loudness"
	"conclave/store"

	"golang.org/x/sys/unix"
)

// What a track is made like.
const (
	trackLUFS    = -23.0       // EBU R 128
	trackCeiling = -1.0        // dBFS, also between the samples
	decodeStall  = time.Minute // without a sample from the decoder
)

// refusal is what is wrong with a file of music: the others are taken.
type refusal struct{ reason error }

func (r refusal) Error() string { return r.reason.Error() }
func (r refusal) Unwrap() error { return r.reason }

// trackMaker makes tracks in a directory.
type trackMaker struct {
	dir     string
	longest time.Duration // of a track
}

// make makes a track of a file. progress is told the share of the file that has been read. The error is a refusal, or what is
// in the way of any track.
func (m trackMaker) make(ctx context.Context, file string, progress func(float64)) (store.Track, error) {
	in, size, err := openMusic(file)
	if err != nil {
		return store.Track{}, refusal{err}
	}
	defer in.Close()
	// As it was decoded, for its level is known at the end only.
	raw, err := os.CreateTemp(m.dir, "raw-")
	if err != nil {
		return store.Track{}, fmt.Errorf("decode %s: %w", file, err)
	}
	defer func() { raw.Close(); os.Remove(raw.Name()) }()
	samples, before, err := m.decode(ctx, in, raw, func() {
		if at, err := in.Seek(0, io.SeekCurrent); err == nil && size > 0 {
			progress(float64(at) / float64(size))
		}
	})
	var refused refusal
	if errors.As(err, &refused) || err != nil && ctx.Err() != nil {
		return store.Track{}, err
	} else if err != nil {
		return store.Track{}, fmt.Errorf("decode %s: %w", file, err)
	}
	if before == loudness.Silence {
		return store.Track{}, refusal{errors.New("it is silent: there is nothing above -70 LUFS in it")}
	}
	out, err := os.CreateTemp(m.dir, "*.wav")
	if err != nil {
		return store.Track{}, fmt.Errorf("store %s: %w", file, err)
	}
	defer out.Close()
	after, err := levelTrack(raw, out, samples, before)
	if err == nil {
		err = errors.Join(out.Chmod(0o640), out.Sync())
	}
	if err != nil {
		return store.Track{}, fmt.Errorf("store %s: %w", file, err)
	}
	title := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	return store.Track{File: filepath.Base(out.Name()), Title: title, Samples: samples, Before: before, LUFS: after}, nil
}

// openMusic opens a regular file: opening a FIFO would wait for its writer.
func openMusic(file string) (*os.File, int64, error) {
	in, err := os.OpenFile(file, os.O_RDONLY|unix.O_NONBLOCK, 0)
	var path *fs.PathError
	if errors.As(err, &path) {
		return nil, 0, path.Err // the file is named already
	} else if err != nil {
		return nil, 0, err
	}
	info, err := in.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("it is no file of %s", audiofile.Formats)
	}
	if err != nil {
		in.Close()
		return nil, 0, err
	}
	return in, info.Size(), nil
}

// decode has a process decode in, writes the samples to out as they come, and measures how loud they are.
func (m trackMaker) decode(ctx context.Context, in, out *os.File, progress func()) (samples int64, lufs float64, err error) {
	program, err := os.Executable()
	if err != nil {
		return 0, 0, fmt.Errorf("find this program: %w", err)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var said bytes.Buffer
	decoder := exec.CommandContext(ctx, program, "music-decode")
	decoder.Stdin, decoder.Stderr = in, &said
	decoder.Env = append(os.Environ(), "GOTRACEBACK=none")
	pipe, err := decoder.StdoutPipe()
	if err != nil {
		return 0, 0, fmt.Errorf("decode: %w", err)
	}
	if err := decoder.Start(); err != nil {
		return 0, 0, fmt.Errorf("start the decoder: %w", err)
	}
	stalled := time.AfterFunc(decodeStall, func() { stop(refusal{errors.New("its decoder does not come to an end")}) })
	defer stalled.Stop()

	meter := loudness.NewMeter(media.PlaylistRate)
	block := make([]byte, 1<<16)
	decoded := make([]float32, len(block)/4)
	var failed error
	if _, err := io.ReadFull(pipe, block[:8]); err == nil {
		failed = m.fits(0, int64(binary.LittleEndian.Uint64(block)))
	}
	for failed == nil {
		n, err := io.ReadFull(pipe, block)
		n -= n % 4
		stalled.Reset(decodeStall)
		meter.Add(decodeFloats(decoded, block[:n]))
		samples += int64(n / 4)
		failed = m.fits(samples, samples)
		if _, err := out.Write(block[:n]); err != nil && failed == nil {
			failed = fmt.Errorf("keep what was decoded: %w", err)
		}
		progress()
		if err != nil {
			break
		}
	}
	if failed != nil {
		stop(failed)
	}
	ended := decoder.Wait()
	switch cause := context.Cause(ctx); {
	case cause != nil:
		return 0, 0, cause
	case ended != nil:
		return 0, 0, refusal{decodeFailure(said.String(), ended)}
	}
	return samples, meter.Integrated(), nil
}

// fits tells why a track of so many samples is not made, of which some are decoded already; nil: it is. A number that is
// negative is not known.
func (m trackMaker) fits(decoded, samples int64) error {
	if seconds := float64(samples) / media.PlaylistRate; seconds > m.longest.Seconds() {
		at := "it lasts " + trackLength(seconds)
		if decoded > 0 {
			at = "it has no end at " + trackLength(seconds)
		}
		return refusal{fmt.Errorf("%s, and %s is the most; --longest takes more", at, trackLength(m.longest.Seconds()))}
	}
	if err := haveRoom(m.dir, (samples-decoded)*rawOctets+samples*trackOctets); err != nil {
		return err
	}
	return nil
}

// What a sample takes on the disk, as it was decoded and in the track.
const (
	rawOctets   = 4
	trackOctets = 2
)

// haveRoom tells that a disk does not have room for so many octets beside what it leaves to the server: that would lose
// recordings, and calls from the history.
func haveRoom(dir string, octets int64) error {
	const reserve, share = 256 << 20, 20
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		return nil // who writes there finds out
	}
	free := int64(disk.Bavail) * disk.Bsize
	left := min(reserve, int64(disk.Blocks)*disk.Bsize/share)
	if octets > 0 && octets > free-left {
		return fmt.Errorf("%w: it takes %s more on the disk of %s, which has %s free, of which %s are left to the server", unix.ENOSPC,
			byteSize(octets), dir, byteSize(free), byteSize(left))
	}
	return nil
}

// decodeFailure is the reason that the decoder gave, or what can be said of one that did not get to that.
func decodeFailure(said string, ended error) error {
	line, _, _ := strings.Cut(strings.TrimSpace(said), "\n")
	switch reason, ours := strings.CutPrefix(line, "conclave: "); {
	case ours:
		return errors.New(reason)
	case strings.Contains(said, "memory"):
		return fmt.Errorf("it is damaged: decoding it takes more than %d MB of memory", decodeMemory>>20)
	}
	return fmt.Errorf("it is damaged: its decoder ended with %w", ended)
}

func decodeFloats(to []float32, text []byte) []float32 {
	to = to[:len(text)/4]
	for i := range to {
		to[i] = math.Float32frombits(binary.LittleEndian.Uint32(text[4*i:]))
	}
	return to
}

// levelTrack writes the decoded samples to out as they are to be played, and returns how loud that is. Where peaks have to
// be turned down the track becomes softer than wanted: then it is done again with more gain, a few times.
func levelTrack(raw, out *os.File, samples int64, before float64) (after float64, err error) {
	const tries, near = 4, 0.3 // LU
	gain := trackLUFS - before
	for range tries {
		if after, err = writeTrack(raw, out, samples, gain); err != nil || math.Abs(after-trackLUFS) < near {
			break
		}
		gain += trackLUFS - after
	}
	return after, err
}

func writeTrack(raw, out *os.File, samples int64, gain float64) (lufs float64, err error) {
	header, err := media.AppendWAVHeader(nil, media.PlaylistRate, samples)
	for _, f := range []*os.File{raw, out} {
		if _, seekErr := f.Seek(0, io.SeekStart); err == nil {
			err = seekErr
		}
	}
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(out, 1<<16)
	if _, err := w.Write(header); err != nil {
		return 0, err
	}
	limiter := loudness.NewLimiter(media.PlaylistRate, gain, trackCeiling)
	meter := loudness.NewMeter(media.PlaylistRate)
	block := make([]byte, 1<<16)
	decoded := make([]float32, len(block)/4)
	var limited []float32
	var text []byte
	for last := false; !last; {
		n, err := io.ReadFull(raw, block)
		if last = err == io.EOF || err == io.ErrUnexpectedEOF; err != nil && !last {
			return 0, err
		}
		limited = limiter.Append(limited[:0], decodeFloats(decoded, block[:n]))
		if last {
			limited = limiter.Finish(limited)
		}
		meter.Add(limited)
		text = text[:0]
		for _, v := range limited {
			sample := math.Round(float64(v) * -math.MinInt16)
			text = binary.LittleEndian.AppendUint16(text, uint16(int16(max(math.MinInt16, min(math.MaxInt16, sample)))))
		}
		if _, err := w.Write(text); err != nil {
			return 0, err
		}
	}
	return meter.Integrated(), w.Flush()
}
