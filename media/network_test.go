package media_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"conclave/media"
)

const tickTime = 20 * time.Millisecond

// linear is a coding without loss: two octets a sample.
type linear struct{ rate int }

func (linear) Name() string         { return "L16" }
func (linear) PayloadType() uint8   { return 96 }
func (l linear) ClockRate() int     { return l.rate }
func (l linear) SampleRate() int    { return l.rate }
func (l linear) At(int) media.Codec { return l }
func (linear) Channels() int        { return 1 }
func (linear) Params() string       { return "" }
func (linear) PerOctet() int        { return 0 }
func (linear) Stateless() bool      { return true }

func (linear) Samples(payload []byte) int { return len(payload) / 2 }

func (l linear) NewDecoder() media.Decoder { return l }
func (l linear) NewEncoder() media.Encoder { return l }

func (linear) Decode(dst []int16, payload []byte) int {
	n := min(len(dst), len(payload)/2)
	for i := range n {
		dst[i] = int16(uint16(payload[2*i])<<8 | uint16(payload[2*i+1]))
	}
	return n
}

func (linear) Encode(dst []byte, pcm []int16) int {
	n := min(len(pcm), len(dst)/2)
	for i, s := range pcm[:n] {
		dst[2*i], dst[2*i+1] = byte(uint16(s)>>8), byte(s)
	}
	return 2 * n
}

// fate is what the network does to one packet.
type fate struct {
	lost, twice bool
	delay       time.Duration
}

// scene is a sender, a network and a jitter buffer that is asked at each tick. Zero values
// stand for PCMU at 20 ms, a tone of 440 Hz and a network that does nothing.
type scene struct {
	codec   media.Codec
	ptime   time.Duration
	length  time.Duration
	phase   time.Duration                                              // how long before a tick packets come
	ppm     float64                                                    // by which the sender's clock is slow
	voice   func(sample int) float64                                   // what is said
	network func(packet int, at time.Duration, random *rand.Rand) fate // default: nothing happens
	sends   func(packet int) bool                                      // false: silence suppression
	ts      func(packet int) uint32                                    // added to the timestamp
	late    func(at time.Duration, random *rand.Rand) time.Duration    // by which a tick is late
	others  func(j *media.Jitter, at time.Duration, tick int)          // what else happens before a tick
	seq     uint16
	seed    uint64
}

// heard is what came out, a frame for each tick.
type heard struct {
	pcm    []int16
	kinds  []media.FrameKind
	delays []time.Duration
	stats  media.JitterStats
	rate   int
}

// sine is a tone at 8000 Hz.
func sine(hz, amplitude float64) func(int) float64 {
	return func(n int) float64 { return amplitude * math.Sin(2*math.Pi*hz*float64(n)/8000) }
}

// delivery is a packet as the network hands it over.
type delivery struct {
	seq     uint16
	ts      uint32
	payload []byte
	at      time.Duration
}

// defaults fills in what was left out.
func (s scene) defaults() scene {
	if s.codec == nil {
		s.codec = media.PCMU()
	}
	if s.ptime == 0 {
		s.ptime = tickTime
	}
	if s.voice == nil {
		s.voice = sine(440, 10000)
	}
	if s.phase == 0 {
		s.phase = 10 * time.Millisecond
	}
	return s
}

// deliveries is what comes out of the network, in its order.
func (s scene) deliveries() []delivery {
	random := rand.New(rand.NewPCG(s.seed, 1))
	samples := int(s.ptime) * s.codec.SampleRate() / int(time.Second)
	pcm := make([]int16, samples)
	var out []delivery
	seq := s.seq
	for i := 0; ; i++ {
		// The first packet comes just before the second tick, the others follow.
		sent := time.Duration(float64(i)*float64(s.ptime)*(1+s.ppm*1e-6)) + 2*tickTime - s.phase
		if sent > s.length {
			break
		}
		if s.sends != nil && !s.sends(i) {
			continue
		}
		for k := range pcm {
			pcm[k] = int16(math.Round(s.voice(i*samples + k)))
		}
		payload := make([]byte, 2*samples)
		d := delivery{seq, uint32(i * samples), payload[:s.codec.NewEncoder().Encode(payload, pcm)], sent}
		seq++
		if s.ts != nil {
			d.ts += s.ts(i)
		}
		f := fate{}
		if s.network != nil {
			f = s.network(i, sent, random)
		}
		d.at += f.delay
		if !f.lost {
			out = append(out, d)
		}
		if f.twice {
			d.at += time.Duration(random.Int64N(int64(40 * time.Millisecond)))
			out = append(out, d)
		}
	}
	slices.SortStableFunc(out, func(a, b delivery) int { return cmp.Compare(a.at, b.at) })
	return out
}

// play runs the scene.
func (s scene) play() heard {
	s = s.defaults()
	j := media.NewJitter(s.codec)
	random := rand.New(rand.NewPCG(s.seed, 2))
	out := s.deliveries()
	h := heard{rate: s.codec.SampleRate()}
	for at := tickTime; at <= s.length; at += tickTime {
		now := at
		if s.late != nil {
			now += s.late(at, random)
		}
		if s.others != nil {
			s.others(j, now, len(h.kinds))
		}
		for len(out) > 0 && out[0].at <= now {
			j.Put(out[0].seq, out[0].ts, out[0].payload, int64(out[0].at), len(out) == 1 || out[1].at > now)
			out = out[1:]
		}
		frame := make([]int16, h.rate/media.FramesPerSecond)
		h.kinds = append(h.kinds, j.Take(frame, int64(now)))
		h.pcm = append(h.pcm, frame...)
		h.delays = append(h.delays, j.Stats().Delay)
	}
	h.stats = j.Stats()
	return h
}

// between is the part of what was heard from one time to another.
func (h heard) between(from, to time.Duration) heard {
	a, b := int(from/tickTime), int(to/tickTime)
	frame := h.rate / media.FramesPerSecond
	h.pcm, h.kinds, h.delays = h.pcm[frame*a:frame*b], h.kinds[a:b], h.delays[a:b]
	return h
}

// count is the number of frames of a kind.
func (h heard) count(kind media.FrameKind) (n int) {
	for _, k := range h.kinds {
		if k == kind {
			n++
		}
	}
	return n
}

// delay is the mean delay.
func (h heard) delay() (mean time.Duration) {
	for _, d := range h.delays {
		mean += d
	}
	return mean / time.Duration(len(h.delays))
}

// click is how far a recording of a tone is from being one anywhere, in dB relative to the
// tone: the greatest residue of the recurrence that every sine of that frequency obeys,
// whatever its phase, and its place. Without a splice it is that of rounding or of the codec.
func click(pcm []int16, rate int, hz, amplitude float64) (dB float64, at int) {
	c := 2 * math.Cos(2*math.Pi*hz/float64(rate))
	worst := 0.0
	for i := 2; i < len(pcm); i++ {
		e := math.Abs(float64(pcm[i]) - c*float64(pcm[i-1]) + float64(pcm[i-2]))
		if e > worst {
			worst, at = e, i
		}
	}
	return 20 * math.Log10(worst/amplitude), at
}
