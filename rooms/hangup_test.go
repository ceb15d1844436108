package rooms

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"conclave/media"
	"conclave/mixer"
)

// deafCall is a call whose far end does nothing: it costs no goroutine, so that what is left behind is the house's.
type deafCall struct {
	leg    *media.Leg
	ctx    context.Context
	cancel context.CancelFunc
	visit  *Visit
}

func (c *deafCall) ID() string      { return "deaf" }
func (c *deafCall) Caller() Caller  { return Caller{Number: "+49 30 123"} }
func (c *deafCall) Leg() *media.Leg { return c.leg }
func (c *deafCall) Hangup(error)    { c.cancel() }

// deaf lets somebody call who is sent to sink.
func (b *building) deaf(room Room, sink netip.AddrPort) *deafCall {
	b.t.Helper()
	leg, err := b.ports.Open(sink.Addr())
	if err != nil {
		b.t.Fatal(err)
	}
	leg.Apply(media.Remote{RTP: sink, Signalling: sink.Addr(), Codec: media.PCMU(), EventType: 101, PTime: 20,
		Direction: media.SendRecv})
	c := &deafCall{leg: leg}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.visit = b.house.Receive(c.ctx, room, c)
	return c
}

// in counts the goroutines that are in a function of this package.
func in(function string) int {
	stacks := make([]byte, 16<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "conclave/rooms."+function+"(")
}

// moment is where a caller hangs up.
type moment struct {
	name     string
	keys     string
	options  map[string]string
	long     string // the prompt that takes a minute
	function string // where the caller is then
	says     bool   // his name, and # after it
}

// comeTo waits until so many callers are in a function.
func (b *building) comeTo(function string, callers int) {
	b.t.Helper()
	eventually(b.t, func() string {
		if n := in(function); n < callers {
			return fmt.Sprintf("%d of %d callers have come to %s", n, callers, function)
		}
		return ""
	})
}

// sayName has all callers say their names, by RTP from where they are sent to.
func (b *building) sayName(calls []*deafCall, from *net.UDPConn) {
	b.t.Helper()
	pcm, packet := speech(500), make([]byte, 12+160)
	packet[0] = 0x80
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := range 30 {
		binary.BigEndian.PutUint16(packet[2:], uint16(i))
		binary.BigEndian.PutUint32(packet[4:], uint32(160*i))
		media.PCMU().NewEncoder().Encode(packet[12:], pcm[160*i:160*i+160])
		for _, c := range calls {
			to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), c.leg.Port())
			if _, err := from.WriteToUDPAddrPort(packet, to); err != nil {
				b.t.Fatal(err)
			}
		}
		<-tick.C
	}
}

// round has so many call at once, takes them to a moment, and hangs up on them all.
func (b *building) round(room Room, sink *net.UDPConn, at moment, callers int) {
	b.t.Helper()
	calls := make([]*deafCall, callers)
	for i := range calls {
		calls[i] = b.deaf(room, sink.LocalAddr().(*net.UDPAddr).AddrPort())
		for _, key := range []byte(at.keys) {
			calls[i].visit.Digit(key)
		}
	}
	if at.says {
		b.comeTo("(*line).recordName", callers)
		b.sayName(calls, sink)
		for _, c := range calls {
			c.visit.Digit('#')
		}
	}
	b.comeTo(at.function, callers)
	for _, c := range calls {
		c.cancel()
	}
	for _, c := range calls {
		<-c.visit.Done()
		if result := c.visit.Result(); result != ResultHangup {
			b.t.Errorf("a visit ended with %s", result)
		}
		if err := c.leg.Close(); err != nil {
			b.t.Error(err)
		}
	}
	if seats := calls[0].visit.conference.mix.Snapshot(); len(seats) > 0 {
		b.t.Errorf("%d seats are still taken", len(seats))
	}
}

func TestHangUpInEachStateLeavesNothingBehind(t *testing.T) {
	const callers = 200
	tests := []moment{
		{"PIN prompt", "", nil, promptGetPIN, "(*line).interruptible", false},
		{"PIN entry", "47", nil, "", "(*line).key", false},
		{"wrong PIN", "0000", nil, promptInvalidPIN, "(*line).interruptible", false},
		{"third wrong PIN", "000000000000", nil, promptInvalidPIN, "(*line).tell", false},
		{"request of the name", "4711", map[string]string{"announce_join_leave": "yes"}, promptRecordName, "(*line).interruptible", false},
		{"beep", "4711", map[string]string{"announce_join_leave": "yes"}, toneBeep, "(*line).wait", false},
		{"recording of the name", "4711", map[string]string{"announce_join_leave": "yes"}, "", "(*line).recordName", false},
		{"second recording", "4711###", map[string]string{"announce_join_leave_review": "yes"}, "", "(*line).recordName", false},
		{"review of the name", "4711##", map[string]string{"announce_join_leave_review": "yes"}, promptReviewName, "(*line).reviewName", true},
		{"pause in the review", "4711##", map[string]string{"announce_join_leave_review": "yes"}, "", "(*line).key", true},
		{"announced", "4711###", map[string]string{"announce_join_leave": "yes"}, promptHaveJoined, "(*Visit).stay", false},
		{"alone and told so", "4711", nil, promptOnlyPerson, "(*Visit).stay", false},
		{"told to wait for a leader", "4711", map[string]string{"wait_marked": "yes"}, promptWaitForLeader, "(*Visit).stay", false},
		{"waiting for a leader", "4711", map[string]string{"wait_marked": "yes"}, "", "(*Visit).stay", false},
		{"in the conference", "4711", nil, "", "(*Visit).stay", false},
		{"listening to the menu", "4711*", nil, promptUserMenu, "(*Visit).stay", false},
		{"last words", "47118", nil, promptFull, "(*Visit).lastWords", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			voices, prompts, music := testVoices()
			b := openBuilding(t, mixer.Config{RTPTimeout: time.Hour}, func(engine *mixer.Engine, log *slog.Logger) (*House, error) {
				return furnish(engine, log, voices, music), nil
			})
			for name := range prompts {
				prompts[name] = media.NewSound(8000, make([]int16, 80))
			}
			if test.long != "" {
				prompts[test.long] = media.NewSound(8000, make([]int16, 60*8000))
			}
			sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			defer sink.Close()
			room := b.room("4711", test.options)
			room.Menu = menuOf(t, "*=playback_and_continue(conf-usermenu)", "8=leave_conference,playback(conf-full)")
			b.round(room, sink, test, 3) // what is made once is made now
			goroutines, free := runtime.NumGoroutine(), b.ports.Pairs()

			b.round(room, sink, test, callers)

			eventually(t, func() string {
				if n := runtime.NumGoroutine(); n > goroutines {
					return fmt.Sprintf("%d goroutines more than before", n-goroutines)
				}
				return ""
			})
			if n := len(b.house.live); n != 0 {
				t.Errorf("%d conferences left behind", n)
			}
			if pairs := b.ports.Pairs(); pairs != free {
				t.Errorf("%d pairs of ports are free, want %d", pairs, free)
			}
		})
	}
}
