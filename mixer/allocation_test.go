package mixer

import (
	"runtime"
	"testing"
	"time"

	"conclave/media"
	"conclave/media/tone"
)

func TestTickAllocatesNothingWithAllThatASeatCanDo(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	talker := c.phone(conf, tone.NewSine(8000, 437, -3))
	keyer := c.phoneWith(conf, newKeyTones('5', -16), -1)
	teller := c.phone(conf, tone.NewSine(8000, 1031, -20))
	listener, alone := c.phone(conf, nil), c.phone(conf, nil)
	for _, p := range c.phones {
		p.seat.Enter()
		p.seat.AutomaticGain(true)
		p.seat.ComfortNoise(true)
	}
	talker.seat.TalkVolume(12)
	talker.seat.DetectTalk(TalkOptions{Threshold: 160, Drop: true})
	recording := talker.seat.Record(time.Minute)
	tape := conf.Record(true)
	short := keyer.seat.Record(600 * time.Millisecond)
	teller.seat.PassDigits(true)
	teller.seat.MinimumDelay(true)
	listener.seat.HearVolume(-6)
	alone.seat.Music(c.engine.Loop(media.NewSound(8000, tone.Make(8000, 700, -20, 8000))))
	told := false
	conf.Play(Announcement{Sounds: []*media.Sound{media.NewSound(8000, tone.Make(8000, 1900, -20, 8000))}, Done: func() { told = true }})
	var packets [][]byte
	teller.other = func() (now [][]byte) {
		if len(packets) > 0 {
			now, packets = packets[:1], packets[1:]
		}
		return now
	}
	c.run(20) // what a leg needs more of in the beginning it takes now
	w := c.engine.workers[0]
	presses := make([][][]byte, 5)
	for i := range presses {
		presses[i] = events('7', teller.stamp+uint32(i*20*160), 160)
	}
	c.allocatesNothing(t, func(tick int) {
		if tick%20 == 0 {
			packets = presses[tick/20]
		}
	})
	w.notices.run()
	if first, last := tape.Span(); last-first < 100 {
		t.Errorf("the tape holds ticks %d to %d of 110", first, last)
	}
	if pcm, _ := recording.Stop(); len(pcm) < 100*160 {
		t.Errorf("%d samples were recorded in 110 ticks", len(pcm))
	}
	if !done(short) || !told {
		t.Errorf("the recording has ended %v, the announcement %v", done(short), told)
	}
}

func TestTickOfLoneCallersWithAPlaylistAllocatesNothing(t *testing.T) {
	c := newClockwork(t, 1, 600)
	music := c.station(storedTone(t, 700, 16000), storedTone(t, 1300, 16000))
	for range 20 {
		for _, codec := range media.Codecs() {
			p := c.phoneOf(c.engine.NewConference("x"), codec, nil, -1)
			p.seat.Music(music)
			p.seat.Enter()
		}
	}
	c.listen(80) // Opus streams are shared after half a second
	c.allocatesNothing(t, func(tick int) {
		if tick%25 == 0 {
			c.engine.feeder.feed(c.turn / slots)
		}
	})
	if late := c.engine.Stats().MusicLate; late > 0 {
		t.Errorf("%d frames of music were not there in time", late)
	}
}

// allocatesNothing runs 100 ticks of a clockwork of one worker, prepared each by something if there is anything, and fails the
// test where they allocate.
func (c *clockwork) allocatesNothing(t *testing.T, prepare func(tick int)) {
	t.Helper()
	w := c.engine.workers[0]
	var before, after runtime.MemStats
	allocated := uint64(0)
	for i := range 100 {
		if prepare != nil {
			prepare(i)
		}
		for _, p := range c.phones {
			p.send()
		}
		runtime.ReadMemStats(&before)
		for range slots {
			at := c.time
			at.Tick, at.Wall = c.turn/slots, time.Now().UnixNano()
			w.tick(c.turn, at)
			c.turn++
			c.time.Now += int64(slotTime)
		}
		runtime.ReadMemStats(&after)
		allocated += after.Mallocs - before.Mallocs
		w.events.drain()
	}
	if allocated > 20 { // the test itself, or the runtime, may
		t.Errorf("%d allocations in 100 ticks", allocated)
	}
}
