package media_test

import (
	"fmt"
	"math"
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

// coded is a sound in packets of 20 ms.
func coded(codec media.Codec, pcm []int16) (packets [][]byte) {
	e, frame := codec.NewEncoder(), codec.SampleRate()/media.FramesPerSecond
	for ; len(pcm) >= frame; pcm = pcm[frame:] {
		b := make([]byte, 1275)
		packets = append(packets, b[:e.Encode(b, pcm[:frame])])
	}
	return packets
}

// meanSquare is that of samples, in dBFS.
func meanSquare(pcm []int16, more float64) float64 {
	for _, v := range pcm {
		more += float64(v) * float64(v) / float64(len(pcm))
	}
	return 10 * math.Log10(more/(32768*32768/2)+1e-12)
}

// What is not decoded is as loud as it is: the level of a member, and what is talk, do not depend on it.
func TestLevelOfWhatIsNotDecodedIsKnown(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(pcm []int16)
	}{
		{"437 Hz", func(pcm []int16) { tone.NewSine(16000, 437, -20).Fill(pcm) }},
		{"2500 Hz", func(pcm []int16) { tone.NewSine(16000, 2500, -40).Fill(pcm) }},
		{"noise at -20", func(pcm []int16) { tone.NewNoise(1, -20).Fill(pcm) }},
		{"noise at -40", func(pcm []int16) { tone.NewNoise(2, -40).Fill(pcm) }},
		{"noise at -60", func(pcm []int16) { tone.NewNoise(3, -60).Fill(pcm) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pcm := make([]int16, 16000)
			tt.make(pcm)
			d, frame := media.G722().NewDecoder().(media.Partial), make([]int16, 320)
			for i, payload := range coded(media.G722(), pcm) {
				n, left, ok := d.DecodePart(frame, payload, float32(math.Inf(1)))
				if !ok || n != len(frame) {
					t.Fatalf("frame %d: %d samples, %v", i, n, ok)
				}
				want, got := meanSquare(pcm[320*i:320*(i+1)], 0), meanSquare(frame, float64(left))
				if i > 5 && math.Abs(got-want) > 2 {
					t.Errorf("frame %d is at %.1f dBFS, told is %.1f", i, want, got)
				}
			}
		})
	}
}

// What begins to be loud is whole from its first packet on, also where it is all in the band that was not decoded, and a
// decoder that was behind hears the same as one that has followed all along.
func TestLoudSoundIsWholeFromItsFirstPacketOn(t *testing.T) {
	for _, hz := range []float64{437, 1031, 3000, 5000, 6500} {
		t.Run(fmt.Sprintf("%.0f Hz", hz), func(t *testing.T) {
			const begin = 60 // frames
			pcm := make([]int16, 100*320)
			tone.NewNoise(1, -65).Fill(pcm[:begin*320])
			tone.NewSine(16000, hz, -30).Fill(pcm[begin*320:])
			least := float32(32768 * 32768 / 2 * math.Pow(10, -5.5)) // -55 dBFS
			all, part := media.G722().NewDecoder(), media.G722().NewDecoder().(media.Partial)
			want, got, kept := make([]int16, 320), make([]int16, 320), [][]byte(nil)
			for i, payload := range coded(media.G722(), pcm) {
				all.Decode(want, payload)
				if _, _, ok := part.DecodePart(got, payload, least); ok {
					if i >= begin {
						t.Fatalf("frame %d of the tone is not decoded", i-begin)
					}
					kept = append(kept, payload)
					continue
				}
				if i < begin {
					t.Fatalf("frame %d of noise is decoded", i)
				}
				for _, p := range kept[max(0, len(kept)-part.Behind()):] {
					part.CatchUp(p)
				}
				kept = nil
				part.Decode(got, payload)
				off := make([]int16, len(got))
				for n := range off {
					off[n] = got[n] - want[n]
				}
				if level := meanSquare(off, 0); level > -62 {
					t.Errorf("frame %d is off by %.1f dBFS", i-begin, level)
				}
			}
		})
	}
}

// Whatever comes, and whoever hears what of it, a decoder fills no more than there is room for.
func FuzzUnheard(f *testing.F) {
	f.Add([]byte{1, 160, 2, 160, 0, 160, 3, 5, 0, 0}, []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, orders, octets []byte) {
		for _, codec := range media.Codecs() {
			d, ok := codec.NewDecoder().(media.Partial)
			if !ok {
				continue
			}
			j, dst := media.NewJitter(codec), make([]int16, codec.SampleRate()/50)
			for i := 0; i+1 < len(orders); i += 2 {
				payload := make([]byte, orders[i+1])
				for n := range payload {
					if len(octets) > 0 {
						payload[n] = octets[(i+n)%len(octets)]
					}
				}
				least := []float32{1, 1e6, math.MaxFloat32, float32(math.Inf(1))}[orders[i]%4]
				if n, left, ok := d.DecodePart(dst, payload, least); ok {
					if n > len(dst) || left < 0 || math.IsNaN(float64(left)) {
						t.Fatalf("%d samples, and %g is left", n, left)
					}
					d.CatchUp(payload)
				}
				d.Decode(dst, payload)
				j.Put(uint16(i/2), uint32(i/2*codec.ClockRate()/50), payload, int64(i/2)*20e6, false)
				j.Take(dst, int64(i/2)*20e6)
			}
		}
	})
}
