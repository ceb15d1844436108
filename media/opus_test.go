//go:build opus

package media_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

// opusCodec is Opus at 16 kHz.
func opusCodec(t testing.TB) media.Codec {
	c, ok := media.Opus()
	if !ok {
		t.Fatal("a build with the tag opus has none")
	}
	return c.At(16000)
}

func TestOpusHasTheHighestRateThatIsAllowed(t *testing.T) {
	for limit, want := range map[int]int{8000: 8000, 12000: 8000, 16000: 16000, 44100: 16000, 48000: 48000, 192000: 48000} {
		codec := opusCodec(t).At(limit)
		if codec.SampleRate() != want || !strings.HasPrefix(codec.Params(), fmt.Sprintf("maxplaybackrate=%d;sprop-maxcapturerate=%d;", want, want)) {
			t.Errorf("at %d Hz it has %d, with %s", limit, codec.SampleRate(), codec.Params())
		}
	}
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
		for _, rate := range []int{8000, 16000, 48000} {
			if got := opusCodec(t).At(rate).Samples(tt.payload); got != tt.ms*rate/1000 {
				t.Errorf("%s at %d Hz: %d samples, want %d", tt.name, rate, got, tt.ms*rate/1000)
			}
		}
	}
}

// opusPackets are a sound in packets of 20 ms.
func opusPackets(t testing.TB, codec media.Codec, pcm []int16) (packets [][]byte) {
	return opusPacketsFor(t, codec, pcm, 0)
}

// opusPacketsFor are a sound in packets for a far end that loses that share of them.
func opusPacketsFor(t testing.TB, codec media.Codec, pcm []int16, loss float32) (packets [][]byte) {
	e, frame := codec.NewEncoder().(media.Adaptive), codec.SampleRate()/media.FramesPerSecond
	e.Expect(loss)
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
	for _, rate := range []int{8000, 16000, 48000} {
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
	for _, rate := range []int{16000, 48000} {
		codec := opusCodec(t).At(rate)
		packets := opusPacketsFor(t, codec, tone.Make(rate, 437, -12, 5*rate), 0.1)
		j, dst := media.NewJitter(codec), make([]int16, rate/media.FramesPerSecond)
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
			t.Errorf("at %d Hz %d packets were lost: %+v", rate, lost, s)
		}
	}
}

// What a packet has of the one before is more than a guess: a sound that was in the lost packet alone is heard.
func TestOpusSendsWhatTheLastPacketHadOnceMore(t *testing.T) {
	for _, rate := range []int{16000, 48000} {
		codec := opusCodec(t).At(rate)
		const at = 110
		frame := rate / media.FramesPerSecond
		pcm := tone.Make(rate, 437, -20, 3*rate)
		for i, v := range tone.Make(rate, 1900, -12, frame) {
			pcm[at*frame+i] += v
		}
		packets := opusPacketsFor(t, codec, pcm, 0.1)
		decoder, heard := codec.NewDecoder(), make([]int16, frame)
		for _, p := range packets[:at] {
			decoder.Decode(heard, p)
		}
		if level := tone.LevelAt(heard, rate, 1900); level > -40 {
			t.Fatalf("at %d Hz: before the sound it is at %.1f dBFS", rate, level)
		}
		if !decoder.(media.Recoverer).Recover(heard, packets[at+1]) {
			t.Fatalf("at %d Hz nothing is recovered", rate)
		}
		if level := tone.LevelAt(heard, rate, 1900); level < -20 {
			t.Errorf("at %d Hz what was in the lost packet alone is recovered at %.1f dBFS, want -12", rate, level)
		}
	}
}

// What is above the wide band goes through Opus at 48 kHz.
func TestOpusCarriesTheFullBand(t *testing.T) {
	codec := opusCodec(t).At(48000)
	for _, loss := range []float32{0, 0.1} {
		for _, hz := range []float64{1000, 7000, 12000, 15000} {
			packets := opusPacketsFor(t, codec, tone.Make(48000, hz, -20, 2*48000), loss)
			out, _ := playOpus(codec, packets, func(int) bool { return false })
			if level := tone.LevelAt(out[48000:2*48000], 48000, hz); level < -22 || level > -18 {
				t.Errorf("with a loss of %g %.0f Hz comes out at %.1f dBFS, want -20", loss, hz, level)
			}
		}
	}
}

// In a pause next to nothing is sent to far ends that want it so, which is no loss to them, and talk begins as if there had been
// none. Others get all.
func TestOpusPauses(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) { testOpusPauses(t, opusCodec(t).At(rate)) })
	}
}

func testOpusPauses(t *testing.T, codec media.Codec) {
	rate, frame := codec.SampleRate(), codec.SampleRate()/50
	pcm := append(tone.Make(rate, 437, -12, rate), make([]int16, 3*rate)...)
	tone.NewNoise(1, -66).Fill(pcm[rate:])
	pcm = append(pcm, tone.Make(rate, 437, -12, rate)...)
	for _, pausing := range []bool{false, true} {
		c := codec
		if pausing {
			c = codec.(media.Pausing).Pausing()
		}
		e, packets, empty := c.NewEncoder().(media.Adaptive), [][]byte(nil), 0
		for i := range len(pcm) / frame {
			b := make([]byte, 1275)
			e.Pause(i >= 50 && i < 200)
			packets = append(packets, b[:e.Encode(b, pcm[frame*i:frame*(i+1)])])
			if size := len(packets[i]); size <= 2 {
				if i < 60 || i >= 200 {
					t.Errorf("frame %d says nothing", i)
				}
				empty++
			}
		}
		if want := 150 - 10 - 140/20; pausing && empty != want || !pausing && empty != 0 {
			t.Fatalf("%d of 150 packets of a pause say nothing", empty)
		}
		silent := false
		out, stats := playOpus(c, packets, func(i int) bool {
			was := silent
			silent = len(packets[i]) <= 2
			return silent && was // the first one is sent
		})
		if stats.Lost > 3 || stats.Recovered > 0 {
			t.Errorf("a pause counts as lost: %+v", stats)
		}
		if level := tone.LevelAt(out[201*frame:][:10*frame], rate, 437); level < -13 || level > -11 {
			t.Errorf("after the pause the tone begins at %.1f dBFS, want -12", level)
		}
	}
}

// voice is a sound that libopus takes for a voice, as it does not with a steady tone: vowels of changing pitch and loudness.
func voice(rate, samples int) []int16 {
	pcm, phase := make([]int16, samples), 0.0
	for i := range pcm {
		at := float64(i) / float64(rate)
		phase += 2 * math.Pi * (120 + 30*math.Sin(2*math.Pi*0.7*at)) / float64(rate)
		v := 0.0
		for h := 1.0; h < 25; h++ {
			v += math.Sin(phase*h) / h * (1 + math.Sin(2*math.Pi*h/7+3*at))
		}
		pcm[i] = int16(3000 * v * (0.6 + 0.4*math.Sin(2*math.Pi*3*at)))
	}
	return pcm
}

// What is sent once more follows what far ends lose.
func TestOpusRepeatsWhatIsLost(t *testing.T) {
	codec := opusCodec(t)
	e, decoder, b := codec.NewEncoder().(media.Adaptive), codec.NewDecoder().(media.Recoverer), make([]byte, 1275)
	pcm, frame := voice(codec.SampleRate(), 200*codec.SampleRate()/50), codec.SampleRate()/50
	for i, loss := range []float32{0, 0.1, 0, 0.6} {
		e.Expect(loss)
		repeated := 0
		for n := range 50 {
			if decoder.Repeats(b[:e.Encode(b, pcm[(50*i+n)*frame:][:frame])]) {
				repeated++
			}
		}
		if loss == 0 && repeated > 2 || loss > 0 && repeated < 25 {
			t.Errorf("at %.0f %% loss %d of 50 packets have something of the one before", 100*loss, repeated)
		}
	}
}

// One packet of ten is lost, and no other is late: what the next one has of it is waited for.
func TestOpusSoundsWholeThoughPacketsAreLost(t *testing.T) {
	codec := opusCodec(t)
	rate := codec.SampleRate()
	pcm := voice(rate, 10*rate)
	play := func(loss float32, lost func(int) bool) ([]int16, media.JitterStats) {
		return playOpus(codec, opusPacketsFor(t, codec, pcm, loss), lost)
	}
	clean, _ := play(0, func(int) bool { return false })
	alike := func(out []int16) (mean float64) { // pieces of 0.2 s, wherever they are played
		for i := range 20 {
			at := 4*rate + i*rate/5
			_, similarity := tone.Find(out[at-rate/50:at+rate/5+rate/10], clean[at:at+rate/5])
			mean += similarity / 20
		}
		return mean
	}
	tenth := func() func(int) bool {
		random := rand.New(rand.NewPCG(1, 2))
		return func(int) bool { return random.IntN(10) == 0 }
	}
	plain, without := play(0, tenth())
	repeated, with := play(0.1, tenth())
	if without.Recovered > 0 || with.Recovered < 30 || with.Lost > without.Lost/2 {
		t.Errorf("%d packets are recovered and %d frames made up, without repetition %d and %d", with.Recovered, with.Lost, without.Recovered, without.Lost)
	}
	t.Logf("like the clean sound: %.3f, without repetition %.3f; %d frames made up, %d", alike(repeated), alike(plain), with.Lost, without.Lost)
	if alike(repeated) < alike(plain)+0.01 {
		t.Errorf("the sound is as good as %.3f, without repetition %.3f", alike(repeated), alike(plain))
	}
}

func BenchmarkOpus(b *testing.B) {
	for _, rate := range []int{16000, 48000} {
		codec := opusCodec(b).At(rate)
		pcm, coded := make([]int16, rate/media.FramesPerSecond), make([]byte, 1275)
		tone.NewNoise(1, -30).Fill(pcm)
		e, d := codec.NewEncoder(), codec.NewDecoder()
		n := e.Encode(coded, pcm)
		b.Run(fmt.Sprintf("encode at %d Hz", rate), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n = e.Encode(coded, pcm)
			}
		})
		b.Run(fmt.Sprintf("decode at %d Hz", rate), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d.Decode(pcm, coded[:n])
			}
		})
		b.Run(fmt.Sprintf("make an encoder of %d Hz", rate), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				codec.NewEncoder()
			}
		})
	}
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
		codec.NewDecoder().(media.Recoverer).Repeats(payload)
	})
}
