package sip_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media"
	"conclave/media/tone"
	"conclave/rooms"
	"conclave/sip"
	"conclave/sip/phone"
)

// handset is a telephone that can be called, under one number.
type handset struct {
	*phone.Phone
	t       testing.TB
	x       *exchange
	network string
	number  string
}

// handset installs a phone under a number; network is as for agents.
func (x *exchange) handset(t testing.TB, network, number string) *handset {
	t.Helper()
	host := "127.0.0.1"
	if strings.HasSuffix(network, "6") {
		host = "::1"
	}
	ph, err := phone.New(network[:3], host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ph.Close() })
	h := &handset{ph, t, x, network, number}
	h.list(sip.Listing{})
	return h
}

// list has the phone be called by its number; what it is not told of the listing is its one contact.
func (h *handset) list(l sip.Listing) {
	h.t.Helper()
	h.x.empty(h.t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	call, err := h.Dial(ctx, h.x.at[h.network].String(), "2000", phone.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	peer, ok := h.x.AnyPeer()
	if !ok {
		h.t.Fatal("there is not one call")
	}
	if err := call.Hangup(); err != nil {
		h.t.Fatal(err)
	}
	h.x.empty(h.t)
	target := fmt.Sprintf("sip:%s@%s;transport=%s", h.number, peer.Remote, h.network[:3])
	l.Groups = [][]sip.Place{{{Target: target, Peer: peer}}}
	h.x.phones.List(h.number, l)
}

// calls sends an INVITE for a number.
func (h *handset) calls(number string, o phone.Options) *phone.Call {
	h.t.Helper()
	call, err := h.Invite(h.x.at[h.network].String(), number, o)
	if err != nil {
		h.t.Fatal(err)
	}
	return call
}

// rings takes the next call to the phone.
func (h *handset) rings() *phone.Incoming {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	in, err := h.Incoming(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := in.Ring(); err != nil {
		h.t.Fatal(err)
	}
	return in
}

// answers takes the next call to the phone and answers it.
func (h *handset) answers(o phone.Options) *phone.Call {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	call, err := h.rings().Answer(ctx, o)
	if err != nil {
		h.t.Fatal(err)
	}
	return call
}

// talk connects two phones.
func talk(caller, callee *handset, o, answer phone.Options) (anna, bert *phone.Call) {
	caller.t.Helper()
	anna = caller.calls(callee.number, o)
	bert = callee.answers(answer)
	if err := answered(anna); err != nil {
		caller.t.Fatal(err)
	}
	return anna, bert
}

func answered(call *phone.Call) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return call.Answered(ctx)
}

// refusedWith waits for the refusal of a call.
func refusedWith(t testing.TB, call *phone.Call, status int) {
	t.Helper()
	var refused *phone.Refused
	if err := answered(call); !errors.As(err, &refused) || refused.Status() != status {
		t.Errorf("%v, want %d", err, status)
	}
}

// over waits for the end of a call.
func over(t testing.TB, calls ...*phone.Call) {
	t.Helper()
	for _, call := range calls {
		select {
		case <-call.Done():
		case <-time.After(patience):
			t.Fatal("a call does not end")
		}
	}
}

// The tests' voices, in Hz. They are chosen so that what coding adds to one does not fall on the other.
const annaHz, bertHz = 713, 1171

// hearing waits until half a second of a call has a tone at a level within 2 dB, and nothing of another.
func hearing(t testing.TB, call *phone.Call, hz, dBFS, without float64) {
	t.Helper()
	var got, other float64
	eventually(t, fmt.Sprintf("%.0f Hz is heard at %.0f dBFS and %.0f Hz is not", hz, dBFS, without), func() bool {
		heard := call.Heard(500 * time.Millisecond)
		if len(heard) < 4000 {
			return false
		}
		got, other = tone.LevelAt(heard, 8000, hz), tone.LevelAt(heard, 8000, without)
		return got > dBFS-2 && got < dBFS+2 && other < -60
	})
}

// silence waits until half a second of a call has nothing in it.
func silence(t testing.TB, call *phone.Call) {
	t.Helper()
	eventually(t, "nothing is heard", func() bool {
		heard := call.Heard(500 * time.Millisecond)
		return len(heard) == 4000 && tone.Level(heard) < -60
	})
}

// musical waits until a call hears something that is neither voice.
func musical(t testing.TB, call *phone.Call) {
	t.Helper()
	eventually(t, "music is heard", func() bool {
		heard := call.Heard(500 * time.Millisecond)
		return len(heard) == 4000 && tone.Level(heard) > -50 &&
			tone.LevelAt(heard, 8000, annaHz) < -35 && tone.LevelAt(heard, 8000, bertHz) < -35
	})
}

func TestTwoPhonesTalk(t *testing.T) {
	for _, test := range []struct {
		caller, callee string
		codecs         []phone.Codec // of the callee
	}{
		{"udp", "udp", nil},
		{"tcp", "udp", []phone.Codec{phone.PCMA}},
		{"udp", "tcp", nil},
		{"udp6", "tcp", nil},
	} {
		t.Run(test.caller+" to "+test.callee, func(t *testing.T) {
			x := startExchange(t, nil)
			a, b := x.handset(t, test.caller, "201"), x.handset(t, test.callee, "202")
			anna, bert := talk(a, b, phone.Options{}, phone.Options{Codecs: test.codecs})
			anna.Say(phone.Tone(annaHz, -12))
			bert.Say(phone.Tone(bertHz, -15))
			hearing(t, anna, bertHz, -15, annaHz)
			hearing(t, bert, annaHz, -12, bertHz)
			if err := anna.Hangup(); err != nil {
				t.Error(err)
			}
			over(t, bert)
			x.empty(t)
		})
	}
}

func TestBothMayLoudlyTalkAtOnce(t *testing.T) {
	x := startExchange(t, nil)
	anna, bert := talk(x.handset(t, "udp", "201"), x.handset(t, "udp", "202"), phone.Options{}, phone.Options{})
	anna.Say(phone.Tone(annaHz, -1))
	bert.Say(phone.Tone(bertHz, -1))
	hearing(t, anna, bertHz, -1, annaHz)
	hearing(t, bert, annaHz, -1, bertHz)
	if err := bert.Hangup(); err != nil {
		t.Error(err)
	}
	over(t, anna)
	x.empty(t)
}

func TestBusyDeclinedAndGivenUp(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			x := startExchange(t, nil)
			a, b := x.handset(t, network, "201"), x.handset(t, network, "202")
			for reply, want := range map[int]int{486: 486, 603: 603} {
				call := a.calls("202", phone.Options{})
				if err := b.rings().Refuse(reply, "No"); err != nil {
					t.Error(err)
				}
				refusedWith(t, call, want)
				x.empty(t)
			}
			call := a.calls("202", phone.Options{})
			in := b.rings()
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			var refused *phone.Refused
			if err := call.Cancel(ctx); !errors.As(err, &refused) || refused.Status() != 487 {
				t.Errorf("%v, want 487", err)
			}
			<-in.Cancelled()
			x.empty(t)
		})
	}
}

func TestMovedPhoneIsNotFollowed(t *testing.T) {
	x := startExchange(t, nil)
	a, b, c := x.handset(t, "udp", "201"), x.handset(t, "udp", "202"), x.handset(t, "udp", "203")
	call := a.calls("202", phone.Options{})
	in := b.rings()
	there := fmt.Sprintf("<sip:203@%s>", in.Request().Contact().Address.HostPort())
	if err := in.Refuse(302, "Moved Temporarily", sipgo.NewHeader("Contact", there)); err != nil {
		t.Error(err)
	}
	refusedWith(t, call, 480)
	x.empty(t)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Incoming(ctx); err == nil {
		t.Error("the phone that the other one named is called")
	}
}

func TestTwoPhonesBehindOneContactAnswer(t *testing.T) {
	x := startExchange(t, nil)
	a, b := x.handset(t, "udp", "201"), x.handset(t, "udp", "202")
	anna := a.calls("202", phone.Options{})
	in := b.rings()
	fork := in.Fork()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	bert, err := in.Answer(ctx, phone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	other, err := fork.Answer(ctx, phone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	over(t, other)
	if err := answered(anna); err != nil {
		t.Fatal(err)
	}
	bert.Say(phone.Tone(bertHz, -15))
	hearing(t, anna, bertHz, -15, annaHz)
	if err := anna.Hangup(); err != nil {
		t.Error(err)
	}
	over(t, bert)
	x.empty(t)
}

func TestHoldAndResumeByBothSides(t *testing.T) {
	x := startExchange(t, nil)
	anna, bert := talk(x.handset(t, "udp", "201"), x.handset(t, "tcp", "202"), phone.Options{}, phone.Options{})
	anna.Say(phone.Tone(annaHz, -15))
	bert.Say(phone.Tone(bertHz, -15))
	for _, test := range []struct {
		holder, held   *phone.Call
		own, partnerHz float64
	}{{anna, bert, annaHz, bertHz}, {bert, anna, bertHz, annaHz}} {
		for _, change := range []phone.Change{{Direction: "sendonly"}, {Direction: "inactive"}, {ZeroHold: true}} {
			hearing(t, test.held, test.own, -15, test.partnerHz)
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			if err := test.holder.Reinvite(ctx, change); err != nil {
				t.Fatal(err)
			}
			musical(t, test.held)
			if err := test.holder.Reinvite(ctx, phone.Change{}); err != nil {
				t.Fatal(err)
			}
			cancel()
			hearing(t, test.held, test.own, -15, test.partnerHz)
			hearing(t, test.holder, test.partnerHz, -15, test.own)
		}
	}
	if err := anna.Hangup(); err != nil {
		t.Error(err)
	}
	over(t, bert)
	x.empty(t)
}

// press presses keys of a call as a test says.
func press(t *testing.T, call *phone.Call, way, keys string) {
	t.Helper()
	var err error
	switch way {
	case "INFO":
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		err = call.PressInfo(ctx, keys, phone.DTMFRelay)
	case "tones":
		var pcm []int16
		for _, key := range []byte(keys) {
			low, high := media.KeyTones(key)
			sound := tone.Make(8000, low, -10, 960)
			for i, v := range tone.Make(8000, high, -10, 960) {
				sound[i] += v
			}
			pcm = append(append(pcm, sound...), make([]int16, 960)...)
		}
		call.Say(phone.PCM(pcm))
	default:
		err = call.Press(keys, phone.Press{})
	}
	if err != nil && !strings.Contains(err.Error(), "call is over") {
		t.Error(err)
	}
}

func TestTransferToARoomByKeys(t *testing.T) {
	for _, test := range []struct {
		way    string
		callee bool // who was called transfers
	}{{"events", false}, {"events", true}, {"INFO", false}, {"INFO", true}, {"tones", false}, {"tones", true}} {
		t.Run(fmt.Sprintf("%s, by the callee %v", test.way, test.callee), func(t *testing.T) {
			x := startExchange(t, nil)
			var o phone.Options
			if test.way == "tones" {
				o.EventType = phone.NoEvents
			}
			anna, bert := talk(x.handset(t, "udp", "201"), x.handset(t, "tcp", "202"), o, o)
			if test.callee {
				anna, bert = bert, anna
			}
			silence(t, bert)
			before := len(bert.Heard(0))
			press(t, anna, test.way, "**200")
			const lasts = 8000 * 5 * 240 / 1000 // of five keys as tones
			eventually(t, "the keys were pressed", func() bool { return len(bert.Heard(0)) >= before+lasts+800 })
			// Of each tone one packet may slip through, and the ramp after it.
			slipped := 0
			for frame := range slices.Chunk(bert.Heard(0)[before:before+lasts], 160) {
				if tone.Level(frame) > -45 {
					slipped++
				}
			}
			if most := map[string]int{"tones": 10}[test.way]; slipped > most {
				t.Errorf("the partner hears the keys in %d packets, %d at most is right", slipped, most)
			}
			press(t, anna, test.way, "0")
			over(t, anna)
			if !strings.HasPrefix(anna.Ending(), "BYE received") {
				t.Errorf("the transferrer's call ended: %s", anna.Ending())
			}
			eventually(t, "the partner is in the room", func() bool { return len(x.house.Live()) == 1 })
			musical(t, bert)
			if err := bert.Hangup(); err != nil {
				t.Error(err)
			}
			x.empty(t)
		})
	}
}

func TestTransferToARoomWithPIN(t *testing.T) {
	x := startExchange(t, nil)
	a, b := x.handset(t, "udp", "201"), x.handset(t, "udp", "202")
	anna, bert := talk(a, b, phone.Options{}, phone.Options{})
	press(t, anna, "events", "**1000")
	over(t, anna)
	eventually(t, "the PIN is asked for", func() bool { return tone.Level(bert.Heard(200*time.Millisecond)) > -40 })
	if len(x.house.Live()) != 0 {
		t.Error("he is in without a PIN")
	}
	press(t, bert, "events", "1234")
	eventually(t, "he is in", func() bool { return len(x.house.Live()) == 1 })
	member := x.house.Live()[0].Members[0]
	if member.Caller != "202" {
		t.Errorf("the member is %q, want 202", member.Caller)
	}
	// The transferrer dials in, and they go on.
	again := a.calls("1000", phone.Options{})
	if err := answered(again); err != nil {
		t.Fatal(err)
	}
	press(t, again, "events", "1234")
	again.Say(phone.Tone(annaHz, -15))
	bert.Say(phone.Tone(bertHz, -15))
	hearing(t, bert, annaHz, -15, bertHz)
	hearing(t, again, bertHz, -15, annaHz)
	for _, call := range []*phone.Call{again, bert} {
		if err := call.Hangup(); err != nil {
			t.Error(err)
		}
	}
	x.empty(t)
}

func TestWrongNumberIsSpokenAndTheCallGoesOn(t *testing.T) {
	x := startExchange(t, nil)
	anna, bert := talk(x.handset(t, "udp", "201"), x.handset(t, "udp", "202"), phone.Options{}, phone.Options{})
	silence(t, anna)
	press(t, anna, "events", "**9")
	eventually(t, "a prompt is heard", func() bool { return tone.Level(anna.Heard(200*time.Millisecond)) > -40 })
	if level := tone.Level(bert.Heard(500 * time.Millisecond)); level > -60 {
		t.Errorf("the partner hears something at %.0f dBFS", level)
	}
	bert.Say(phone.Tone(bertHz, -15))
	anna.Say(phone.Tone(annaHz, -15))
	hearing(t, anna, bertHz, -15, annaHz)
	hearing(t, bert, annaHz, -15, bertHz)
	if err := bert.Hangup(); err != nil {
		t.Error(err)
	}
	over(t, anna)
	x.empty(t)
}

func TestGuestTransfersNobody(t *testing.T) {
	x := startExchange(t, nil)
	a, b := x.handset(t, "udp", "201"), x.handset(t, "udp", "202")
	b.list(sip.Listing{Stranger: true})
	anna, bert := talk(a, b, phone.Options{}, phone.Options{})
	press(t, anna, "events", "**2000#")
	press(t, anna, "INFO", "**2000#")
	anna.Say(phone.Tone(annaHz, -15))
	hearing(t, bert, annaHz, -15, bertHz)
	if len(x.house.Live()) != 0 {
		t.Error("a guest has transferred somebody")
	}
	press(t, bert, "events", "**2000") // the phone that he has called may
	over(t, bert)
	eventually(t, "the guest is in the room", func() bool { return len(x.house.Live()) == 1 })
	if err := anna.Hangup(); err != nil {
		t.Error(err)
	}
	x.empty(t)
}

func TestTransferredCallIsRemovedAsAnyMember(t *testing.T) {
	x := startExchange(t, nil)
	anna, bert := talk(x.handset(t, "udp", "201"), x.handset(t, "udp", "202"), phone.Options{}, phone.Options{})
	press(t, bert, "events", "**2000")
	over(t, bert)
	eventually(t, "the caller is in the room", func() bool { return len(x.house.Live()) == 1 })
	if _, err := x.house.Kick("2000", rooms.Selection{All: true}); err != nil {
		t.Fatal(err)
	}
	over(t, anna)
	x.empty(t)
}

// Calls that end at any moment, from whichever side, leave nothing behind.
func TestHangUpAtAnyMomentLeavesNothingBehind(t *testing.T) {
	const repetitions = 200
	x := startExchange(t, nil)
	a, b := x.handset(t, "udp", "201"), x.handset(t, "tcp", "202")
	var ringing sync.WaitGroup
	stop, end := context.WithCancel(context.Background())
	random := rand.New(rand.NewPCG(1, 2))
	var mu sync.Mutex
	pause := func(most int) {
		mu.Lock()
		d := time.Duration(random.IntN(most)) * time.Millisecond
		mu.Unlock()
		time.Sleep(d)
	}
	chance := func(n int) bool {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n) == 0
	}
	ringing.Go(func() {
		for {
			in, err := b.Incoming(stop)
			if err != nil {
				return
			}
			ringing.Go(func() {
				pause(10)
				_ = in.Ring() // what goes wrong here ends in a call that is left
				pause(20)
				if chance(5) {
					_ = in.Refuse(486, "Busy Here")
					return
				}
				call, err := in.Answer(stop, phone.Options{Mute: true})
				if err != nil {
					return
				}
				pause(40)
				if chance(2) {
					_ = call.Hangup()
				}
			})
		}
	})
	outcomes, before := make(map[string]int), x.pairs()
	for range repetitions {
		call := a.calls("202", phone.Options{Mute: true})
		pause(40)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		var refused *phone.Refused
		err := call.Cancel(ctx)
		for errors.As(err, &refused) && refused.Status() == 481 { // it has overtaken the INVITE
			err = call.Cancel(ctx)
		}
		cancel()
		switch {
		case err == nil:
			outcomes["answered"]++
			pause(40)
			_ = call.Hangup() // the other side may have been faster
		case errors.As(err, &refused):
			outcomes[fmt.Sprint(refused.Status())]++
		default:
			t.Fatal(err)
		}
	}
	t.Log("outcomes:", outcomes)
	if outcomes["answered"] == 0 || outcomes["487"] == 0 || outcomes["486"] == 0 {
		t.Errorf("not each outcome was met: %v", outcomes)
	}
	x.empty(t)
	end()
	ringing.Wait()
	if pairs := x.pairs(); pairs != before {
		t.Errorf("%d pairs of ports, want %d", pairs, before)
	}
}
