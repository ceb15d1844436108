package media_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"conclave/media"
	"conclave/media/tone"
)

func TestReorderedAndRepeatedPacketsArePlayedOnceAndInOrder(t *testing.T) {
	s := scene{phase: 5 * ms, length: 20 * time.Second, voice: func(i int) float64 { return float64(1000 + i*31%7000) }, seed: 9,
		network: func(i int, _ time.Duration, _ *rand.Rand) (f fate) {
			f.twice = i%7 == 0
			if i%2 == 1 {
				f.delay = 45 * ms // after the two that follow
			}
			return f
		}}
	h := s.play()
	tail := h.between(10*time.Second, 20*time.Second)
	if tail.count(media.FrameVoice) != len(tail.kinds) {
		t.Errorf("once it knows, %d of %d frames are voice", tail.count(media.FrameVoice), len(tail.kinds))
	}
	// What is played is what was said, from some place on.
	all := said(s, 8000*20)
	at := -1
	for i := range len(all) - len(tail.pcm) {
		if slices.Equal(all[i:i+200], tail.pcm[:200]) {
			at = i
			break
		}
	}
	if at < 0 || !slices.Equal(all[at:at+len(tail.pcm)], tail.pcm) {
		t.Error("what came out is not what went in")
	}
	if n := h.stats; n.Reordered < 490 || n.Duplicates != 143 {
		t.Errorf("counted %+v", n)
	}
}

func TestSilenceSuppressionIsNoLoss(t *testing.T) {
	s := scene{phase: 5 * ms, length: 4 * time.Second, voice: sine(440, 10000), sends: func(i int) bool { return i < 50 || i >= 100 }}
	h := s.play()
	if h.stats.Lost > 3 { // the begin of the pause cannot be told from a loss
		t.Errorf("%d frames concealed", h.stats.Lost)
	}
	again := 50 + slices.IndexFunc(h.kinds[60:], func(k media.FrameKind) bool { return k == media.FrameVoice }) + 10
	if again != 101 {
		t.Errorf("speaks again at tick %d, want 101", again)
	}
	rest := h.between(3*time.Second, 4*time.Second)
	if d := rest.delay(); d != 5*ms || rest.count(media.FrameVoice) != len(rest.kinds) {
		t.Errorf("delay %v, %d of %d frames voice", d, rest.count(media.FrameVoice), len(rest.kinds))
	}
}

func TestPausesWithin60msKeepTheirLength(t *testing.T) {
	s := scene{phase: 5 * ms, length: 3 * time.Second, sends: func(i int) bool { return i < 50 || i >= 52 },
		// What is sent after the pause comes before it is over.
		network: func(i int, _ time.Duration, _ *rand.Rand) (f fate) {
			if i == 52 {
				f.delay = -40 * ms
			}
			return f
		}}
	h := s.play()
	if h.stats.Lost != 0 {
		t.Errorf("%d frames concealed", h.stats.Lost)
	}
	if d := h.delays[len(h.delays)-1]; d.Round(ms) != 5*ms {
		t.Errorf("delay %v", d)
	}
}

func TestDigitInPlaceOfAudioIsSilentNotConcealed(t *testing.T) {
	s := scene{phase: 5 * ms, length: 3 * time.Second,
		network: func(i int, _ time.Duration, _ *rand.Rand) fate { return fate{lost: i >= 50 && i < 58} },
		others: func(j *media.Jitter, at time.Duration, tick int) {
			if packet := tick - 1; packet >= 50 && packet < 58 {
				j.PutEvent(50*160, int64(at))
			}
		}}
	h := s.play()
	if n := h.count(media.FrameConcealed); n != 0 {
		t.Errorf("%d frames concealed", n)
	}
	if n := h.between(1060*ms, 1160*ms).count(media.FrameSilence); n != 5 {
		t.Errorf("%d frames of silence, want 5", n)
	}
	if got := h.between(2*time.Second, 3*time.Second); got.count(media.FrameVoice) != 50 || got.delay() != 5*ms {
		t.Errorf("afterwards %d of 50 frames are voice, delay %v", got.count(media.FrameVoice), got.delay())
	}
	// The next gap in the numbers is a loss again.
	s.network = func(i int, _ time.Duration, _ *rand.Rand) fate { return fate{lost: i >= 50 && i < 58 || i == 100} }
	if h := s.play(); h.stats.Lost != 1 {
		t.Errorf("%d frames concealed of the packet lost after the digit, want 1", h.stats.Lost)
	}
}

func TestComfortNoiseHasTheLevelAskedFor(t *testing.T) {
	for _, codec := range []media.Codec{media.PCMU(), linear{16000}} {
		t.Run(codec.Name(), func(t *testing.T) { testComfortNoise(t, codec) })
	}
}

func testComfortNoise(t *testing.T, codec media.Codec) {
	for level, want := range map[int8]float64{40: -40, 60: -60, 0: -30, 10: -30} {
		s := scene{codec: codec, phase: 5 * ms, length: 3 * time.Second, sends: func(i int) bool { return i < 50 || i >= 100 },
			others: func(j *media.Jitter, at time.Duration, tick int) {
				if tick-1 == 50 {
					j.PutComfort(uint32(codec.ClockRate()), level, int64(at))
				}
			}}
		h := s.play()
		pause := h.between(1100*ms, 1900*ms)
		if pause.count(media.FrameComfort) != len(pause.kinds) || h.stats.Lost != 0 {
			t.Errorf("%d of %d frames are comfort noise, %d concealed", pause.count(media.FrameComfort), len(pause.kinds), h.stats.Lost)
		}
		// Overload of the system (dBov) is a square wave, 3 dB above a sine (dBFS).
		if got := tone.Level(pause.pcm) - 3; got < want-0.5 || got > want+0.5 {
			t.Errorf("level %d: noise at %.1f dBov, want %.1f", level, got, want)
		}
		if rest := h.between(2100*ms, 3*time.Second); rest.count(media.FrameVoice) != len(rest.kinds) {
			t.Error("voice did not return")
		}
	}
}

func TestTimestampsThatJumpBeginAnew(t *testing.T) {
	for name, jump := range map[string]uint32{"an hour on": 3600 * 8000, "three seconds on": 3 * 8000, "an hour back": 1<<32 - 3600*8000,
		"a second back": 1<<32 - 8000, "a little back": 1<<32 - 1000} {
		t.Run(name, func(t *testing.T) {
			s := scene{phase: 5 * ms, length: 4 * time.Second, voice: sine(440, 10000), ts: func(i int) uint32 {
				if i < 75 {
					return 0
				}
				return jump
			}}
			h := s.play()
			if n := h.stats.Lost; n > 2 {
				t.Errorf("%d frames concealed", n)
			}
			if n := h.count(media.FrameSilence); n != 1 { // before the first packet
				t.Errorf("%d frames of silence", n)
			}
			c := tone.Continuous(h.pcm[160*2:], 8000, 440)
			if c.Click > 0.2 || c.Dip < -2 || c.Slip > 0.05 {
				t.Errorf("%+v", c)
			}
			if d := h.delays[len(h.delays)-1]; d > 9*ms {
				t.Errorf("delay %v, was 5 ms", d)
			}
		})
	}
}

func TestOnePacketOfAnotherTimeDoesNoHarm(t *testing.T) {
	s := scene{phase: 5 * ms, length: 3 * time.Second, ts: func(i int) uint32 {
		if i%10 == 5 {
			return 1 << 30
		}
		return 0
	}}
	h := s.play()
	if lost := h.stats.Lost; lost != 15 {
		t.Errorf("%d frames concealed, want 15", lost)
	}
	if d := h.delays[len(h.delays)-1]; d != 5*ms {
		t.Errorf("delay %v", d)
	}
}

func TestAnotherStreamIsFadedInto(t *testing.T) {
	s := scene{phase: 5 * ms, length: 3 * time.Second, voice: sine(440, 10000), ts: func(i int) uint32 {
		if i < 75 {
			return 0
		}
		return 123456789
	}, others: func(j *media.Jitter, _ time.Duration, tick int) {
		if tick == 76 {
			j.Reset()
		}
	}}
	h := s.play()
	if n := h.count(media.FrameVoice); n != len(h.kinds)-1 {
		t.Errorf("%d of %d frames are voice", n, len(h.kinds))
	}
	if c := tone.Continuous(h.pcm[160*2:], 8000, 440); c.Click > 0.1 || c.Dip < -1 || c.Slip > 0.04 {
		t.Errorf("%+v", c)
	}
}

func TestPacketsThatGatheredBeforeTheFirstTickAddNoDelay(t *testing.T) {
	j, frame := media.NewJitter(media.PCMU()), make([]int16, 160)
	payload := make([]byte, 160)
	for i := range 10 {
		j.Put(uint16(i), uint32(i*160), payload, int64(i)*int64(tickTime), false)
	}
	if kind := j.Take(frame, int64(9*tickTime+5*ms)); kind != media.FrameVoice {
		t.Errorf("first frame is %v", kind)
	}
	if d := j.Stats().Delay; d != 5*ms {
		t.Errorf("delay %v, want 5ms", d)
	}
}

func TestMorePacketsThanAnyJitterExplainsAreDropped(t *testing.T) {
	j, frame := media.NewJitter(media.PCMU()), make([]int16, 160)
	payload := make([]byte, 160)
	for i := range 1000 {
		j.Put(uint16(i), uint32(i*160), payload, 0, false)
	}
	for i := range 100 {
		j.Take(frame, int64(i)*int64(tickTime))
	}
	if kind := j.Take(frame, int64(101*tickTime)); kind != media.FrameSilence {
		t.Errorf("still plays %v after 2 s", kind)
	}
}

func TestPayloadsOfNoOrAbsurdLengthAreIgnored(t *testing.T) {
	j, frame := media.NewJitter(media.PCMU()), make([]int16, 160)
	j.Put(1, 0, nil, 0, false)
	j.Put(2, 160, make([]byte, 1601), 0, false)
	if kind := j.Take(frame, 0); kind != media.FrameSilence {
		t.Errorf("plays %v", kind)
	}
}

func TestNothingIsAllocatedOnceTheNetworkIsKnown(t *testing.T) {
	s := scene{length: 60 * time.Second, seed: 2, network: func(i int, at time.Duration, random *rand.Rand) fate {
		return fate{lost: random.IntN(20) == 0, delay: time.Duration(random.Int64N(int64(60 * ms)))}
	}}.defaults()
	j, frame, out, at := media.NewJitter(s.codec), make([]int16, 160), s.deliveries(), tickTime
	tick := func() {
		for len(out) > 0 && out[0].at <= at {
			j.Put(out[0].seq, out[0].ts, out[0].payload, int64(out[0].at), false)
			out = out[1:]
		}
		j.Take(frame, int64(at))
		at += tickTime
	}
	for range 500 {
		tick()
	}
	if n := testing.AllocsPerRun(2000, tick); n != 0 {
		t.Errorf("%v allocations a tick", n)
	}
}

func TestACallOfDaysKeepsItsTime(t *testing.T) {
	j, frame, payload := media.NewJitter(media.PCMU()), make([]int16, 160), make([]byte, 160)
	seq, ts, now := uint16(0), uint32(5), int64(tickTime)
	const pause = 1 << 28 // samples: nine hours of silence, each time after 10 s of speech
	for range 40 {
		for i := range 500 {
			j.Put(seq, ts, payload, now-int64(7*ms), false)
			if kind := j.Take(frame, now); kind != media.FrameVoice && i > 0 {
				t.Fatalf("at %v the frame is %v", time.Duration(now), kind)
			}
			seq, ts, now = seq+1, ts+160, now+int64(tickTime)
		}
		for range 10 {
			j.Take(frame, now)
			now += int64(tickTime)
		}
		ts += pause
		now += pause*int64(time.Second)/8000 - 10*int64(tickTime)
	}
	if d := j.Stats().Delay; d != 7*ms {
		t.Errorf("delay %v, want 7ms", d)
	}
}

// Packets that come late by turns must not keep the buffer from learning that they do.
func TestLatenessThatRepeatsIsLearnt(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for n := range 200 {
		late := make([]time.Duration, 1+random.IntN(8))
		for i := range late {
			late[i] = time.Duration(random.Int64N(int64(120 * ms)))
		}
		s := scene{phase: time.Duration(1 + random.Int64N(int64(20*ms))), ptime: []time.Duration{10 * ms, 20 * ms, 30 * ms, 60 * ms}[n%4],
			ppm: float64(random.IntN(1000) - 500), length: 12 * time.Second, voice: sine(100+random.Float64()*2000, 10000), late: scheduling,
			network: func(i int, _ time.Duration, _ *rand.Rand) fate { return fate{delay: late[i%len(late)]} }}
		h := s.play().between(6*time.Second, 12*time.Second)
		if lost := h.count(media.FrameConcealed) + h.count(media.FrameSilence); lost > 4 {
			t.Errorf("late by %v, packets of %v: %d of %d frames are not voice", late, s.ptime, lost, len(h.kinds))
		}
		if d := slices.Max(h.delays); d > slices.Max(late)+s.ptime+22*ms {
			t.Errorf("late by %v, packets of %v: delay %v", late, s.ptime, d)
		}
	}
}

// FuzzJitter reads data as calls: a byte that says which, and two for each number.
func FuzzJitter(f *testing.F) {
	f.Add([]byte("\x00\x00\x01\x00\xa0\x05\x10\x03\x00\x00\x00\x02\x01\x40\x05\x20\x03"), uint16(160))
	f.Add([]byte("\x00\xff\xff\xff\xff\x05\x10\x13\x03\x03\x03\x01\x00\x10\x02\x30\x33\x04\x03"), uint16(80))
	f.Fuzz(func(t *testing.T, data []byte, size uint16) {
		j := media.NewJitter(media.PCMU())
		payload := make([]byte, size%2000)
		for i := range payload {
			payload[i] = byte(i * 7)
		}
		frame := make([]int16, 160)
		now, seq, ts := int64(1e9), uint16(0), uint32(0)
		number := func() int {
			if len(data) < 2 {
				data = nil
				return 0
			}
			n := int(int16(uint16(data[0])<<8 | uint16(data[1])))
			data = data[2:]
			return n
		}
		for len(data) > 0 {
			op := data[0]
			data = data[1:]
			switch op % 8 {
			case 0, 1: // the next packet, or one from elsewhere in the stream
				seq++
				ts += uint32(len(payload))
				j.Put(seq+uint16(op/32), ts+uint32(op/32)*160, payload, now-int64(op)*1e6, op%8 == 1)
			case 2:
				n := number()
				j.Put(seq+uint16(n), ts+uint32(n)*uint32(number()), payload[:min(len(payload), int(op))], now-int64(number())*1e4, false)
			case 3, 4:
				for i := range frame {
					frame[i] = 12345
				}
				kind := j.Take(frame, now)
				left := 0
				for _, s := range frame {
					if s == 12345 {
						left++
					}
				}
				if left > 20 {
					t.Fatalf("%d samples were not written", left)
				}
				if kind > media.FrameConcealed {
					t.Fatalf("kind %v", kind)
				}
				if kind == media.FrameSilence && slices.Max(frame)|slices.Min(frame) != 0 {
					t.Fatal("silence is not silent")
				}
				now += int64(tickTime)
			case 5:
				j.PutEvent(ts+uint32(number()), now)
			case 6:
				j.PutComfort(ts+uint32(number()), int8(op), now)
			case 7:
				now += int64(number()) * 1e5
				if op > 250 {
					j.Reset()
				}
			}
			if d := j.Stats().Delay; d < 0 {
				t.Fatalf("delay %v", d)
			}
		}
	})
}
