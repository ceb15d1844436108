// Package audiofile reads music as people have it: WAV, MP3, Ogg Vorbis and FLAC, of any usual rate and up to eight
// channels, which are mixed to one.
//
// The files come from anywhere, and the decoders are other people's. They keep nothing of a file but the block in work, yet
// a hostile header can make some of them ask for more memory than there is: where that matters, decode in a process of
// its own, with a limit.
package audiofile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// What is read.
const (
	MinRate     = 4000   // Hz
	MaxRate     = 192000 // Hz
	MaxChannels = 8
)

// Formats is what Open reads, for people.
const Formats = "WAV, MP3, Ogg Vorbis or FLAC"

// ErrCutOff is returned by Read where a file ends before its sound does.
var ErrCutOff = errors.New("the file is cut off")

// File is a file that is being decoded. Not for several goroutines at a time.
type File struct {
	Format   string // "MP3" for example
	Rate     int    // Hz
	Channels int
	// Frames are the samples of each channel that the file says it has, before any is decoded; negative: it does not say. It may
	// be wrong.
	Frames int64

	decoder decoder
	block   []float32
	over    error
	samples int64
}

// decoder is one of the formats. read fills a block of whole frames, samples of all channels interleaved, full scale
// being 1, and says how many samples it wrote; at the end io.EOF, with or without the last of them.
type decoder interface {
	read(block []float32) (int, error)
}

// blockFrames is how many frames are decoded at a time.
const blockFrames = 4096

// Open looks at the begin of a file, from where it stands, and prepares to decode it. The error says what it holds
// instead, or what of it is not read.
func Open(r io.ReadSeeker) (*File, error) {
	begin, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	head := make([]byte, 64)
	n, err := io.ReadFull(r, head)
	switch {
	case err == io.EOF:
		return nil, errors.New("the file is empty")
	case err != nil && err != io.ErrUnexpectedEOF:
		return nil, fmt.Errorf("read the file: %w", err)
	}
	head = head[:n]
	if _, err := r.Seek(begin, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	f, err := open(r, head)
	if err != nil {
		return nil, err
	}
	switch {
	case f.Rate < MinRate || f.Rate > MaxRate:
		return nil, fmt.Errorf("%s of %d samples a second, %d to %d are read", f.Format, f.Rate, MinRate, MaxRate)
	case f.Channels < 1 || f.Channels > MaxChannels:
		return nil, fmt.Errorf("%s of %d channels, 1 to %d are read", f.Format, f.Channels, MaxChannels)
	}
	f.block = make([]float32, blockFrames*f.Channels)
	return f, nil
}

func open(r io.ReadSeeker, head []byte) (f *File, err error) {
	defer guard(&err)
	switch {
	case bytes.HasPrefix(head, []byte("RIFF")) && len(head) >= 12 && string(head[8:12]) == "WAVE":
		return openWAV(r)
	case bytes.HasPrefix(head, []byte("fLaC")):
		return openFLAC(r)
	case bytes.HasPrefix(head, []byte("OggS")):
		if !bytes.Contains(head, []byte("\x01vorbis")) {
			return nil, fmt.Errorf("it holds %s, want %s", oggContent(head), Formats)
		}
		return openVorbis(r)
	}
	for _, m := range others {
		if len(head) >= m.at+len(m.magic) && string(head[m.at:m.at+len(m.magic)]) == m.magic {
			return nil, fmt.Errorf("it holds %s, want %s", m.name, Formats)
		}
	}
	return openMP3(r)
}

// others are files that people take for music that is read, by what they begin with.
var others = []struct {
	at    int
	magic string
	name  string
}{
	{4, "ftyp", "MP4 (M4A, AAC)"}, {0, "FORM", "AIFF"}, {0, "\x30\x26\xb2\x75", "Windows Media"}, {0, "MThd", "MIDI"},
	{0, "\x1a\x45\xdf\xa3", "Matroska or WebM"}, {0, "RF64", "WAV of 64 bits (RF64)"}, {0, ".snd", "Sun audio"},
	{0, "#!AMR", "AMR"}, {0, "MAC ", "Monkey's Audio"}, {0, "wvpk", "WavPack"}, {0, "RIFF", "RIFF, but no sound (WAVE)"},
	{0, "\x89PNG", "a picture (PNG)"}, {0, "\xff\xd8\xff", "a picture (JPEG)"}, {0, "%PDF", "a document (PDF)"},
	{0, "PK\x03\x04", "an archive (ZIP)"},
}

// oggContent names what else an Ogg file holds.
func oggContent(head []byte) string {
	for magic, name := range map[string]string{"OpusHead": "Ogg Opus", "\x7fFLAC": "FLAC in Ogg", "Speex": "Ogg Speex", "theora": "a film (Ogg Theora)"} {
		if bytes.Contains(head, []byte(magic)) {
			return name
		}
	}
	return "Ogg without Vorbis"
}

// Read decodes the next samples, all channels mixed to one: their mean, full scale being 1; it may be exceeded where a
// file holds floating point. It returns io.EOF at the end and with it no samples. What the file has no numbers for is
// silence. Any other error, ErrCutOff for one, tells what is wrong with the file.
func (f *File) Read(mono []float32) (int, error) {
	if f.over != nil {
		return 0, f.over
	}
	block := f.block[:min(len(mono), blockFrames)*f.Channels]
	n, err := f.decode(block)
	frames := n / f.Channels
	for i := range frames {
		var sum float32
		for _, v := range block[i*f.Channels : (i+1)*f.Channels] {
			sum += v
		}
		if sum != sum || sum > 1e6 || sum < -1e6 { // no sound: damaged floating point
			sum = 0
		}
		mono[i] = sum / float32(f.Channels)
	}
	f.samples += int64(frames)
	if f.over = err; frames > 0 {
		return frames, nil
	}
	if err == io.EOF && f.samples == 0 {
		f.over = errors.New("it holds no sound")
	}
	return 0, f.over
}

func (f *File) decode(block []float32) (n int, err error) {
	if len(block) == 0 {
		return 0, nil
	}
	defer guard(&err)
	for n == 0 && err == nil {
		n, err = f.decoder.read(block)
	}
	if err != nil && err != io.EOF && !errors.Is(err, ErrCutOff) {
		err = fmt.Errorf("it is damaged: %w", err)
	}
	return n, err
}

// guard makes an error of a decoder's panic.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("it is damaged: %v", r)
	}
}
