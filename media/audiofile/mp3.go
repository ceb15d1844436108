package audiofile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/hajimehoshi/go-mp3"
)

// mp3File reads MPEG-1 and MPEG-2 layer 3.
type mp3File struct {
	decoder *mp3.Decoder
	samples int64 // that still have to come by the file's own account; negative: it has none
	buffer  []byte
}

// openMP3 takes what has two frames of layer 3 one after another, behind the tag if there is one: a few bits that look
// like the begin of a frame are in any file.
func openMP3(r io.ReadSeeker) (*File, error) {
	begin, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	if err := skipID3(r); err != nil {
		return nil, fmt.Errorf("it holds nothing that is known as sound, want %s", Formats)
	}
	in := bufio.NewReaderSize(r, 8192)
	first, err := firstFrame(in)
	if err != nil {
		return nil, err
	}
	frames := countedFrames(in, first)
	if first.rate == misread && misreads(in) {
		return nil, fmt.Errorf("MP3 of %d Hz with padded frames, which its decoder gets wrong; convert it to WAV, FLAC or another rate first", misread)
	}
	if _, err := r.Seek(begin, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	// Where the library can seek it reads the whole file for its length.
	decoder, err := mp3.NewDecoder(struct{ io.Reader }{bufio.NewReader(r)})
	if err != nil {
		return nil, fmt.Errorf("MP3: %w", err)
	}
	f := &mp3File{decoder: decoder, samples: -1}
	if frames > 0 {
		f.samples = frames * int64(first.samples)
	}
	const channels = 2 // the library makes two of one
	return &File{Format: "MP3", Rate: decoder.SampleRate(), Channels: channels, Frames: f.samples, decoder: f}, nil
}

func (f *mp3File) read(block []float32) (int, error) {
	const width = 2
	if cap(f.buffer) < width*len(block) {
		f.buffer = make([]byte, width*len(block))
	}
	n, err := io.ReadFull(f.decoder, f.buffer[:width*len(block)])
	n /= 2 * width
	for i := range 2 * n {
		block[i] = float32(int16(binary.LittleEndian.Uint16(f.buffer[width*i:]))) / (1 << 15)
	}
	counted := f.samples >= 0
	f.samples -= int64(n)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	// The frame that holds the number counts itself in some files and not in others.
	const oneFrame = 1152
	if err == io.EOF && counted && f.samples > oneFrame {
		err = fmt.Errorf("%w: it says that %d more samples follow", ErrCutOff, f.samples)
	}
	return 2 * n, err
}

// misread is the one rate of MPEG-2 at which frames are padded.
const misread = 22050

// misreads tells that there is a frame which the library takes for an octet shorter than it is: the padding is a whole octet
// in MPEG-2, too, and the library halves it along with the size. It reads on to the end of the file.
func misreads(in *bufio.Reader) bool {
	for {
		head, err := in.Peek(4)
		if err != nil {
			return false
		}
		f, err := parseMP3(head)
		if err != nil {
			f.size = 1 // as the library does: on to what looks like a frame
		} else if f.padded && f.rate == misread && (144000*f.kbits/f.rate)%2 == 0 {
			return true
		}
		if _, err := in.Discard(f.size); err != nil {
			return false
		}
	}
}

// skipID3 goes to the end of the ID3v2 tags that the file begins with, if any.
func skipID3(r io.ReadSeeker) error {
	for {
		var head [10]byte
		n, err := io.ReadFull(r, head[:])
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF {
			return err
		}
		if n < len(head) || string(head[:3]) != "ID3" {
			_, err := r.Seek(int64(-n), io.SeekCurrent)
			return err
		}
		size := int64(head[6]&0x7f)<<21 | int64(head[7]&0x7f)<<14 | int64(head[8]&0x7f)<<7 | int64(head[9]&0x7f)
		if head[5]&0x10 != 0 { // a footer repeats the header
			size += int64(len(head))
		}
		if _, err := r.Seek(size, io.SeekCurrent); err != nil {
			return err
		}
	}
}

// mp3Frame is what the header of a frame says.
type mp3Frame struct {
	size    int // octets, with the header
	samples int
	rate    int // Hz
	kbits   int // a second
	padded  bool
	tag     int // where in the frame the file's account of its length stands, if there is one
}

// firstFrame finds the first frame that another one follows, within what players bear of other things before it.
func firstFrame(in *bufio.Reader) (mp3Frame, error) {
	const patience = 4096
	for skipped := range patience {
		head, err := in.Peek(4)
		if err != nil {
			break
		}
		f, err := parseMP3(head)
		switch {
		case err == nil:
			next, err := in.Peek(f.size + 4)
			if err != nil && len(next) >= f.size {
				return f, nil // the only one
			}
			if err == nil {
				if _, err := parseMP3(next[f.size:]); err == nil {
					return f, nil
				}
			}
		case skipped == 0 && errors.Is(err, errOtherLayer):
			return mp3Frame{}, err
		}
		_, _ = in.Discard(1)
	}
	return mp3Frame{}, fmt.Errorf("it holds nothing that is known as sound, want %s", Formats)
}

var (
	errNoFrame    = errors.New("no frame of MPEG audio")
	errOtherLayer = fmt.Errorf("it holds MPEG audio, but not MP3 (layer 3 of MPEG-1 or 2), want %s", Formats)
)

// parseMP3 reads the header of a frame (ISO 11172-3 2.4.1.3, ISO 13818-3).
//
//	sync[11] version[2] layer[2] no-crc[1] bitrate[4] rate[2] padding[1] private[1] mode[2] …
func parseMP3(b []byte) (mp3Frame, error) {
	h := binary.BigEndian.Uint32(b)
	version, layer, bitrate, rate := h>>19&3, h>>17&3, h>>12&15, h>>10&3
	const mpeg1, mpeg2, layer3, mono = 3, 2, 1, 3
	switch {
	case h>>21 != 0x7ff || version == 1 || layer == 0 || bitrate == 0 || bitrate == 15 || rate == 3:
		return mp3Frame{}, errNoFrame
	case layer != layer3 || version != mpeg1 && version != mpeg2:
		return mp3Frame{}, errOtherLayer
	}
	kbits := [16]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}
	hertz := [3]int{44100, 48000, 32000}
	f := mp3Frame{samples: 1152, tag: 4 + 32}
	if h>>6&3 == mono {
		f.tag = 4 + 17
	}
	slots := 144000
	if version == mpeg2 {
		kbits = [16]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
		hertz = [3]int{22050, 24000, 16000}
		f.samples, slots = 576, 72000
		if f.tag = 4 + 17; h>>6&3 == mono {
			f.tag = 4 + 9
		}
	}
	f.rate, f.kbits, f.padded = hertz[rate], kbits[bitrate], h>>9&1 == 1
	if f.size = slots * f.kbits / f.rate; f.padded {
		f.size++
	}
	return f, nil
}

// countedFrames is how many frames the file says that it has, in the tag that encoders leave in the first one; 0: it does
// not say.
func countedFrames(in *bufio.Reader, first mp3Frame) int64 {
	b, err := in.Peek(first.tag + 12)
	if err != nil {
		return 0
	}
	b = b[first.tag:]
	if magic := string(b[:4]); magic != "Xing" && magic != "Info" || b[7]&1 == 0 {
		return 0
	}
	return int64(binary.BigEndian.Uint32(b[8:]))
}
