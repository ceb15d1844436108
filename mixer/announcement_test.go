package mixer

import (
	"testing"

	"conclave/media"
	"conclave/media/tone"
)

func TestAnnouncementTellsItsEndOnce(t *testing.T) {
	sound := media.NewSound(8000, tone.Make(8000, 1900, -20, 4000))
	tests := []struct {
		name    string
		workers int
		members int
		sounds  []*media.Sound
		close   bool // the conference, while it is played
		ticks   int  // after which it has been told, and not before
	}{
		{"one part", 1, 2, []*media.Sound{sound}, false, 25},
		{"three parts", 3, 6, []*media.Sound{sound, sound}, false, 50},
		{"nothing to play", 1, 2, nil, false, 1},
		{"nobody has been here", 1, 0, []*media.Sound{sound}, false, 1},
		{"closed meanwhile", 3, 6, []*media.Sound{sound}, true, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClockwork(t, tt.workers, 2)
			conf := c.engine.NewConference("x")
			for range tt.members {
				c.phone(conf, nil).seat.Enter()
			}
			c.run(5)
			told := 0
			if tt.close {
				conf.Play(Announcement{Sounds: tt.sounds, Done: func() { told++ }})
				c.run(5)
				for _, p := range c.phones {
					c.release(p)
				}
				if told != 0 {
					t.Fatal("told before its end")
				}
				conf.Close()
				c.run(2)
				if told != 1 {
					t.Fatalf("told %d times after the conference was closed", told)
				}
				told = 0
			}
			conf.Play(Announcement{Sounds: tt.sounds, Done: func() { told++ }})
			c.run(tt.ticks - 1)
			if told != 0 {
				t.Fatal("told before its end")
			}
			c.run(2)
			if told != 1 {
				t.Errorf("told %d times, want once", told)
			}
			c.run(50)
			if told != 1 {
				t.Errorf("told %d times in the end, want once", told)
			}
		})
	}
}

func TestAnnouncementDucksAMembersMusic(t *testing.T) {
	c := newClockwork(t, 1, 600)
	conf := c.engine.NewConference("x")
	music := media.NewSound(8000, tone.Make(8000, 700, -20, 8000))
	alone, outside := c.phone(conf, nil), c.phone(conf, nil)
	alone.seat.Enter()
	alone.seat.Music(c.engine.Loop(music))
	outside.seat.Music(c.engine.Loop(music))
	c.run(100)
	from := len(alone.heard)
	conf.Play(Announcement{Sounds: []*media.Sound{media.NewSound(8000, tone.Make(8000, 1900, -20, 16000))}})
	c.run(80)
	if l := alone.level(1900); !near(l, -20, 0.5) {
		t.Errorf("announcement at %.1f dBFS, want -20", l)
	}
	if l := alone.level(700); !near(l, -32, 0.5) {
		t.Errorf("music under the announcement at %.1f dBFS, want -32", l)
	}
	if l := outside.level(700); !near(l, -20, 0.5) {
		t.Errorf("music of one who is not in the mix at %.1f dBFS, want -20", l)
	}
	c.run(100)
	if l := alone.level(700); !near(l, -20, 0.5) {
		t.Errorf("music after the announcement at %.1f dBFS, want -20", l)
	}
	// Between two samples neither tone moves by more than its amplitude times its step in radians,
	// 2.5 and 1.5 times 3277.
	for i := from + 1; i < len(alone.heard); i++ {
		if d := int(alone.heard[i]) - int(alone.heard[i-1]); d > 7000 || d < -7000 {
			t.Fatalf("a click of %d at sample %d", d, i-from)
		}
	}
}
