package mixer

import (
	"encoding/binary"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"conclave/media"
	"conclave/media/tone"
)

// clockwork is an engine whose ticks a test runs one by one, with real legs whose far ends are
// real sockets.
type clockwork struct {
	t      testing.TB
	engine *Engine
	ports  *media.Ports
	turn   uint64
	time   media.Time
	phones []*farEnd
	// recorded is read while it is measured; nil: nothing is recorded.
	recorded *Tape
}

// farEnd is a phone: it sends what source gives in each tick and keeps what it hears.
type farEnd struct {
	conn      *net.UDPConn
	codec     media.Codec
	coder     media.Encoder
	decoder   media.Decoder
	step      uint32 // of the RTP clock in a tick
	leg       *media.Leg
	seat      *Seat
	events    []Event
	source    interface{ Fill([]int16) }
	other     func() [][]byte // what it sends beside its audio, nil: nothing; of its next tick
	still     bool            // it sends no audio
	uneven    bool            // the network holds four packets of ten back, so that all wait longer in the jitter buffer
	held      [][]byte
	packet    []byte
	eventType int
	released  bool
	seq       uint16
	stamp     uint32
	heard     []int16
	seqs      []uint16
	pauses    bool // it wants nothing in pauses
	ticks     int
	ours      uint32 // SSRC of what it is sent
	came      []arrival
}

// arrival is a packet that came to a phone.
type arrival struct {
	tick   int // ticks that the phone had received in before
	size   int // of the payload
	marker bool
	stamp  uint32
	repeat bool // it has something of the one before
}

func newClockwork(t testing.TB, workers, partSize int) *clockwork {
	ports, err := media.NewPorts(22000, 29999)
	if err != nil {
		t.Fatal(err)
	}
	c := &clockwork{t: t, ports: ports, turn: 4000,
		engine: newEngine(Config{Workers: workers, PartSize: partSize, RTPTimeout: 30 * time.Second, Log: slog.New(slog.DiscardHandler)})}
	c.time.Now = 80e9
	t.Cleanup(func() {
		for _, p := range c.phones {
			p.conn.Close()
			p.leg.Close()
		}
	})
	return c
}

// phone seats a new far end that sends source, nil for silence.
func (c *clockwork) phone(conf *Conference, source interface{ Fill([]int16) }) *farEnd {
	c.t.Helper()
	return c.phoneWith(conf, source, 101)
}

// phoneWith does the same for a phone with that payload type of telephone-event, -1 for none.
func (c *clockwork) phoneWith(conf *Conference, source interface{ Fill([]int16) }, eventType int) *farEnd {
	c.t.Helper()
	return c.phoneOf(conf, media.PCMU(), source, eventType)
}

// phoneOf does the same for a phone with that codec.
func (c *clockwork) phoneOf(conf *Conference, codec media.Codec, source interface{ Fill([]int16) }, eventType int) *farEnd {
	c.t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		c.t.Fatal(err)
	}
	leg, err := c.ports.Open(netip.MustParseAddr("127.0.0.1"))
	if err != nil {
		c.t.Fatal(err)
	}
	p := &farEnd{conn: conn, leg: leg, source: source, packet: make([]byte, 1500), eventType: eventType}
	p.use(codec)
	p.apply(media.SendRecv)
	p.seat = conf.Seat(leg, func(e Event) { p.events = append(p.events, e) })
	c.phones = append(c.phones, p)
	return p
}

// use has the phone speak and hear in a codec from now on.
func (p *farEnd) use(codec media.Codec) {
	p.codec, p.coder, p.decoder = codec, codec.NewEncoder(), codec.NewDecoder()
	p.step = uint32(codec.ClockRate() / media.FramesPerSecond)
}

// apply tells the leg of the phone. Any direction but SendRecv is a hold.
func (p *farEnd) apply(direction media.Direction) {
	at := p.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	p.leg.Apply(media.Remote{RTP: netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), Signalling: at.Addr(), Codec: p.codec,
		PayloadType: p.codec.PayloadType(), EventType: p.eventType, PTime: 20, Direction: direction, Discontinuous: p.pauses})
}

// send gives the server the phone's next 20 ms.
func (p *farEnd) send() {
	var longest [960]int16
	pcm := longest[:p.codec.SampleRate()/media.FramesPerSecond]
	if p.source != nil {
		p.source.Fill(pcm)
	}
	p.packet[0], p.packet[1] = 0x80, p.codec.PayloadType()
	binary.BigEndian.PutUint16(p.packet[2:], p.seq)
	binary.BigEndian.PutUint32(p.packet[4:], p.stamp)
	binary.BigEndian.PutUint32(p.packet[8:], 77)
	size := 12 + p.coder.Encode(p.packet[12:], pcm)
	p.seq++
	p.stamp += p.step
	if p.other != nil {
		for _, packet := range p.other() {
			binary.BigEndian.PutUint16(packet[2:], p.seq)
			p.seq++
			_, _ = p.conn.WriteToUDPAddrPort(packet, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), p.leg.Port()))
		}
	}
	if p.still {
		return
	}
	if p.held = append(p.held, slices.Clone(p.packet[:size])); p.uneven && p.seq%10 >= 6 {
		return
	}
	for _, packet := range p.held {
		_, _ = p.conn.WriteToUDPAddrPort(packet, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), p.leg.Port()))
	}
	p.held = p.held[:0]
}

// receive takes what the server sent meanwhile.
func (p *farEnd) receive() {
	if p.released || !p.leg.Hears() {
		return
	}
	var b [1500]byte
	p.ticks++
	wait := time.Second
	if p.pauses {
		wait = 2 * time.Millisecond
	}
	_ = p.conn.SetReadDeadline(time.Now().Add(wait))
	n, err := p.conn.Read(b[:])
	if err != nil {
		return
	}
	if b[1]&0x7f != p.codec.PayloadType() {
		return
	}
	p.ours = binary.BigEndian.Uint32(b[8:])
	if r, ok := p.decoder.(media.Recoverer); ok {
		p.came = append(p.came, arrival{p.ticks, n - 12, b[1]&0x80 != 0, binary.BigEndian.Uint32(b[4:]), r.Repeats(b[12:n])})
	}
	pcm := make([]int16, p.codec.Samples(b[12:n]))
	p.decoder.Decode(pcm, b[12:n])
	p.heard = append(p.heard, pcm...)
	p.seqs = append(p.seqs, binary.BigEndian.Uint16(b[2:]))
}

// run lets so many ticks of 20 ms pass: all phones send, all workers tick, all phones receive.
func (c *clockwork) run(ticks int) {
	for range ticks {
		for _, p := range c.phones {
			p.send()
		}
		for range slots {
			for _, w := range c.engine.workers {
				w.commands.run()
				t := c.time
				t.Tick, t.Wall = c.turn/slots, time.Now().UnixNano()
				w.tick(c.turn, t)
				w.events.drain()
				w.notices.run()
			}
			c.turn++
			c.time.Now += int64(slotTime)
		}
		for _, p := range c.phones {
			p.receive()
		}
	}
}

// release releases the seat of a phone.
func (c *clockwork) release(p *farEnd) {
	over := make(chan struct{})
	go func() {
		p.seat.Release()
		close(over)
	}()
	for p.released = true; ; { // it waits for the worker
		select {
		case <-over:
			return
		default:
			for _, w := range c.engine.workers {
				w.commands.run()
			}
		}
	}
}

// last is the last second that a phone heard.
func (p *farEnd) last() []int16 { return p.heard[max(0, len(p.heard)-p.codec.SampleRate()):] }

// level is how loud a tone is in the last second that a phone heard, in dBFS.
func (p *farEnd) level(hz float64) float64 { return tone.LevelAt(p.last(), p.codec.SampleRate(), hz) }

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

func TestEveryoneHearsEveryoneButHimself(t *testing.T) {
	tests := []struct {
		name              string
		workers, partSize int
		level             float64 // dBFS of each talker
		heard             float64 // that the others must hear it at
	}{
		{"one worker", 1, 600, -20, -20},
		{"a room split over three workers", 3, 2, -20, -20},
		{"three talkers at -1 dBFS", 1, 600, -1, -7},
	}
	tones := []float64{437, 1031, 1873}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClockwork(t, tt.workers, tt.partSize)
			conf := c.engine.NewConference("x")
			for _, hz := range tones {
				c.phone(conf, tone.NewSine(8000, hz, tt.level)).seat.Enter()
			}
			for range 3 {
				c.phone(conf, nil).seat.Enter()
			}
			if got := len(*conf.parts.Load()); tt.workers > 1 && got != 3 {
				t.Fatalf("the room has %d parts, want 3", got)
			}
			c.run(150)
			for i, p := range c.phones {
				others := []float64{}
				for j, hz := range tones {
					level := p.level(hz)
					if i == j {
						if level > -60 {
							t.Errorf("talker %d hears himself at %.1f dBFS", i, level)
						}
						continue
					}
					others = append(others, hz)
					if tt.level == tt.heard && !near(level, tt.heard, 0.5) {
						t.Errorf("phone %d hears talker %d at %.1f dBFS, want %.1f", i, j, level, tt.heard)
					}
				}
				if d := tone.Distortion(p.last(), 8000, others...); d > 0.01 {
					t.Errorf("phone %d: distortion %.2f %%, want below 1 %%", i, d*100)
				}
			}
		})
	}
}

func TestMusicIsForOneLegAndAPromptComesOverIt(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	music := media.NewSound(8000, tone.Make(8000, 700, -20, 8000))
	prompt := media.NewSound(8000, tone.Make(8000, 1900, -20, 8000))
	alone := c.phone(conf, nil)
	alone.seat.Music(c.engine.Loop(music))
	alone.seat.Enter()
	c.run(100)
	if l := alone.level(700); !near(l, -20, 0.5) {
		t.Errorf("alone: music at %.1f dBFS, want -20", l)
	}
	alone.seat.Play(5, prompt)
	c.run(50)
	if l := alone.level(1900); !near(l, -20, 1) {
		t.Errorf("prompt at %.1f dBFS, want -20", l)
	}
	c.run(100)
	if len(alone.events) != 1 || alone.events[0] != (Event{Kind: EventPlayed, Play: 5}) {
		t.Errorf("events %v, want the end of prompt 5", alone.events)
	}
	if l := alone.level(700); !near(l, -20, 0.5) {
		t.Errorf("after the prompt: music at %.1f dBFS, want -20", l)
	}
	talker := c.phone(conf, tone.NewSine(8000, 437, -20))
	talker.seat.Enter()
	alone.seat.Music(nil)
	c.run(100)
	if l := alone.level(700); l > -60 {
		t.Errorf("in company: music still at %.1f dBFS", l)
	}
	if l := alone.level(437); !near(l, -20, 0.5) {
		t.Errorf("the talker at %.1f dBFS, want -20", l)
	}
	if l := talker.level(700); l > -60 {
		t.Errorf("the other one hears the music at %.1f dBFS", l)
	}
}

func TestMutedAndWaitingLegsAreNotHeard(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	listener := c.phone(conf, nil)
	talker := c.phone(conf, tone.NewSine(8000, 437, -20))
	listener.seat.Enter()
	c.run(60)
	if l := listener.level(437); l > -60 {
		t.Errorf("heard at %.1f dBFS before he entered", l)
	}
	talker.seat.Enter()
	c.run(60)
	if l := listener.level(437); !near(l, -20, 0.5) {
		t.Errorf("entered: %.1f dBFS, want -20", l)
	}
	talker.seat.Mute(true)
	c.run(60)
	if l := listener.level(437); l > -60 {
		t.Errorf("muted: %.1f dBFS", l)
	}
	talker.seat.Mute(false)
	c.run(60)
	talker.seat.Leave()
	c.run(60)
	if l := listener.level(437); l > -60 {
		t.Errorf("after he left: %.1f dBFS", l)
	}
	kinds := []EventKind{}
	for _, e := range talker.events {
		kinds = append(kinds, e.Kind)
	}
	if want := []EventKind{EventTalking, EventSilent, EventTalking, EventSilent}; len(kinds) != len(want) {
		t.Errorf("events %v, want %v", kinds, want)
	}
}

// The ticks of talk are those in which it is on a tape, whatever pause ends it, and however seldom it is measured.
func TestTalkIsToldWithTheTicksInWhichItWas(t *testing.T) {
	for name, o := range map[string]TalkOptions{
		"by itself": {}, "after a longer pause": {Silence: 1500 * time.Millisecond}, "by a threshold": {Threshold: 160, Silence: 2500 * time.Millisecond},
		"by a threshold, after a short pause": {Threshold: 160, Silence: 300 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClockwork(t, 1, 600)
			conf := c.engine.NewConference("x")
			p := c.phone(conf, nil)
			p.seat.DetectTalk(o)
			p.seat.Enter()
			c.run(60)
			p.events = nil
			l := listener{tape: conf.Record(true)}
			for range 3 {
				p.source = tone.NewSine(8000, 437, -20)
				c.run(73)
				p.source = nil
				c.run(160)
			}
			l.read()
			var sounds []int // where it begins and ends on the tape, in ticks
			for tick, part := range slices.Collect(slices.Chunk(l.tracks[p.seat], 160)) {
				if loud := tone.Level(part) > -30; loud == (len(sounds)%2 == 0) {
					sounds = append(sounds, tick)
				}
			}
			var told []int
			for _, e := range p.events {
				if e.Kind == EventTalking || e.Kind == EventSilent {
					told = append(told, int(e.Tick-l.first))
				}
			}
			if len(sounds) != 6 || len(told) != 6 {
				t.Fatalf("sound begins and ends in the ticks %v, and %v are told", sounds, told)
			}
			for i := range told {
				if d := told[i] - sounds[i]; d < -5 || d > 5 { // 0.1 s
					t.Errorf("%d of %v is told as %v", i, sounds, told)
				}
			}
		})
	}
}

func TestRoomAnnouncementDucksTheConferenceForAll(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	talker := c.phone(conf, tone.NewSine(8000, 437, -20))
	listener, spared := c.phone(conf, nil), c.phone(conf, nil)
	for _, p := range c.phones {
		p.seat.Enter()
	}
	c.run(60)
	conf.Play(Announcement{Sounds: []*media.Sound{media.NewSound(8000, tone.Make(8000, 1900, -20, 16000))}, Except: []*Seat{spared.seat}})
	c.run(60)
	for name, p := range map[string]*farEnd{"talker": talker, "listener": listener} {
		if l := p.level(1900); !near(l, -20, 0.5) {
			t.Errorf("%s: announcement at %.1f dBFS, want -20", name, l)
		}
	}
	if l := listener.level(437); !near(l, -32, 0.5) {
		t.Errorf("conference under the announcement at %.1f dBFS, want -32", l)
	}
	if l := spared.level(1900); l > -60 {
		t.Errorf("the spared one hears it at %.1f dBFS", l)
	}
	c.run(120)
	if l := listener.level(437); !near(l, -20, 0.5) {
		t.Errorf("after the announcement: %.1f dBFS, want -20", l)
	}
}

func TestRTPFlowsFromTheFirstTickOnWithoutAGap(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	p := c.phone(conf, nil)
	c.run(50)
	if len(p.seqs) != 50 {
		t.Fatalf("%d packets in 50 ticks", len(p.seqs))
	}
	for i := 1; i < len(p.seqs); i++ {
		if p.seqs[i] != p.seqs[i-1]+1 {
			t.Fatalf("sequence %d follows %d", p.seqs[i], p.seqs[i-1])
		}
	}
}

// BenchmarkTick is a worker's tick of one room: real sockets, everything but the phones. All
// phones send one packet before each tick, outside the measured time.
func BenchmarkTick(b *testing.B) {
	for _, bb := range []struct {
		name          string
		legs, talkers int
		level         float64 // dBFS of each talker
		recorded      bool    // with a track for each
	}{
		{"100 legs, 3 talk", 100, 3, -20, false},
		{"100 legs, 3 talk, with gain", 100, 3, -26, false},
		{"100 legs, all talk", 100, 100, -20, false},
		{"100 legs, all talk, with gain", 100, 100, -26, false},
		{"500 legs, 3 talk", 500, 3, -20, false},
		{"500 legs, all talk", 500, 500, -20, false},
		{"500 legs, all talk, recorded", 500, 500, -20, true},
	} {
		b.Run(bb.name, func(b *testing.B) {
			c := newClockwork(b, 1, 0)
			c.engine.partSize = 1 << 20
			conf := c.engine.NewConference("x")
			for i := range bb.legs {
				var source interface{ Fill([]int16) } = tone.NewNoise(uint64(i), -65)
				if i < bb.talkers {
					source = tone.NewSine(8000, 300+float64(i)*13, bb.level)
				}
				p := c.phone(conf, source)
				p.seat.AutomaticGain(bb.level != agcTarget)
				p.seat.Enter()
			}
			c.run(200) // the gain has settled
			if bb.recorded {
				c.recorded = conf.Record(true)
			}
			c.measure(b)
		})
	}
}

// BenchmarkTickAlone is the same for rooms in which somebody is alone with hold music.
func BenchmarkTickAlone(b *testing.B) {
	for _, bb := range []struct {
		name  string
		music func(*clockwork) *Music
	}{
		{"a loop", func(c *clockwork) *Music {
			return c.engine.Loop(media.NewSound(8000, tone.Make(8000, 700, -20, 8000)))
		}},
		{"a playlist", func(c *clockwork) *Music { return c.station(storedTone(b, 700, 16000)) }},
	} {
		b.Run("500 rooms, "+bb.name, func(b *testing.B) {
			c := newClockwork(b, 1, 0)
			music := bb.music(c)
			for i := range 500 {
				p := c.phone(c.engine.NewConference("x"), tone.NewNoise(uint64(i), -65))
				p.seat.Music(music)
				p.seat.Enter()
			}
			c.listen(200)
			c.measure(b)
		})
	}
}

// pollTicks is how often a recording is read that is measured.
const pollTicks = 40

// measure runs the ticks of a clockwork of one worker, each but for what the phones and the feeder do.
func (c *clockwork) measure(b *testing.B) {
	w := c.engine.workers[0]
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for _, p := range c.phones {
			p.send()
		}
		t := c.time
		t.Tick, t.Wall = c.turn/slots, time.Now().UnixNano()
		c.engine.feeder.feed(t.Tick)
		b.StartTimer()
		for range slots {
			w.tick(c.turn, t)
			c.turn++
		}
		b.StopTimer()
		c.time.Now += int64(tickTime)
		if c.recorded != nil && t.Tick%pollTicks == 0 {
			c.recorded.Read(func(Stretch) {})
			c.recorded.Return()
		}
		for _, p := range c.phones {
			p.receive()
			p.heard, p.seqs = p.heard[:0], p.seqs[:0]
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(c.phones)), "ns/leg")
	if late := c.engine.Stats().MusicLate; late > 0 {
		b.Errorf("%d frames of music were not there in time", late)
	}
}
