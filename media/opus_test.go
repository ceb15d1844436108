//go:build opus

package media_test

import (
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

func opusCodec(t testing.TB) media.Codec {
	c, ok := media.Opus()
	if !ok {
		t.Fatal("a build with the tag opus has none")
	}
	return c
}

func TestOpusTellsHowLongAPacketIs(t *testing.T) {
	for _, tt := range []struct {
		name    string
		payload []byte
		ms      int
	}{
		{"SILK of 10 ms", []byte{8 << 3, 0}, 10}, {"SILK of 60 ms", []byte{11 << 3, 0}, 60}, {"hybrid of 20 ms", []byte{15 << 3, 0}, 20},
		{"CELT of 2.5 ms four times", []byte{28<<3 | 3, 4, 0}, 10}, {"CELT of 20 ms", []byte{31 << 3}, 20},
		{"two frames", []byte{9<<3 | 1, 0, 0}, 40}, {"two frames of different size", []byte{9<<3 | 2, 0, 0}, 40},
		{"nothing", nil, 0}, {"cut short", []byte{9<<3 | 3}, 0}, {"no frame", []byte{9<<3 | 3, 0}, 0}, {"more than 120 ms", []byte{11<<3 | 3, 3, 0}, 0},
	} {
		for _, rate := range []int{8000, 16000} {
			if got := opusCodec(t).At(rate).Samples(tt.payload); got != tt.ms*rate/1000 {
				t.Errorf("%s at %d Hz: %d samples, want %d", tt.name, rate, got, tt.ms*rate/1000)
			}
		}
	}
}

// opusPackets are a sound in packets of 20 ms.
func opusPackets(t testing.TB, codec media.Codec, pcm []int16) (packets [][]byte) {
	e, frame := codec.NewEncoder(), codec.SampleRate()/media.FramesPerSecond
	for ; len(pcm) >= frame; pcm = pcm[frame:] {
		b := make([]byte, 1275)
		packets = append(packets, b[:e.Encode(b, pcm[:frame])])
	}
	return packets
}

// playOpus gives the packets to a jitter buffer, but for those that are lost, and returns what it played.
func playOpus(codec media.Codec, packets [][]byte, lost func(i int) bool) ([]int16, media.JitterStats) {
	j, frame := media.NewJitter(codec), codec.SampleRate()/media.FramesPerSecond
	dst, out := make([]int16, frame), []int16(nil)
	for i := range len(packets) + 5 {
		now := int64(i) * int64(tickTime)
		if i < len(packets) && !lost(i) {
			j.Put(uint16(i), 5000+uint32(i)*960, packets[i], now-1e6, false)
		}
		j.Take(dst, now)
		out = append(out, dst...)
	}
	return out, j.Stats()
}

func TestOpusRunsThroughTheJitterBuffer(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		codec := opusCodec(t).At(rate)
		packets := opusPackets(t, codec, tone.Make(rate, 437, -12, 3*rate))
		out, stats := playOpus(codec, packets, func(int) bool { return false })
		if level := tone.LevelAt(out[rate:2*rate], rate, 437); level < -12.5 || level > -11.5 {
			t.Errorf("at %d Hz: %.2f dBFS, want -12", rate, level)
		}
		if stats.Lost > 3 || stats.Recovered > 0 || stats.Late > 0 {
			t.Errorf("at %d Hz: %+v", rate, stats)
		}
	}
}

func TestOpusRecoversALostPacketFromTheNext(t *testing.T) {
	codec := opusCodec(t)
	packets := opusPackets(t, codec, tone.Make(16000, 437, -12, 5*16000))
	j, dst := media.NewJitter(codec), make([]int16, 320)
	lost := 0
	for i := range packets { // packets come in pairs, 20 ms before they are needed
		now := int64(i) * int64(tickTime)
		if i%2 == 0 {
			for _, n := range []int{i, i + 1} {
				if n >= len(packets) {
					continue
				}
				if n > 100 && n%10 == 4 {
					lost++
					continue
				}
				j.Put(uint16(n), uint32(n)*960, packets[n], now-1e6, false)
			}
		}
		j.Take(dst, now)
	}
	if s := j.Stats(); int(s.Recovered) < lost/2 {
		t.Errorf("%d packets were lost: %+v", lost, s)
	}
}

// What a packet has of the one before is more than a guess: a sound that was in the lost packet alone is heard.
func TestOpusSendsWhatTheLastPacketHadOnceMore(t *testing.T) {
	codec := opusCodec(t)
	const frame, at = 320, 110
	pcm := tone.Make(16000, 437, -20, 3*16000)
	for i, v := range tone.Make(16000, 1900, -12, frame) {
		pcm[at*frame+i] += v
	}
	packets := opusPackets(t, codec, pcm)
	decoder, heard := codec.NewDecoder(), make([]int16, frame)
	for _, p := range packets[:at] {
		decoder.Decode(heard, p)
	}
	if level := tone.LevelAt(heard, 16000, 1900); level > -40 {
		t.Fatalf("before the sound it is at %.1f dBFS", level)
	}
	if !decoder.(media.Recoverer).Recover(heard, packets[at+1]) {
		t.Fatal("nothing is recovered")
	}
	if level := tone.LevelAt(heard, 16000, 1900); level < -20 {
		t.Errorf("what was in the lost packet alone is recovered at %.1f dBFS, want -12", level)
	}
}

// An encoder that falls silent sends next to nothing, and the silence is no loss.
func TestOpusPausesInSilence(t *testing.T) {
	codec := opusCodec(t)
	pcm := append(tone.Make(16000, 437, -12, 16000), make([]int16, 3*16000)...)
	packets := opusPackets(t, codec, pcm)
	small := 0
	for _, p := range packets[100:] {
		if len(p) <= 2 {
			small++
		}
	}
	if small < 50 {
		t.Fatalf("only %d of %d packets of silence say nothing", small, len(packets)-100)
	}
	silent := false // a far end with DTX leaves out what says nothing, but for the first
	_, stats := playOpus(codec, packets, func(i int) bool {
		was := silent
		silent = len(packets[i]) <= 2
		return silent && was
	})
	if stats.Lost > 3 {
		t.Errorf("silence counts as lost: %+v", stats)
	}
}

func BenchmarkOpus(b *testing.B) {
	codec := opusCodec(b)
	pcm, coded := make([]int16, 320), make([]byte, 1275)
	tone.NewNoise(1, -30).Fill(pcm)
	e, d := codec.NewEncoder(), codec.NewDecoder()
	n := e.Encode(coded, pcm)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n = e.Encode(coded, pcm)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d.Decode(pcm, coded[:n])
		}
	})
	b.Run("make an encoder", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			codec.NewEncoder()
		}
	})
}

func FuzzOpus(f *testing.F) {
	codec := opusCodec(f)
	for _, p := range opusPackets(f, codec, tone.Make(16000, 437, -12, 3200)) {
		f.Add(p)
	}
	f.Add([]byte{9<<3 | 3})
	f.Fuzz(func(t *testing.T, payload []byte) {
		n, dst := codec.Samples(payload), make([]int16, 16000/1000*120)
		if n < 0 || n > len(dst) {
			t.Fatalf("%d samples", n)
		}
		if got := codec.NewDecoder().Decode(dst, payload); got != 0 && got != n {
			t.Fatalf("%d samples are decoded, %d were told", got, n)
		}
	})
}
