package recordings

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"

	"conclave/media"
	"conclave/mixer"
)

// The rates of recordings in Hz. Files begin with the lower one, unless the room is set to another.
const (
	narrowRate = 8000
	wideRate   = 16000
)

// widerSuffix ends the name of a file that is to take the place of another one, which it begins with. One that a killed server
// has left goes with the recording, or when that is continued.
const widerSuffix = ".wider"

// widening makes a file anew at the rate of wide band, since somebody in wide band has come. What there is by then is converted
// on a goroutine of its own, from an hour in a second or so; what comes is written to both files meanwhile, so nothing waits,
// and until the new one is complete the old one is there.
type widening struct {
	stream          // what comes, into the new file
	from   *wavFile // the old one
	done   chan struct{}
	err    error // set before done is closed
	stop   chan struct{}
}

// widen has a stream's file become one of a higher rate: at once while there is no sound in it.
func (r *Recorder) widen(s *stream, rate int) error {
	switch {
	case s.wider != nil || s.stays:
		return nil
	case s.file.sounded == 0:
		s.file.retune(rate)
		return nil
	case s.file.samples > longest/int64(rate/s.file.rate)-int64(rate)*int64(leastLeft.Seconds()):
		s.stays = true // it would not hold what there is
		return nil
	}
	if err := errors.Join(s.end(), s.file.flush()); err != nil {
		return err
	}
	file, err := r.files.dir.OpenFile(s.name+mixSuffix+widerSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		r.staysNarrow(s, err)
		return nil
	}
	w := &widening{stream: stream{name: s.name, file: &wavFile{file: file, rate: rate, dirty: true}}, from: s.file,
		done: make(chan struct{}), stop: make(chan struct{})}
	s.wider = w
	sound, faults := s.file.sounded, r.shelf.config.Faults
	go func() {
		defer close(w.done)
		defer faults.Survive("widen a recording")
		w.err = faults.Do("widen a recording", func() error { return w.convert(sound) })
	}()
	return nil
}

// convert writes so many samples of the old file to the new one.
func (w *widening) convert(samples int64) error {
	to := stream{file: &wavFile{file: w.file.file, rate: w.file.rate}} // beside what the recorder writes
	rate := w.from.rate
	block, text := make([]int16, rate), make([]byte, 2*rate)
	for at := int64(0); at < samples; at += int64(len(block)) {
		select {
		case <-w.stop:
			return errors.New("the recording has ended")
		default:
		}
		pcm := block[:min(int64(rate), samples-at)]
		if _, err := w.from.file.ReadAt(text[:2*len(pcm)], headerSize+2*at); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		for i := range pcm {
			pcm[i] = int16(binary.LittleEndian.Uint16(text[2*i:]))
		}
		if !slices.ContainsFunc(pcm, func(v int16) bool { return v != 0 }) {
			continue // a hole stays one
		}
		tick := uint64(at) * media.FramesPerSecond / uint64(rate)
		if err := errors.Join(to.put(mixer.Stretch{Tick: tick, Rate: rate, PCM: pcm}, 0, 0), to.file.flush()); err != nil {
			return err
		}
	}
	return errors.Join(to.end(), to.file.flush())
}

// adopt has files take the place of those that they were made of. Where some are not complete that is later, or, if all is to be,
// it waits.
func (r *Recorder) adopt(all bool) error {
	for _, s := range r.streams() {
		w := s.wider
		if w == nil {
			continue
		}
		if !all {
			select {
			case <-w.done:
			default:
				continue
			}
		}
		<-w.done
		if err := w.err; err != nil {
			r.staysNarrow(s, err)
			continue
		}
		length := s.file.samples * int64(w.file.rate/s.file.rate)
		if err := errors.Join(w.file.settle(length), r.shelf.config.Sync(w.file.file)); err != nil {
			r.staysNarrow(s, err)
			continue
		}
		if err := r.files.dir.Rename(s.name+mixSuffix+widerSuffix, s.name+mixSuffix); err != nil {
			r.staysNarrow(s, err)
			continue
		}
		s.file.file.Close()
		*s = w.stream
		if s == &r.mixed {
			r.files.mix = s.file
		}
		if err := r.files.syncDir(r.shelf.config.Sync); err != nil {
			return err
		}
	}
	return nil
}

// staysNarrow gives the wider file up: the recording goes on as it was.
func (r *Recorder) staysNarrow(s *stream, err error) {
	r.shelf.config.Log.Warn("recording stays at 8 kHz, as it cannot be converted", "file", s.name+mixSuffix, "error", err)
	s.stays = true
	r.dropWider(s)
}

// dropWider removes what there is of a wider file.
func (r *Recorder) dropWider(s *stream) {
	w := s.wider
	if w == nil {
		return
	}
	close(w.stop)
	<-w.done
	s.wider = nil
	w.file.file.Close()
	if err := r.files.dir.Remove(s.name + mixSuffix + widerSuffix); err != nil {
		r.shelf.config.Log.Warn("part of a recording is not removed", "error", err)
	}
}

// forgetWider removes what a killed server has left of a wider file.
func (r *Recorder) forgetWider(name string) { _ = r.files.dir.Remove(name + mixSuffix + widerSuffix) }

// streams are all tracks whose files are open and, last, the mix: what it has they have.
func (r *Recorder) streams() []*stream {
	all := make([]*stream, 0, len(r.tracks)+1)
	for _, m := range r.tracks {
		all = append(all, &m.stream)
	}
	return append(all, &r.mixed)
}
