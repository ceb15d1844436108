package sip_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"conclave/rooms"
	"conclave/sip"
	"conclave/sip/phone"
	"conclave/store"
)

// A phone transfers whom it talks to to another phone, which is rung meanwhile: whoever has ordered it waits for what comes of
// it in his call, or hangs up on the 202, and the partner has music until somebody answers.
func TestBlindTransferToAPhone(t *testing.T) {
	for _, test := range []struct {
		name   string
		callee bool // who was called transfers
		waits  bool // for the end of the transfer
	}{
		{"caller waits", false, true}, {"caller hangs up", false, false}, {"callee waits", true, true}, {"callee hangs up", true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, a, b, c, records := office(t, "udp")
			leaves, stays := calling(a, b)
			partner, hz := "201", float64(bertHz)
			if test.callee {
				leaves, stays = stays, leaves
				partner, hz = "200", annaHz
			}
			accepted(t, leaves, to(s.number("202")))
			in := c.rings()
			if from := in.Request().From(); from.Address.User != partner || from.DisplayName != "Phone "+partner {
				t.Errorf("the callee is told of %s, want %s", from, partner)
			}
			if test.waits {
				told(t, leaves, progress("refer", "180 Ringing", "")[:2]...)
				leaves.Say(phone.Tone(carlHz, -15))
				hearing(t, stays, carlHz, -15, hz)
				leaves.Say(phone.Silence())
			} else {
				hangsUp(t, leaves)
				musical(t, stays)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			carl, err := in.Answer(ctx, phone.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if test.waits {
				told(t, leaves, progress("refer", "180 Ringing", "200 OK")...)
				byeReceived(t, leaves)
			}
			stays.Say(phone.Tone(hz, -15))
			carl.Say(phone.Tone(carlHz, -15))
			hearing(t, stays, carlHz, -15, hz)
			hearing(t, carl, hz, -15, carlHz)
			hangsUp(t, carl)
			over(t, stays)
			s.empty(t)
			transfers := "has transferred the other party"
			if !test.waits {
				transfers = "the caller hung up"
				if test.callee {
					transfers = "the callee hung up"
				}
			}
			in200, out201 := from200("201", rooms.ResultHangup, transfers), to201(rooms.ResultHangup, "the other party hung up")
			if test.callee {
				in200.Reason, out201.Reason = out201.Reason, in200.Reason
			}
			out202 := to201(rooms.ResultHangup, "the callee hung up")
			out202.Dialled, out202.Number, out202.Phone, out202.Name = "202", "202", "202", "Phone 202"
			wantLegs(t, legs(t, records, 3), in200, out201, out202)
		})
	}
}

const carlHz = 1873

// What comes to nothing is told by the status, and the call goes on if whoever has transferred is there still; else the other
// party is hung up.
func TestBlindTransferThatNobodyTakes(t *testing.T) {
	for _, test := range []struct {
		name    string
		answer  int  // of the phone; 0: it rings in vain
		gone    bool // who has ordered it hangs up
		dialled string
		want    []string
	}{
		{"busy", 486, false, "202", []string{"180 Ringing", "486 Busy Here"}},
		{"declined", 603, false, "202", []string{"180 Ringing", "603 Decline"}},
		{"moved", 302, false, "202", []string{"180 Ringing", "480 Temporarily Unavailable"}},
		{"not answered", 0, false, "202", []string{"180 Ringing", "480 Temporarily Unavailable"}},
		{"not registered", 0, false, "203", []string{"480 Temporarily Unavailable"}},
		{"to oneself", 0, false, "200", []string{"482 Loop Detected"}},
		{"to the partner", 0, false, "201", []string{"482 Loop Detected"}},
		{"busy, nobody left", 486, true, "202", nil},
		{"not answered, nobody left", 0, true, "202", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := startServer(t, func(c *sip.Config) {
				brief := account("202")
				brief.RingTime, c.RingTime = 0, time.Second // as long as the server says
				c.Phones = []store.Phone{account("200"), account("201"), brief, account("203")}
			})
			a, b, c := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "udp", "201"), s.phoneAt(t, "udp", "202")
			anna, bert := calling(a, b)
			accepted(t, anna, to(s.number(test.dialled)))
			if test.dialled == "202" {
				in := c.rings()
				if test.gone {
					hangsUp(t, anna)
				}
				switch test.answer {
				case 0:
					<-in.Cancelled()
				default:
					if err := in.Refuse(test.answer, "No"); err != nil {
						t.Fatal(err)
					}
				}
			}
			if test.gone {
				byeReceived(t, bert)
				s.empty(t)
				return
			}
			told(t, anna, progress("refer", test.want...)...)
			anna.Say(phone.Tone(annaHz, -15))
			bert.Say(phone.Tone(bertHz, -15))
			hearing(t, anna, bertHz, -15, annaHz)
			hearing(t, bert, annaHz, -15, bertHz)
			accepted(t, anna, to(s.number("2000"))) // the next one may come
			byeReceived(t, anna)
			s.member(t, 1)
			hangsUp(t, bert)
			s.empty(t)
		})
	}
}

// While somebody is rung for a transfer either party may do as it likes.
func TestMeanwhileInABlindTransfer(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(t *testing.T, s *server, anna, bert *phone.Call)
		want string // that the transferrer is told; empty: he has left
	}{
		{"the partner hangs up", func(t *testing.T, s *server, anna, bert *phone.Call) { hangsUp(t, bert) }, "487 Request Terminated"},
		{"both hang up", func(t *testing.T, s *server, anna, bert *phone.Call) { hangsUp(t, anna, bert) }, ""},
		{"the transferrer sends him to a room", func(t *testing.T, s *server, anna, bert *phone.Call) {
			press(t, anna, "events", "**2000")
			s.member(t, 1)
			hangsUp(t, bert)
		}, "487 Request Terminated"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, a, b, c, _ := office(t, "udp")
			anna, bert := calling(a, b)
			accepted(t, anna, to(s.number("202")))
			in := c.rings()
			if res := refers(t, anna, to(s.number("2000"))); res.StatusCode != 491 {
				t.Errorf("a second REFER gets\n%s\nwant 491", res)
			}
			test.do(t, s, anna, bert)
			<-in.Cancelled()
			if test.want != "" {
				byeReceived(t, anna)
				told(t, anna, progress("refer", "180 Ringing", test.want)...)
			}
			s.empty(t)
		})
	}
	t.Run("the partner is transferred, too", func(t *testing.T) {
		// Both are replaced: who answers for the one talks to who answers for the other.
		s := startServer(t, func(c *sip.Config) { withPhones(c); c.Phones = append(c.Phones, account("203")) })
		a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "udp", "201")
		c, d := s.phoneAt(t, "udp", "202"), s.phoneAt(t, "udp", "203")
		anna, bert := calling(a, b)
		accepted(t, anna, to(s.number("202")))
		accepted(t, bert, to(s.number("203")))
		carl := c.answers(phone.Options{})
		byeReceived(t, anna)
		dora := d.answers(phone.Options{})
		byeReceived(t, bert)
		carl.Say(phone.Tone(annaHz, -15))
		dora.Say(phone.Tone(bertHz, -15))
		hearing(t, carl, bertHz, -15, annaHz)
		hearing(t, dora, annaHz, -15, bertHz)
		hangsUp(t, dora)
		over(t, carl)
		s.empty(t)
	})
	t.Run("the server ends", func(t *testing.T) {
		s, a, b, c, _ := office(t, "udp")
		anna, bert := calling(a, b)
		accepted(t, anna, to(s.number("202")))
		in := c.rings()
		hangsUp(t, anna)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		<-in.Cancelled()
		byeReceived(t, bert)
	})
}

// A transfer to a number outside is a call outside of whoever transfers: at his right, by his number, and counted for him as long
// as it lasts.
func TestBlindTransferOutside(t *testing.T) {
	const outside = "+493055555"
	s := startServer(t, func(c *sip.Config) {
		withPhones(c)
		dialsOut(c, "200", store.Outside{Allow: []string{"+49*"}, AtOnce: 1})
	})
	carrier, trunk := s.carrierAt(t, "carrier", "127.0.0.2", "*")
	s.set(t, trunk)
	s.connected(t)
	a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "udp", "201")
	anna, bert := calling(a, b)
	accepted(t, anna, to(s.number(outside)))
	in := carrier.rings()
	invite := in.Request()
	if from := invite.From().Address; invite.Recipient.User != outside || from.User != "+49301234200" ||
		header(invite, "P-Asserted-Identity") != "<sip:+49301234200@127.0.0.1>" {
		t.Errorf("the carrier gets\n%s", invite)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	far, err := in.Answer(ctx, phone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	told(t, anna, progress("refer", "180 Ringing", "200 OK")...)
	byeReceived(t, anna)
	bert.Say(phone.Tone(bertHz, -15))
	far.Say(phone.Tone(annaHz, -15))
	hearing(t, bert, annaHz, -15, bertHz)
	hearing(t, far, bertHz, -15, annaHz)
	if res := refers(t, far, to(s.number("2000"))); res.StatusCode != 403 {
		t.Errorf("a REFER over the trunk gets\n%s\nwant 403", res)
	}

	// It is the one call outside that 200 may have.
	c := s.phoneAt(t, "udp", "202")
	second, carl := calling(a, c)
	accepted(t, second, to(s.number("+493066666")))
	told(t, second, progress("refer", "403 Forbidden")...)
	if !s.log.has("event=outside_refused", "user=200", "has 1 calls outside at once") {
		t.Error("the log does not tell of the cap")
	}
	hangsUp(t, bert)
	over(t, far)
	eventually(t, "the call outside is over", func() bool { return s.Stats().Calls == 2 })
	accepted(t, second, to(s.number("+493066666")))
	if err := carrier.rings().Refuse(486, "Busy Here"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the second one is told", func() bool { return len(second.Notices()) == 5 })
	if last := second.Notices()[4]; last.Status != "486 Busy Here" {
		t.Errorf("NOTIFY %+v", last)
	}
	hangsUp(t, second)
	over(t, carl)
	s.empty(t)
}

// Whoever answers, hangs up or refuses, and whenever: nobody is left in the line, and no port is lost.
func TestBlindTransfersAndHangUpsAtOnce(t *testing.T) {
	s, a, b, c, _ := office(t, "udp")
	before := s.pairs()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 24 {
		anna, bert := calling(a, b)
		answering := make(chan *phone.Call, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			in, err := c.Incoming(ctx)
			if err != nil {
				answering <- nil
				return
			}
			carl, _ := in.Answer(ctx, phone.Options{}) // the CANCEL may be faster
			answering <- carl
		}()
		accepted(t, anna, to(s.number("202")))
		time.Sleep(time.Duration(random.IntN(3)) * time.Millisecond)
		leaves := []*phone.Call{anna, bert}
		random.Shuffle(2, func(i, j int) { leaves[i], leaves[j] = leaves[j], leaves[i] })
		_ = leaves[0].Hangup()
		if i%2 == 0 {
			_ = leaves[1].Hangup()
		}
		carl := <-answering
		if carl != nil {
			_ = carl.Hangup()
		}
		_, _ = anna.Hangup(), bert.Hangup()
		s.empty(t)
	}
	if pairs := s.pairs(); pairs != before {
		t.Errorf("%d pairs of ports, want %d", pairs, before)
	}
	if n := s.Stats().Panics; n != 0 {
		t.Errorf("%d faults", n)
	}
}
