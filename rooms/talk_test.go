package rooms

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"conclave/media"
	"conclave/mixer"
)

// join gives a phone its side of a talk.
func (b *building) join(name string, talk *Talk, side Side, transfers bool) *phone {
	b.t.Helper()
	p := b.phone(name, "")
	var err error
	if p.party, err = talk.Join(p.ctx, side, p, transfers); err != nil {
		b.t.Fatal(err)
	}
	p.done = p.party.Done()
	return p
}

// talk connects two phones, whose keys transfer if so said.
func (b *building) talk(annTransfers, bobTransfers bool) (ann, bob *phone) {
	talk := b.house.NewTalk("t")
	bob = b.join("bob", talk, CalledSide, bobTransfers)
	ann = b.join("ann", talk, CallingSide, annTransfers)
	return ann, bob
}

func newTalkingBuilding(t *testing.T) *building {
	b := newBuilding(t, mixer.Config{})
	b.house.transferCode = "**"
	return b
}

// freed waits until a phone's leg is free.
func (p *phone) freed(t *testing.T) {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatalf("%s does not get out of the talk", p.name)
	}
}

func TestTalkersHearEachOtherAndNotThemselves(t *testing.T) {
	b := newTalkingBuilding(t)
	ann, bob := b.talk(true, true)
	ann.talks.Store(true)
	bob.heardOnly(t, "ann")
	ann.talks.Store(false)
	bob.talks.Store(true)
	ann.heardOnly(t, "bob")
	bob.heardOnly(t, "ann")
}

func TestHangUpEndsTheTalkForBoth(t *testing.T) {
	b := newTalkingBuilding(t)
	ann, bob := b.talk(true, true)
	ann.cancel()
	ann.freed(t)
	bob.freed(t)
	if got := bob.reasons(); !slices.Equal(got, []string{errPartnerLeft.Error()}) {
		t.Errorf("bob was hung up with %q", got)
	}
	if _, next := bob.party.Next(); next {
		t.Error("bob goes on somewhere")
	}
}

func TestPartyWhoseAudioCeasesEndsTheTalk(t *testing.T) {
	b := newBuilding(t, mixer.Config{RTPTimeout: time.Second})
	ann, bob := b.talk(true, true)
	bob.mute.Store(true)
	ann.freed(t)
	if got := bob.reasons(); !slices.Equal(got, []string{ErrRTPTimeout.Error()}) {
		t.Errorf("bob was hung up with %q", got)
	}
}

func TestPlacesInATalk(t *testing.T) {
	b := newTalkingBuilding(t)
	talk := b.house.NewTalk("t")
	b.join("bob", talk, CalledSide, false)
	joe := b.phone("joe", "")
	joe.done = joe.ctx.Done()
	if _, err := talk.Join(joe.ctx, CalledSide, joe, false); !errors.Is(err, ErrSideTaken) {
		t.Errorf("error %v, want ErrSideTaken", err)
	}
	talk.End(errors.New("enough"))
	if _, err := talk.Join(joe.ctx, CallingSide, joe, false); !errors.Is(err, ErrTalkOver) {
		t.Errorf("error %v, want ErrTalkOver", err)
	}
}

func TestWhoIsOnHoldHearsMusic(t *testing.T) {
	b := newTalkingBuilding(t)
	talk := b.house.NewTalk("t")
	bob := b.join("bob", talk, CalledSide, false)
	bob.party.Hold(true) // before there is anybody to hear music
	ann := b.join("ann", talk, CallingSide, false)
	ann.heardOnly(t, "music")
	bob.party.Hold(false)
	bob.talks.Store(true)
	ann.hears(t, "music", "bob")
	ann.party.Hold(true)
	bob.hears(t, "music")
}

func TestTransferByKeys(t *testing.T) {
	for name, test := range map[string]struct {
		keys  string
		info  bool // by SIP INFO
		other bool // the called one transfers
	}{
		"at once":         {keys: "**1000"},
		"by the pound":    {keys: "**1#"},
		"after a pause":   {keys: "**1"},
		"by INFO":         {keys: "**1000", info: true},
		"of the caller":   {keys: "**1000", other: true},
		"after a mistake": {keys: "5*7**1000"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTalkingBuilding(t)
			room := b.room("", nil)
			short := Room{ID: "r2", Extension: "1", Options: room.Options}
			b.house.SetRooms([]Room{room, short})
			ann, bob := b.talk(true, true)
			if test.other {
				ann, bob = bob, ann
			}
			if test.info {
				for _, key := range []byte(test.keys) {
					ann.party.Digit(key)
				}
			} else {
				ann.press(test.keys)
			}
			ann.freed(t)
			bob.freed(t)
			if got := ann.reasons(); !slices.Equal(got, []string{errTransfers.Error()}) {
				t.Errorf("the transferrer was hung up with %q", got)
			}
			if got := bob.reasons(); len(got) > 0 {
				t.Errorf("the partner was hung up with %q", got)
			}
			want := "1000"
			if len(test.keys) < 6 {
				want = "1"
			}
			next, ok := bob.party.Next()
			if !ok || next.Room.Extension != want {
				t.Fatalf("the partner goes to room %q, want %q", next.Room.Extension, want)
			}
			// His leg goes on there as that of any caller.
			bob.visit = b.house.Receive(bob.ctx, next.Room, bob)
			bob.done = bob.visit.Done()
			bob.hears(t, promptOnlyPerson, toneJoin, "music")
			bob.cancel()
			bob.over(t, ResultHangup)
		})
	}
}

func TestWrongNumberIsToldToTheOneWhoDialled(t *testing.T) {
	b := newTalkingBuilding(t)
	b.room("", nil)
	ann, bob := b.talk(true, true)
	ann.press("**2")
	ann.hears(t, promptNoNumber)
	ann.forget()
	ann.press("**100#")
	ann.hears(t, promptNoNumber)
	bob.heardOnly(t)
	bob.talks.Store(true)
	ann.hears(t, promptNoNumber, "bob")
	ann.press("**1000")
	bob.freed(t)
	if _, ok := bob.party.Next(); !ok {
		t.Error("the partner is not transferred")
	}
}

func TestKeysOfWhoMayNotTransferDoNothing(t *testing.T) {
	b := newTalkingBuilding(t)
	b.room("", nil)
	ann, bob := b.talk(false, true)
	ann.press("**1000#")
	ann.party.Digit('*')
	eventually(t, func() string {
		if len(ann.keys) > 0 {
			return "the keys are not pressed yet"
		}
		return ""
	})
	bob.talks.Store(true)
	ann.heardOnly(t, "bob")
	bob.heardOnly(t)
	bob.press("**1000")
	ann.freed(t)
	if _, ok := ann.party.Next(); !ok {
		t.Error("the guest is not transferred")
	}
}

func TestHousesWithoutTransferCode(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	b.room("", nil)
	ann, bob := b.talk(true, true)
	ann.press("**1000")
	bob.talks.Store(true)
	ann.heardOnly(t, "bob")
}

func TestDrainWaitsForTalks(t *testing.T) {
	b := newTalkingBuilding(t)
	ann, bob := b.talk(true, true)
	drained := make(chan struct{})
	go func() { b.house.Drain(); close(drained) }()
	ann.cancel()
	<-drained
	for _, p := range []*phone{ann, bob} {
		select {
		case <-p.done:
		default:
			t.Errorf("%s is still in the talk", p.name)
		}
	}
}

// talkers connects two calls without far ends.
func (b *building) talkers(sink *net.UDPConn) (a, c *talker) {
	talk := b.house.NewTalk("t")
	to := sink.LocalAddr().(*net.UDPAddr).AddrPort()
	var two [2]*talker
	for i, side := range []Side{CallingSide, CalledSide} {
		leg, err := b.ports.Open(to.Addr())
		if err != nil {
			b.t.Fatal(err)
		}
		leg.Apply(media.Remote{RTP: to, Signalling: to.Addr(), Codec: media.PCMU(), EventType: 101, PTime: 20, Direction: media.SendRecv})
		two[i] = &talker{deafCall: deafCall{leg: leg}}
		two[i].ctx, two[i].cancel = context.WithCancel(context.Background())
		if two[i].party, err = talk.Join(two[i].ctx, side, two[i], true); err != nil {
			b.t.Fatal(err)
		}
	}
	return two[0], two[1]
}

type talker struct {
	deafCall
	party *Party
}

func TestTalksLeaveNothingBehind(t *testing.T) {
	voices, prompts, music := testVoices()
	b := openBuilding(t, mixer.Config{RTPTimeout: time.Hour}, func(engine *mixer.Engine, log *slog.Logger) (*House, error) {
		return furnish(engine, log, voices, music), nil
	})
	b.house.transferCode = "**"
	prompts[promptNoNumber] = media.NewSound(8000, make([]int16, 8000))
	sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	b.room("4711", nil)
	round := func(i int) {
		ann, bob := b.talkers(sink)
		random := rand.New(rand.NewPCG(1, uint64(i)))
		for _, key := range []byte([]string{"", "**9", "**1000", "**1", "**"}[i%5]) {
			ann.party.Digit(key)
		}
		time.Sleep(time.Duration(random.IntN(5)) * time.Millisecond)
		if random.IntN(2) == 0 {
			ann.cancel()
		} else {
			bob.cancel()
		}
		for _, c := range []*talker{ann, bob} {
			<-c.party.Done()
			if next, ok := c.party.Next(); ok {
				visit := b.house.Receive(c.ctx, next.Room, c)
				c.cancel()
				<-visit.Done()
			}
			c.cancel()
			if err := c.leg.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	for i := range 5 { // what is made once is made now
		round(i)
	}
	goroutines, free := runtime.NumGoroutine(), b.ports.Pairs()
	for i := range 200 {
		round(i)
	}
	eventually(t, func() string {
		if n := runtime.NumGoroutine(); n > goroutines {
			return fmt.Sprintf("%d goroutines more than before", n-goroutines)
		}
		return ""
	})
	if pairs := b.ports.Pairs(); pairs != free {
		t.Errorf("%d pairs of ports are free, want %d", pairs, free)
	}
	if n := len(b.house.live); n != 0 {
		t.Errorf("%d conferences left behind", n)
	}
}
