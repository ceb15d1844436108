package mixer

import (
	"slices"
	"unsafe"

	"conclave/media"
)

// Ramps that are slower than a switch: what is not voice fades out of the mix in 100 ms, music
// fades in and out over half a second, and the conference is ducked within a frame.
const (
	gateTime  = 0.1  // s
	musicTime = 0.5  // s
	duckTime  = 0.02 // s
	duckGain  = 0.25 // -12 dB
)

// Seat is one leg's place in the clockwork. Its methods may be called from any goroutine; they
// take effect between two ticks. What a tick touches of it is three lines of memory: it has 192
// octets, a size that the allocator puts at the begin of a line.
type Seat struct {
	// These belong to the worker, in the order in which a tick touches them.
	part        *part
	leg         *media.Leg
	number      uint32 // of the seats of a conference, for spreading rare work over the ticks
	talked      uint32 // ticks in which it talked
	contributes bool   // own is in the mix of this tick
	entered     bool
	muted       bool
	talking     bool // as last told
	musical     bool // music is wanted
	timedOut    bool
	attended    bool  // aside has to do with whatever comes in: it is recorded, or let into the mix by other rules
	measured    uint8 // voice is talk from a threshold on, measured so many ticks apart while talk goes on; 0: it always is
	shaped      bool  // and with what is given to the mix: its gain and volume, the sound of a key
	dialling    bool  // a key is being sounded to the others
	keying      bool  // a key may be heard: aside.dtmf follows it
	scaled      bool  // the conference is louder or softer to it than it is
	band        uint8 // of its leg
	follows     bool  // its far end has what aside.stream coded last
	denoised    bool  // noise is taken out of its voice
	comforted   bool  // it hears faint noise in place of silence
	taped       bool  // own lies on a spool of its track
	talk        talk
	give        ramp // of its voice into the mix
	hear        ramp // of the conference to it
	duck        ramp // of the conference and music under a prompt
	music       ramp
	limiter     limiter
	prompts     player
	loop        *Music  // what music fades, nil when it has gone
	own         []int16 // what the leg gave to the mix in this tick

	notify func(Event)
	aside  *aside
}

// aside is what a seat may need and most do not: it is apart from what each tick goes through.
type aside struct {
	faulty    bool // the work for the seat has failed: it has no lane any more
	agc       agc
	denoisers denoisers
	hearing   ramp // volumes: of the conference to it, and of its voice to the others
	talking   ramp
	peaks     limiter // of its voice
	detect    TalkOptions
	threshold threshold
	recording *Recording
	home      []int16 // where own lies while it is on no tape
	spool     *spool  // of its track on a tape, nil: none is begun
	taper     taper   // of what it gives, on its way there
	passes    bool    // the others may hear its keys
	dtmf      media.DTMF
	dial      dial
	stream    *stream // that the far end follows, or nears
	frame     uint64  // the last one of it that the far end got
	near      uint8   // frames of it that the leg's own encoder has coded, too
}

// approach brings the seat near before its turn (media.Leg.Approach).
func (s *Seat) approach() { media.Prefetch(unsafe.Pointer(s), unsafe.Offsetof(s.notify)) }

// receive takes the 20 ms of the leg, which has just been read, and sums them in, where they are to be heard.
func (s *Seat) receive(t media.Time) {
	w := s.part.worker
	for _, d := range w.in.Digits {
		w.events.put(s, Event{Kind: EventDigit, Digit: d})
	}
	if n := s.leg.Frame(); n != len(s.own) && n > 0 {
		s.tune(n)
	}
	frame := w.frame[:len(s.own)]
	speaks := s.leg.Speaks()
	heard := s.entered && !s.muted && speaks
	voice, keyed, tones := false, false, false
	s.heed(heard)
	kind := s.leg.Take(frame, t)
	said := frame
	if s.denoised && heard {
		said = s.denoise(frame, kind)
	}
	switch kind {
	case media.FrameSilence:
		voice = s.talk.quiet()
	case media.FrameVoice:
		voice = s.talk.update(frame, s.leg.LeftOut())
	default:
		voice = s.talk.update(frame, 0)
	}
	if s.keying || s.leg.Pressed() || (voice || s.denoised) && media.MaybeDTMF(said) {
		keyed, tones = s.key(said, kind, heard)
	}
	talks := voice
	switch measured := s.measured > 0 && (voice || s.talking); {
	case s.attended || measured && (!s.talking || (t.Tick+uint64(s.number))%uint64(s.measured) == 0):
		talks, voice = s.attend(frame, kind, speaks, voice)
	case measured:
		talks = true
	}
	if told := talks && heard && !keyed; told != s.talking {
		s.talking = told
		e := Event{Kind: EventSilent, Tick: t.Tick}
		if told {
			e.Kind = EventTalking
		} else if heard && !keyed {
			e.Tick -= min(e.Tick, s.paused())
		}
		w.events.put(s, e)
	}
	if s.talking {
		s.talked++
	}
	switch {
	case heard && voice && !keyed:
		s.give.to(1, rampTime, s.rate())
	case heard && !keyed:
		s.give.to(0, gateTime, s.rate())
	default:
		s.give.to(0, rampTime, s.rate())
	}
	s.contributes = !s.give.resting(0) || s.dialling
	if r := s.part.reel; r != nil && r.tracks {
		s.tape(r, t.Tick)
	}
	if s.contributes {
		copy(s.own, frame)
		s.give.apply(s.own)
		if s.shaped {
			s.shape(frame, kind, tones)
		}
		s.part.bands[s.band].bus.Add(s.own)
		if s.taped && s.band == fullBand {
			s.aside.taper.lower(s.own, w, t.Tick)
		}
	}
	if (t.Tick+uint64(s.number))%64 == 0 {
		s.watch(t)
	}
}

// watch tells once that the far end has vanished. A far end on hold need not send.
func (s *Seat) watch(t media.Time) {
	patience := int64(s.part.worker.engine.timeout)
	if s.leg.Rests() {
		patience *= comfortRest
	}
	late := s.leg.Speaks() && t.Now-s.leg.LastHeard() > patience
	if late && !s.timedOut {
		s.part.worker.events.put(s, Event{Kind: EventTimeout})
	}
	s.timedOut = late
}

// send gives the leg its 20 ms: a payload that many share wherever nothing is special about
// this one, and a mix of its own where there is.
func (s *Seat) send(m *mix, t media.Time) {
	codec := s.leg.Codec()
	if codec == nil || !s.leg.Hears() {
		return
	}
	others := m.bus.Contributors()
	if s.contributes {
		others--
	}
	speech := others > 0 && !s.hear.resting(0)
	announced := m.announced && s.entered && !slices.Contains(m.announcedExcept, s)
	calm := !s.prompts.playing() && s.duck.resting(1)
	switch {
	case calm && (speech || announced) && s.hear.resting(1) && !s.contributes && !s.scaled && s.music.resting(0) &&
		announced == m.announced && s.limiter == m.before:
		s.share(&m.shared, &m.streams, m.listen(), false, codec, t)
		s.limiter = m.limiter
		return
	case calm && !speech && !announced && s.music.resting(0):
		s.limiter = open
		s.pause(m, codec, t)
		return
	case calm && !speech && !announced && s.music.resting(1) && !s.musicDucked(m):
		s.limiter = open
		s.hearLoop(s.loop, false, codec, t)
		return
	}
	s.leg.Send(s.code(s.special(m, t, speech, announced), false, codec, t), s.part.worker.out, t)
}

// hearLoop gives the leg what a loop plays.
func (s *Seat) hearLoop(l *Music, pause bool, codec media.Codec, t media.Time) {
	w := s.part.worker
	piece := &l.tap(w.index, t.Tick).bands[s.band]
	s.share(&piece.shared, &piece.streams, l.frame(w, t.Tick, s.band), pause, codec, t)
}

// special mixes for this leg alone.
func (s *Seat) special(m *mix, t media.Time, speech, announced bool) []int16 {
	w, rate := s.part.worker, s.rate()
	sum, frame := w.sum[:len(s.own)], w.frame[:len(s.own)]
	if speech {
		if s.contributes {
			m.bus.Minus(sum, s.own)
		} else {
			m.bus.Full(sum)
		}
		m.duckUnder(sum)
	} else {
		clear(sum)
	}
	s.hear.applyWide(sum)
	if s.scaled {
		s.scale(sum)
	}
	if announced {
		for i, v := range m.announcement {
			sum[i] += int32(v)
		}
	}
	prompt := s.prompts.playing()
	if prompt {
		s.prompts.read(frame, rate)
		s.prompts.advance(func(id uint64) { w.events.put(s, Event{Kind: EventPlayed, Play: id}) })
		s.duck.to(duckGain, duckTime, rate)
		s.duck.applyWide(sum)
		// Music stops for a prompt and is there again after it; the piece itself runs on.
		s.music.to(0, rampTime*4, rate)
	} else {
		s.duck.to(1, duckTime, rate)
		s.duck.applyWide(sum)
		s.wantMusic()
	}
	if s.loop != nil && !s.music.resting(0) {
		s.addMusic(sum, s.loop.frame(w, t.Tick, s.band), m)
	}
	if prompt {
		for i, v := range frame {
			sum[i] += int32(v)
		}
	}
	s.limiter.apply(frame, sum)
	return frame
}

// wantMusic sets the music on its way to where it was told to be.
func (s *Seat) wantMusic() {
	target := float32(0)
	if s.musical {
		target = 1
	}
	s.music.to(target, musicTime, s.rate())
}
