package audiofile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/jfreymuth/oggvorbis"
)

// vorbisFile reads Ogg Vorbis.
type vorbisFile struct {
	reader *oggvorbis.Reader
	whole  bool // the file has its last page
}

func openVorbis(r io.ReadSeeker) (*File, error) {
	whole, frames, err := endsOgg(r)
	if err != nil {
		return nil, err
	}
	// The library looks for the length where it can seek, which takes time and tells nothing that is needed.
	reader, err := oggvorbis.NewReader(struct{ io.Reader }{r})
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		err = ErrCutOff
	}
	if err != nil {
		return nil, fmt.Errorf("read Ogg Vorbis: %w", err)
	}
	return &File{Format: "Ogg Vorbis", Rate: reader.SampleRate(), Channels: reader.Channels(), Frames: frames, decoder: &vorbisFile{reader, whole}}, nil
}

func (v *vorbisFile) read(block []float32) (int, error) {
	n, err := v.reader.Read(block)
	if (err == io.EOF || err == io.ErrUnexpectedEOF) && !v.whole {
		err = ErrCutOff
	}
	return n, err
}

// endsOgg tells whether the last page of an Ogg file is marked as such (RFC 3533 6), and how many samples of each channel
// there are by then, negative where it does not say. The file stands where it stood.
func endsOgg(r io.ReadSeeker) (whole bool, frames int64, err error) {
	const longestPage, headerType, lastPage, position, pageHeader = 27 + 255 + 255*255, 5, 4, 6, 14
	begin, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return false, -1, fmt.Errorf("read the file: %w", err)
	}
	end, err := r.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = r.Seek(max(begin, end-longestPage), io.SeekStart)
	}
	if err != nil {
		return false, -1, fmt.Errorf("read the file: %w", err)
	}
	tail, err := io.ReadAll(io.LimitReader(r, longestPage))
	if err != nil {
		return false, -1, fmt.Errorf("read the file: %w", err)
	}
	frames = -1
	if at := bytes.LastIndex(tail, []byte("OggS")); at >= 0 && at+pageHeader <= len(tail) {
		whole = tail[at+headerType]&lastPage != 0
		frames = int64(binary.LittleEndian.Uint64(tail[at+position:]))
	}
	if _, err := r.Seek(begin, io.SeekStart); err != nil {
		return false, -1, fmt.Errorf("read the file: %w", err)
	}
	return whole, frames, nil
}
