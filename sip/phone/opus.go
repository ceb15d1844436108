//go:build opus

package phone

import "github.com/hraban/opus"

// opusCoder has libopus by another setting than the server's: for music, without redundancy.
type opusCoder struct {
	encoder *opus.Encoder
	decoder *opus.Decoder
	longest int // samples of a packet
}

func newOpus(rate int) coder {
	encoder, err := opus.NewEncoder(rate, 1, opus.AppAudio)
	if err != nil {
		panic(err)
	}
	decoder, err := opus.NewDecoder(rate, 1)
	if err != nil {
		panic(err)
	}
	return opusCoder{encoder, decoder, rate * 120 / 1000}
}

func (c opusCoder) encode(pcm []int16) []byte {
	payload := make([]byte, 1275)
	n, err := c.encoder.Encode(pcm, payload)
	if err != nil {
		panic(err)
	}
	return payload[:n]
}

func (c opusCoder) decode(payload []byte) []int16 {
	pcm := make([]int16, c.longest)
	n, err := c.decoder.Decode(payload, pcm)
	if err != nil {
		return nil
	}
	return pcm[:n]
}
