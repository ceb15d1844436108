package recordings

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// headerSize is that of a WAV file of one channel and 16-bit PCM:
//
//	"RIFF" size[4] "WAVE" "fmt " 16[4] PCM[2] channels[2] rate[4] octets-per-second[4] octets-per-frame[2] bits[2]
//	"data" size[4]                                                                        all little-endian
const headerSize = 44

// longest is how many samples a WAV file holds.
const longest = (math.MaxUint32 - headerSize) / 2

// ErrLongest ends a recording that is as long as a file may be.
var ErrLongest = errors.New("a WAV file holds no more than 4 GB")

var errNoWAV = errors.New("it is no WAV file of one channel and 16-bit PCM as recordings are")

// wavFile is one that grows, and can be played at each moment: its header says what was settled last. Silence takes no room
// on the disk. Samples that follow one another are gathered until the next flush, where they lie.
type wavFile struct {
	file *os.File
	rate int // Hz

	gathered [][]byte
	at, next int64 // samples that gathered begins with, and that would follow it

	samples int64 // that there are
	sounded int64 // of them, up to the end of the last sound: there is silence behind it
	told    int64 // that the header tells of
	dirty   bool  // written to since it was synced
}

// newWAV begins a file.
func newWAV(file *os.File, rate int) (*wavFile, error) {
	w := &wavFile{file: file, rate: rate, dirty: true}
	if _, err := file.WriteAt(header(rate, 0), 0); err != nil {
		return nil, err
	}
	return w, nil
}

// continueWAV goes on with a file that is there.
func continueWAV(file *os.File) (*wavFile, error) {
	rate, samples, err := readHeader(file)
	if err != nil {
		return nil, err
	}
	if rate != narrowRate && rate != wideRate {
		return nil, fmt.Errorf("it has %d Hz, and recordings have %d or %d", rate, narrowRate, wideRate)
	}
	return &wavFile{file: file, rate: rate, samples: samples, sounded: samples, told: samples}, nil
}

// readHeader reads what newWAV and settle have written. Of what the header tells only what is there counts.
func readHeader(file *os.File) (rate int, samples int64, err error) {
	var b [headerSize]byte
	if _, err := file.ReadAt(b[:], 0); errors.Is(err, io.EOF) {
		return 0, 0, errNoWAV
	} else if err != nil {
		return 0, 0, err
	}
	le := binary.LittleEndian
	rate = int(le.Uint32(b[24:]))
	if rate < 8000 || rate > 48000 || string(b[:40]) != string(header(rate, (int64(le.Uint32(b[4:]))-headerSize+8)/2)[:40]) {
		return 0, 0, errNoWAV
	}
	info, err := file.Stat()
	if err != nil {
		return 0, 0, err
	}
	return rate, max(0, min(int64(le.Uint32(b[40:])), info.Size()-headerSize)) / 2, nil
}

func header(rate int, samples int64) []byte {
	le := binary.LittleEndian
	b := append(make([]byte, 0, headerSize), "RIFF"...)
	b = le.AppendUint32(b, uint32(headerSize-8+2*samples))
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, 1) // PCM
	b = le.AppendUint16(b, 1)
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(2*rate))
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, 16)
	b = append(b, "data"...)
	return le.AppendUint32(b, uint32(2*samples))
}

// put writes samples from a place on, at the next flush: until then they are the file's. What lies before the begin of the
// file is left out.
func (w *wavFile) put(at int64, pcm []int16) error {
	if at < 0 {
		pcm = pcm[min(int64(len(pcm)), -at):]
		at = 0
	}
	if len(pcm) == 0 {
		return nil
	}
	if at+int64(len(pcm)) > longest {
		return ErrLongest
	}
	if at != w.next || len(w.gathered) == mostGathered {
		if err := w.flush(); err != nil {
			return err
		}
		w.at = at
	}
	w.gathered, w.next = append(w.gathered, octets(pcm)), at+int64(len(pcm))
	w.sounded = max(w.sounded, w.next)
	return nil
}

// place is a place in the file that is given in samples of wideRate.
func (w *wavFile) place(at int64) int64 { return at * int64(w.rate) / wideRate }

// retune gives a file another rate in which there is no sound. It has no length until it is settled.
func (w *wavFile) retune(rate int) { w.rate, w.samples, w.told = rate, 0, -1 }

// mostGathered is how many pieces are written in one call, which takes 1024 (IOV_MAX).
const mostGathered = 64

// octets are samples as a WAV file has them: little-endian. Where the machine has them so, too, they are not copied.
func octets(pcm []int16) []byte {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(pcm))), 2*len(pcm))
	}
	b := make([]byte, 0, 2*len(pcm))
	for _, v := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return b
}

// flush writes what was gathered.
func (w *wavFile) flush() error {
	if len(w.gathered) == 0 {
		return nil
	}
	if err := writeAll(w.file, w.gathered, headerSize+2*w.at); err != nil {
		return err
	}
	w.at = w.next
	w.samples = max(w.samples, w.at)
	clear(w.gathered)
	w.gathered, w.dirty = w.gathered[:0], true
	return nil
}

// writeAll writes pieces that follow one another from an offset on, in one call (pwritev(2)) unless the disk takes less.
func writeAll(file *os.File, pieces [][]byte, offset int64) error {
	for len(pieces) > 0 {
		n, err := unix.Pwritev(int(file.Fd()), pieces, offset)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err == nil && n == 0 {
			err = io.ErrShortWrite
		}
		if err != nil {
			return &os.PathError{Op: "write", Path: file.Name(), Err: err}
		}
		offset += int64(n)
		for len(pieces) > 0 && n >= len(pieces[0]) {
			n -= len(pieces[0])
			pieces = pieces[1:]
		}
		if n > 0 {
			if _, err := file.WriteAt(pieces[0][n:], offset); err != nil {
				return err
			}
			offset += int64(len(pieces[0]) - n)
			pieces = pieces[1:]
		}
	}
	return nil
}

// settle makes the file as long as so many samples of its own rate, with silence where there are none, and puts the length
// into its header.
func (w *wavFile) settle(samples int64) error {
	if err := w.flush(); err != nil {
		return err
	}
	if samples = min(samples, longest); samples > w.samples {
		if err := w.file.Truncate(headerSize + 2*samples); err != nil {
			return err
		}
		w.samples = samples
	}
	if w.samples == w.told {
		return nil
	}
	if _, err := w.file.WriteAt(header(w.rate, w.samples), 0); err != nil {
		return err
	}
	w.told = w.samples
	return nil
}

// push sends what was written on its way to the disk, and waits for nothing. What fails then fails in sync.
func (w *wavFile) push() {
	_ = unix.SyncFileRange(int(w.file.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE)
}

// sync brings the file to the disk. Where it has only become longer by silence that can wait, unless all is to be there.
func (w *wavFile) sync(sync func(*os.File) error, all bool) error {
	if !w.dirty && !all {
		return nil
	}
	w.dirty = false
	return sync(w.file)
}

// syncFile is fdatasync(2): the data, and of the inode what is needed to read it.
func syncFile(f *os.File) error {
	if err := unix.Fdatasync(int(f.Fd())); err != nil {
		return fmt.Errorf("sync %s: %w", f.Name(), err)
	}
	return nil
}
